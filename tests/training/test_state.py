import json
import math
import pickle

import pytest
import torch
from tiny_training import TinyAdapter, TinyModel, settings

from lorabuild.training.moving import Moving
from lorabuild.training.state import Row, State, adapter_bytes, adopt, step_name


def made(optimizer="adamw", warm=3, **words):
    moving = Moving(settings(optimizer={"type": optimizer}, **words), TinyAdapter(TinyModel()))
    for step in range(warm):
        for tensor in moving.parameters[:-1]:  # the last one never gets a gradient
            tensor.grad = torch.full_like(tensor, 0.1 * (step + 1))
        moving.step(step)
    return moving


def row(step, epoch=1):
    return Row(step, epoch, 1 / 3, 0.1 + 0.2, 1e-4, 0.0, 0.7, concepts=(0.25, math.nan))


def walked(folder, optimizer="adamw", **words):
    moving = made(optimizer, **words)
    state = State.open(folder)
    state.begin(moving, {"b", "a"}, None)
    state.advance(row(1))
    state.end_epoch(moving)
    state.advance(row(2, 2))
    state.save(moving)
    return moving, state


@pytest.mark.parametrize("optimizer", ["adamw", "prodigy", "prodigy_plus_schedule_free", "adamw_schedule_free"])
@pytest.mark.parametrize("words", [{}, {"ema": {"decay": 0.5}}], ids=["plain", "ema"])
def test_everything_comes_back_exactly(tmp_path, optimizer, words):
    moving, state = walked(tmp_path, optimizer, **words)
    found = State.open(tmp_path)
    assert (found.epoch, found.window, found.files) == (1, 1, state.files)
    assert repr(found.rows) == repr(state.rows)  # NaN is not NaN
    assert found.concepts == ["a", "b"]
    fresh = made(optimizer, warm=0, **words)
    found.begin(fresh, {"another"}, None)
    assert found.concepts == ["a", "b"]
    tensors, numbers = moving.state()
    again, same = fresh.state()
    assert numbers == same
    assert tensors.keys() == again.keys()
    assert all(torch.equal(tensors[name], again[name]) for name in tensors)


@pytest.mark.parametrize(("optimizer", "words"), [("adamw_schedule_free", {}), ("adamw", {"ema": {"decay": 0.5}})])
def test_an_epoch_s_file_holds_the_weights_at_rest(tmp_path, optimizer, words):
    moving, state = walked(tmp_path, optimizer, **words)
    before = adapter_bytes(moving.adapter)
    with moving.resting():
        assert state.checkpoint("epoch-0001") == adapter_bytes(moving.adapter)
    assert state.checkpoint("epoch-0001") != adapter_bytes(moving.adapter) == before


def test_a_fresh_state_restores_nothing(tmp_path):
    moving = made()
    before = adapter_bytes(moving.adapter)
    state = State.open(tmp_path)
    state.begin(moving, (), None)
    assert (state.step, state.epoch, adapter_bytes(moving.adapter)) == (0, 0, before)


def test_no_more_checkpoints_are_kept_than_are_wanted(tmp_path):
    moving, state = made(), State.open(tmp_path)
    state.begin(moving, (), 2)
    for step in range(1, 6):
        state.advance(row(step, step))
        state.keep(step_name(step), moving)
        state.end_epoch(moving)
    assert sorted(state.files) == ["epoch-0004", "epoch-0005", "step-00000004", "step-00000005"]
    lying = sorted(path.stem for path in tmp_path.iterdir() if not path.name.startswith("state"))
    assert lying == ["epoch-0003", *sorted(state.files)[:2], "step-00000003", *sorted(state.files)[2:]]
    newest = max(tmp_path.glob("state-*"))
    newest.write_bytes(b"damaged")  # then the one before it is whole, with what it names
    assert sorted(State.open(tmp_path).files) == ["epoch-0003", "epoch-0004", "step-00000003", "step-00000004"]


def test_a_state_taken_over_is_as_if_it_had_been_trained_there(tmp_path):
    (tmp_path / "one").mkdir()
    _, state = walked(tmp_path / "one")
    (tmp_path / "other").mkdir()
    adopt(tmp_path / "other", state.whole(), {name: state.checkpoint(name) for name in state.files})
    found = State.open(tmp_path / "other")
    assert (found.step, found.files, found.whole()) == (2, state.files, state.whole())


def test_two_states_are_kept(tmp_path):
    moving, state = made(), State.open(tmp_path)
    for step in range(5):
        state.advance(row(step + 1))
        state.save(moving)
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
        "lr_text_encoder_2": 0.0,
        "concepts": {"a": 0.25},
    }


def test_nothing_is_pickled(tmp_path, monkeypatch):
    def refuse(*_args, **_kinds):
        raise AssertionError

    for name in ("dump", "dumps", "load", "loads", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    walked(tmp_path, "prodigy")
    found = State.open(tmp_path)
    found.begin(made("prodigy", warm=0), (), None)
    assert found.step == 2


def test_adapter_bytes_are_float32_and_sorted():
    adapter = made().adapter
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
