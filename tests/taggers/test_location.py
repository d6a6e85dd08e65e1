import huggingface_hub.constants
import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.taggers.location import fetch, locate, needed, published, snapshot

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


def test_a_version_is_a_folder_of_the_repository(site, hub, monkeypatch):
    import huggingface_hub

    (version := fill(hub) / "v1").mkdir()
    for name in NAMES:
        (version / name).write_text(name)
    assert locate("owner/tagger", NAMES, site, "v1") == {name: version / name for name in NAMES}
    asked = []
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda repo, name, *, revision: asked.append(name))
    fetch("owner/tagger", NAMES, site, "v2")
    assert asked == [f"v2/{name}" for name in NAMES]


def test_in_a_folder_of_ones_own_the_only_file_that_ends_so_will_do(site, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "swin.onnx").touch()
    (folder / "selected_tags.csv").touch()
    assert locate("mine", NAMES, site)["model.onnx"] == folder / "swin.onnx"
    (folder / "vit.onnx").touch()
    with pytest.raises(ProjectError, match=r"has no model\.onnx"):
        locate("mine", NAMES, site)
    assert locate("mine/vit.onnx", NAMES, site) == {
        "model.onnx": folder / "vit.onnx",
        "selected_tags.csv": folder / "selected_tags.csv",
    }


def test_a_whole_model_of_the_hub(site, hub):
    folder = fill(hub)
    with pytest.raises(ProjectError, match="downloaded here"):
        snapshot("owner/tagger", ("*.json", "*.safetensors"), site)
    (folder / "config.json").write_text("{}")
    with pytest.raises(ProjectError, match=r"no \*\.safetensors"):
        snapshot("owner/tagger", ("*.json", "*.safetensors"), site)
    (folder / "model.safetensors").write_text("")
    assert [path.name for path in snapshot("owner/tagger", ("*.json", "*.safetensors"), site)] == [
        "config.json",
        "model.safetensors",
    ]


def test_what_is_published_is_chosen_by_pattern_with_weights_last(site, hub, monkeypatch):
    import huggingface_hub

    names = ["model.safetensors", "pytorch_model.bin", "code.py", "tokenizer.json", "onnx/model.json", "config.json"]
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda _self, _repo, *, revision: names)
    found = published("owner/tagger", ("*.json", "*.safetensors"), site)
    assert found == ["config.json", "tokenizer.json", "model.safetensors"]


def test_a_package_that_is_missing_is_named():
    with pytest.raises(ProjectError, match="needs the Python package 'absent'") as caught, needed("other"):
        import absent.part  # noqa: F401
    assert caught.value.next_step == "pip install absent"


def test_a_folder_is_never_downloaded(site, tmp_path):
    (tmp_path / "mine").mkdir()
    fetch("mine", NAMES, site)
