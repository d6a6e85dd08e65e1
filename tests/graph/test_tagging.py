import json

import pytest
import tiny_captioner
import tiny_tagger
from light import built, items, opened, viewed, write

from lorabuild.core.errors import LorabuildError
from lorabuild.core.events import silent
from lorabuild.graph.lock import lock_of
from lorabuild.graph.sweep import Limits, gc
from lorabuild.taggers import cl_tagger
from lorabuild.taggers.session import OnnxTagger

WD14 = {"type": "wd14", "model": "models/wd14"}
CL = {"type": "cl_tagger", "model": "models/cl"}
SIDE = {"type": "sidecar", "extension": ".tags"}


@pytest.fixture
def asked(project, monkeypatch):
    """How many pictures each tagger was shown, by its table."""
    tiny_tagger.make(project / "models/wd14")
    tiny_tagger.mapped(project / "models/cl", "cl_tagger")
    found, real = {}, OnnxTagger.tag

    def tag(self, images):
        found[self._layout.table] = found.get(self._layout.table, 0) + len(images)
        return real(self, images)

    monkeypatch.setattr(OnnxTagger, "tag", tag)
    return found


def tagger(project, *of, **words):
    """Write the taggers, build, and tell path → stored scores."""
    write(project, captions={"tagger": {"type": "merged", "of": of} if len(of) > 1 else of[0], **words})
    built(project, targets=("tag",))
    with viewed(project) as view:
        made = view.made("tag")
        assert view.step("tag").clean
        return {path: json.loads(view.store.read(result.outputs["scores"])) for path, result in made.items()}


def test_a_new_threshold_or_mcut_infers_nothing(project, asked):
    first = tagger(project, WD14)
    assert asked == {"selected_tags.csv": 4}  # of two equal pictures one is asked for
    for words in ({"threshold": 0.9}, {"character_threshold": 0.1}, {"mcut": True}, {"mcut": True, "mcut_floor": 0.5}):
        asked.clear()
        assert tagger(project, WD14 | words) == first
        assert asked == {}
        with viewed(project) as view:
            assert not view.step("caption").clean


def test_a_second_tagger_does_not_ask_the_first_again(project, asked):
    alone = tagger(project, WD14)
    asked.clear()
    both = tagger(project, WD14, CL)
    assert asked == {"tag_mapping.json": 4}
    for path, scores in both.items():
        assert [row for row in scores if len(row) == 3] == alone[path]
        assert {row[3] for row in scores if len(row) == 4} == {1}
        assert scores == sorted(scores, key=lambda row: -row[1])
    asked.clear()
    assert tagger(project, CL, WD14).keys() == both.keys()
    assert tagger(project, WD14) == alone
    assert asked == {}


def test_gc_leaves_what_each_tagger_said(project, asked):
    tagger(project, WD14, CL)
    write(project, captions={"tagger": {"type": "merged", "of": [WD14, CL]}})
    gc(opened(project), Limits(keep=1, grace=0), silent)
    asked.clear()
    tagger(project, CL)
    tagger(project, WD14, CL, SIDE)
    assert asked == {}


def test_thresholds_of_a_part_infer_nothing(project, asked):
    first = tagger(project, WD14, CL)
    asked.clear()
    assert tagger(project, WD14 | {"threshold": 0.7}, CL | {"mcut": True}) == first
    assert asked == {}


def test_side_files_beside_a_model(project, asked):
    found = tagger(project, WD14, SIDE)
    assert ["hat", 1.0, "general", 1] in found["data/plain/a.png"]
    assert ["red", 0.997527, "general"] in found["data/plain/a.png"]
    asked.clear()
    (project / "data/plain/a.tags").write_text("bow", "utf-8")
    after = tagger(project, WD14, SIDE)
    assert ["bow", 1.0, "general", 1] in after["data/plain/a.png"]
    assert after["data/plain/b.png"] == found["data/plain/b.png"]
    assert asked == {}


def test_what_one_tagger_said_is_not_lost_when_the_next_one_fails(project, asked, monkeypatch):
    def broken(*_):
        raise LorabuildError("no")

    with monkeypatch.context() as patch:
        patch.setattr(cl_tagger, "load", broken)
        with pytest.raises(LorabuildError):
            tagger(project, WD14, CL)
    assert asked == {"selected_tags.csv": 4}
    tagger(project, WD14, CL)
    assert asked == {"selected_tags.csv": 4, "tag_mapping.json": 4}


def test_an_image_that_one_tagger_can_not_judge_is_set_aside_by_name(project, asked, monkeypatch):
    real = OnnxTagger._scores
    monkeypatch.setattr(
        OnnxTagger, "_scores", lambda self, row: real(self, row * float("nan") if self._layout.logits else row)
    )
    write(project, captions={"tagger": {"type": "merged", "of": [WD14, CL]}})
    built(project, targets=("tag",))
    with viewed(project) as view:
        assert all("not a number" in result.problem for result in view.made("tag").values())


def test_the_key_names_every_part_and_the_record_too(project, asked):
    tagger(project, WD14, CL)
    with viewed(project) as view:
        one = items(view, "tag")["data/plain/a.png"]
        assert one.parts["captions.tagger.type"] == "merged"
        assert one.parts["captions.tagger.of.1.type"] == "cl_tagger"
        assert {"tagger.of.0.model.onnx", "tagger.of.1.tag_mapping.json", "pixels"} <= one.parts.keys()
        record = view.made("tag")["data/plain/a.png"].record
        assert [part["device"] for part in record["of"]] == ["cpu", "cpu"]


def test_the_lock_has_a_model_for_every_part(project, asked):
    tagger(project, WD14, CL, SIDE)
    with viewed(project) as view:
        models = lock_of(view, ("scan",), {})["models"]
    assert models["tagger.0"]["source"] == "models/wd14"
    assert set(models["tagger.1"]["parts"]) == set(cl_tagger.FILES)
    assert "tagger.2" not in models


def test_a_part_that_is_not_there_is_named_by_its_place(project, asked):
    write(project, captions={"tagger": {"type": "merged", "of": [WD14, CL | {"model": "models/cll"}]}})
    with pytest.raises(LorabuildError, match="no model at `models/cll`") as caught:
        opened(project)
    assert "captions.tagger.of.1.model" in caught.value.where
    assert "models/cl" in caught.value.next_step


def test_tags_and_sentences_together(project, asked):
    tiny_captioner.llava(project / "models/llava")
    words = {"type": "prose", "model": "models/llava", "prompt": "describe", "beams": 2, "min_tokens": 3}
    found = tagger(project, WD14, words | {"max_tokens": 6})
    sentences = {path: [row for row in scores if row[2] == "prose"] for path, scores in found.items()}
    assert all(len(rows) == 1 and rows[0][1:] == [1.0, "prose", 1] for rows in sentences.values())
    asked.clear()
    again = tagger(project, WD14, words | {"max_tokens": 3})
    assert asked == {}  # another question is for the captioner alone
    assert again != found


def test_a_tag_that_two_taggers_see_is_in_one_image(project, asked):
    tagger(project, WD14, WD14 | {"threshold": 0.5}, order="frequency")
    with viewed(project) as view:
        images = sum(not result.problem for result in view.made("tag").values())
        frequency = next(item.reads["frequency"] for item in view.step("caption").items)
        assert max(frequency.values()) <= images
