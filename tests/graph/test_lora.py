"""lorabuild.graph.lora: files looked into, and other files made of them."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # tiny_sd15.py
sys.path.insert(0, str(Path(__file__).parents[1] / "networks"))  # forms.py

import forms
import tiny_sd15

from lorabuild.core.errors import ProjectError
from lorabuild.graph import lora, models, named
from lorabuild.networks import stored
from lorabuild.publish import reworked
from lorabuild.schema.finish import step
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site

HEADER = {
    "ss_network_module": "networks.lora",
    "ss_network_dim": "4",
    "ss_network_alpha": "2.0",
    "ss_tag_frequency": json.dumps({"10_zorbl": {"hat": 3, "bow": 1}, "5_zorbl_cape": {"hat": 2, "cape ": 4}}),
    "somebody.else": "stays",
}


@pytest.fixture
def file(tmp_path):
    """Write a file of a type; where it is."""

    def make(name, kind="locon", seed=1, **header):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(reworked.written(forms.state(kind, seed), HEADER | header))
        return path

    return make


def difference(path):
    state, _ = reworked.opened(path)
    return torch.cat([stored.difference(layer).flatten() for _, layer in sorted(stored.layers(state).items())])


def test_a_file_of_others_tells_its_triggers_and_tags(file, tmp_path):
    path = file("a")
    found = lora.inspected(path)
    assert (found["type"], found["layers"], found["dim"]) == ("LoCon", 3, "4")
    assert found["triggers"] == ["zorbl", "zorbl_cape"]
    assert found["tags"] == [["hat", 5], ["cape", 4], ["bow", 1]]
    assert found["hash"] == found["metadata"]["sshs_model_hash"]
    lora.picture(found, tmp_path / "norms.png")
    assert (tmp_path / "norms.png").read_bytes().startswith(b"\x89PNG")
    assert lora.triggers({"lorabuild.triggers": '["a", "b"]', "ss_tag_frequency": "{}"}) == ["a", "b"]
    assert lora.triggers({"modelspec.trigger_phrase": "a, b"}) == ["a, b"]
    assert lora.triggers({"ss_tag_frequency": "no json"}) == []
    assert lora.tags({"ss_tag_frequency": '{"1_a": 3, "1_b": {"x": "many", "y": 1}}'}) == [["y", 1]]


def test_a_step_writes_another_file_with_a_true_header(file, tmp_path):
    path, out = file("a"), tmp_path / "new/b.safetensors"
    before = path.read_bytes()
    told = lora.reworked(path, out, step("resize", 2))
    assert path.read_bytes() == before
    assert (told["before"]["dim"], told["after"]["dim"], told["bytes"]) == ("4", "2", out.stat().st_size)
    gone = float((difference(path) - difference(out)).norm() / difference(path).norm())
    assert told["kept"]["share"] == pytest.approx(1 - gone**2)
    assert 0 < told["kept"]["least"] < told["kept"]["share"]
    words = lora.inspected(out)["metadata"]
    assert (words["ss_network_dim"], words["ss_network_alpha"], words["somebody.else"]) == ("2", "2.0", "stays")
    assert lora.inspected(out)["history"] == [{"resize": {"dim": 2}}]
    lora.reworked(out, out, step("rebase", {"from": 0.5}), replace=True)
    assert [next(iter(done)) for done in lora.inspected(out)["history"]] == ["resize", "rebase"]


def test_nothing_is_written_over_without_saying(file, tmp_path):
    path, other = file("a"), file("b")
    for out, what in ((path, "is there already"), (other, "is there already")):
        with pytest.raises(ProjectError, match=what) as error:
            lora.reworked(path, out, step("resize", 2))
        assert "--replace" in error.value.next_step
    with pytest.raises(ProjectError, match=r"is no \.safetensors file"):
        lora.reworked(path, tmp_path / "a.ckpt", step("resize", 2))
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(ProjectError, match="is a folder"):
        lora.reworked(path, tmp_path / "folder.safetensors", step("resize", 2), replace=True)
    with pytest.raises(ProjectError, match=r"is no \.png file"):
        lora.may_draw(path, replace=True)
    with pytest.raises(ProjectError, match="there is no `"):
        lora.reworked(tmp_path / "none.safetensors", tmp_path / "c.safetensors", step("resize", 2))


def test_a_merged_file_is_the_sum_and_knows_all_triggers(file, tmp_path):
    one, other = file("one"), file("other", seed=2, **{"lorabuild.triggers": '["glim"]'})
    out = tmp_path / "sum.safetensors"
    lora.merged([(one, 0.7), (other, -0.4)], out, None)
    wanted = 0.7 * difference(one) - 0.4 * difference(other)
    torch.testing.assert_close(difference(out), wanted, rtol=1e-4, atol=1e-5)
    found = lora.inspected(out)
    assert (found["dim"], found["triggers"]) == ("8", ["zorbl", "zorbl_cape", "glim"])
    assert found["history"][0]["merge"][1] == {"file": "other.safetensors", "weight": -0.4}
    lora.merged([(one, 0.7), (other, -0.4)], out, step("resize", 3), replace=True)
    assert lora.inspected(out)["dim"] == "3"


def test_what_can_not_be_done_is_said_with_the_file(file, tmp_path):
    dora, out = file("a", "dora"), tmp_path / "b.safetensors"
    with pytest.raises(ProjectError, match="DoRA layers have no half") as error:
        lora.reworked(dora, out, step("rebase", {"from": 0.5}))
    assert error.value.where.startswith(f"{dora}: rebase lora_unet_")
    with pytest.raises(ProjectError, match="less than or equal to 100"):
        lora.merged([(dora, 1e9)], out, None)
    assert not out.exists()


def test_only_a_dylora_is_cut_and_only_in_its_units(file, tmp_path):
    out = tmp_path / "cut.safetensors"
    with pytest.raises(ProjectError, match="doesn't say that it is a DyLoRA"):
        lora.reworked(file("a"), out, step("cut", 2))
    words = {"ss_network_module": "networks.dylora", "ss_network_args": '{"unit": "2"}'}
    path = file("b", "dylora", **words)
    with pytest.raises(ProjectError, match="3 is no multiple") as error:
        lora.reworked(path, out, step("cut", 3))
    assert error.value.next_step == "write `--dim 4`"
    lora.reworked(path, out, step("cut", 2))
    assert (lora.inspected(out)["dim"], lora.inspected(out)["conv_dim"]) == ("2", "2")


def test_a_watch_looks_at_merged_files(tmp_path):
    finish = [{"resize": 4}, {"merge": [{"file": "style.safetensors"}]}]
    project = Project.model_validate({"name": "t", "base": {"model": "base"}, "finish": finish})
    site = Site(project, tmp_path)
    assert models.merged_files(site) == [tmp_path / "style.safetensors"]
    assert tmp_path / "style.safetensors" in named.inputs(site)


def test_what_a_checkpoint_learned_is_taken_out_of_it(tmp_path):
    base = tiny_sd15.make(tmp_path / "base", layers=1)
    tuned = shutil.copytree(base, tmp_path / "tuned")
    weights = tuned / "unet/diffusion_pytorch_model.safetensors"
    state = safetensors.torch.load_file(weights)
    generator = torch.Generator().manual_seed(0)
    wanted = {}
    for name in (name for name in state if name.endswith(("to_q.weight", "conv1.weight"))):
        flat = state[name].flatten(1)
        change = torch.randn(len(flat), 2, generator=generator) @ torch.randn(2, flat.shape[1], generator=generator)
        wanted[f"lora_unet_{name.removesuffix('.weight').replace('.', '_')}"] = change
        state[name] = state[name] + change.view(state[name].shape)
    safetensors.torch.save_file(state, weights)
    out = tmp_path / "lora.safetensors"
    limits = step("resize", {"dim": 2, "conv_dim": 2})
    lora.extracted(base, tuned, out, limits, family="sd15", parts="both")
    found = stored.layers(reworked.opened(out)[0])
    assert set(found) == set(wanted)
    for name, change in wanted.items():
        torch.testing.assert_close(stored.difference(found[name]), change.double(), rtol=5e-3, atol=5e-3)
    words = lora.inspected(out)["metadata"]
    assert (words["ss_base_model_version"], words["ss_network_dim"]) == ("sd_v1", "2")
    assert json.loads(words["lorabuild.history"])[0]["extract"]["tuned"] == "tuned"
