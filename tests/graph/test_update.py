import json
import shutil

import fake_hub
import light
import pytest

from lorabuild.core.errors import LorabuildError, ProjectError
from lorabuild.graph.fetch import fetch
from lorabuild.graph.hub import on_hub
from lorabuild.graph.inventory import take
from lorabuild.graph.lock import lock_of, read_lock
from lorabuild.graph.session import viewing
from lorabuild.graph.update import update
from lorabuild.graph.variants import attach

REPO = "some/model"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with fake_hub.at_home(monkeypatch, tmp_path / "cache") as running:
        yield running


@pytest.fixture
def far(project, hub):
    """The light project, whose base lies on the hub; its first commit is the one that ``far.first`` names."""
    shutil.move(project / "base", project.parent / "there")
    light.write(project, base={"model": REPO})
    project.parent.joinpath("there/other.ckpt").write_bytes(b"a pickle")
    return project, hub.push_folder(REPO, project.parent / "there"), project.parent / "there"


def finish(root):
    """Build everything; what is heavy is planted."""
    light.finished(root)
    return light.built(root, targets=())


def revision(root, what="base"):
    return read_lock(root)["models"][what]["revision"]


def moved(rows):
    return [(row["model"], row["then"], row["now"], row["moved"]) for row in rows]


def test_a_build_pins_what_it_finds_and_stays_with_it(far, hub):
    root, first, there = far
    finish(root)
    assert revision(root) == first
    second = hub.push_folder(REPO, there, model_index__json=b"{}")
    hub_ref = root.parent / "cache/models--some--model/refs/main"
    hub_ref.write_text(second)  # another program asked for the newest
    light.built(root, targets=())
    assert revision(root) == first
    with viewing(light.opened(root)) as view:
        assert view.inventory.base.revision == first


def test_another_id_in_lora_yaml_lets_go_of_the_pin(far, hub):
    root, first, there = far
    finish(root)
    second = hub.push_folder(REPO, there, extra__config__json=b"{}")
    light.write(root, base={"model": f"{REPO}@{second}"})
    assert on_hub(light.opened(root))["", "base"].wanted == second
    light.write(root, base={"model": f"{REPO}@main"})
    assert on_hub(light.opened(root))["", "base"].pin is None
    light.write(root, base={"model": REPO})
    assert on_hub(light.opened(root))["", "base"].wanted == first


def test_update_moves_to_the_newest_and_the_next_build_takes_it(far, hub):
    root, first, there = far
    finish(root)
    before = read_lock(root)
    weights = there / "unet/diffusion_pytorch_model.safetensors"
    weights.write_bytes(b"better")
    second = hub.push_folder(REPO, there)
    loaded = light.opened(root)
    assert moved(update(loaded, (), print, dry_run=True)) == [("base", first, second, True)]
    assert read_lock(root) == before
    assert moved(update(loaded, ("base",), print, dry_run=False)) == [("base", first, second, True)]
    before["models"]["base"]["revision"] = second
    assert read_lock(root) == before
    assert moved(update(loaded, (REPO,), print, dry_run=False)) == [("base", second, second, False)]
    light.built(root)
    assert light.redone(root).keys() >= {"train"}
    with viewing(light.opened(root)) as view:
        assert view.inventory.base.revision == second


def test_a_commit_in_lora_yaml_and_an_unbuilt_project_have_nothing_to_move(far):
    root, first, _ = far
    loaded = light.opened(root)
    assert moved(update(loaded, (), print, dry_run=False)) == [("base", None, first, False)]
    assert not (root / "lora.lock").exists()
    light.write(root, base={"model": f"{REPO}@{first}"})
    (row,) = update(light.opened(root), (), print, dry_run=False)
    assert (row["branch"], row["now"], row["moved"]) == (None, first, False)


def test_names_that_the_project_has_not(far, project):
    loaded = light.opened(project)
    with pytest.raises(ProjectError, match="no `basse`") as caught:
        update(loaded, ("basse",), print, dry_run=False)
    assert "`base`" in caught.value.next_step


