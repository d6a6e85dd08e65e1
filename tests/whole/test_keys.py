"""No path, time, host, batch size or device is in any key: another world, another folder, the same keys."""

import os

import pytest
from elsewhere import built_elsewhere, moved

from lorabuild.core.store import Store
from lorabuild.graph.order import STAGES


def keys(project):
    """Stage → the keys of all its items."""
    with Store(project.path(".lorabuild"), read_only=True) as store:
        return {stage: sorted(set(store.latest(stage).values())) for stage in STAGES}


def parts(project):
    """(stage, part's name, value) of every key that the store knows."""
    with Store(project.path(".lorabuild"), read_only=True) as store:
        for stage in STAGES:
            for item in store.latest(stage):
                yield from ((stage, name, value) for name, value in (store.parts_of(stage, item) or {}).items())


@pytest.fixture(scope="module")
def elsewhere(built, tmp_path_factory):
    """The small project in another world; there other numbers of pictures go through the models at once."""
    project = moved(built, tmp_path_factory.mktemp("far away") / "zörbl 2")
    project.write("threads: 1}", "threads: 1, batch: 3}")
    project.write("seed: 7", "seed: 7, save_state_every: 1")
    return built_elsewhere(project)


def test_another_world_gives_the_same_keys(built, elsewhere):
    assert keys(elsewhere) == keys(built)
    assert all(keys(built).values())


def test_another_world_gives_the_same_bytes(built, elsewhere):
    names = sorted(path.name for path in built.path("out").iterdir() if path.name != "report.html")
    assert len(names) >= 4
    for name in ("lora.lock", "lora.manifest.tsv", *(f"out/{name}" for name in names)):
        assert elsewhere.path(name).read_bytes() == built.path(name).read_bytes(), name


def test_more_threads_are_the_same_keys(built, tmp_path):
    project = moved(built, tmp_path / "quick")
    project.write("threads: 1}", "threads: 2}")
    assert project.build().code == 0
    assert keys(project) == keys(built)


def test_no_key_reads_a_place_or_a_time(built):
    names = {*os.uname(), os.environ.get("USER", ""), str(built.root), built.root.name} - {"", "tiny"}
    found = [entry for entry in parts(built) if entry[0] != "report"]  # it prints lora.yaml
    assert {stage for stage, _, _ in found} == set(STAGES) - {"report"}
    for stage, name, value in found:
        assert not any(word in f"{name} {value}" for word in names), (stage, name)
        assert "/" not in f"{name} {value}", (stage, name)
        assert not {"device", "threads", "mtime", "path", "folder"} & {*name.split(".")}, (stage, name)
