import json

import torch
from tiny_training import TinyAdapter, TinyModel, Trained, blobs_and_records, settings

from lorabuild.training.device import open_device
from lorabuild.training.feed import Feed
from lorabuild.training.moving import Moving
from lorabuild.training.objective import Denoising
from lorabuild.training.shelf import Shelf
from lorabuild.training.validation import Calm, Fixed, validation

HELD = (0, 2, 5)


def test_each_epoch_is_measured_and_logged(tmp_path):
    trained = Trained(tmp_path, settings(validation={"timesteps": 3}), held=HELD)
    rows = [json.loads(line) for line in trained.log.splitlines()]
    ends = [row for row, after in zip(rows, [*rows[1:], {"epoch": 9}], strict=True) if row["epoch"] != after["epoch"]]
    assert [row["epoch"] for row in rows if "validation" in row] == [row["epoch"] for row in ends] == [1, 2, 3]
    assert next(note for note in trained.notes if "validation" in note).startswith("epoch 1: validation loss ")
    assert not {f"folder/{number}.png" for number in HELD} & {record.id for record in trained.course.records}


def test_at_the_end_only(tmp_path):
    trained = Trained(tmp_path, settings(validation={"every": "end"}), held=HELD)
    assert [row.step for row in trained.state.rows if row.validation == row.validation] == [trained.total]


def test_measuring_changes_nothing_of_the_training(tmp_path):
    checked = Trained(tmp_path / "a", settings(validation={}, optimizer={"type": "adamw_schedule_free"}), held=HELD)
    plain = Trained(tmp_path / "b", settings(optimizer={"type": "adamw_schedule_free"}), held=HELD)
    assert checked.epochs == plain.epochs


def made(batch=2, **words):
    blobs, records, empty = blobs_and_records()
    training = settings(validation={"timesteps": 4}, batch=batch, **words)
    feed = Feed(Shelf(blobs.__getitem__), empty, training, 1.0, frozen_text=False, chunks=2)
    model, device = TinyModel(), open_device(torch.device("cpu"), "fp32")
    adapter = TinyAdapter(model)
    held = [records[number] for number in HELD]
    return validation(held, Denoising(model, feed, device, adapter)), Moving(training, adapter), held


def test_neither_step_nor_batch_nor_order_nor_dropout_changes_it():
    measure, moving, held = made()
    loss = measure.loss(moving, 0)
    assert measure.loss(moving, 77) == loss
    held.reverse()
    assert measure.loss(moving, 0) == loss
    for words in ({"batch": 5}, {"caption_dropout": 0.9}, {"caption_dropout_every": 1}):
        other, same, _ = made(**words)
        assert abs(other.loss(same, 3) - loss) < 1e-6


def test_timesteps_are_spread_over_those_that_are_trained():
    measure, *_ = made()
    looks = [look for batch in measure.batches() for look in batch]
    assert len(looks) == 4 * len(HELD)
    feed = measure.objective.feed
    assert isinstance(feed, Fixed)
    assert sorted({*feed.timesteps(looks, 1000).tolist()}) == [125, 375, 625, 875]
    narrow = made(timesteps={"type": "uniform", "min": 100, "max": 500})[0]
    assert sorted({*narrow.objective.feed.timesteps(looks, 1000).tolist()}) == [150, 250, 350, 450]


def test_it_leaves_no_gradient_and_takes_no_chance():
    measure, moving, _ = made()
    measure.loss(moving, 0)
    assert all(parameter.grad is None for parameter in moving.parameters)
    moving.adapter.begin((1,))
    Calm(moving.adapter).begin((1,))
    assert moving.adapter.seeds is None


def test_none_is_made_where_none_is_asked_for():
    blobs, records, empty = blobs_and_records()
    feed = Feed(Shelf(blobs.__getitem__), empty, settings(), 1.0, frozen_text=False, chunks=2)
    model = TinyModel()
    assert validation(records, Denoising(model, feed, None, TinyAdapter(model))) is None
