"""Objects far away, through fsspec: S3, Google, Azure, sftp, and what else it has a package for.

No call waits for ever: it has ``PATIENCE`` seconds and a little more for every megabyte that it carries.
"""

from __future__ import annotations

import errno
import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from lorabuild.core.errors import StoreError
from lorabuild.core.objects import FolderObjects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lorabuild.core.objects import Objects, Span

PATIENCE, PACE = 20.0, 250_000  # seconds for any call; and bytes a second, below which a line counts as dead
_PATIENT = {"config_kwargs": {"connect_timeout": 5, "read_timeout": 15, "retries": {"total_max_attempts": 2}}}
_OPTIONS: dict[str, dict[str, Any]] = {"s3": _PATIENT, "s3a": _PATIENT}
_T = TypeVar("_T")


def objects_at(url: str) -> Objects:
    """The objects at an address. A folder needs no fsspec. Raises what the libraries raise, ImportError too."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return FarObjects(url)
    path = unquote(parts.path)
    if parts.netloc not in ("", "localhost"):
        raise StoreError("a folder's address has three slashes", next_step=f"write file:///{parts.netloc}{path}")
    return FolderObjects(Path(path[1:] if re.match("/[A-Za-z]:", path) else path))


def without_password(url: str) -> str:
    """An address fit to be printed."""
    return re.sub(r"//[^/@]*@", "//", url)


def plainly(error: BaseException) -> str:
    """Why a place does not serve us, in a person's words; the libraries have many names for the same thing."""
    names = " ".join(kind.__name__ for kind in type(error).__mro__)
    if isinstance(error, ImportError):
        return f"needs the Python package {error.name or error}: pip install 'lorabuild[remote]'"
    if isinstance(error, StoreError):
        return f"does not serve: {error.what}"
    if "Timeout" in names:
        return "does not answer (timeout)"
    if isinstance(error, PermissionError) or "Credentials" in names:
        return "refuses access (403, or no credentials)"
    if isinstance(error, ConnectionError) or "Connection" in names:
        return "can't be reached (no connection)"
    text = " ".join(str(error).split())
    return f"does not serve: {type(error).__name__}{': ' if text else ''}{text[:200]}"


class FarObjects:
    """Objects behind an address of fsspec's. Spans are asked for at once where the file system is able to."""

    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs

        options = _OPTIONS.get(urlsplit(url).scheme, {})
        # what is listed may have changed since; no instance is kept that a fault has spoilt
        self.fs, root = url_to_fs(url, use_listings_cache=False, skip_instance_cache=True, **options)
        self.root = root.rstrip("/")

    def names(self, prefix: str) -> Mapping[str, int]:
        """Name → size of the objects in a folder of the place: one request a thousand."""
        found = _within(0, lambda: self.fs.find(self._path(prefix), detail=True))
        return {path.removeprefix(f"{self.root}/"): int(entry["size"]) for path, entry in found.items()}

    def read(self, spans: Sequence[Span]) -> list[bytes | None]:
        """The bytes of each span: one request each."""
        asked = [self._path(span.name) for span in spans], [span.start for span in spans], [span.end for span in spans]
        read = _within(sum(span.size for span in spans), lambda: self.fs.cat_ranges(*asked, on_error="return"))
        return [_piece(piece) for piece in read]

    def size(self, name: str) -> int | None:
        """How large an object is."""
        with suppress(FileNotFoundError):
            return int(_within(0, lambda: self.fs.info(self._path(name)))["size"])
        return None

    def write(self, name: str, data: bytes, *, replace: bool = False) -> None:
        """Make an object; two writers of one name bring the same bytes, so it is no matter who was first."""
        path, mode = self._path(name), "overwrite" if replace else "create"
        with suppress(FileExistsError):
            _within(len(data), lambda: self.fs.pipe_file(path, data, mode=mode))

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"


def _piece(read: bytes | BaseException) -> bytes | None:
    """What was read; None where there is nothing to be read, also because an object is shorter than it should be."""
    if not isinstance(read, BaseException):
        return bytes(read)
    if isinstance(read, FileNotFoundError) or getattr(read, "errno", None) == errno.EINVAL:
        return None
    raise read


def _within(size: int, work: Callable[[], _T]) -> _T:
    """Do some work that carries so many bytes. Raises TimeoutError when it takes too long; it is then left behind."""
    done: list[_T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001 – raised again where it was asked for
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE + size / PACE)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError
    return done[0]
