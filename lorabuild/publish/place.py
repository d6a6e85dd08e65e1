"""Places that a LoRA is published to: a repository of the Hugging Face hub, a folder, an address of fsspec's."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from lorabuild.core.errors import LorabuildError, ProjectError
from lorabuild.core.objects import Span
from lorabuild.core.remote import plainly

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lorabuild.core.objects import Objects

SAME, OTHER, NEW = "same", "other", "new"


class Place(Protocol):
    """A place that takes files. Raises ``LorabuildError`` where it can't be reached, or refuses."""

    def compare(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Name → ``same``, ``other`` (a different file lies there) or ``new``."""
        ...

    def upload(self, files: Mapping[str, bytes]) -> str:
        """Bring the files there, in place of what lies there; where they are found now."""
        ...


@dataclass(frozen=True, slots=True)
class Store:
    """A folder, or what fsspec reaches: files are written one after another, the sums last."""

    name: str
    objects: Objects

    def compare(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Read those of the same size that lie there."""
        with answering(self.name):
            return {name: self._state(name, data) for name, data in files.items()}

    def upload(self, files: Mapping[str, bytes]) -> str:
        """Write each file whole."""
        with answering(self.name):
            for name in sorted(files, key=lambda name: (name.endswith("SHA256SUMS"), name)):
                self.objects.write(name, files[name], replace=True)
        return self.name

    def _state(self, name: str, data: bytes) -> str:
        size = self.objects.size(name)
        if size is None:
            return NEW
        return SAME if size == len(data) and self.objects.read([Span(name, 0, size)]) == [data] else OTHER


@dataclass(frozen=True, slots=True)
class Repository:
    """A model of the hub: one commit for all files. The token is the one that ``hf auth login`` keeps.

    ``private``: whether it is closed to others, where it is made now.
    """

    repo: str
    private: bool = False

    def compare(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Ask for what the repository holds; where there is none, all is new."""
        from huggingface_hub import HfApi
        from huggingface_hub.errors import RepositoryNotFoundError

        with answering(f"hub:{self.repo}"):
            try:
                known = {one.path: one for one in HfApi().list_repo_tree(self.repo, recursive=True)}
            except RepositoryNotFoundError:
                known = {}
        return {name: _state(known.get(name), data) for name, data in files.items()}

    def upload(self, files: Mapping[str, bytes]) -> str:
        """Make the repository where there is none, and commit."""
        from huggingface_hub import CommitOperationAdd, HfApi, get_token

        if not get_token():
            what = f"hub:{self.repo} takes nothing from somebody without a token"
            raise ProjectError(
                what, next_step="`hf auth login` keeps one, or set HF_TOKEN; it must be allowed to write"
            )
        hub = HfApi()
        with answering(f"hub:{self.repo}"):
            hub.create_repo(self.repo, private=self.private or None, exist_ok=True)
            adds = [CommitOperationAdd(name, data) for name, data in files.items()]
            return str(hub.create_commit(self.repo, adds, commit_message="Upload with lorabuild").commit_url)


def _state(there: Any, data: bytes) -> str:
    """What git, or its store of large files, says of a file there."""
    if there is None:
        return NEW
    if lfs := getattr(there, "lfs", None):
        return SAME if lfs.sha256 == hashlib.sha256(data).hexdigest() else OTHER
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    return SAME if getattr(there, "blob_id", None) == blob else OTHER


@contextmanager
def answering(name: str) -> Iterator[None]:
    """What goes wrong at a place, in a person's words."""
    try:
        yield
    except LorabuildError:
        raise
    except Exception as error:  # every library has its own, and wraps those of others
        chain = [error]
        while (cause := chain[-1].__cause__) and isinstance(cause, Exception):
            chain.append(cause)
        status = next((code for one in chain if (code := _status(one))), 0)
        if status in (401, 403):
            what, step = f"{name} refuses: you may not write there ({status})", "`hf auth whoami` says who you are"
        else:
            what, step = f"{name} {plainly(chain[-1])}", "nothing is lost: run the same command again"
        raise LorabuildError(what, next_step=step) from error


def _status(error: Exception) -> int | None:
    """What a server answered."""
    return getattr(getattr(error, "response", None), "status_code", None)
