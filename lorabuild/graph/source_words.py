"""The words that lists and metadata have for pictures: read from there, and laid down as texts for each picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lorabuild.core.digest import canonical, digest, short
from lorabuild.core.files import read_if_there, write_plain
from lorabuild.graph.unfolded import unfolded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.captions.listed import Listed
    from lorabuild.core.statcache import StatCache
    from lorabuild.core.store import Store


def rows(path: Path) -> tuple[list[Listed], dict[int, str]]:
    """The rows of a list, and line → what is wrong there; line 0 stands for the whole."""
    from lorabuild.captions.listed import listed

    data = read_if_there(path)
    if data is None:
        return [], {0: "it can't be read"}
    return listed(data, table=path.suffix.lower() == ".csv")


def place(path: Path, row: Listed) -> Path:
    """Where a picture of a list lies: relative to the list."""
    return path.parent / Path(row.path).expanduser()


def laid_down(store: Store, cache: StatCache, told: Mapping[Path, str]) -> tuple[Path, dict[Path, Path]]:
    """Words as files, as if they stood beside their pictures: the folder, and picture → its file."""
    texts = {path: text.encode("utf-8", "replace") for path, text in told.items()}
    names = {path: f"{short(digest(text))}.txt" for path, text in texts.items()}

    def fill(folder: Path) -> dict[str, str]:
        for name, text in {names[path]: text for path, text in texts.items()}.items():
            write_plain(folder / name, text)
        return {}

    what = {"texts": digest(canonical(sorted(told.values())))}
    got = unfolded(store, cache, what, fill, light=True)
    assert got
    return got[0], {path: got[0] / name for path, name in names.items()}
