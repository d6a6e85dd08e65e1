import hashlib

import fake_hub
import far
import light
import pytest

from lorabuild.core.errors import DifferenceError, LorabuildError, ProjectError
from lorabuild.core.events import silent
from lorabuild.graph.finish import finish
from lorabuild.graph.order import STAGES
from lorabuild.graph.publish import offer
from lorabuild.graph.variants import attach
from lorabuild.graph.wishes import Wishes

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=")  # the hub's library, of its own calls

FILES = {"README.md": b"# tiny\n", "tiny.json": b"{}", "tiny.safetensors": b"lora"}
SUMS = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(FILES.items())).encode()
FACTS = {"files": {name: {"sha256": hashlib.sha256(data).hexdigest()} for name, data in FILES.items()}}


@pytest.fixture
def ready(project, monkeypatch):
    """A finished build; its files lie in ``out``."""
    monkeypatch.setitem(light.PLANTED, "package", ({**FILES, "SHA256SUMS": SUMS}, FACTS))
    light.finished(project)
    end(project)
    return project


def end(root):
    with light.viewed(root) as view:
        finish(view, STAGES, {"train": {"ran": 1, "reused": 0, "seconds": 1.0}}, Wishes(), silent)


def states(found):
    return {row["name"]: row["state"] for row in found.rows}


def test_without_a_place_it_says_what_there_is_and_no_page_with_the_training_pictures(ready):
    found = offer(light.opened(ready), None)
    assert [row["name"] for row in found.rows] == ["README.md", "SHA256SUMS", "tiny.json", "tiny.safetensors"]
    assert found.rows[3]["sha256"] == hashlib.sha256(b"lora").hexdigest()
    assert found.rows[3]["bytes"] == 4


def test_what_is_not_up_to_date_is_refused(ready):
    with pytest.raises(DifferenceError, match="not up to date"):
        offer(light.opened(ready, "training.seed=3"), None)


def test_without_its_lock_it_is_refused(ready):
    (ready / "lora.lock").unlink()
    with pytest.raises(DifferenceError, match=r"no lora\.lock"):
        offer(light.opened(ready), None)


def test_another_lock_is_refused(ready):
    lock = ready / "lora.lock"
    sha = hashlib.sha256(b"lora").hexdigest()
    lock.write_text(lock.read_text("utf-8").replace(sha, "0" * 64), "utf-8")
    with pytest.raises(DifferenceError, match=r"the lock would change: outputs\.out/tiny\.safetensors") as caught:
        offer(light.opened(ready), None)
    assert "then publish" in caught.value.next_step


@pytest.mark.parametrize("change", [lambda file: file.write_text("mine"), lambda file: file.unlink()])
def test_a_file_that_is_not_what_was_built_is_refused(ready, change):
    change(ready / "out/README.md")
    with pytest.raises(DifferenceError, match="not what was built") as caught:
        offer(light.opened(ready), None)
    assert caught.value.where == "out/README.md"


