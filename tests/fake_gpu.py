"""A device that isn't there: its tensors say ``meta``, hold numbers, and compute on the CPU.

As with a GPU, tensors of both can't be mixed: whatever was left behind on the CPU is an error here, as it would be
there. What a GPU takes from the CPU is taken: numbers without dimensions, places to look at, copies.
"""

import sys
from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import TorchDispatchMode

THERE = torch.device("meta")
CPU = torch.device("cpu")
COPIES = {"_to_copy", "copy_"}
LOOKS = {"index", "index_put_", "_index_put_impl_"}


class There(torch.Tensor):
    """A tensor on that device."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held):
        kinds = {"strides": held.stride(), "storage_offset": held.storage_offset(), "dtype": held.dtype}
        assert held.dtype != torch.float64, "an Apple GPU has no double precision"
        made = torch.Tensor._make_wrapper_subclass(cls, held.size(), device=THERE, **kinds)
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return computed(func, args, kwargs or {})

    def tolist(self):
        return self.held.tolist()


class Chance(torch.Generator):
    """A generator on that device; from any other one it gives the same."""

    def __new__(cls, _device=CPU):
        return super().__new__(cls, CPU)


class MixedError(Exception):
    """Tensors of both devices in one operation."""


def computed(func, args, kwargs):
    """What an operation gives, where its tensors are."""
    there, here = {}, []
    held = [_held(one, there, here) for one in args]
    words = {name: _held(one, there, here) for name, one in kwargs.items()}
    name, wanted = func.overloadpacket.__name__, kwargs.get("device")
    if there and here and name not in COPIES and not (name in LOOKS and isinstance(args[0], There)):
        raise MixedError(f"{func}: {here} stayed behind")
    on = bool(there) if wanted is None else wanted == THERE
    result = func(*held, **(words if wanted is None else words | {"device": CPU}))
    return _shown(result, there if func._schema.is_mutable else {}, on=on)


def _held(value, there, here):
    """A value as the CPU takes it; what it holds is noted down."""
    if isinstance(value, There):
        there[id(value.held)] = value
        return value.held
    if isinstance(value, torch.Tensor) and value.dim():
        here.append(tuple(value.shape))
    if isinstance(value, list | tuple):
        return [_held(one, there, here) for one in value]
    return value


def _shown(value, owners, *, on):
    """A result as tensors of the device; what was changed in place is what it was."""
    if isinstance(value, torch.Tensor):
        if not on:
            return value
        owner = owners.get(id(value))
        return There(value) if owner is None else owner
    return type(value)(_shown(one, owners, on=on) for one in value) if isinstance(value, list | tuple) else value


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return computed(func, args, kwargs or {})


@contextmanager
def elsewhere(monkeypatch):
    """Inside, the device is there."""
    asked, tensor = torch.is_autocast_enabled, torch.tensor

    def made(*data, **words):
        if words.get("device") != THERE:
            return tensor(*data, **words)
        return tensor(*data, **words | {"device": CPU}).to(THERE)

    monkeypatch.setattr(torch, "is_autocast_enabled", lambda kind="cpu": kind != THERE.type and asked(kind))
    monkeypatch.setattr(torch, "tensor", made)
    monkeypatch.setattr(torch, "Generator", Chance)
    monkeypatch.setattr(sys.modules["torch.optim.adam"], "_device_dtype_check_for_fused", lambda *_: None)
    with _Mode():
        yield THERE
