"""A build: claim the store, look at the disk, run the stages that aren't clean, hand out the files, write the lock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lorabuild.core.batch import BATCH
from lorabuild.core.claim import claim
from lorabuild.core.errors import BlobError, StageError
from lorabuild.core.events import Emit, Event
from lorabuild.core.files import drop_half_written, hold_to_writable
from lorabuild.core.journal import Journal
from lorabuild.core.store import Store
from lorabuild.core.trouble import LESS, within_memory
from lorabuild.core.words import hand
from lorabuild.graph import balancing, lint, looks
from lorabuild.graph.allowed import hold_to_consent, hold_to_trust
from lorabuild.graph.along import Along
from lorabuild.graph.beside import beside
from lorabuild.graph.elsewhere import sharing
from lorabuild.graph.finish import finish, hold_to_lock
from lorabuild.graph.forecast import step_reasons
from lorabuild.graph.inventory import take
from lorabuild.graph.lock import refuse_conflict
from lorabuild.graph.order import up_to
from lorabuild.graph.plan import ITEMS
from lorabuild.graph.session import STORE, placed
from lorabuild.graph.settled import settle
from lorabuild.graph.status import aside
from lorabuild.graph.tasks import run_stages
from lorabuild.graph.variants import EARLY, attach, own, wanted
from lorabuild.graph.view import View
from lorabuild.models.source import fetch, is_missing
from lorabuild.schema.kept import keep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.graph.elsewhere import Sharing
    from lorabuild.graph.view import Step
    from lorabuild.graph.wishes import Wishes
    from lorabuild.schema.loaded import Loaded

LOOKS = 3
End = Callable[["View", tuple[str, ...], "Mapping[str, Any]", "Wishes", Emit], list[dict[str, str]]]
"""What is done with a finished view; answers with the files that came out."""


@dataclass
class Tally:
    """What a build did so far – per stage, how many items ran and were reused, and the time it took – and said once."""

    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: set[tuple[str, str, str]] = field(default_factory=set)
    totals: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, stage: str, ran: int, total: int, seconds: float, variant: str = "") -> None:
        """Count a stage (once more, when the disk changed under the build), of the project or of a variant."""
        before = self.stages.get(stage, {"ran": 0, "seconds": 0.0})
        ran += before["ran"]
        self.totals.setdefault(stage, {})[variant] = total
        total = sum(self.totals[stage].values())
        self.stages[stage] = {
            "ran": ran,
            "reused": max(total - ran, 0),
            "seconds": round(before["seconds"] + seconds, 3),
        }


class _Moved(Exception):  # noqa: N818 – not an error: the disk changed, and the plan is made anew
    """A file changed while a stage read it."""


def build(loaded: Loaded, wishes: Wishes, emit: Emit) -> dict[str, Any]:
    """Bring the LoRA up to date.

    Args:
        loaded: the checked project.
        wishes: how the build is wanted.
        emit: the sink for events.

    Returns:
        What the last line of ``build --json`` holds: ``ok``, ``seconds``, ``stages``, ``outputs``, ``aside``.

    Raises:
        LorabuildError: a stage failed, the store is busy or can't be written, the lock differs.
    """
    begun = time.monotonic()
    folder = loaded.site.root / STORE
    with (
        claim(folder, wait=wishes.wait, say=lambda text: emit(Event("note", data={"code": "busy", "text": text}))),
        Journal(folder, emit, up_to(wishes.targets)) as journal,
        placed(loaded),
        Store(folder, emit=journal) as store,
    ):
        keep(loaded)
        loaded = wanted(loaded, wishes)
        for one in (loaded, *loaded.variants.values()):
            hold_to_consent(one.site, wishes)
            hold_to_trust(one.site, wishes)
            drop_half_written(one.site.path(one.project.output.folder))
        for place in (folder.parent, folder):
            drop_half_written(place)
        tally = Tally()
        view, outputs = until_still(loaded, store, wishes, tally, journal, finish)
        if wishes.seen:
            settle(view, wishes.seen)
        left_out = aside(view, up_to(wishes.targets))
        seconds = round(time.monotonic() - begun, 3)
        done = {"ok": True, "seconds": seconds, "stages": tally.stages, "outputs": outputs, "aside": left_out}
        journal.write(Event("done", data=done))
    emit(Event("done", data=done))
    return done


def until_still(
    loaded: Loaded, store: Store, wishes: Wishes, tally: Tally, emit: Emit, end: End
) -> tuple[View, list[dict[str, str]]]:
    """Plan, run, end. When a file changed under a stage, look again; a damaged blob is made again, each once."""
    stages = up_to(wishes.targets)
    if "package" in stages:
        refuse_conflict(loaded.site.root)
    for one in (loaded, *loaded.variants.values()):
        _download(one, emit)
    shared = sharing(loaded.site, wishes, emit)
    looks, repaired = 0, set[str]()
    while looks < LOOKS:
        rehash = wishes.rehash or looks == LOOKS - 1  # perhaps it is the stat cache that is wrong
        inventory = take(loaded.site, store, rehash=rehash, seen=wishes.seen, again=bool(looks or repaired))
        view = View(loaded.site, inventory, store, ITEMS, wishes.date, wishes.fresh, wishes.parent, tally.stages)
        worker, mended = _Worker(view, wishes, tally, emit, shared), store.database.mended
        try:
            _run(worker, loaded, stages)
            outputs = end(view, stages, tally.stages, wishes, emit)
            if store.database.mended == mended:
                return view, outputs
            looks += 1  # what the view was planned from may be gone
        except _Moved:
            looks += 1
            emit(Event("note", data={"code": "changed", "text": "files changed while they were read; looking again"}))
        except BlobError as error:
            if error.what in repaired:
                raise
            repaired.add(error.what)
            emit(Event("note", data={"code": "repair", "text": f"{error.what}; making it again"}))
    raise StageError(
        "files keep changing while they are read",
        next_step="let the program that writes them finish, then run `lorabuild` again",
    )


def _run(worker: _Worker, loaded: Loaded, stages: tuple[str, ...]) -> None:
    """The project, then its variants; where there are further GPUs these train there meanwhile."""
    view, wishes = worker.view, worker.wishes
    early, late = ([stage for stage in stages if (stage in EARLY) == first] for first in (True, False))
    run_stages(early, worker.clean, worker.run)
    if loaded.variants:
        attach(view, loaded, wishes.seen, lonely=bool(wishes.variant))
    workers = [worker.of(variant) for variant in view.variants]
    for one in workers:
        run_stages(early, one.clean, one.run)
    if not late:
        return
    with beside(view, worker.emit) as others:
        if not wishes.variant:  # of one variant alone the project is only built as far as they share it
            run_stages(late, worker.clean, worker.run)
        for one in workers:
            if others:
                others.wait(one.view.variant)
            run_stages(late, one.clean, one.run)


def _download(loaded: Loaded, emit: Emit) -> None:
    """Bring the models that are named by hub ids here."""
    if is_missing(loaded.site):
        emit(Event("note", data={"code": "download", "text": f"downloading {loaded.project.base.model}"}))
        fetch(loaded.site)
    tagger = loaded.project.captions.tagger
    hand("taggers", tagger.type).fetch(tagger, loaded.site)


def _of_variant(name: str, emit: Emit, event: Event) -> None:
    """Say what happens in a variant's build, with its name."""
    emit(Event(event.kind, event.stage, {"variant": name, **event.data}))


