"""Stores for the tests of sweeping and proving: results with outputs of any size, and ages that can be set."""

import os
import time

from lorabuild.core.digest import digest
from lorabuild.core.item import Result
from lorabuild.core.store import Store

DAY = 86400.0
LARGE = 20_000  # bytes: a file of its own


def key(name):
    return digest(f"key {name}".encode())


def raw(name):
    """A key or a digest as the database has it."""
    return bytes.fromhex(name[3:])


def content(name, *, large):
    return f"content {name}".encode() * (LARGE // 8 if large else 1)


def put(store, name, outputs, stage="tag"):
    """A result; ``outputs``: names of its outputs → whether each is large."""
    made = {output: store.write(content(output, large=large)) for output, large in outputs.items()}
    store.commit([Result(key(name), stage, made, parts={"name": name})])
    return made


def age(store, seconds=2 * DAY, *, results=None, files=None):
    """Make results (by name) and files (by digest) as old as that; all of them by default."""
    then = time.time() - seconds
    with store.database.transaction() as link:
        if results is None:
            link.execute("UPDATE results SET made = ?", [int(then)])
        for name in results or ():
            link.execute("UPDATE results SET made = ? WHERE key = ?", [int(then), raw(key(name))])
    if files is None:
        files = ["b3:" + path.parent.name + path.name for path in (store.folder / "blobs").glob("*/*")]
    for name in files:
        os.utime(store.blobs.path(name), (then, then))


def opened(folder):
    return Store(folder / ".lorabuild")
