import hashlib
import json

import pytest
import safetensors.torch
import torch

from lorabuild.core.digest import digest
from lorabuild.core.errors import ProjectError, StageError
from lorabuild.publish import reworked

STATE = {"lora_unet_a.lora_down.weight": torch.ones(2, 3), "lora_unet_a.alpha": torch.tensor(1.0)}
BEFORE = {"type": "LoCon", "dim": "16", "alpha": "8.0", "conv_dim": "8", "conv_alpha": "4.0"}
WORDS = {
    "ss_network_dim": "16",
    "ss_network_alpha": "8.0",
    "ss_network_module": "networks.lora",
    "ss_network_args": '{"conv_dim": "8", "conv_alpha": "4.0", "dropout": null}',
    "ss_seed": "42",
    "somebody.else": "ü",
}


def test_a_file_comes_back_with_its_own_hashes():
    data = reworked.written(STATE, WORDS | {"sshs_model_hash": "old", "modelspec.hash_sha256": "0xold"})
    state, words = reworked.parsed(data)
    assert {name: tensor.tolist() for name, tensor in state.items()} == {
        name: tensor.tolist() for name, tensor in STATE.items()
    }
    tensors = data[8 + int.from_bytes(data[:8], "little") :]
    assert words["sshs_model_hash"] == hashlib.sha256(tensors).hexdigest()
    assert words["modelspec.hash_sha256"] == f"0x{words['sshs_model_hash']}"
    assert words["somebody.else"] == "ü"
    assert reworked.written(state, words) == data


def test_only_what_changed_is_corrected_and_the_history_grows():
    after = BEFORE | {"dim": "4", "alpha": "2.0", "conv_dim": "Dynamic"}
    words = reworked.corrected(WORDS, BEFORE, after, [{"resize": {"dim": 4}}])
    assert (words["ss_network_dim"], words["ss_network_alpha"], words["ss_seed"]) == ("4", "2.0", "42")
    assert json.loads(words["ss_network_args"]) == {"conv_dim": "Dynamic", "conv_alpha": "4.0", "dropout": None}
    again = reworked.corrected(words, after, after, [{"rebase": {"from": 0.5, "to": 1.0}}])
    assert reworked.history(again) == [{"resize": {"dim": 4}}, {"rebase": {"from": 0.5, "to": 1.0}}]
    assert {word for word in again if again[word] != words[word]} == {"lorabuild.history"}


def test_a_sum_or_fewer_ranks_make_a_plain_lora():
    dynamic = WORDS | {"ss_network_module": "networks.dylora", "ss_network_args": '{"unit": "4"}'}
    for step, module in (("resize", "networks.lora"), ("merge", "networks.lora"), ("cut", "networks.dylora")):
        words = reworked.corrected(dynamic, BEFORE, BEFORE, [{step: 8}])
        assert words["ss_network_module"] == module
        assert ("unit" in words["ss_network_args"]) == (step == "cut")
    hada = WORDS | {"ss_network_module": "lycoris.kohya", "ss_network_args": '{"algo": "loha"}'}
    assert "algo" not in reworked.corrected(hada, BEFORE | {"type": "LoHa"}, BEFORE, [{"resize": 1}])["ss_network_args"]
    dora = reworked.corrected(hada, BEFORE, BEFORE | {"type": "LoCon + DoRA"}, [{"resize": 1}])
    assert dora["ss_network_module"] == "lycoris.kohya"


@pytest.mark.parametrize("text", ["nonsense", "[1]", '"text"', ""])
def test_words_of_others_that_are_no_json_do_no_harm(text):
    words = reworked.corrected({"ss_network_args": text, "lorabuild.history": text}, BEFORE, BEFORE, [{"cut": 1}])
    assert json.loads(words["lorabuild.history"])[-1] == {"cut": 1}


def test_pickles_and_what_is_no_file_are_refused(tmp_path):
    (tmp_path / "a.ckpt").write_bytes(b"")
    with pytest.raises(ProjectError, match="is a pickle"):
        reworked.opened(tmp_path / "a.ckpt")
    for data in (b"", b"\x08\0\0\0\0\0\0\0nonsense", b"\xff" * 40):
        (tmp_path / "a.safetensors").write_bytes(data)
        with pytest.raises(ProjectError, match="no safetensors file, or a broken one"):
            reworked.opened(tmp_path / "a.safetensors")
    with pytest.raises(ProjectError, match="there is no such file"):
        reworked.opened(tmp_path / "b.safetensors")
    with pytest.raises(ProjectError, match="this is a folder"):
        reworked.opened(tmp_path)


def test_what_a_type_can_not_hold_is_never_written():
    with pytest.raises(ProjectError, match="float16 can't hold"):
        reworked.written({"lora_unet_a.diff": torch.tensor([6e4]).half() * 2}, {})


def test_a_file_that_changed_meanwhile_is_not_merged(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(safetensors.torch.save(STATE))
    mark = digest(path.read_bytes())
    assert set(reworked.held(path, mark)[0]) == set(STATE)
    path.write_bytes(safetensors.torch.save({"lora_unet_b.alpha": torch.ones(1)}))
    with pytest.raises(StageError, match="changed meanwhile"):
        reworked.held(path, mark)
