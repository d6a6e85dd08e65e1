import json
import os

import pytest
from sites import site

from lorabuild.schema.pins import pin

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def lock(root, text):
    path = root / "lora.lock"
    path.write_text(text if isinstance(text, str) else json.dumps(text), "utf-8")
    os.utime(path, ns=(lock.clock, lock.clock))
    lock.clock += 10**9


lock.clock = 10**18


def held(source="o/m", revision=COMMIT):
    return {"models": {"base": {"source": source, "revision": revision, "parts": {}}}}


def test_no_lock_pins_nothing(tmp_path):
    assert pin(site(tmp_path, "o/m"), "base", "o/m") is None


def test_a_pin_is_for_one_model_and_one_id(tmp_path):
    lock(tmp_path, held())
    here = site(tmp_path, "o/m")
    assert pin(here, "base", "o/m") == COMMIT
    assert pin(here, "tagger", "o/m") is None
    assert pin(here, "base", "o/m@v2") is None
    assert pin(here, "base", "o/n") is None


def test_another_lock_is_read_anew(tmp_path):
    here = site(tmp_path, "o/m")
    lock(tmp_path, held())
    assert pin(here, "base", "o/m") == COMMIT
    lock(tmp_path, held(revision=COMMIT[::-1]))
    assert pin(here, "base", "o/m") == COMMIT[::-1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "<<<<<<< ours",
        {"models": 3},
        {"models": {"base": 3}},
        held(revision=None),
        held(revision="../.."),
    ],
)
def test_what_is_no_lock_pins_nothing(tmp_path, text):
    lock(tmp_path, text)
    assert pin(site(tmp_path, "o/m"), "base", "o/m") is None