@dataclass
class _Worker:
    """Runs the stages of one view for doit."""

    view: View
    wishes: Wishes
    tally: Tally
    emit: Emit
    shared: Sharing

    def of(self, variant: View) -> _Worker:
        """The same for a variant."""
        return _Worker(variant, self.wishes, self.tally, partial(_of_variant, variant.variant, self.emit), self.shared)

    def clean(self, stage: str) -> bool:
        """Whether a stage has nothing to do; counted and told if so."""
        if stage == "train":
            self._before_training()
        self.shared.fill(self.view, stage)
        step = own(self.view, stage)
        if step.waiting and not step.todo:
            raise StageError(f"stage {stage}: {len(step.waiting)} items wait for results that no earlier stage gave")
        if step.clean:
            self._told(step, 0, 0.0)
        return step.clean

    def run(self, stage: str) -> None:
        """Run what a stage has to do, in rounds where items wait for others of the same stage."""
        ran, begun = 0, time.monotonic()
        while (step := own(self.view, stage)).todo:
            self._round(stage, step)
            ran += len(step.todo)
        if step.waiting or self.view.step(stage).todo:
            raise _Moved
        self._told(step, ran, time.monotonic() - begun)

    def _round(self, stage: str, step: Step) -> None:
        """What can be run of a stage now. Raises ``_Moved`` where some of it wasn't done."""
        why = [{"item": name, "why": "; ".join(causes)} for name, causes in step_reasons(self.view, step)]
        if stage == "train":
            self._tell_table()
            looks.fill(self.view, self.view.store)
            self._tell_findings(lint.warnings(self.view))
        self.emit(Event("stage", stage, {"total": step.total, "todo": len(step.todo), "reasons": why}))
        module = import_module(f"lorabuild.stages.{stage}")
        writer = self.view.store.writer(stage, every=getattr(module, "BATCH", BATCH))
        with within_memory(stage, getattr(module, "NEEDS_LESS", LESS)), writer as outputs:
            emit = Along(self.view, self.emit) if stage == "train" else self.emit
            module.run(step.todo, self.view.site, outputs, emit)
        self.view.again(stage)
        for made in step.todo:
            if made.key in self.view.results:
                self.view.store.drop_scratch(made.key)
        if any(made.key not in self.view.results for made in step.todo):
            raise _Moved

    def _told(self, step: Step, ran: int, seconds: float) -> None:
        self.view.store.remember(step.stage, step.items)
        self.shared.offer(self.view, step.stage)
        self.tally.add(step.stage, ran, step.total, seconds, self.view.variant)
        if step.stage in ("prepare", "tag") and self.view.project.images.duplicates == "drop":
            looks.compared_early(self.view)  # once more behind the tagger: what it set aside stands for no other
        if self.view.variant and not step.total:
            return  # all of it is the project's own
        counts = {"ran": ran, "reused": step.total - ran, "seconds": round(seconds, 3)}
        self.emit(Event("stage_done", step.stage, counts))
        for entry in aside(self.view, (step.stage,)):
            self._once("aside", step.stage, {"item": entry["item"], "problem": entry["problem"]})
        if step.stage == "balance":
            if ran:
                self._tell_table()
            self._tell_findings(lint.early(self.view))

    def _tell_table(self) -> None:
        """Repeats and exposure: where the balance changed, and before hours are spent on it."""
        self._once("table", "balance", balancing.table(self.view).as_dict())

    def _tell_findings(self, found: list[dict[str, str]]) -> None:
        for finding in lint.briefly(found):
            self._once("warning", "balance", finding)

    def _once(self, kind: str, stage: str, data: dict[str, Any]) -> None:
        """Say something that one build says once, however often it looks at the disk."""
        told = (kind, data.get("item", ""), data.get("text", ""))
        if told not in self.tally.said:
            self.tally.said.add(told)
            self.emit(Event(kind, stage, data))

    def _before_training(self) -> None:
        """The last moment before hours are spent: something to learn from, a place for it, the lock as promised."""
        if not self.view.step("train").items and not self.view.step("train").waiting:
            raise StageError("there is nothing to train on")
        if not self.view.project.slider and not any(row.images for row in balancing.table(self.view).concepts):
            named = "; ".join(f"{entry['item']}: {entry['problem']}" for entry in aside(self.view)[:5])
            raise StageError(
                f"no image can be used ({named})", next_step="put readable images into the concept folders"
            )
        if self.view.step("train").todo and "package" in up_to(self.wishes.targets):
            hold_to_writable(self.view.site.path(self.view.project.output.folder))
        if self.wishes.locked and not self.view.variant:
            hold_to_lock(self.view, EARLY)
