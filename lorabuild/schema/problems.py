"""What is wrong with a project, told all at once. It knows nothing of YAML, nor of the words of lora.yaml."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from lorabuild.core.errors import LorabuildError, ProjectError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, what in the user's own words, and what to write instead."""

    where: str
    what: str
    next_step: str = ""


class ProblemsError(ProjectError):
    """Several things are wrong; the first one is also what the error itself says.

    Attributes:
        problems: all of them, as ``{"where", "what", "next_step"}``, for ``--json``.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        super().__init__(first.what, where=first.where, next_step=first.next_step)
        self.problems = [asdict(problem) for problem in problems]

    def __str__(self) -> str:
        shown = [str(LorabuildError(**problem)) for problem in self.problems[:MOST_SHOWN]]
        more = len(self.problems) - MOST_SHOWN
        return "\n".join([*shown, f"… and {more} more"] if more > 0 else shown)
