import huggingface_hub.constants
import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.taggers.location import fetch, locate

NAMES = ("model.onnx", "selected_tags.csv")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty hub cache and no network."""
    cache = tmp_path / "cache"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return cache


def fill(cache, revision="main"):
    repo = cache / "models--owner--tagger"
    snapshot = repo / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repo / "refs").mkdir()
    (repo / "refs" / revision).write_text(COMMIT)
    for name in NAMES:
        (snapshot / name).write_text(name)
    return snapshot


def test_a_folder_of_the_project(site, tmp_path):
    folder = tmp_path / "models" / "tagger"
    folder.mkdir(parents=True)
    for name in NAMES:
        (folder / name).touch()
    assert locate("models/tagger", NAMES, site) == {name: folder / name for name in NAMES}


def test_what_a_folder_lacks_is_named(site, tmp_path):
    (tmp_path / "tagger").mkdir()
    (tmp_path / "tagger" / "model.onnx").touch()
    with pytest.raises(ProjectError, match=r"'tagger' has no selected_tags\.csv") as caught:
        locate("tagger", NAMES, site)
    assert str(tmp_path / "tagger") in caught.value.next_step


@pytest.mark.parametrize("model", ["tagger", "./a/b", "/nowhere/tagger", "models/tagger", "a/b/c"])
def test_a_missing_folder_is_no_hub_id(site, tmp_path, model):
    (tmp_path / "models").mkdir()
    with pytest.raises(ProjectError, match="does not exist") as caught:
        locate(model, NAMES, site)
    assert "selected_tags.csv" in caught.value.next_step


def test_a_hub_id_is_read_from_the_cache_without_a_network(site, hub):
    snapshot = fill(hub)
    assert locate("owner/tagger", NAMES, site) == {name: snapshot / name for name in NAMES}


@pytest.mark.parametrize("revision", ["v2", COMMIT])
def test_at_a_revision(site, hub, revision):
    snapshot = fill(hub, "v2")
    assert locate(f"owner/tagger@{revision}", NAMES, site)["model.onnx"] == snapshot / "model.onnx"
    with pytest.raises(ProjectError, match="owner/tagger@v3"):
        locate("owner/tagger@v3", NAMES, site)


@pytest.mark.parametrize("model", ["owner/tagger", "owner/tag--ger", "o./t"])
@pytest.mark.parametrize("ask", [locate, fetch])
def test_a_hub_id_that_can_not_be_had_says_what_to_do(site, hub, model, ask):
    with pytest.raises(ProjectError) as caught:
        ask(model, NAMES, site)
    assert model in caught.value.what
    assert "hf download" in caught.value.next_step
    assert "\n" not in caught.value.what


def test_planning_goes_nowhere_and_a_build_gets_only_what_is_missing(site, hub, monkeypatch):
    import huggingface_hub

    asked = []
    monkeypatch.setattr(
        huggingface_hub, "hf_hub_download", lambda repo, name, *, revision: asked.append((repo, name, revision))
    )
    with pytest.raises(ProjectError, match="downloaded here"):
        locate("owner/tagger", NAMES, site)
    assert asked == []
    fetch("owner/tagger", NAMES, site)
    assert asked == [("owner/tagger", name, None) for name in NAMES]
    fill(hub)
    fetch("owner/tagger", NAMES, site)
    assert len(asked) == len(NAMES)


def test_a_folder_is_never_downloaded(site, tmp_path):
    (tmp_path / "mine").mkdir()
    fetch("mine", NAMES, site)
