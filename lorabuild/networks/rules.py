"""What each layer gets: whether an adapter at all, its rank and alpha, and how fast it learns."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from torch import nn

from lorabuild.schema.blocks import block_of, expanded, ids, size_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from lorabuild.schema.network import Network


PATTERNS = ("only", "without", "layer_dims", "layer_alphas", "layer_lrs", "on_input")


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of a network, read for the layers of one model.

    Attributes:
        settings: as they were written.
        blocks: word (``blocks``, ``block_dims``, …) → block → value.
    """

    settings: Network
    blocks: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(cls, settings: Network, layers: Collection[str]) -> Rules:
        """Read the words that speak of blocks. Raises ``ValueError`` for one that this U-Net has not."""
        size = size_of(layers)
        written = {word: getattr(settings, word) for word in vars(settings) if "block" in word}
        return cls(
            settings, {word: expanded(said, size, curves=word == "blocks") for word, said in written.items() if said}
        )

    def factor(self, name: str) -> float:
        """On the learning rate of a layer; 0 is no adapter."""
        settings = self.settings
        if settings.only and not _fits(name, settings.only):
            return 0.0
        if _fits(name, settings.without):
            return 0.0
        return self._by_block("blocks", name, 1.0) * _by_pattern(settings.layer_lrs, name, 1.0)

    def own(self, name: str, layer: nn.Module) -> Network | None:
        """The settings as they hold for one layer, its rank in ``dim`` and ``alpha``; None for no adapter."""
        if not self.factor(name):
            return None
        words: Any = self.settings
        if not hasattr(words, "dim"):
            return self.settings
        kernel = isinstance(layer, nn.Conv2d) and layer.kernel_size != (1, 1) and hasattr(words, "conv_dim")
        prefix = "conv_" if kernel else ""
        dim = self._of_layer(prefix, "dim", name)
        if not dim:
            return None
        update: dict[str, Any] = {"dim": int(dim)}
        if hasattr(words, "alpha"):
            alpha = self._of_layer(prefix, "alpha", name)
            update["alpha"] = alpha * dim**0.5 if getattr(words, "rs_lora", False) else alpha
        return self.settings.model_copy(update=update)

    def _of_layer(self, prefix: str, word: str, name: str) -> float:
        """``dim`` or ``alpha`` of a layer: of its pattern, else of its block, else of all."""
        usual = self._by_block(f"{prefix}block_{word}s", name, getattr(self.settings, prefix + word))
        return _by_pattern(getattr(self.settings, f"layer_{word}s", None), name, usual)

    def _by_block(self, word: str, name: str, usual: float) -> float:
        return self.blocks.get(word, {}).get(block_of(name) or "", usual)


WHOLE = 12
"""So many blocks at once are a list or a preset, which also names blocks that have no layer."""


def idle(settings: Network, layers: Collection[str]) -> Iterator[str]:
    """What was written about layers that are not there, a sentence each: patterns that fit none, blocks without any."""
    blocks = {block_of(layer) for layer in layers}
    for word, field in getattr(type(settings), "model_fields", {}).items():  # a lock's settings aren't anybody's words
        written = getattr(settings, word)
        if not written or written == field.get_default(call_default_factory=True):
            continue
        if "block" in word and len(written) < WHOLE:
            known = set(ids(size_of(layers))) - blocks
            yield from (f"network.{word}: no layer is in {name}" for name in written if name in known)
        elif word in PATTERNS:
            yield from (f"network.{word}: no layer fits `{one}`" for one in written if not any(_all(one, layers)))


def _all(pattern: str, layers: Collection[str]) -> Iterator[bool]:
    return (fnmatchcase(layer, pattern) for layer in layers)


def _fits(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _by_pattern(written: Mapping[str, float] | None, name: str, usual: float) -> float:
    """The value of the last pattern that fits."""
    fitting = [value for pattern, value in (written or {}).items() if fnmatchcase(name, pattern)]
    return fitting[-1] if fitting else usual
