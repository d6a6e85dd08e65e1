"""A small project that is right, and a way to say what is wrong with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from lorabuild.schema.load import parse
from lorabuild.schema.problems import ProblemsError

GOOD = """\
name: zorbl
base: {model: base}
triggers:
  zorbl: {kind: character, class: creature, absorbs: [1creature, "*_eyes"]}
concepts:
  plain: {folder: dataset/plain, triggers: [zorbl]}
"""

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lorabuild.schema.loaded import Loaded

Wrong = Callable[..., list[dict[str, str]]]


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Loaded]:
    """A project on disk whose lora.yaml is the good one and what a test adds."""
    (tmp_path / "base").mkdir()
    (tmp_path / "dataset/plain").mkdir(parents=True)
    (tmp_path / "dataset/plain/a.png").write_bytes(b"not looked into")

    def make(more: str = "", good: str = GOOD, overrides: Sequence[str] = ()) -> Loaded:
        return parse(good + more, tmp_path, overrides=overrides)

    return make


@pytest.fixture
def wrong(project: Callable[..., Loaded]) -> Wrong:
    """What is said about a project that can't be loaded."""

    def tell(more: str = "", good: str = GOOD, overrides: Sequence[str] = ()) -> list[dict[str, str]]:
        with pytest.raises(ProblemsError) as caught:
            project(more, good, overrides)
        return caught.value.problems

    return tell
