"""Working on several pictures at once in threads (decoders let go of the interpreter), answers in the order asked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from lorabuild.core.ahead import ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MOST_THREADS = 4  # each may hold a large picture

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


def in_order(
    work: Callable[[Asked], Answer], asked: Iterable[Asked], threads: int | None = None, batch: int = 1
) -> Iterator[tuple[Asked, Answer]]:
    """Each thing asked with its answer; an error stops what has not begun.

    At most two per thread are under way, and where the caller takes a ``batch`` of them at a time, one batch more.
    """
    threads = threads or min(os.cpu_count() or 1, MOST_THREADS)
    yield from ahead(work, asked, 2 * threads - 2 + batch, threads)