def test_a_folder_gets_what_it_lacks(ready, tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    (there / "tiny.json").write_text("{}")
    (there / "README.md").write_text("mine")
    (there / "other.txt").write_text("stays")
    found = offer(light.opened(ready), str(there))
    assert states(found) == {"README.md": "other", "SHA256SUMS": "new", "tiny.json": "same", "tiny.safetensors": "new"}
    assert found.replaced == ["README.md"]
    assert not (there / "tiny.safetensors").exists()
    assert found.upload() == str(there)
    assert {path.name: path.read_bytes() for path in there.iterdir()} == {
        **FILES,
        "SHA256SUMS": SUMS,
        "other.txt": b"stays",
    }
    assert offer(light.opened(ready), str(there)).coming == {}


def test_a_file_is_no_place(ready):
    with pytest.raises(ProjectError, match="is a file"):
        offer(light.opened(ready), str(ready / "lora.yaml"))


def test_a_bucket_gets_them(ready):
    with far.s3():
        found = offer(light.opened(ready), f"s3://{far.BUCKET}/loras")
        assert set(states(found).values()) == {"new"}
        found.upload()
        names = {one.key: one.get()["Body"].read() for one in far.bucket().objects.all()}
        assert names == {f"loras/{name}": data for name, data in {**FILES, "SHA256SUMS": SUMS}.items()}
        assert offer(light.opened(ready), f"s3://{far.BUCKET}/loras").coming == {}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with fake_hub.at_home(monkeypatch, tmp_path / "cache") as running:
        monkeypatch.setenv("HF_TOKEN", fake_hub.TOKEN)
        yield running


def test_a_new_repository_is_made_and_gets_one_commit(ready, hub):
    found = offer(light.opened(ready), "hub:me/tiny")
    assert set(states(found).values()) == {"new"}
    assert not [way for way, _ in hub.asked if way != "GET"]
    where = found.upload()
    commit, files = hub.at("me/tiny", "main")
    assert files == {**FILES, "SHA256SUMS": SUMS}
    assert where == f"{hub.address}/me/tiny/commit/{commit}"
    assert len([path for way, path in hub.asked if way == "POST" and "/commit/" in path]) == 1
    again = offer(light.opened(ready), "hub:me/tiny")
    assert (again.coming, again.replaced) == ({}, [])


def test_a_private_repository_is_made_as_one(ready, hub):
    offer(light.opened(ready), "hub:me/tiny", private=True).upload()
    assert hub.visible == {"me/tiny": "private"}


def test_what_else_a_repository_holds_stays(ready, hub):
    hub.push("me/tiny", {"README.md": b"mine", "LICENSE": b"mine", "tiny.safetensors": b"lora"})
    found = offer(light.opened(ready), "hub:me/tiny")
    assert states(found)["tiny.safetensors"] == "same"
    assert found.replaced == ["README.md"]
    found.upload()
    assert hub.at("me/tiny", "main")[1] == {**FILES, "SHA256SUMS": SUMS, "LICENSE": b"mine"}


def test_without_a_token_nothing_is_made(ready, hub, monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    found = offer(light.opened(ready), "hub:me/tiny")
    with pytest.raises(ProjectError, match="without a token") as caught:
        found.upload()
    assert "hf auth login" in caught.value.next_step
    assert hub.branches == {}


def test_a_token_that_may_not_write_is_refused_by_the_hub(ready, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    with pytest.raises(LorabuildError, match=r"refuses: you may not write there \(401\)"):
        offer(light.opened(ready), "hub:me/tiny").upload()


@pytest.mark.parametrize("to", ["hub:tiny", "hub:", "hub:a/b/c", "hub:a/b@v2", "hub:../x"])
def test_what_names_no_repository_is_refused(ready, to):
    with pytest.raises(ProjectError, match="names no model of the hub"):
        offer(light.opened(ready), to)


def test_an_address_that_nobody_serves_is_told(ready):
    with far.nobody(), pytest.raises(LorabuildError, match=r"can't be reached|does not answer|refuses"):
        offer(light.opened(ready), f"s3://{far.BUCKET}/loras")


def packed(view, before):
    """Plant a view's package; its card and sums are called ``before``."""
    name = view.project.name
    files = {f"{before}README.md": b"# card", f"{name}.safetensors": b"lora"}
    shas = {one: hashlib.sha256(data).hexdigest() for one, data in files.items()}
    files[f"{before}SHA256SUMS"] = "".join(f"{sha}  {one}\n" for one, sha in sorted(shas.items())).encode()
    with view.store.writer("package") as door:
        for item in view.step("package").todo:
            made = {one: door.write(data) for one, data in files.items()}
            door.done(item, made, facts={"files": {one: {"sha256": sha} for one, sha in shas.items()}})
    view.again("package")


def made(view, before):
    light.plant(view, "latents", "text", "train", "sample")
    packed(view, before)
    light.plant(view, "report")


def test_a_variant_s_card_and_sums_have_their_plain_names_there(project):
    light.write(project, variants={"big": {"network.dim": 32}})
    light.built(project)
    with light.viewed(project) as view:
        made(view, "")
        attach(view, light.opened(project))
        made(view.variants[0], "tiny-big-")
        finish(view, STAGES, {"train": {"ran": 1, "reused": 0, "seconds": 1.0}}, Wishes(), silent)
    found = offer(light.opened(project), None, variant="big")
    assert list(found.files) == ["README.md", "SHA256SUMS", "tiny-big.safetensors"]
    assert found.files["SHA256SUMS"].decode().split()[1::2] == ["README.md", "tiny-big.safetensors"]
    assert list(offer(light.opened(project), None).files) == ["README.md", "SHA256SUMS", "tiny.safetensors"]
    with pytest.raises(ProjectError, match="no variant `bigg`"):
        offer(light.opened(project), None, variant="bigg")