def test_a_branch_of_its_own(far, hub):
    root, _, there = far
    there.joinpath("vae/diffusion_pytorch_model.safetensors").write_bytes(b"half")
    half = hub.push(REPO, {p.relative_to(there).as_posix(): p.read_bytes() for p in there.rglob("*.*")}, "fp16")
    light.write(root, base={"model": f"{REPO}@fp16"})
    finish(root)
    assert revision(root) == half
    newer = hub.push(REPO, {}, "fp16")
    (row,) = update(light.opened(root), (), print, dry_run=False)
    assert (row["branch"], row["then"], row["now"]) == ("fp16", half, newer)


def test_a_pinned_revision_that_is_missing_is_said_and_fetched(far, hub):
    root, first, there = far
    finish(root)
    cache = root.parent / "cache"
    shutil.rmtree(cache)
    second = hub.push_folder(REPO, there, model_index__json=b"{}")
    light.write(root, base={"model": f"{REPO}@{second}"})
    fetch(light.opened(root), lambda row: None, dry_run=False)
    light.write(root, base={"model": REPO})
    said = f"lora.lock pins {REPO} to revision {first[:8]}, and only {second[:8]} was downloaded here"
    with pytest.raises(ProjectError, match=said) as caught, viewing(light.opened(root)):
        pass
    assert "lorabuild fetch" in caught.value.next_step
    assert "lora.yaml:" in caught.value.where
    (row,) = fetch(light.opened(root), lambda row: None, dry_run=False)
    assert (row["model"], row["revision"], row["missing"]) == ("base", first, 0)  # the other has the same bytes
    with viewing(light.opened(root)) as view:
        assert view.inventory.base.revision == first


def test_fetch_tells_what_it_costs_takes_no_pickle_and_then_needs_no_network(far, hub, monkeypatch):
    from huggingface_hub import constants

    root, first, _ = far
    loaded, told = light.opened(root), []
    (row,) = fetch(loaded, told.append, dry_run=True)
    assert told == [row]
    assert (row["here"], row["missing"], hub.downloads()) == (0, row["bytes"], [])
    assert row["bytes"] == sum(file["size"] for file in row["files"])
    fetch(loaded, told.append, dry_run=False)
    assert {*hub.downloads()} <= {file["name"].rpartition("/")[2] for file in row["files"]}
    assert "other.ckpt" not in hub.downloads()
    again = fetch(loaded, told.append, dry_run=False)[0]
    assert (again["here"], again["missing"]) == (row["bytes"], 0)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    (offline,) = fetch(loaded, told.append, dry_run=False)
    assert offline["here"] == row["bytes"] or not offline["checked"]
    assert revision(finish(root) and root) == first


def test_an_interrupted_download_is_completed(far, hub):
    root, first, _ = far
    loaded = light.opened(root)
    fetch(loaded, lambda row: None, dry_run=False)
    lost = root.parent / f"cache/models--some--model/snapshots/{first}/unet/diffusion_pytorch_model.safetensors"
    lost.resolve().unlink()
    lost.unlink()
    (row,) = fetch(loaded, lambda row: None, dry_run=False)
    assert row["missing"] == len(b"unet")
    assert lost.read_bytes() == b"unet"


