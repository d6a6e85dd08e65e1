"""Work that is done ahead: threads prepare what is wanted next while the caller is busy with what came before."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

T = TypeVar("T")
P = TypeVar("P")

DEPTH = 2


def ahead(
    prepare: Callable[[T], P],
    wanted: Iterable[T],
    depth: int = DEPTH,
    threads: int = 1,
    begin: Callable[[], None] | None = None,
) -> Generator[tuple[T, P], None, None]:
    """Each thing that is wanted with what is prepared of it, in order; up to ``depth`` of them are done ahead.

    What ``prepare`` raises is raised where its turn comes. With ``depth`` 0 all is done here and now, without a thread;
    else each of the ``threads`` does ``begin`` first. Close it (``contextlib.closing``) where it isn't read to its end:
    what has not begun is left undone then.
    """
    if not depth:
        yield from ((one, prepare(one)) for one in wanted)
        return
    waiting: deque[tuple[T, Future[P]]] = deque()
    bench = ThreadPoolExecutor(threads, thread_name_prefix="ahead", initializer=begin)
    try:
        for one in wanted:
            waiting.append((one, bench.submit(prepare, one)))
            if len(waiting) > depth:
                first, made = waiting.popleft()
                yield first, made.result()
        while waiting:
            first, made = waiting.popleft()
            yield first, made.result()
    finally:
        bench.shutdown(wait=True, cancel_futures=True)
