import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load
from tiny_training import Trained, settings

import lorabuild
from lorabuild.core.errors import StageError
from lorabuild.training.batches import Record
from lorabuild.training.loop import _listed
from lorabuild.training.state import State, adapter_bytes

ADAMW = {"type": "adamw", "lr": 0.01}
PRODIGY = {"type": "prodigy", "lr": 1.0}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return Trained(tmp_path_factory.mktemp("plain"))


def test_it_learns_and_leaves_an_epoch_file_each(tmp_path):
    long = Trained(tmp_path, settings(optimizer=ADAMW, batch=4), epochs=25, priors=0)
    rows = long.state.rows
    first, last = (sum(row.loss for row in part) / len(part) for part in (rows[:25], rows[-25:]))
    assert last < 0.85 * first
    assert len({bytes(epoch) for epoch in long.epochs}) == 25
    assert long.epochs[-1] == adapter_bytes(long.adapter)


def test_log_and_events(plain):
    rows = [json.loads(line) for line in plain.log.splitlines()]
    assert [row["step"] for row in rows] == list(range(1, plain.total + 1))
    assert rows[0]["epoch"] == 1
    assert rows[-1]["epoch"] == 3
    assert rows[-1]["loss_mean"] == pytest.approx(sum(row["loss"] for row in rows) / len(rows))
    assert rows[0]["lr"] == 0.01
    last = [event.data for event in plain.events if event.kind == "progress"][-1]
    assert last["done"] == last["total"] == plain.total


def test_order_of_records_and_their_names_change_nothing(plain, tmp_path):
    def renamed(records):
        return [Record("other/" + r.id, *(getattr(r, n) for n in Record.__slots__[1:])) for r in reversed(records)]

    again = Trained(tmp_path, records=renamed)
    assert (again.epochs, again.log) == (plain.epochs, plain.log)


def test_the_seed_changes_everything(plain, tmp_path):
    assert Trained(tmp_path, settings(seed=7)).epochs[0] != plain.epochs[0]


def test_how_often_the_state_is_saved_changes_nothing(plain, tmp_path):
    assert Trained(tmp_path, settings(save_state_every=1)).epochs == plain.epochs


def test_interrupted_again_and_again(plain, tmp_path):
    class Enough(Exception):  # noqa: N818 - not an error
        pass

    def run():
        left = [4]

        def after(_row):
            left[0] -= 1
            if not left[0]:
                raise Enough

        return Trained(tmp_path, settings(save_state_every=1), after=after)

    again, attempts = None, 0
    while again is None:
        attempts += 1
        with contextlib.suppress(Enough):
            again = run()
    assert attempts > 5
    assert (again.epochs, again.log) == (plain.epochs, plain.log)


@pytest.mark.parametrize(
    "words",
    [
        {"optimizer": ADAMW, "accumulation": 2, "caption_dropout": 0.3, "min_snr_gamma": 5},
        {"optimizer": PRODIGY, "schedule": {"type": "cosine", "warmup": 4}},
        {"optimizer": ADAMW, "precision": "bf16"},
    ],
    ids=["adamw", "prodigy", "bf16"],
)
def test_killed_and_resumed_gives_the_same_bytes(words, tmp_path):
    straight = Trained(tmp_path / "straight", settings(**words))
    dies_at = random.Random(json.dumps(words)).randrange(4, straight.total - 1)  # any step will do
    folder = tmp_path / "killed"
    folder.mkdir()
    program = [sys.executable, Path(__file__).with_name("tiny_training.py"), folder, str(dies_at), json.dumps(words)]
    room = {**os.environ, "PYTHONPATH": str(Path(lorabuild.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    died = subprocess.run(program, env=room, check=False, capture_output=True, timeout=300)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    resumed = Trained(folder, settings(**words))
    assert dies_at - 3 <= resumed.resumed_at <= dies_at
    assert (resumed.epochs, resumed.log) == (straight.epochs, straight.log)


def test_a_damaged_state_costs_time_and_nothing_else(plain, tmp_path):
    done = Trained(tmp_path)
    newest = max(tmp_path.glob("state-*"))
    newest.write_bytes(newest.read_bytes()[:-5])
    again = Trained(tmp_path)
    assert again.resumed_at < done.total
    assert again.epochs == plain.epochs


def test_accumulated_batches_equal_one_large_one(tmp_path):
    large = Trained(tmp_path / "large", settings(batch=3), epochs=1, priors=0, images=2)
    small = Trained(tmp_path / "small", settings(batch=1, accumulation=3), epochs=1, priors=0, images=2)
    assert small.total == large.total == 1
    for one, other in zip(_tensors(small), _tensors(large), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    assert small.state.rows[0].grad_norm == pytest.approx(large.state.rows[0].grad_norm, rel=1e-5)


def test_a_short_window_at_the_end_of_an_epoch_steps_too(tmp_path):
    trained = Trained(tmp_path, settings(batch=1, accumulation=2), epochs=2, priors=0, images=2)  # 3 looks an epoch
    assert [row.epoch for row in trained.state.rows] == [1, 1, 2, 2]


def _tensors(trained):
    return [tensor for _, tensor in sorted(load(trained.epochs[-1]).items())]


def test_prior_weight_scales_the_loss_of_prior_pictures(tmp_path):
    full = Trained(tmp_path / "full", settings(batch=1), epochs=1, prior_weight=1.0)
    less = Trained(tmp_path / "less", settings(batch=1), epochs=1, prior_weight=0.5)
    first = full.state.rows[0].loss / less.state.rows[0].loss
    priors = [looks[0].record.prior for window in full.course.windows(0) for looks in window]
    assert first == (2 if priors[0] else 1)


@pytest.mark.parametrize(("train", "parts"), [("unet", ("unet",)), ("text_encoder", ("text_encoder",))])
def test_one_part_alone(train, parts, tmp_path):
    trained = Trained(tmp_path, settings(train=train), epochs=1, parts=parts, frozen=train == "unet")
    assert {name.split("_")[1] for name in load(trained.epochs[0])} == {parts[0].split("_")[0]}
    rates = trained.state.rows[0].lr, trained.state.rows[0].lr_text_encoder
    assert rates == ((0.01, 0) if train == "unet" else (0, 0.01))


def test_gradients_are_clipped_but_logged_whole(tmp_path):
    free = Trained(tmp_path / "free", settings(max_grad_norm=0, optimizer=PRODIGY), epochs=1)
    tight = Trained(tmp_path / "tight", settings(max_grad_norm=1e-3, optimizer=PRODIGY), epochs=1)
    assert free.state.rows[0].grad_norm == pytest.approx(tight.state.rows[0].grad_norm)
    assert free.epochs != tight.epochs


def test_a_loss_that_is_no_number_names_its_images(tmp_path):
    with pytest.raises(StageError, match=r"folder/3\.png") as caught:
        Trained(tmp_path, settings(), twisted=3)
    assert "folder/1.png" not in caught.value.what
    assert "lr" in caught.value.next_step


def test_many_names_are_cut():
    assert _listed(["a", "b"]) == "a, b"
    assert _listed([str(n) for n in range(10)]) == "0, 1, 2, 3, 4, 5, 6, 7 and 2 more"


def test_what_was_good_stays_when_the_loss_explodes(tmp_path):
    once = Trained(tmp_path, epochs=1)
    with pytest.raises(StageError, match="the 1 finished epochs stay in"):
        Trained(tmp_path, settings(optimizer={"type": "adamw", "lr": 1e38}), epochs=3)
    assert State.open(tmp_path).checkpoint("epoch-0001") == once.epochs[0]
