import json
import pickle

import pytest
import torch
from tiny_training import TinyAdapter, TinyModel, settings

from lorabuild.training.optimizers import PARTS, build
from lorabuild.training.state import Row, State, adapter_bytes, optimizer_state


def made(optimizer="adamw", warm=3):
    model = TinyModel()
    adapter = TinyAdapter(model)
    built = build(settings(optimizer={"type": optimizer}), {part: adapter.parameters(part) for part in PARTS})
    for step in range(warm):
        for part in PARTS:
            for tensor in adapter.parameters(part)[:-1]:  # the last one never gets a gradient
                tensor.grad = torch.full_like(tensor, 0.1 * (step + 1))
        built.step()
    return adapter, built


def row(step, epoch=1):
    return Row(step, epoch, 1 / 3, 0.1 + 0.2, 1e-4, 0.0, 0.7)


def walked(folder, optimizer="adamw"):
    adapter, built = made(optimizer)
    state = State.open(folder)
    state.advance(row(1))
    state.end_epoch(adapter, built)
    state.advance(row(2, 2))
    state.save(adapter, built)
    return adapter, built, state


@pytest.mark.parametrize("optimizer", ["adamw", "prodigy"])
def test_everything_comes_back_exactly(tmp_path, optimizer):
    adapter, built, state = walked(tmp_path, optimizer)
    found = State.open(tmp_path)
    assert (found.epoch, found.window, found.rows, found.checkpoints) == (1, 1, state.rows, state.checkpoints)
    other, fresh = made(optimizer, warm=0)
    found.restore(other, fresh)
    assert adapter_bytes(other) == adapter_bytes(adapter)
    tensors, numbers = optimizer_state(built)
    again, same = optimizer_state(fresh)
    assert numbers == same
    assert tensors.keys() == again.keys()
    assert all(torch.equal(tensors[name], again[name]) for name in tensors)


def test_a_fresh_state_restores_nothing(tmp_path):
    adapter, built = made()
    before = adapter_bytes(adapter)
    state = State.open(tmp_path)
    state.restore(adapter, built)
    assert (state.step, state.epoch, adapter_bytes(adapter)) == (0, 0, before)


def test_two_states_are_kept(tmp_path):
    adapter, built = made()
    state = State.open(tmp_path)
    for step in range(5):
        state.advance(row(step + 1))
        state.save(adapter, built)
    assert [path.name[:14] for path in sorted(tmp_path.iterdir())] == ["state-00000004", "state-00000005"]


@pytest.mark.parametrize("how", ["cut", "flipped", "empty"])
def test_a_damaged_state_is_passed_over(tmp_path, how):
    walked(tmp_path)
    newest = max(tmp_path.glob("state-*"))
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes({"cut": bytes(data[: len(data) // 2]), "flipped": bytes(data), "empty": b""}[how])
    found = State.open(tmp_path)
    assert (found.epoch, found.window, found.step) == (1, 0, 1)
    for path in tmp_path.glob("state-*"):
        path.write_bytes(b"nonsense")
    assert State.open(tmp_path).step == 0


def test_a_missing_or_damaged_epoch_file_goes_back_to_the_start(tmp_path):
    walked(tmp_path)
    epoch = tmp_path / "epoch-0001.safetensors"
    epoch.write_bytes(epoch.read_bytes()[:-1])
    assert State.open(tmp_path).step == 0
    epoch.unlink()
    assert State.open(tmp_path).step == 0


def test_a_state_of_another_form_is_passed_over(tmp_path, monkeypatch):
    walked(tmp_path)
    monkeypatch.setattr("lorabuild.training.state.FORM", 99)
    assert State.open(tmp_path).step == 0


def test_log_is_json_lines(tmp_path):
    *_, state = walked(tmp_path)
    lines = [json.loads(line) for line in state.log().splitlines()]
    assert lines[1] == {
        "step": 2,
        "epoch": 2,
        "loss": 1 / 3,
        "loss_mean": 0.1 + 0.2,
        "lr": 1e-4,
        "lr_text_encoder": 0.0,
        "grad_norm": 0.7,
    }


def test_nothing_is_pickled(tmp_path, monkeypatch):
    def refuse(*_args, **_kinds):
        raise AssertionError

    for name in ("dump", "dumps", "load", "loads", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    walked(tmp_path, "prodigy")
    found = State.open(tmp_path)
    found.restore(*made("prodigy", warm=0))
    assert found.step == 2


def test_adapter_bytes_are_float32_and_sorted():
    adapter, _ = made()
    data = adapter_bytes(adapter)
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert "__metadata__" not in header
    assert {entry["dtype"] for entry in header.values()} == {"F32"}
    backwards = TinyAdapter(TinyModel())
    backwards.load_state(adapter.state())
    backwards.pairs = dict(reversed(backwards.pairs.items()))
    assert adapter_bytes(backwards) == data


def test_a_state_is_due_every_so_many_steps_and_after_a_minute(tmp_path):
    state = State.open(tmp_path)
    for number in range(1, 5):
        state.advance(Row(number, 1, 0.5, 0.5, 1e-3, 1e-3, 1.0))
    assert state.is_due(2)
    assert not state.is_due(3)
    state.saved_at -= 61
    assert state.is_due(3)
