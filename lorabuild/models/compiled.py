"""The blocks that repeat in a model, each compiled on its own (torch.compile): those of equal shapes share a graph.

No size is left open in a graph. Which one a batch meets then follows from its shape alone and not from the batches
before it, so a resumed run gives the same bits; the price is a graph for every shape of a block, a bucket and a batch.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from lorabuild.core.errors import StageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn

MOST = 1 << 16
"""Graphs of one kind of block; torch would stop at 8."""


def backend(*, deterministic: bool) -> dict[str, Any]:
    """Who compiles, as words of ``torch.compile``: kernels may be chosen by trying them only where bits may differ."""
    return {"backend": "inductor", "options": {"deterministic": deterministic}}


@contextmanager
def compiling(blocks: Sequence[nn.Module], *, deterministic: bool) -> Iterator[None]:
    """In here the blocks are compiled as they are first called, with what sits on their layers; afterwards as before.

    Raises ``StageError`` where this machine, or torch, can't.
    """
    if not blocks:
        yield
        return
    from torch._dynamo import config, exc, reset

    for block in blocks:
        block.compile(fullgraph=True, dynamic=False, recompile_limit=MOST, **backend(deterministic=deterministic))
    try:
        with config.patch(accumulated_recompile_limit=MOST):
            yield
    except exc.TorchDynamoException as error:
        why = " ".join(str(error).partition("\n\n")[0].split())
        raise StageError(
            f"torch {torch.__version__} can't compile this model here: {why}",
            where="training.compile",
            next_step="install a C++ compiler such as g++ (for a GPU triton, too), or leave `compile` out",
        ) from error
    finally:
        for block in blocks:
            block._compiled_call_impl = None  # noqa: SLF001 - torch has no public way back
        reset()