def test_without_a_network_what_is_missing_is_an_error(project, monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    light.write(project, base={"model": REPO})
    for ask in (
        lambda loaded: fetch(loaded, print, dry_run=False),
        lambda loaded: update(loaded, (), print, dry_run=False),
    ):
        with pytest.raises(LorabuildError, match=REPO) as caught:
            ask(light.opened(project))
        assert caught.value.exit_code == 1


def test_what_the_hub_has_not(far):
    root, _, _ = far
    for model, said in (("no/such", "closed to you"), (f"{REPO}@nowhere", "no revision nowhere")):
        light.write(root, base={"model": model})
        with pytest.raises(ProjectError, match=said):
            fetch(light.opened(root), print, dry_run=False)


def test_a_tagger_is_pinned_fetched_and_moved(project, hub):
    files = {"model.onnx": b"weights", "selected_tags.csv": b"tag_id,name,category,count\n1,1creature,0,9\n"}
    first = hub.push("some/tagger", files)
    light.write(project, captions={"tagger": {"type": "wd14", "model": "some/tagger"}})
    loaded = light.opened(project)
    (row,) = fetch(loaded, lambda row: None, dry_run=False)
    assert (row["model"], row["source"], row["missing"]) == ("tagger", "some/tagger", sum(map(len, files.values())))
    with light.viewed(project) as view:
        assert view.inventory.revisions == {"tagger": first}
    _lock(project, {"tagger": {"source": "some/tagger", "revision": first, "parts": {}}})
    second = hub.push("some/tagger", files | {"model.onnx": b"better"})
    assert moved(update(loaded, (), print, dry_run=False)) == [("tagger", first, second, True)]
    said = f"pins some/tagger to revision {second[:8]}, and only {first[:8]} was downloaded here"
    with pytest.raises(ProjectError, match=said), viewing(loaded):
        pass
    fetch(loaded, lambda row: None, dry_run=False)
    with light.viewed(project) as view:
        assert view.inventory.revisions == {"tagger": second}


def _lock(root, models, variants=()):
    content = {"lock": {"format": 2}, "models": models, "variants": dict(variants)}
    (root / "lora.lock").write_text(json.dumps(content), "utf-8")


def test_clip_s_vocabulary_for_a_single_file(project, hub, monkeypatch):
    from lorabuild.models import hub as models_hub

    names = {"vocab.json": b"{}", "merges.txt": b"#", "pytorch_model.bin": b"evil"}
    hub.push(models_hub.CLIP, names)
    (project / "one.safetensors").write_bytes(b"")
    light.write(project, base={"model": "one.safetensors"})
    loaded, told = light.opened(project), []
    (row,) = fetch(loaded, told.append, dry_run=True)
    assert (row["model"], row["missing"]) == ("vocabulary", 3)
    with pytest.raises(ProjectError, match="one"):  # the vocabulary is here now, but that is no model
        fetch(loaded, told.append, dry_run=False)
    assert sorted(hub.downloads()) == ["merges.txt", "vocab.json"]
    assert fetch(loaded, told.append, dry_run=True) == []


def test_a_project_without_hub_models(project, hub):
    loaded = light.opened(project)
    assert fetch(loaded, print, dry_run=False) == []
    assert update(loaded, (), print, dry_run=False) == []
    assert hub.asked == []


def test_the_inventory_names_no_revision_of_a_folder(project):
    loaded = light.opened(project)
    with light.viewed(project) as view:
        assert take(loaded.site, view.store).revisions == {}


def test_a_variant_s_own_base_is_fetched_pinned_and_moved(far, hub):
    root, first, there = far
    there.joinpath("unet/diffusion_pytorch_model.safetensors").write_bytes(b"another unet")
    other = hub.push_folder("other/model", there)
    light.write(
        root, base={"model": REPO}, variants={"other": {"base.model": "other/model"}, "big": {"network.dim": 9}}
    )
    loaded = light.opened(root)
    assert [row["source"] for row in fetch(loaded, lambda row: None, dry_run=False)] == [REPO, "other/model"]
    with light.viewed(root) as view:
        attach(view, loaded)
        models = lock_of(view, ("scan",), {})["variants"]
    assert models["other"]["models"]["base"]["revision"] == other
    assert "models" not in models["big"]
    _lock(root, {"base": {"source": REPO, "revision": first, "parts": {}}}, models)
    newer = hub.push_folder("other/model", there, model_index__json=b"{}")
    rows = update(loaded, ("base",), print, dry_run=False)
    assert [(row["source"], row.get("variant"), row["moved"]) for row in rows] == [
        (REPO, None, False), ("other/model", "other", True)
    ]  # fmt: skip
    assert read_lock(root)["variants"]["other"]["models"]["base"]["revision"] == newer
    assert on_hub(loaded)["other", "base"].wanted == newer
