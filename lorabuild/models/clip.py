"""CLIP's words and layers: texts cut into chunks of 75 tokens, each read by itself, hidden states joined again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

LENGTH = 77  # tokens of a chunk, begin and end included
WORDS = LENGTH - 2


def ids(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text without begin, end and padding, not cut."""
    return [list(row) for row in tokenizer(list(texts), add_special_tokens=False, verbose=False).input_ids]


def chunks(rows: Sequence[Sequence[int]], most: int) -> int:
    """Chunks that the longest row fills, at least one, at most ``most``."""
    return max(1, min(most, -(-max(map(len, rows)) // WORDS)))


def tokens(tokenizer: Any, rows: Sequence[Sequence[int]], number: int) -> Tensor:
    """Int64 [B, number·77]: every chunk begins and ends by itself, padded behind its end."""
    begin, end, pad = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id
    made = []
    for row in rows:
        whole: list[int] = []
        for start in range(0, number * WORDS, WORDS):
            held = row[start : start + WORDS]
            whole += [begin, *held, end, *[pad] * (WORDS - len(held))]
        made.append(whole)
    return torch.tensor(made, dtype=torch.int64)


def read(encoder: nn.Module, tokens: Tensor, skip: int) -> tuple[Tensor, Any]:
    """The output [B·N, 77, D] of the ``skip``-th layer from the end for ids [B, N·77], not normed; the whole answer."""
    answer = cast("Any", encoder)(input_ids=tokens.reshape(-1, LENGTH), output_hidden_states=True)
    layers = len(answer.hidden_states) - 1  # the first are the embeddings
    if skip > layers:
        what = f"clip_skip {skip} is more than the text encoder's {layers} layers"
        raise ProjectError(what, where="base.clip_skip", next_step="write `clip_skip: 1`, or 2 for anime bases")
    return answer.hidden_states[-skip], answer


def joined(hidden: Tensor, rows: int) -> Tensor:
    """[B, 75·N + 2, D] of chunks [B·N, 77, D]; inner begin and end tokens are left out."""
    parts = hidden.view(rows, -1, LENGTH, hidden.shape[-1])
    return torch.cat([parts[:, 0, :1], parts[:, :, 1:-1].flatten(1, 2), parts[:, -1, -1:]], dim=1)
