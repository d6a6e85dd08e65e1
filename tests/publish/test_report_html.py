import base64
import hashlib
import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from filled import drawings, filled

from lorabuild.publish import gather, report
from lorabuild.schema.project import Project

VOID = {"meta", "link", "img", "br", "input"}
ASKS = re.compile(r"https?://|url\(|@import|fetch\(|XMLHttp|EventSource|WebSocket")


class Page(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.elements, self.open, self.text, self.styles = [], [], [], []
        self.feed(html)
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        (self.styles if self.open[-1:] in (["style"], ["script"]) else self.text).append(data)

    def all(self, tag):
        return [attrs for found, attrs in self.elements if found == tag]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def html(project, reads, drawn=None):
    return report.render(gather.gather(project, reads, drawn or drawings(project, reads))).decode()


@pytest.fixture
def reads(reads):
    return filled(reads)


def test_the_page_asks_nothing_of_a_network(project, reads):
    text = html(project, reads)
    page = Page(text)
    assert all(attrs["src"].startswith("data:image/webp;base64,") for attrs in page.all("img"))
    addresses = [attrs[word] for _, attrs in page.elements for word in ("href", "src", "action") if word in attrs]
    assert {address for address in addresses if not address.startswith(("data:", "#"))} == {"grid/epoch%20weight.html"}
    assert not ASKS.search(text)


def policy(page):
    found = next(attrs["content"] for attrs in page.all("meta") if attrs.get("http-equiv"))
    return dict(rule.split(" ", 1) for rule in found.split("; "))


def hashed(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_only_what_the_page_brings_may_run(project, reads):
    text = html(project, reads)
    rules, page = policy(Page(text)), Page(text)
    assert "connect-src" not in rules
    assert {rules[word] for word in ("default-src", "base-uri", "form-action")} == {"'none'"}
    assert rules["img-src"] == "data:"
    assert rules["style-src"] == hashed(re.search("<style>(.*?)</style>", text, re.DOTALL)[1])
    scripts = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 1
    assert rules["script-src"] == " ".join(map(hashed, scripts))
    assert not [attrs for _, attrs in page.elements if any(word == "style" or word.startswith("on") for word in attrs)]


def test_shapes_are_not_filled_where_no_style_is_applied(project, reads):
    page = Page(html(project, reads))
    assert page.all("path")
    assert all(attrs["fill"] == "none" and attrs["stroke"] for attrs in page.all("path"))


def test_every_picture_has_a_text_and_a_size(project, reads):
    images = Page(html(project, reads)).all("img")
    assert len(images) == 2 + 10 + 12 + 2 + 1 + 3
    assert all(attrs["alt"].strip() and attrs["width"] and attrs["height"] for attrs in images)


def test_every_plot_has_a_name_and_says_what_is_to_be_seen(project, reads):
    page = Page(html(project, reads))
    plots = [attrs for attrs in page.all("svg") if attrs.get("role") == "img"]
    ids = {attrs["id"] for _, attrs in page.elements if "id" in attrs}
    assert len(plots) == 6
    assert all(set(attrs["aria-labelledby"].split()) <= ids for attrs in plots)
    for said in ("smoothed loss from 0.3 to 0.1 over 4 steps", "lowest after epoch 4", "U-Net from 0.001 to 0.001"):
        assert said in page.words


def test_an_early_end_is_told(project, reads):
    assert "ended early" not in html(project, reads)
    words = Page(html(project, {**reads, "stopped": "epoch 4 of 9: no better for 2 epochs"})).words
    assert "The training ended early , after epoch 4 of 9: no better for 2 epochs." in words


def test_links_within_the_page_lead_somewhere(project, reads):
    page = Page(html(project, reads))
    places = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(places) == len(set(places))
    assert {attrs["href"][1:] for attrs in page.all("a") if "data-file" not in attrs} <= set(places)


def test_texts_are_escaped(build, reads):
    hostile = "<script>alert('x')</script>"
    reads["images"][0] |= {"caption": f"zorbl, {hostile}", "id": f'"><img src=x>{hostile}', "dropped": [hostile]}
    reads["aside"].append({"item": hostile, "stage": "scan", "problem": hostile})
    reads["pictures"] = [{**entry, "prompt": hostile} for entry in reads["pictures"]]
    texts = {
        "axes": [hostile],
        "fixed": [[hostile, hostile]],
        "file": f"grid/{hostile}",
        "cells": [[hostile, "b3:g0"]] * 4,
    }
    heads = dict.fromkeys(("columns", "rows"), [[hostile, True]] * 2)
    heads |= {"pages": [[hostile, False]]}
    reads |= {"grids": [{"name": hostile, **texts, **heads}], "stopped": hostile, "settings": hostile, "lock": hostile}
    reads["pick"] |= {"why": [hostile], "source": hostile, "eye": hostile, "verdict": hostile}
    reads["models"] = {hostile: {"source": hostile, "revision": hostile, "parts": {hostile: hostile}}}
    reads["record"] = {hostile: [{"device": hostile, "dtype": hostile, "threads": 1, "machine": hostile}]}
    reads["duplicates"][0] |= {"used": hostile, "concept": hostile}
    reads["balance"]["warnings"] = [{"code": hostile, "item": hostile, "text": hostile}]
    project = Project.model_validate({**build["project"], "output": {"title": hostile, "description": hostile}})
    page = Page(html(project, reads))
    assert len(page.all("script")) == 1
    assert all(attrs["src"].startswith("data:") for attrs in page.all("img"))
    assert page.words.count(hostile) >= 30
    assert not [attrs for _, attrs in page.elements if any(word.startswith("on") for word in attrs)]
    assert {attrs["href"][:5] for attrs in page.all("a") if "data-file" in attrs} == {"grid/"}


def test_what_a_person_wants_to_know_is_there(project, reads):
    words = Page(html(project, reads)).words
    for said in (
        "Zorbl, the teal creature", "by A. Person", "locon, dim 16, alpha 8, conv dim 8", "epoch 4 of 4",
        "8 × 3", "4 × 6",
        "zorbl_cape outfit 24 96", "48 × 80", "caption by hand", "the file ends in the middle of the picture",
        "over-share", "1 min 34 s", "zorbl.safetensors", "1.9 MB", "ab12ab12", "<lora:zorbl:1> zorbl, forest",
        "without LoRA", "epoch 4 · shipped", "training.optimizer.lr 0.003", "used dataset/plain/00.png",
        "left out dataset/plain/copy.png", "Epoch 3 at weight 0.8", "looks overtrained", "Loss rises behind it.",
        "answer 0.71", "contaminated-word", "take a free word", "12 images of 3 sizes", "34" * 32,
        "cpu, float32, 1 thread", "Epoch × weight", "prompt zorbl, forest · seed 42", "Larger: grid/epoch weight.html",
        "4 pictures are too many for this page; they are in: grid/epoch weight.html",
    ):  # fmt: skip
        assert said in words, said


def test_triggers_kept_and_pruned_tags_are_told_apart_in_words(project, reads):
    words = Page(html(project, reads)).words
    assert "★ trigger zorbl" in words
    assert "− absorbed 1creature , teal_skin → zorbl" in words
    assert "× dropped watermark" in words


def test_an_empty_build_has_a_page(build, reads):
    bare = {**reads, "images": [], "pictures": [], "priors": [], "aside": [], "stages": [], "files": []}
    bare["balance"] = {**reads["balance"], "triggers": [], "warnings": []}
    project = Project.model_validate({**build["project"], "output": {}, "samples": {}})
    page = Page(html(project, bare, gather.Drawings({}, {})))
    assert not page.all("img")
    assert "Samples" not in page.words
    assert "Set aside" not in page.words


def test_a_concept_says_when_not_all_of_it_is_shown(project, reads):
    drawn = drawings(project, reads)
    first = dict(list(drawn.images.items())[:2])
    words = Page(html(project, reads, replace(drawn, images=first))).words
    assert "8 images, 3 repeats · 2 shown" in words


def test_same_build_same_bytes(project, reads):
    assert html(project, reads) == html(project, reads)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.01, "< 0.1 s"), (0.44, "0.4 s"), (59.96, "1 min 0 s"), (94.3, "1 min 34 s"), (7510, "2 h 5 min")],
)
def test_durations_as_people_say_them(seconds, said):
    assert report.duration(seconds) == said


