"""The only file that imports doit: one task a stage, in order. doit orders and runs; our store says what is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from doit.control import TaskControl
from doit.dependency import Dependency, JsonDB
from doit.runner import Runner
from doit.task import Task, dict_to_task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class _Nowhere(JsonDB):  # type: ignore[misc]  # doit has no types
    """Where doit keeps its state: nowhere. There is one truth, and it isn't doit's."""

    def dump(self) -> None:
        """Nothing goes to the disk."""


class _Silent:
    """A doit reporter that says nothing: the build has its own events."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return _nothing


def _nothing(*_args: Any, **_words: Any) -> None:
    """What the silent reporter does at every call."""


def _task(stage: str, before: str, clean: Callable[[str], bool], act: Callable[[str], None]) -> Task:
    """One stage; it waits for the one before it."""
    return dict_to_task(
        {
            "name": stage,
            "actions": [(act, [stage])],
            "uptodate": [lambda: clean(stage)],
            "task_dep": [before] if before else [],
            "io": {"capture": False},
        }
    )


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

    tasks = [_task(stage, before, is_clean, act) for stage, before in zip(stages, ("", *stages), strict=False)]
    control = TaskControl(tasks)
    control.process(list(stages))
    code = 0
    try:
        code = Runner(Dependency(_Nowhere, ""), _Silent()).run_all(control.task_dispatcher())
    except KeyboardInterrupt:
        if not failed:
            raise
    if failed:
        raise failed[0]
    if code:
        raise RuntimeError(f"doit ended with {code} and no stage had failed")
