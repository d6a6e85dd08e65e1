import base64
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from lorabuild.publish import chart, gather, report
from lorabuild.publish.page import Picture
from lorabuild.schema.project import Project

DOT = "UklGRh4AAABXRUJQVlA4TBEAAAAvAAAAAAdQvCrUrf+BiOh/AAA="
PIXEL = Picture(base64.b64decode(DOT), "image/webp", 1, 1)
VOID = {"meta", "link", "img", "br", "line", "path"}


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
        (self.styles if self.open[-1:] == ["style"] else self.text).append(data)

    def all(self, tag):
        return [attrs for found, attrs in self.elements if found == tag]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def drawings(reads):
    cards = {(image["concept"], image["id"]): PIXEL for image in reads["images"]}
    losses, concepts = [0.3, 0.2, 0.2, 0.1], {"plain": [(0, 0.3), (3, 0.1)], "cape": [(1, 0.2), (2, 0.2)]}
    rates = {"U-Net": [1e-3] * 4, "text encoder": [5e-4, 5e-4, 5e-4, 0]}
    curves = chart.curves(chart.History(losses, losses, [1, 2, 3, 4], {1: 0.4, 4: 0.2}, concepts, rates))
    return gather.Drawings(cards, {"b3:without": PIXEL, "b3:with": PIXEL}, curves, ((1, 0.3), (4, 0.1)))


def html(project, reads, drawn=None):
    return report.render(gather.gather(project, reads, drawn or drawings(reads))).decode()


@pytest.fixture
def reads(reads):
    pictures = [("zorbl, forest", 0, "b3:without"), ("zorbl, forest", 2, "b3:with"), ("zorbl, forest", 4, "b3:with")]
    words = [{"prompt": p, "epoch": e, "weight": 1.0 if e else 0.0, "picture": d} for p, e, d in pictures]
    return {**reads, "pictures": words}


def test_the_page_asks_nothing_of_a_network(project, reads):
    text = html(project, reads)
    page = Page(text)
    assert all(attrs["src"].startswith("data:image/webp;base64,") for attrs in page.all("img"))
    assert not page.all("script")
    addresses = [attrs[word] for _, attrs in page.elements for word in ("href", "src", "action") if word in attrs]
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not re.search(r"https?://|url\(|@import", text)


def test_every_picture_has_a_text_and_a_size(project, reads):
    images = Page(html(project, reads)).all("img")
    assert len(images) == 2 + 3 + 12
    assert all(attrs["alt"].strip() and attrs["width"] and attrs["height"] for attrs in images)


def test_every_plot_has_a_name_and_says_what_is_to_be_seen(project, reads):
    page = Page(html(project, reads))
    plots = page.all("svg")
    ids = {attrs["id"] for _, attrs in page.elements if "id" in attrs}
    assert len(plots) == 4
    assert all(attrs["role"] == "img" and set(attrs["aria-labelledby"].split()) <= ids for attrs in plots)
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
    assert {attrs["href"][1:] for attrs in page.all("a")} <= set(places)


def test_texts_are_escaped(build, reads):
    hostile = "<script>alert('x')</script>"
    reads["images"][0] |= {"caption": f"zorbl, {hostile}", "id": f'"><img src=x>{hostile}', "dropped": [hostile]}
    reads["aside"].append({"item": hostile, "stage": "scan", "problem": hostile})
    reads["pictures"] = [{**entry, "prompt": hostile} for entry in reads["pictures"]]
    project = Project.model_validate({**build["project"], "output": {"title": hostile, "description": hostile}})
    page = Page(html(project, reads))
    assert not page.all("script")
    assert all(attrs["src"].startswith("data:") for attrs in page.all("img"))
    assert page.words.count(hostile) >= 6


def test_what_a_person_wants_to_know_is_there(project, reads):
    words = Page(html(project, reads)).words
    for said in (
        "Zorbl, the teal creature", "by A. Person", "locon, dim 16, alpha 8, conv dim 8", "epoch 4 of 4",
        "8 × 3", "4 × 6",
        "zorbl_cape outfit 24 96", "48 × 80", "caption by hand", "the file ends in the middle of the picture",
        "over-share", "1 min 34 s", "zorbl.safetensors", "1.9 MB", "ab12ab12", "<lora:zorbl:1> zorbl, forest",
        "without LoRA", "epoch 4 · shipped", "training.optimizer.lr 0.003",
    ):  # fmt: skip
        assert said in words, said


def test_triggers_kept_and_pruned_tags_are_told_apart_in_words(project, reads):
    words = Page(html(project, reads)).words
    assert "★ trigger zorbl" in words
    assert "− absorbed teal_skin → zorbl" in words
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
    drawn = drawings(reads)
    first = dict(list(drawn.images.items())[:2])
    words = Page(html(project, reads, gather.Drawings(first, drawn.samples))).words
    assert "8 images, 3 repeats · 2 shown" in words


def test_weights_are_named_where_there_are_several(project, reads):
    extra = {"prompt": "zorbl, forest", "epoch": 4, "weight": 0.5, "picture": "b3:with"}
    words = Page(html(project, {**reads, "pictures": [*reads["pictures"], extra]})).words
    assert "epoch 4 · weight 0.5" in words


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


def test_a_browser_draws_the_page(project, reads, tmp_path):
    """Where Chromium is installed it must draw the page; elsewhere the page's own promise of a width is looked at."""
    path = tmp_path / "report.html"
    path.write_text(html(project, reads), "utf-8")
    browser = shutil.which("chromium")
    if browser is None:
        assert 'content="width=device-width, initial-scale=1"' in path.read_text("utf-8")
        return
    picture = tmp_path / "page.png"
    options = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]  # fmt: skip
    command = [browser, *options, f"--screenshot={picture}", "--window-size=800,600", path.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_validation_losses_stand_beside_those_of_the_training(project, reads):
    assert "On images held out" not in Page(html(project, reads)).words
    drawn = replace(drawings(reads), validated={4: 0.25})
    words = Page(html(project, reads, drawn)).words
    assert "On images held out 1 0.30000 – 4 · shipped 0.10000 0.25000" in words
