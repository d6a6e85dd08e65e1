"""What an optimizer remembers, as tensors and JSON, and back again bit by bit. Nothing is pickled.

``load_state_dict`` won't do: it casts what stands in bfloat16 or uint8 to the type of the parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lorabuild.core.errors import StageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch.nn import Parameter
    from torch.optim import Optimizer

FROM_LORA_YAML = frozenset({"params", "lr", "initial_lr", "part", "scale", "stopped"})
PAGED = ("state1", "state2")


def optimizer_state(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimizer's memory: path → tensor on the CPU, and all else, with the tensors' paths, as JSON.

    Raises:
        StageError: it remembers something that neither can hold.
    """
    packer = _Packer(type(optimizer).__name__)
    numbers: dict[Any, int] = {parameter: index for index, parameter in enumerate(_parameters(optimizer))}
    owners = {numbers[owner] if owner in numbers else str(owner): known for owner, known in optimizer.state.items()}
    parameters = [[owner, packer.pack(known, f"{owner}")] for owner, known in owners.items()]
    groups = [
        {name: packer.pack(value, f"group-{index}/{name}") for name, value in _learned(group, optimizer.defaults)}
        for index, group in enumerate(optimizer.param_groups)
    ]
    return packer.tensors, {"parameters": parameters, "groups": groups}


def load_optimizer_state(optimizer: Optimizer, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """The inverse of ``optimizer_state`` on an optimizer that was built from the same settings."""
    parameters = list(_parameters(optimizer))
    for owner, packed in facts["parameters"]:
        known = parameters[owner] if isinstance(owner, int) else owner
        device = known.device if isinstance(known, Tensor) else torch.device("cpu")
        unpacker = _Unpacker(tensors, device)
        optimizer.state[known] = _paged(optimizer, known, unpacker.unpack(packed))
    for group, packed in zip(optimizer.param_groups, facts["groups"], strict=True):
        unpacker = _Unpacker(tensors, group["params"][0].device)
        group |= {name: unpacker.unpack(value) for name, value in packed.items()}


def _parameters(optimizer: Optimizer) -> Iterator[Parameter]:
    """All parameters, in an order that is the same whenever the same settings are built."""
    return (parameter for group in optimizer.param_groups for parameter in group["params"])


def _learned(group: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What training may have changed in a group (Prodigy's d): tensors, and what differs from the settings."""
    for name, value in group.items():
        if name not in FROM_LORA_YAML and (isinstance(value, Tensor) or _differs(value, settings.get(name, ...))):
            yield name, value


def _differs(value: Any, setting: Any) -> bool:
    return type(value) is not type(setting) or bool(value != setting)


class _Packer:
    """Takes values apart; tensors that are one and the same (bitsandbytes' code books) stay one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tensors: dict[str, Tensor] = {}
        self._paths: dict[int, str] = {}

    def pack(self, value: Any, path: str) -> Any:
        """JSON for a value: plain ones as they are, the others as ``{kind: content}``."""
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, Tensor):
            known = self._paths.setdefault(id(value), path)
            if known == path:
                self.tensors[path] = value.detach().cpu().contiguous()
            return {"tensor": known, "host": value.device.type == "cpu"}
        if isinstance(value, list | tuple):
            kind = "list" if isinstance(value, list) else "tuple"
            return {kind: [self.pack(entry, f"{path}/{index}") for index, entry in enumerate(value)]}
        if isinstance(value, dict) and all(isinstance(name, str | int) for name in value):
            return {"dict": [[name, self.pack(entry, f"{path}/{name}")] for name, entry in value.items()]}
        raise StageError(
            f"the optimizer {self.name} keeps a {type(value).__name__} (`{path}`), which can't be saved unpickled",
            where="lora.yaml training.optimizer",
            next_step="take an optimizer that keeps tensors and numbers only",
        )


class _Unpacker:
    """Puts values together again. What stood in the computer's memory while it trained stays there."""

    def __init__(self, tensors: Mapping[str, Tensor], device: torch.device) -> None:
        self.tensors, self.device = tensors, device

    def unpack(self, packed: Any) -> Any:
        """The inverse of ``_Packer.pack``."""
        if not isinstance(packed, dict):
            return packed
        if "tensor" in packed:
            tensor = self.tensors[packed["tensor"]]
            return tensor if packed["host"] else tensor.to(self.device)
        if "dict" in packed:
            return {name: self.unpack(entry) for name, entry in packed["dict"]}
        ((kind, entries),) = packed.items()
        return (list if kind == "list" else tuple)(self.unpack(entry) for entry in entries)


def _paged(optimizer: Any, parameter: Any, known: Any) -> Any:
    """Paged moments of bitsandbytes, in memory of the kind that it pages; everything else as it is."""
    if not getattr(optimizer, "is_paged", False):
        return known
    for name in PAGED:
        if name in known:
            known[name] = optimizer.get_state_buffer(parameter, dtype=known[name].dtype).copy_(known[name])
    return known
