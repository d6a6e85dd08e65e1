"""The page in headless Chromium, as a person meets it: on a desk and on a phone, in light and in dark."""

import functools
import io
import json
import time
from pathlib import Path

import pytest
from chromium import MISSING, started
from filled import GRID, drawings, filled
from PIL import Image

from lorabuild.core.events import Event, silent
from lorabuild.core.journal import Journal
from lorabuild.graph import serve
from lorabuild.publish import gather, live, report
from lorabuild.publish.page import Picture
from lorabuild.schema.project import Project

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING or "")

DESK, PHONE = (1280, 900), (390, 844)
SHOWN = "return [...document.querySelectorAll('.samples figure')].filter(f => f.offsetParent).map(f => f.innerText)"
WIDE = "return document.documentElement.scrollWidth"
CONTRASTS = """
const channel = (value) => (value /= 255) <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
const behind = (one) => {
  for (; one; one = one.parentElement) {
    const colour = numbers(getComputedStyle(one).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
};
const found = [];
for (const one of document.querySelectorAll("body *")) {
  const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || !one.getClientRects().length || one.closest(".hidden, svg, .skip, script")) continue;
  const [a, b] = [numbers(getComputedStyle(one).color), behind(one)].map(light).sort((x, y) => y - x);
  found.push([(a + .05) / (b + .05), one.className || one.tagName, one.textContent.trim().slice(0, 40)]);
}
return found.sort((x, y) => x[0] - y[0]).slice(0, 3);
"""


def picture(number):
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (20 * number % 256, 90, 120)).save(buffer, format="WEBP", lossless=True)
    return Picture(buffer.getvalue(), "image/webp", 64, 48)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    build = json.loads((Path(__file__).parents[1] / "data" / "finished_build.json").read_text("utf-8"))
    project, reads = Project.model_validate(build["project"]), filled(build["reads"])
    long = "x" * 90
    reads["images"][0] |= {"id": f"dataset/{long}.png", "caption": f"zorbl, {long}, {'and, ' * 40}"}
    reads["aside"][0] |= {"item": f"dataset/{long}.png", "problem": long}
    reads["balance"]["warnings"] *= 14
    reads["balance"]["warnings"][0] = {"code": "over-share", "item": long, "text": f"`{long}` {long}"}
    reads["grids"][0] = {**GRID, "columns": GRID["columns"] * 9, "cells": [["zorbl", "b3:g0"]] * 36}
    page = report.render(gather.gather(project, reads, drawings(project, reads, functools.cache(picture))))
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_bytes(page)
    return path.as_uri()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    driver = started(tmp_path_factory.mktemp("profile"), "browser", "performance")
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, address):
    """Opens the page: at a size, light or dark, with or without scripts."""

    def look(size=DESK, *, dark=False, scripts=True):
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE}
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        for log in ("browser", "performance"):
            browser.get_log(log)
        browser.get(address)
        return browser

    return look


def test_nothing_is_complained_of_and_nothing_leaves_the_page(opened, address):
    browser = opened()
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert asked
    assert all(url == address or url.startswith("data:") for url in asked)


def test_every_picture_loads_and_has_an_alternative(opened):
    found = opened().execute_script(
        "return [...document.images].map(one => [one.complete, one.naturalWidth, one.alt.trim().length])"
    )
    assert len(found) > 20
    assert all(complete and width > 0 and alt for complete, width, alt in found)


def key(browser, *keys):
    browser.execute_script("document.querySelector('.timeline input').focus()")
    browser.switch_to.active_element.send_keys(*keys)
    return browser.execute_script(SHOWN)


def test_the_slider_moves_by_keys_and_changes_the_pictures(opened):
    from selenium.webdriver.common.keys import Keys

    browser = opened()
    assert browser.execute_script(SHOWN) == ["without LoRA", "epoch 4 · shipped"] * 2
    assert key(browser, Keys.HOME) == ["without LoRA", "epoch 1"] * 2
    assert key(browser, Keys.ARROW_RIGHT) == ["without LoRA", "epoch 2"] * 2
    said = "const range = document.querySelector('.timeline input');"
    assert browser.execute_script(f"{said} return range.getAttribute('aria-valuetext')") == "epoch 2"
    sources = "return [...document.querySelectorAll('.samples img')].filter(i => i.offsetParent).map(i => i.src)"
    before = browser.execute_script(sources)
    key(browser, Keys.END)
    assert [now != then for now, then in zip(browser.execute_script(sources), before, strict=True)] == [False, True] * 2


