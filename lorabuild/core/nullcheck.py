"""The null build's check: does everything still look as it did after the last clean build? Built-in modules only.

``core.nullindex`` writes the index after a clean build. It may send a build with nothing to do the long way; it must
never call a build done that is not. So whatever is unclear (no index, another version, an error) means "not the same".
"""

import _imp
import marshal
import sys

from lorabuild import __version__

if sys.platform == "win32":  # the built-in half of os is called differently
    import nt as system

    READ = system.O_RDONLY | system.O_BINARY
else:
    import posix as system

    READ = system.O_RDONLY | system.O_CLOEXEC

HEAD = f"lorabuild {__version__} {sys.implementation.cache_tag} {sys.hexversion:x} 1\n".encode()
FIELDS = 5  # numbers that a file's stamp has in the lists below
TYPE_CHECKING = False  # typing itself would have to be imported
if TYPE_CHECKING:
    from typing import Any

Index = tuple[dict[str, str | None], list[str], list[int], list[tuple[str, list[str], list[int]]], dict[str, str]]


def answer(folder: str, target: str, manner: str) -> tuple[int, bytes] | None:
    """Where to and what to say when nothing has changed in the project in ``folder``; None when it may have."""
    root = folder + "/" if folder else ""
    try:
        if variable("WORLD_SIZE") is not None:  # a launcher's other processes wait for this one's word
            return None
        environ, files, stamps, folders, says = read_index(index_path(root, target))
        for name, value in environ.items():
            if variable(name) != value:
                return None
        if file_stamps(root, files) != stamps:
            return None
        for place, names, held in folders:
            if look(root, place) != (names, held):
                return None
        return (1 if manner == "json" else 2), says[manner].encode("utf-8", "backslashreplace")
    except Exception:  # noqa: BLE001 -- the long way finds out what is wrong, and says it
        return None


def leave(channel: int, text: bytes) -> None:
    """Say it and end the process at once: nothing is open, nothing needs tidying up."""
    while text:
        text = text[system.write(channel, text) :]
    system._exit(0)  # noqa: SLF001 -- its name in os is os._exit


def index_path(root: str, target: str) -> str:
    """Where the index of a target lies; ``root`` is empty or ends in a slash."""
    return f"{root}.lorabuild/null-{target}.idx"


def pack(content: "Any") -> bytes:
    """The bytes of plain data that may be thrown away at any time: version, checksum, content."""
    body = marshal.dumps(content)
    return HEAD + _imp.source_hash(0, body) + body


def unpack(data: bytes) -> "Any":
    """What was packed. Raises ValueError for something of another version or something damaged."""
    start = len(HEAD) + 8
    if data[: len(HEAD)] != HEAD or data[len(HEAD) : start] != _imp.source_hash(0, data[start:]):
        raise ValueError("damaged, or of another version")
    return marshal.loads(data[start:])  # noqa: S302 -- our own, with a checksum; no code is run


def read_index(path: str) -> Index:
    """The index in a file. Raises ValueError for one of another version or one that is damaged, OSError."""
    opened = system.open(path, READ)
    try:
        data = system.read(opened, system.fstat(opened).st_size)
    finally:
        system.close(opened)
    index: Index = unpack(data)
    return index


def located(root: str, place: str) -> str:
    """A path of the index; those below the project begin with a dot."""
    return root + place if place[:1] == "." else place


def file_stamps(root: str, files: list[str]) -> list[int]:
    """The stamps of files, one after another. Raises OSError."""
    stamps: list[int] = []
    for place in files:
        found = system.stat(located(root, place))
        stamps += (found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev)
    return stamps


def folder_stamps(root: str, place: str) -> tuple[list[str], list[int]]:
    """What a folder holds: names in the file system's order, and their stamps. Raises OSError."""
    place = located(root, place)
    if sys.platform == "win32":
        names = system.listdir(place)
        return names, file_stamps(place + "/", ["./" + name for name in names])
    stamps: list[int] = []
    stat = system.stat
    opened = system.open(place, READ | system.O_DIRECTORY)
    try:
        names = system.listdir(opened)
        for name in names:
            found = stat(name, dir_fd=opened)
            stamps += (found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev)
    finally:
        system.close(opened)
    return names, stamps


def look(root: str, place: str) -> tuple[list[str], list[int]]:
    """What a folder holds, or that there is none. Raises OSError."""
    try:
        return folder_stamps(root, place)
    except FileNotFoundError:
        return [], [0]


def variable(name: str) -> str | None:
    """An environment variable, as text."""
    if sys.platform == "win32":
        return system.environ.get(name)
    value = system.environ.get(name.encode())
    return None if value is None else value.decode("utf-8", "surrogateescape")
