"""A build in one process, the live view in another: what is said reaches a page, and the page a person."""

import json
import threading
import time
import urllib.request

import pytest
import small
from chromium import MISSING, started

from lorabuild.graph.live import Live
from lorabuild.graph.serve import serving
from lorabuild.schema.load import load

LONG = 60.0
BUILD = (
    "build",
    "-q",
    *("--set", "samples.during=true"),
    *("--set", "samples.every=epoch"),
    *("--set", "budget.steps=200"),
)
TEXT = "return document.getElementById('live-{}').textContent"


class Listener:
    """Hears events in a thread of its own."""

    def __init__(self, address):
        self.heard = []
        self.link = urllib.request.urlopen(f"{address}events", timeout=LONG)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.link:
            if line.startswith(b'data: {"'):
                self.heard.append(json.loads(line[6:]))

    def until(self, kind):
        end = time.monotonic() + LONG
        while kind not in [event["event"] for event in self.heard]:
            assert time.monotonic() < end, self.heard[-3:]
            time.sleep(0.02)
        return [event for event in self.heard if event["event"] == kind]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium, or None where there is none."""
    if MISSING:
        yield None
        return
    driver = started(tmp_path_factory.mktemp("profile"), "browser")
    yield driver
    driver.quit()


def seen(browser, script, wanted=bool):
    """Wait until a script's answer is as wanted; the answer."""
    end = time.monotonic() + LONG
    while not wanted(answer := browser.execute_script(script)):
        assert time.monotonic() < end, answer
        time.sleep(0.05)
    return answer


def looked_at(browser):
    """What is on the page while it trains."""
    how = TEXT.format("how")
    first = seen(browser, how, lambda text: "steps" in text and "loss" in text)
    then = seen(browser, how, lambda text: "steps" in text and text != first)
    drawn = seen(
        browser, "return [...document.querySelectorAll('#live-pictures img')].filter(o => o.naturalWidth).length"
    )
    line = browser.execute_script("return document.getElementById('live-smooth').getAttribute('d')")
    return {"how": (first, then), "drawn": drawn, "line": line, "same": browser.execute_script("return window.same")}


@pytest.fixture(scope="module")
def story(tmp_path_factory, models, browser):
    """One build in a process of its own, followed by a listener and by a browser: what they heard and saw."""
    project = small.make(tmp_path_factory.mktemp("live") / "tiny", models)
    loaded, told = load(project.path("lora.yaml")), {}
    with serving(Live(lambda: loaded), port=0) as server:
        if browser:
            browser.get(server.address)
            told["before"] = seen(browser, TEXT.format("said"), lambda text: text.startswith("No build"))
            browser.execute_script("window.same = true")
        listener = Listener(server.address)
        process = project.process(*BUILD)
        told["first"], told["running"] = listener.until("picture")[0], process.poll() is None
        with urllib.request.urlopen(f"{server.address}picture/{told['first']['picture'][3:]}", timeout=LONG) as picture:
            told["picture"] = picture.read()
        if browser:
            told |= looked_at(browser)
        process.communicate(timeout=LONG)
        listener.until("done")
        if browser:
            seen(browser, "return !window.same && document.readyState === 'complete'")
            told["after"] = seen(browser, TEXT.format("said"), lambda text: text.startswith("Built in "))
            told["samples"] = browser.execute_script("return document.querySelectorAll('section.samples img').length")
            told["complaints"] = browser.get_log("browser")
        yield {**told, "heard": listener.heard, "code": process.returncode}


def test_a_listener_hears_a_build_of_another_process_while_it_runs(story):
    heard = story["heard"]
    assert story["code"] == 0
    assert story["running"]
    assert story["picture"].startswith(b"\x89PNG")
    assert (heard[0]["event"], heard[-1]["event"]) == ("begun", "done")
    losses = [event["loss"] for event in heard if event.get("loss")]
    assert 2 < len(losses) <= heard[-1]["stages"]["train"]["seconds"] / 0.2 + 5
    assert [event["stage"] for event in heard if event["event"] == "stage_done"] == list(heard[-1]["stages"])


def test_a_page_moves_while_it_trains_and_ends_as_the_report(story, browser):
    if browser is None:
        pytest.skip("chromium or chromedriver isn't installed")
    assert story["before"] == "No build is under way"
    assert story["same"]
    assert story["drawn"]
    assert story["line"].startswith("M")
    assert story["after"]
    assert story["samples"]
    assert story["complaints"] == []