def test_buttons_walk_too_and_show_all_epochs(opened):
    browser = opened()
    back, on = browser.find_elements("css selector", ".timeline [data-move]")
    on.click()
    assert browser.execute_script(SHOWN)[1] == "epoch 4 · shipped"
    back.click()
    assert browser.execute_script(SHOWN)[1] == "epoch 3"
    beside = browser.find_element("id", "beside")
    beside.click()
    assert beside.get_attribute("aria-pressed") == "true"
    assert len(browser.execute_script(SHOWN)) == 10
    beside.click()
    assert browser.execute_script(SHOWN)[1] == "epoch 3"


def test_without_scripts_every_picture_stands_in_its_column(opened):
    browser = opened(scripts=False)
    figures = browser.find_elements("css selector", ".samples figure")
    assert len(figures) == 10
    assert all(figure.is_displayed() for figure in figures)
    assert not browser.find_element("css selector", ".timeline").is_displayed()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_no_page_is_wider_than_its_window(opened, size):
    browser = opened(size)
    browser.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    assert browser.execute_script(WIDE) <= size[0]
    browser.execute_script("document.getElementById('beside').click()")
    assert browser.execute_script(WIDE) <= size[0]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(opened, dark):
    browser = opened(dark=dark)
    browser.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    worst = browser.execute_script(CONTRASTS)
    assert worst[0][0] >= 4.5, worst
    paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert ("23" in paper) == dark


class Told:
    """What a server wants to know: the page of this module, and a variant beside it."""

    def __init__(self, folder, page, project):
        self.folder, self.projects, self.marked = folder, lambda: {"": project, "small": project}, "b3:1"
        self.told = set()
        names = {"": "zorbl", "small": "zorbl-small"}
        self.page = lambda variant="": live.alive(page, names, variant, self.marked)

    def mark(self, variant=""):
        return self.marked

    def there(self, digest):
        return True

    def picture(self, digest):
        return b""


def seen(browser, script, wanted):
    end = time.monotonic() + 20
    while (answer := browser.execute_script(script)) != wanted:
        assert time.monotonic() < end, answer
        time.sleep(0.03)


def test_the_live_page_tells_of_each_variant_and_shows_a_new_report(opened, address, build, tmp_path):
    browser = opened()
    told = Told(tmp_path, Path(address.removeprefix("file://")).read_bytes(), Project.model_validate(build["project"]))
    with serve.serving(told, port=0) as server, Journal(tmp_path, silent, ("text", "train", "report")) as journal:
        browser.get(f"{server.address}?variant=small")
        for name, loss in (("", 0.2), ("small", 0.1)):
            of = {"variant": name} if name else {}
            journal(Event("stage", "train", {"todo": 1, "total": 1, **of}))
            for step in (1, 2, 4):
                data = {"done": step, "total": 4, "unit": "steps", "loss": loss, "loss_mean": loss, **of}
                journal.said = 0.0
                journal(Event("progress", "train", data))
        for step in (3, 1, 2):  # it went on from an earlier one
            data = {"variant": "other", "done": step, "total": 4, "loss": 0.3, "loss_mean": 0.3}
            journal(Event("beside", "train", data))
        text = "return document.getElementById('live-{}').innerText"
        seen(browser, text.format("said"), "At work: train of zorbl-small")
        other = "other: loss 0.3000 at step 2 of 4"
        runs = ["zorbl-small: loss 0.1000 at step 4 of 4", other, "zorbl: loss 0.2000 at step 4 of 4"]
        seen(browser, text.format("runs"), "\n".join(runs))
        which = "return [...document.querySelectorAll('.which a')].map(one => [one.search, one.ariaCurrent])"
        assert browser.execute_script(which) == [["", None], ["?variant=small", "page"]]
        assert browser.execute_script("return document.querySelectorAll('#live-others path').length") == 2
        assert browser.execute_script("return document.querySelector('[data-file]').hasAttribute('href')") is False
        browser.execute_script("window.same = true")
        told.marked = "b3:2"
        journal(Event("stage_done", "report", {"ran": 1}))
        seen(browser, "return window.same ?? document.getElementById('live').dataset.report", "b3:2")
        assert browser.get_log("browser") == []


def test_the_contents_follow_the_reading(opened):
    browser = opened()
    here = "return document.querySelector('nav [aria-current]')?.textContent ?? null"
    assert browser.execute_script(here) is None
    browser.execute_script("document.documentElement.style.scrollBehavior = 'auto'; location.hash = '#build'")
    browser.execute_async_script("const done = arguments[0]; setTimeout(() => requestAnimationFrame(done), 50)")
    assert browser.execute_script(here) == "Build"
