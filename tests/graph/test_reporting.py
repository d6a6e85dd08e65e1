import hashlib
from pathlib import Path

import light
import pytest

from lorabuild.captions.lexicon import plain
from lorabuild.graph import lexicon, lock, pick, probe, reporting
from lorabuild.graph.order import STAGES

BASE = Path(__file__).parents[2] / "example_project/base"
MADE = ("latents", "text", "train", "sample", "package")


def ready(root):
    light.built(root)
    with light.viewed(root) as view:
        light.plant(view, *MADE)
    return root


@pytest.fixture
def packed(project):
    """The light project, with everything but its report."""
    return ready(project)


def item(root, *overrides):
    with light.viewed(root, *overrides) as view:
        return light.items(view, "report")["report"]


def test_it_is_told_what_was_made_from_what(packed):
    reads = item(packed).reads
    assert {word: model["source"] for word, model in reads["models"].items()} == {"base": "base"}
    assert set(reads["models"]["base"]["parts"]) >= {"unet", "vae", "text_encoder"}
    assert reads["settings"].startswith("b3:")
    assert reads["pick"] is None
    assert reads["probe"] == {"answers": {}, "pictures": {}}


def test_the_digest_is_that_of_the_lock_that_this_build_writes(packed):
    with light.viewed(packed) as view:
        files = {f"out/{name}": made.get("sha256", "") for name, made in light.PLANTED["package"][1]["files"].items()}
        told = light.items(view, "report")["report"].reads["lock"]
        assert told == hashlib.sha256(lock.write_lock(lock.lock_of(view, STAGES, files))).hexdigest()


def test_a_lock_that_tells_of_variants_too_has_no_digest_yet(project):
    light.write(project, variants={"small": {"network.dim": 4}})
    assert item(ready(project)).reads["lock"] == ""


def test_equal_pictures_are_told_with_where_they_lie(packed):
    (pair,) = item(packed).reads["duplicates"]
    assert (pair["concept"], {pair["used"], pair["left"]}) == ("plain", {"data/plain/a.png", "data/plain/d.png"})
    assert [seen["path"] for seen in pair["seen"]] == [str(packed / pair["used"]), str(packed / pair["left"])]
    assert pair["kind"] == "same"


def test_a_page_that_is_made_isnt_told_all_again(packed, monkeypatch):
    with light.viewed(packed) as view:
        light.plant(view, "report")
    monkeypatch.setattr(reporting, "told", None)
    assert item(packed).reads == {}


def test_a_pick_is_in_the_key_once_it_is_known(packed, monkeypatch):
    before = item(packed)
    assert "pick" not in before.parts
    monkeypatch.setattr(pick, "known", lambda _: {"epoch": 1})
    assert item(packed).reads["pick"] == {"epoch": 1}
    assert item(packed).key != before.key


def asked(view, items, loud=()):
    """Plant what the base answers to words: much to the loud ones."""
    with view.store.writer(probe.STAGE) as door:
        for made in items:
            picture = {"picture": door.write(made.id.encode() * 9999)} if made.reads["drawn"] else {}
            door.done(made, picture, facts={"distance": 1.0 if made.id in loud else 0.1})


def test_what_the_base_was_asked_is_told_and_in_the_key(packed):
    before = item(packed)
    with light.viewed(packed) as view:
        asked(view, probe._triggers(view))
    now = item(packed)
    assert sorted(now.reads["probe"]["pictures"]) == ["zorbl", "zorbl_cape"]
    assert len(now.parts["probe"]) == 2
    assert now.key != before.key
    assert now.reads["words"] == []  # the light base has no tokenizer that could be read


def test_a_word_that_the_base_answers_is_found(project):
    light.write(project, base={"model": str(BASE)})
    with light.viewed(ready(project)) as view:
        words = lexicon.lexicon_of(view)
        asked(view, [*probe._triggers(view), *probe._beside(view, words)], ("zorbl_cape", *plain(words)))
    reads = item(project).reads
    assert reads["probe"]["answers"] == {"zorbl": 0.0, "zorbl_cape": 1.0}
    (found,) = reads["words"]
    assert found[:2] == ("zorbl_cape", "contaminated-word")
    assert found[3].startswith("the base answers `zorbl_cape` at 1.00")


def test_a_picture_of_the_base_that_is_lost_is_no_longer_told(packed):
    with light.viewed(packed) as view:
        asked(view, probe._triggers(view))
        lost = probe.known(view)["zorbl"].outputs["picture"]
        view.store.blobs.path(lost).unlink()
    assert list(item(packed).reads["probe"]["pictures"]) == ["zorbl_cape"]
