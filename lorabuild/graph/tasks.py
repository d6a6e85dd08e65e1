"""The only file that imports doit: one task a stage, in order. doit orders and runs; our store says what is true."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from doit.cmd_base import TaskLoader2
from doit.doit_cmd import DoitMain
from doit.task import Task, dict_to_task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class _Stages(TaskLoader2):  # type: ignore[misc]  # doit has no types
    """Gives doit one task a stage; each waits for the one before it."""

    def __init__(
        self, stages: Sequence[str], clean: Callable[[str], bool], run: Callable[[str], None], state: Path
    ) -> None:
        super().__init__()
        self._stages, self._clean, self._run, self._state = stages, clean, run, state

    def setup(self, opt_values: Any) -> None:
        """Nothing to set up: the plan is in memory."""

    def load_doit_config(self) -> dict[str, Any]:
        """Silent reporter, throw-away database: there is one truth, and it isn't doit's."""
        return {"verbosity": 2, "reporter": _Silent, "dep_file": str(self._state / "doit.json"), "backend": "json"}

    def load_tasks(self, cmd: Any, pos_args: Any) -> list[Task]:  # noqa: ARG002 – doit's signature
        """The tasks of this build."""
        return [self._task(stage, before) for stage, before in zip(self._stages, ("", *self._stages), strict=False)]

    def _task(self, stage: str, before: str) -> Task:
        return dict_to_task(
            {
                "name": stage,
                "actions": [(_act, [self._run, stage])],
                "uptodate": [lambda: self._clean(stage)],
                "task_dep": [before] if before else [],
                "io": {"capture": False},
            }
        )


class _Silent:
    """A doit reporter that says nothing: the build has its own events."""

    desc = "silent"

    def __init__(self, outstream: Any, options: Any) -> None:
        """Doit gives a stream and options; neither is needed."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return _nothing


def _nothing(*_args: Any, **_words: Any) -> None:
    """What the silent reporter does at every call."""


def _act(run: Callable[[str], None], stage: str) -> None:
    run(stage)


def run_stages(stages: Sequence[str], clean: Callable[[str], bool], run: Callable[[str], None]) -> None:
    """Run the stages that aren't clean, in order; stop at the first that fails and raise what it raised.

    Args:
        stages: names, in order.
        clean: whether a stage has nothing to do; asked when all before it are done.
        run: does a stage's work.
    """
    failed: list[BaseException] = []

    def is_clean(stage: str) -> bool:
        try:
            return clean(stage)
        except BaseException as error:  # noqa: BLE001 – raised again below; doit would print it as its own
            failed.append(error)
            return False

    def act(stage: str) -> None:
        if failed:
            raise failed[0]
        try:
            run(stage)
        except BaseException as error:
            failed.append(error)
            raise

    code = 0
    with TemporaryDirectory(prefix="lorabuild-doit-") as state:
        try:
            code = DoitMain(_Stages(stages, is_clean, act, Path(state)), extra_config={}).run(["run"])
        except KeyboardInterrupt:
            if not failed:
                raise
    if failed:
        raise failed[0]
    if code:
        raise RuntimeError(f"doit ended with {code} and no stage had failed")
