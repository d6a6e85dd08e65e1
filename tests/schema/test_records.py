"""lorabuild.schema.project and its sections (captions, concepts, training …), and lorabuild.schema.words."""

import pytest
from pydantic import ValidationError

from lorabuild.schema.base import Base
from lorabuild.schema.captions import Captions
from lorabuild.schema.concepts import Concept, Trigger
from lorabuild.schema.consumed import consumed
from lorabuild.schema.device import Device
from lorabuild.schema.project import Project
from lorabuild.schema.section import Section
from lorabuild.schema.site import Site
from lorabuild.schema.taggers import Camie, ClTagger, Merged, Prose, Sidecar, Wd14
from lorabuild.schema.training import Training
from lorabuild.schema.words import Shape, fields, is_runtime_only, shape, words

SMALL = Project(name="a", base=Base(model="b"), concepts={"c": Concept(folder="d")})


def test_every_word_says_what_it_is_for():
    assert [word.dotted for word in words(Project) if word.name != "type" and not word.field.description] == []


def test_every_record_is_closed_and_frozen():
    for owner in {word.owner for word in words(Project)}:
        assert issubclass(owner, Section)
        assert owner.model_config["extra"] == "forbid"
        assert owner.model_config["frozen"]
    with pytest.raises(ValidationError):
        SMALL.name = "b"


def test_the_walk_finds_words_at_every_depth():
    found = {(word.dotted, word.variant) for word in words(Project)}
    assert {
        ("name", ""),
        ("triggers.<name>.class", ""),
        ("concepts.<name>.folder", ""),
        ("images.buckets.min", ""),
        ("training.optimizer.lr", "adamw"),
        ("training.optimizer.lr", "prodigy"),
        ("training.loss.type", "l2"),
        ("regularization.generate.count", ""),
    } <= found


def test_shapes():
    assert shape(int | None) == Shape("value", optional=True, value=int)
    assert shape(tuple[str, ...]).kind == "list"
    assert shape(tuple[float, float]) == Shape("pair", items=float, length=2)
    kinds = {"wd14": Wd14, "cl_tagger": ClTagger, "camie": Camie, "prose": Prose, "sidecar": Sidecar, "merged": Merged}
    assert dict(shape(fields(Captions)["tagger"].annotation).variants) == kinds
    assert shape(Device).variants == ()
    with pytest.raises(TypeError, match="no form"):
        shape(set[int])


def test_class_is_written_without_its_underscore():
    assert "class" in fields(Trigger)
    assert Trigger.model_validate({"class": "girl"}).class_ == "girl"


def test_what_changes_no_result_is_in_no_key():
    flat = consumed(SMALL, "")
    marked = {word.dotted for word in words(Project) if is_runtime_only(word.field)}
    assert marked >= {"device.type", "device.threads", "training.gradient_checkpointing"}
    assert not marked & set(flat)
    assert flat["training.optimizer.lr"] == 1e-4
    assert consumed(Training(), "training").items() <= flat.items()


def test_a_site_knows_where_its_paths_start(tmp_path, monkeypatch):
    site = Site(SMALL, tmp_path)
    assert site.path("a/b") == tmp_path / "a/b"
    assert site.path(str(tmp_path)) == tmp_path
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert site.path("~/x") == tmp_path / "home/x"
