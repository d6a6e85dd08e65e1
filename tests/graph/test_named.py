import light
import pytest

from lorabuild.graph.named import inputs, wanted


def relative(root, path):
    return path.removeprefix(str(root)).lstrip("/") or "."


def seen(*projects):
    root = projects[0].site.root
    return {relative(root, path): names for path, names in wanted(projects).items()}


def test_folders_are_wanted_whole_and_the_way_to_them_for_their_names(project):
    assert seen(light.opened(project)) == {
        ".": {"lora.yaml"},
        "data": frozenset(),
        "data/plain": None,
        "data/cape": None,
        "base": None,
        "captions": None,
    }


def test_the_taggers_folder_is_an_input(project):
    loaded = light.opened(project, "captions.tagger.type=sidecar")
    tagged = loaded.site.project.model_copy(
        update={
            "captions": type(loaded.project.captions).model_validate({"tagger": {"type": "wd14", "model": "tagger"}})
        }
    )
    site = type(loaded.site)(tagged, loaded.site.root)
    assert [path.name for path in inputs(site)] == ["plain", "cape", "base", "tagger", "captions"]


@pytest.fixture
def outside(project):
    """The base is one file, a concept lies outside the project, another has vanished."""
    (project.parent / "models").mkdir()
    (project.parent / "models/base.safetensors").write_bytes(b"")
    light.write(
        project,
        base={"model": "../models/base.safetensors"},
        concepts={"plain": {"folder": "../far/plain", "triggers": ["zorbl", "zorbl_cape"]}},
    )
    return project


def test_places_outside_and_single_files_are_wanted_too(outside):
    from lorabuild.schema.load import load

    top = str(outside.parent)
    found = {path.removeprefix(top): names for path, names in wanted([load(outside)]).items()}
    assert found == {
        "/project": {"lora.yaml"},
        "/project/captions": None,
        "/project/../far/plain": None,
        "/project/../far": frozenset(),
        "/project/..": frozenset(),
        "/project/../models": {"base.safetensors"},
    }


def test_what_two_projects_name_is_wanted_together(project):
    one = light.opened(project)
    light.write(project, concepts={"plain": {"folder": "data/plain", "triggers": ["zorbl", "zorbl_cape"]}})
    other = light.opened(project)
    assert set(seen(one, other)) == set(seen(one))
    assert "data/cape" not in seen(other)
