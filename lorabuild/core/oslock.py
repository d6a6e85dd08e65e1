"""A lock of the operating system on a file. It goes with its process, however that ends.

On POSIX systems this is ``flock``, as filelock uses it: to import filelock takes a tenth of what a build with one
changed image takes in all. Elsewhere it is filelock.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    from filelock import FileLock, Timeout

    class OSLock:
        """A lock on a file, which is made where there is none."""

        def __init__(self, path: Path) -> None:
            self.lock = FileLock(path, thread_local=False, poll_interval=0.1)

        def take(self, *, wait: bool) -> bool:
            """Take it; False when another has it and ``wait`` is false. Raises OSError."""
            try:
                self.lock.acquire(timeout=-1 if wait else 0)
            except Timeout:
                return False
            return True

        def free(self) -> None:
            """Let go of it."""
            self.lock.release()

else:
    import fcntl

    class OSLock:
        """A lock on a file, which is made where there is none."""

        def __init__(self, path: Path) -> None:
            self.path, self.opened = path, -1

        def take(self, *, wait: bool) -> bool:
            """Take it; False when another has it and ``wait`` is false. Raises OSError."""
            opened = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BaseException as error:
                os.close(opened)
                if isinstance(error, BlockingIOError):
                    return False
                raise
            self.opened = opened
            return True

        def free(self) -> None:
            """Let go of it."""
            os.close(self.opened)
            self.opened = -1
