"""What the plan knows – the project, what is on disk, what was already made – and the steps that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from lorabuild.core.digest import canonical, make_key
from lorabuild.core.item import Item, Result
from lorabuild.graph.column import Column, raw, split
from lorabuild.graph.inventory import Inventory, take
from lorabuild.graph.order import STAGES

if TYPE_CHECKING:
    from lorabuild.core.store import Store
    from lorabuild.graph.column import Held
    from lorabuild.schema.project import Project
    from lorabuild.schema.site import Site

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Waiting:
    """An item whose key can't be known before an earlier stage has run; ``parts`` is what of it is known."""

    id: str
    parts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """Finished items that are taken over from the last build without another look."""

    items: Column


Draft = Item | Waiting | Taken
Drafts = Callable[["View"], Iterable[Draft]]


@dataclass(frozen=True, slots=True)
class Step:
    """A stage's share of a build.

    Attributes:
        stage: the stage's name.
        items: every item whose key is known.
        waiting: items whose key waits for an earlier stage, with the parts of it that are known; counted as work to
            do (an upper bound).
        todo: the items to run: without a sound result, each key once.
        taken: finished items more, as the last build left them.
    """

    stage: str
    items: tuple[Item, ...]
    waiting: Mapping[str, Mapping[str, Any]]
    todo: tuple[Item, ...]
    taken: Column = field(default_factory=Column)

    @property
    def total(self) -> int:
        """All items of the stage."""
        return len(self.items) + len(self.waiting) + len(self.taken)

    @property
    def clean(self) -> bool:
        """Whether nothing is to be done."""
        return not self.todo and not self.waiting


