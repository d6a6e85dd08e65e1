"""A CLIP tokenizer of our own: known words are one token each, any other word falls into letters."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import TYPE_CHECKING

from .words import KNOWN_TAGS

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
LENGTH = 77


def byte_letters() -> list[str]:
    """The 256 printable stand-ins for bytes that GPT-2 and CLIP use: printable Latin-1 as is, the rest from U+0100."""
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)}
    spare = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(spare)) for byte in range(256)]


def learn_merges(words: list[str]) -> list[tuple[str, str]]:
    """Byte-pair merges, most frequent pair first (ties by spelling), until each word is one token."""
    pieces = [[*word[:-1], word[-1] + WORD_END] for word in words]
    merges: list[tuple[str, str]] = []
    while any(len(piece) > 1 for piece in pieces):
        pairs = Counter(pair for piece in pieces for pair in itertools.pairwise(piece))
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        pieces = [_merge(piece, best) for piece in pieces]
    return merges


def _merge(piece: list[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    for part in piece:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return merged


def make_tokenizer() -> CLIPTokenizer:
    """The tokenizer of the base; about 600 tokens."""
    from transformers import CLIPTokenizer

    words = sorted({word for tag in KNOWN_TAGS for word in re.findall(r"[a-z]+", tag)})
    merges = learn_merges(words)
    letters = byte_letters()
    entries = [*letters, *(letter + WORD_END for letter in letters), *("".join(pair) for pair in merges), START, END]
    vocab = {entry: index for index, entry in enumerate(dict.fromkeys(entries))}
    tokenizer = CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=LENGTH, pad_token=END)
    if len(tokenizer) != len(vocab):
        raise RuntimeError(f"the tokenizer has {len(tokenizer)} tokens, not the {len(vocab)} it was given")
    return tokenizer


def encode(tokenizer: CLIPTokenizer, captions: list[str]) -> list[list[int]]:
    """Token numbers, always `LENGTH` per caption."""
    found: list[list[int]] = tokenizer(captions, padding="max_length", max_length=LENGTH, truncation=True)["input_ids"]
    return found
