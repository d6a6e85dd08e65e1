"""How many tokens a caption has for the base model's text encoders; nothing heavy is loaded for it."""

from __future__ import annotations

import json
from bisect import bisect_right
from functools import cache
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

_UNKNOWN = "<|endoftext|>"
_WORDS = r"""<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
"""What CLIP takes for a word (Radford et al. 2021, its ``simple_tokenizer.py``)."""


def counter(vocabularies: Iterable[Sequence[Path]]) -> Callable[[str], int]:
    """A question for a text: its tokens without begin and end, the most that any of these CLIP tokenizers makes.

    ``vocabularies`` holds the files of each tokenizer. Raises ``ProjectError`` for files that hold none.
    """
    return counting([tokenizer(files) for files in vocabularies])


def counting(made: Sequence[Any]) -> Callable[[str], int]:
    """The same of tokenizers that are open.

    No token reaches over a blank, so the tokens of a text are those of its words, and each word is counted once.
    """
    counts = [cache(lambda word, one=one: len(one.encode(word, add_special_tokens=False).ids)) for one in made]
    return lambda text: max(sum(map(count, text.split())) for count in counts)


def fitting(sizes: Callable[[int], int], number: int, most: int) -> int:
    """How many of so many pieces fit: the most, up to ``number``, with ``sizes(n) <= most``; none if none do."""
    return max(0, bisect_right(range(number + 1), most, key=sizes) - 1)


def tokenizer(files: Sequence[Path]) -> Any:
    """CLIP's tokenizer from ``tokenizer.json``, or from ``vocab.json`` with ``merges.txt``."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    named = {path.name: path for path in files}
    try:
        vocabulary, merges = _held(named)
        model = models.BPE(vocabulary, merges, end_of_word_suffix="</w>", unk_token=_UNKNOWN)
    except Exception as error:  # the tokenizers library raises nothing more special
        where = next(iter(named.values())).parent if named else "base.model"
        raise ProjectError(f"the tokenizer in {where} can't be read: {error}", where="base.model") from error
    made = Tokenizer(model)
    made.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    split = pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True)
    made.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return made


def _held(named: dict[str, Path]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges."""
    if "tokenizer.json" in named:
        model = json.loads(named["tokenizer.json"].read_text("utf-8"))["model"]
        pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
        return model["vocab"], [(first, second) for first, second in pairs]
    lines = named["merges.txt"].read_text("utf-8").splitlines()
    pairs = [line.split(" ") for line in lines if line and not line.startswith("#version")]
    return json.loads(named["vocab.json"].read_text("utf-8")), [(first, second) for first, second in pairs]
