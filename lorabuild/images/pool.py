"""Working on several pictures at once in threads (decoders let go of the interpreter), answers in the order asked."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

MOST_THREADS = 4  # each may hold a large picture

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


def in_order(
    work: Callable[[Asked], Answer], asked: Iterable[Asked], threads: int | None = None
) -> Iterator[tuple[Asked, Answer]]:
    """Each thing asked with its answer. At most two per thread are under way; an error stops what has not begun."""
    threads = threads or min(os.cpu_count() or 1, MOST_THREADS)
    waiting: deque[tuple[Asked, Future[Answer]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="pictures")
    try:
        for one in asked:
            waiting.append((one, pool.submit(work, one)))
            if len(waiting) >= 2 * threads:
                first, answer = waiting.popleft()
                yield first, answer.result()
        while waiting:
            first, answer = waiting.popleft()
            yield first, answer.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