@pytest.mark.parametrize(("count", "said"), [(812, "812 B"), (14_200, "14 kB"), (2_340_000, "2.3 MB")])
def test_sizes_as_people_say_them(count, said):
    assert report.size(count) == said


def test_validation_losses_stand_beside_those_of_the_training(project, reads):
    drawn = replace(drawings(project, reads), validated={})
    assert "On images held out" not in Page(html(project, reads, drawn)).words
    words = Page(html(project, reads, replace(drawn, validated={4: 0.25}))).words
    assert "On images held out 1 0.30000 – 4 · shipped 0.10000 0.25000" in words


def test_headings_leave_no_level_out(project, reads):
    levels = [int(tag[1]) for tag, _ in Page(html(project, reads)).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(then - now <= 1 for now, then in itertools.pairwise(levels))


def test_what_is_not_known_has_no_part_of_the_page(build, project, reads):
    bare = {word: reads[word] for word in build["reads"]} | {"pictures": []}
    text = html(project, bare, gather.Drawings(drawings(project, bare).images, {}))
    for absent in (
        'id="pick"',
        'id="duplicates"',
        "Made from",
        "Made on",
        "lora.lock",
        'id="samples"',
        'id="triggers"',
    ):
        assert absent not in text, absent


def test_words_are_told_apart_in_anchors():
    assert report.anchor("zorbl_cape-2") == "zorbl_cape-2"
    assert report.anchor("a b") != report.anchor("a_b")
    assert re.fullmatch(r"[\w.-]+", report.anchor("ö <x> \"'"))


def test_words_between_backticks_are_code_and_nothing_else_is_markup():
    assert report.coded("run `plan` now") == "run <code>plan</code> now"
    assert report.coded("`<b>` & <i>") == "<code>&lt;b&gt;</code> &amp; &lt;i&gt;"
