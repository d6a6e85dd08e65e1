"""What a trigger word says to a base that was never trained on it: its tokens, and the words among them that it knows.

CLIP reads underscores and hyphens as breaks between words, so ``bulma_dbz`` is ``bulma dbz``: what stands there as a
word of its own, or ends a longer one, has a meaning before the first step.
"""

from __future__ import annotations

import re
from functools import cached_property
from itertools import count as count_up
from itertools import islice, product
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.captions.tokens import counting, tokenizer
from lorabuild.core.counted import count, counts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

END = "</w>"
WHOLE, PIECE = 3, 4  # letters from which a token says something: as a whole word, and as the end of a longer one
VOWELS, CONSONANTS, COMMON = "aeiouy", "bcdfghjklmnpqrstvwxz", "bdfgklmnprstvz"
SHORTEST, LONGEST = 4, 10  # letters of a word that is proposed
SEEN = ("woman", "girl", "dog", "cat", "forest", "beach", "night", "grass", "red", "hat")
_LETTERS = re.compile(r"[^\W\d_]+")


class Reading(NamedTuple):
    """What a base reads: its tokens, those of the tokenizer that cuts the most; known words in order, each once."""

    tokens: tuple[str, ...]
    known: tuple[str, ...]


class Lexicon:
    """The tokenizers of a base, one or two, for words that stand alone.

    Attributes:
        count: a question for the tokens of a text, see ``tokens.counter``.
    """

    def __init__(self, tokenizers: Sequence[Any]) -> None:
        self._tokenizers = tokenizers
        self.count = counting(tokenizers)

    def read(self, word: str) -> Reading:
        """The tokens of a word, and the known words in it: from 3 letters as a whole, from 4 where a word ends so."""
        parts = spaced(word).split()
        cut = [[self._tokens(tokenizer, part) for part in parts] for tokenizer in self._tokenizers]
        tokens = max(([token for part in found for token in part] for found in cut), key=len)
        known = (word for found in cut for part in found if (word := _known(part)))
        return Reading(tuple(token.removesuffix(END) for token in tokens), tuple(dict.fromkeys(known)))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Every whole word of the first vocabulary from 3 letters, the commonest first."""
        vocabulary = self._tokenizers[0].get_vocab()
        whole = (token for token in vocabulary if token.endswith(END))
        return tuple(word for token in sorted(whole, key=vocabulary.__getitem__) if (word := _known([token])))

    @staticmethod
    def _tokens(tokenizer: Any, part: str) -> list[str]:
        return list(tokenizer.encode(part, add_special_tokens=False).tokens)


def spaced(word: str) -> str:
    """A word as the text encoder reads it."""
    return re.sub(r"[\s_-]+", " ", word).strip().lower()


def within(word: str, tag: str) -> bool:
    """Whether a tag is the word, or has it in it as words of its own: ``zorbl`` is in ``zorbl_plush``."""
    return f" {spaced(word)} " in f" {spaced(tag)} "


def opened(folders: Iterable[Sequence[Path]]) -> Lexicon:
    """The lexicon of tokenizers, each told by its files. Raises ``ProjectError`` where one can't be read."""
    return Lexicon([tokenizer(files) for files in folders])


def free(lexicon: Lexicon, word: str, taken: Collection[str], most: int = 5) -> list[str]:
    """Free words: the asked one where it is free, else its neighbours, those of the fewest tokens first.

    Args:
        lexicon: of the base.
        word: what was asked for; of several words in it those that the base doesn't know are varied.
        taken: tags and triggers; no word is one of them or stands in one as a word of its own.
        most: how many neighbours are told.
    """
    if _is_free(lexicon, word, taken):
        return [word]
    stem = _stem(lexicon, word)
    near = dict.fromkeys([stem, *_near(stem)])
    found = _free_ones(lexicon, near, taken)
    if len(found) < most:
        found += _free_ones(lexicon, dict.fromkeys(other for one in near for other in _near(one)), taken)
    ranks = {other: (other != stem, len(lexicon.read(other).tokens), count("free word", other)) for other in found}
    return sorted(ranks, key=ranks.__getitem__)[:most]


def answer(distance: float, nonsense: float, plain: float) -> float:
    """How much a base answers a word: 0 as little as nonsense, 1 as much as a plain word; 0 where these don't differ.

    (d(word) - d(nonsense)) / (d(plain) - d(nonsense)), never below 0; the distances are those of ``models.probe``.
    """
    return max(0.0, (distance - nonsense) / (plain - nonsense)) if plain > nonsense else 0.0


def nonsense(lexicon: Lexicon, number: int = 6) -> tuple[str, ...]:
    """Words that nobody says, for comparison: spoken like words, and nothing in them is known."""
    made = (_spoken(turn) for turn in count_up())
    return tuple(islice((word for word in made if not lexicon.read(word).known), number))


def plain(lexicon: Lexicon, number: int = 4) -> tuple[str, ...]:
    """Words that the base surely knows, for comparison: of things one sees, else the commonest long ones."""
    known = frozenset(lexicon.words)
    long = (word for word in lexicon.words if len(word) > PIECE)
    return tuple(islice(dict.fromkeys([*(word for word in SEEN if word in known), *long]), number))


def _spoken(turn: int) -> str:
    """A made-up word of five letters."""
    drawn = zip((COMMON, VOWELS[:5]) * 3, counts(5, "nonsense", turn), strict=False)
    return "".join(kind[number % len(kind)] for kind, number in drawn)


def _stem(lexicon: Lexicon, word: str) -> str:
    """The letters of a word that are varied: its unknown parts, else its first one."""
    parts = _LETTERS.findall(spaced(word)) or ["zorbl"]
    return "".join([part for part in parts if not lexicon.read(part).known] or parts[:1])[:LONGEST]


def _free_ones(lexicon: Lexicon, words: Iterable[str], taken: Collection[str]) -> list[str]:
    return [word for word in words if len(word) >= SHORTEST and _is_free(lexicon, word, taken)]


def _is_free(lexicon: Lexicon, word: str, taken: Collection[str]) -> bool:
    return not lexicon.read(word).known and not any(within(word, tag) for tag in taken)


def _near(word: str) -> Iterator[str]:
    """Words that are one letter away and can be spoken likewise: a vowel for a vowel, a consonant for a consonant."""
    for place, letter in enumerate(word):
        kind = VOWELS if letter in VOWELS else CONSONANTS
        yield from (word[:place] + other + word[place + 1 :] for other in kind if other != letter)
    yield from (word[:place] + other + word[place:] for place, other in product(range(1, len(word)), "xz"))


def _known(tokens: Sequence[str]) -> str:
    """The word at the end of a part's tokens that says something; empty where there is none."""
    word = tokens[-1].removesuffix(END) if tokens and tokens[-1].endswith(END) else ""
    return word if word.isalpha() and len(word) >= (WHOLE if len(tokens) == 1 else PIECE) else ""
