import base64
import hashlib
import re
from html.parser import HTMLParser

from lorabuild.publish.page import Picture
from lorabuild.publish.xyz import Page, Shown, render

PICTURE = Picture(b"webp", "image/webp", 64, 48)


def page(**more):
    cells = [
        Shown("zorbl · without LoRA", True, PICTURE, None),
        Shown("zorbl · epoch 1", False, PICTURE, 0),
        Shown("zorbl · epoch 2", False, None, 0),
    ]
    usual = {"title": "tiny", "axes": ["epoch", "", ""], "told": [("seed", "42")], "rows": [""], "pages": [""]}
    columns = ["without LoRA", "epoch 1", "epoch 2"]
    return Page(**{**usual, "columns": columns, "bare": frozenset([0]), "cells": cells, **more})


def text(**more):
    return render(page(**more)).decode()


def test_every_picture_has_its_words_and_its_like_without_the_lora():
    html = text()
    assert html.count('<img src="data:image/webp;base64,d2VicA=="') == 2
    assert 'id="c1" data-bare="c0"><img' in html
    assert 'alt="zorbl · epoch 1" class="pixels"' in html
    assert '<span class="none">none</span>' in html
    assert "<title>tiny · grid of epoch</title>" in html


def test_nothing_is_loaded_and_only_its_own_script_runs():
    html = text()
    script = re.search(r"<script>(.*)</script>", html, re.DOTALL)[1]
    mark = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{mark}'" in html
    assert not re.search(r"https?://|url\(", html)


def test_every_text_is_escaped():
    evil = '<script>alert("x")</script>'
    cells = [Shown(evil, True, PICTURE, None)]
    told, names = [("prompt", evil)], {"columns": [evil], "rows": [evil], "pages": [evil], "cells": cells}
    html = text(title=evil, told=told, **names)
    assert evil not in html
    assert html.count("&lt;script&gt;") == 8


def test_tags_are_closed():
    class Parser(HTMLParser):
        def __init__(self):
            super().__init__()
            self.open, self.wrong = [], []

        def handle_starttag(self, tag, _attrs):
            if tag not in ("meta", "link", "img", "input"):
                self.open.append(tag)

        def handle_endtag(self, tag):
            if not self.open or self.open.pop() != tag:
                self.wrong.append(tag)

    parser = Parser()
    parser.feed(text(rows=["a"], pages=["first"]))
    assert (parser.open, parser.wrong) == ([], [])


def test_tiny_pictures_are_shown_larger_and_rows_without_a_name_have_no_room():
    assert page().natural == 192
    assert page(cells=[Shown("", True, Picture(b"", "image/webp", 512, 512), None)]).natural == 512
    assert 'class="grid"' in text()
    assert 'class="grid labelled"' in text(rows=["weight 1"])
    assert page(rows=["a", "weight"]).gutter == 6