@dataclass
class View:
    """The known world of one build. ``step`` is asked in the order of the stages and remembers its answers.

    Attributes:
        site: the project and its folder.
        inventory: what is on disk.
        store: results of earlier builds.
        drafts: stage → the function that says what its items are.
        date: SOURCE_DATE_EPOCH, where a person fixed the date that the files carry.
        fresh: train from the start, whatever was trained before.
        parent: key of the training to go on from; None lets ``training.on_change`` decide.
        tally: stage → what this build did so far, for the report.
        steps: the answers so far.
        results: key → sound result.
        named: stage → item id → result, kept until the stage is planned anew.
        worked_out: what was derived from the steps so far, kept until one of them is planned anew.
        variant: the variant's name; empty for the project itself.
        main: of a variant the project's own view.
        variants: of the project the views of its variants, once they are attached.
        lonely: of a variant that it is built without the project itself.
    """

    site: Site
    inventory: Inventory
    store: Store
    drafts: Mapping[str, Drafts]
    date: int | None = None
    fresh: bool = False
    parent: str | None = None
    tally: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    named: dict[str, dict[str, Result]] = field(default_factory=dict)
    worked_out: dict[str, Any] = field(default_factory=dict)
    variant: str = ""
    main: View | None = None
    variants: tuple[View, ...] = ()
    lonely: bool = False

    def all(self) -> tuple[View, ...]:
        """This view and those of its variants."""
        return (self, *self.variants)

    def said(self, name: str) -> str:
        """What an item of this view is called where those of all variants stand together."""
        return f"{self.variant}: {name}" if self.variant else name

    @property
    def project(self) -> Project:
        """The settings."""
        return self.site.project

    def step(self, stage: str) -> Step:
        """The stage's step, planned now if it wasn't yet."""
        if stage not in self.steps:
            self.steps[stage] = self._planned(stage)
        return self.steps[stage]

    def again(self, stage: str) -> Step:
        """Plan the stage anew, after it ran: items that all had their keys are the same ones, now with results."""
        before = self.steps.pop(stage, None)
        self.named.pop(stage, None)
        if STAGES.index(stage) <= STAGES.index("caption"):  # what comes later tells nothing new of the images
            self.worked_out.clear()
        self.worked_out.pop(f"keys of {stage}", None)
        if before and not before.waiting:
            self.steps[stage] = self._looked_up(stage, before.items, {}, before.taken)
        return self.step(stage)

    def derived(self, name: str, work_out: Callable[[View], T]) -> T:
        """What follows from the steps so far, worked out once."""
        if name not in self.worked_out:
            self.worked_out[name] = work_out(self)
        found: T = self.worked_out[name]
        return found

    def made(self, stage: str) -> dict[str, Result]:
        """Item id → result, for every item of the stage that is finished or set aside, without the settled ones."""
        items = self.step(stage).items
        if stage not in self.named:
            self.named[stage] = {item.id: self.results[item.key] for item in items if item.key in self.results}
        return self.named[stage]

    def key(self, stage: str, item_id: str) -> str | None:
        """The key of one item, or None while it waits."""
        return next((item.key for item in self.step(stage).items if item.id == item_id), None)

    def look_again(self) -> None:
        """Take nothing over from the last build: look at every image, and plan all stages anew."""
        self.inventory = take(self.site, self.store, again=True)
        for answers in (self.steps, self.named, self.worked_out):
            answers.clear()

    def settled(self, stage: str) -> Column:
        """What the last build finished of a stage; nothing where it isn't to be trusted."""
        known = self.inventory.settled
        return known.held[stage] if known else Column()

    def keys(self, stage: str) -> dict[str, str]:
        """Item id → key, for every item of the stage whose key is known."""
        step = self.step(stage)
        taken = {name: key for name, (key, _) in step.taken.items()}
        return {**taken, **{item.id: item.key for item in step.items}}

    def raw_keys(self, stage: str) -> bytes:
        """The keys of a stage in one piece: 32 bytes each, sorted, each once."""
        return self.derived(f"keys of {stage}", lambda view: _joined(view.step(stage)))

    def held(self, stage: str) -> dict[str, Held]:
        """Item id → key and outputs, for every item of the stage that is made."""
        made = self.made(stage).items()
        new = {name: (result.key, dict(result.outputs)) for name, result in made if not result.problem}
        return {**dict(self.step(stage).taken.items()), **new}

    def records(self, stage: str) -> list[dict[str, Any]]:
        """On what the results of a stage were made: distinct records, in order."""
        known = self.inventory.settled
        before = [known.records[stage][mark] for mark in {*self.step(stage).taken.marks}] if known else []
        found = [*before, *(dict(result.record) for result in self.made(stage).values())]
        distinct = {canonical(record): record for record in found if record}
        return [distinct[text] for text in sorted(distinct)]

    def _planned(self, stage: str) -> Step:
        drafts = list(self.drafts[stage](self))
        items = tuple(draft for draft in drafts if isinstance(draft, Item))
        waiting = {draft.id: draft.parts for draft in drafts if isinstance(draft, Waiting)}
        taken = next((draft.items for draft in drafts if isinstance(draft, Taken)), Column())
        return self._looked_up(stage, items, waiting, taken)

    def _looked_up(
        self, stage: str, items: tuple[Item, ...], waiting: Mapping[str, Mapping[str, Any]], taken: Column
    ) -> Step:
        """The step of these items, by the results that there are now."""
        found = self.store.results({item.key for item in items})
        unsound = self.store.missing_blobs(found.values())
        self.results |= {key: result for key, result in found.items() if key not in unsound}
        first = {item.key: item for item in reversed(items)}
        todo = tuple(item for item in items if item.key not in self.results and first[item.key] is item)
        return Step(stage, items, waiting, todo, taken)


def _joined(step: Step) -> bytes:
    return b"".join(sorted({*split(step.taken.keys), *(raw(item.key) for item in step.items)}))


@cache
def version_of(stage: str) -> int:
    """The stage's implementation version: raised when the same inputs give other results."""
    return int(import_module(f"lorabuild.stages.{stage}").VERSION)


def item(stage: str, item_id: str, parts: Mapping[str, Any], reads: Mapping[str, Any] | None = None) -> Item:
    """An item with the key that its parts give."""
    version = version_of(stage)
    return Item(item_id, make_key(stage, version, parts), {"stage version": version, **parts}, reads or {})
