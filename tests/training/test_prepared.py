import torch
from test_objective import EVERYTHING, denoising

from lorabuild.training.prepared import Prepared


def tensors(prepared):
    alone = (getattr(prepared, name) for name in Prepared.__slots__ if name not in ("told", "seeds"))
    return [*alone, *prepared.told.values()]


def test_everything_moves_and_nothing_else_changes():
    made, looks = denoising(**EVERYTHING)
    prepared = made.prepare(looks, 0)
    moved = prepared.to(torch.device("meta"))
    assert all(tensor.device.type == "meta" for tensor in tensors(moved))
    assert [tensor.shape for tensor in tensors(moved)] == [tensor.shape for tensor in tensors(prepared)]
    assert [*moved.told] == [*prepared.told]
    assert moved.seeds == prepared.seeds


def test_what_is_not_there_stays_away():
    made, looks = denoising()
    made.feed.shelf.tensors(looks[1].record.latents).pop("mask", None)
    moved = made.prepare(looks[1:2], 0).to(torch.device("cpu"))
    assert (moved.extra, moved.mask, moved.thresholds) == (None, None, None)


def test_everything_is_pinned(monkeypatch):
    made, looks = denoising(**EVERYTHING)
    pinned = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: pinned.append(tensor) or tensor)
    prepared = made.prepare(looks, 0)
    assert not pinned
    assert [*map(id, tensors(prepared.pinned()))] == [*map(id, pinned)] == [*map(id, tensors(prepared))]
