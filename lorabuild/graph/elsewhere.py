"""The shared and the remote store in a build: before a stage runs, what they have is taken; after it, results go there.

Planning never looks there: ``plan`` says what is to be done without them. Everything that has a key is shared, but for
the report, which tells of the build and the names of its files; and what was set aside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from lorabuild.core.errors import StoreError
from lorabuild.core.events import Emit, Event
from lorabuild.graph.allowed import ALLOW, may, remote_want
from lorabuild.graph.order import LAST

if TYPE_CHECKING:
    from lorabuild.core.consent import Person
    from lorabuild.core.elsewhere import Elsewhere
    from lorabuild.graph.view import Step, View
    from lorabuild.graph.wishes import Wishes
    from lorabuild.schema.site import Site

Say = Callable[[str, str], None]
META = "elsewhere"
SHARED = "the shared store"


@dataclass
class Sharing:
    """The places of one build, the nearest first.

    The store's own ``elsewhere`` value holds, for each place, the stages all of whose results were brought there, and
    the places from which unsigned results came: those are never passed on to another place.

    Attributes:
        places: where results come from and go to.
        emit: the sink for events.
        lacked: stage → keys that this build found without a result.
        made: those of them that no place had.
        complete: place → stages of which it had everything when the build began.
    """

    places: list[Elsewhere]
    emit: Emit
    lacked: dict[str, set[str]] = field(default_factory=dict)
    made: dict[str, set[str]] = field(default_factory=dict)
    complete: dict[str, list[str]] | None = None

    def fill(self, view: View, stage: str) -> Step:
        """The stage's step, once everything that it lacks and a place has is taken."""
        step = view.step(stage)
        if stage == LAST or not self.places or not step.todo:
            return step
        self._note(view, stage)
        self.lacked.setdefault(stage, set()).update(item.key for item in step.todo)
        for place in self.places:
            if step.todo and (count := self._take(view, step, place)):
                text = f"{stage}: {count} from {place.name}"
                self.emit(Event("note", stage, {"code": "elsewhere", "item": place.name, "text": text}))
                step = view.again(stage)
        self.made.setdefault(stage, set()).update(item.key for item in step.todo)
        return step

    def offer(self, view: View, stage: str) -> None:
        """Bring a stage's results to the places that may be written and lack them."""
        for place in self.places if stage != LAST else ():
            lacked = self.lacked.get(stage, set())
            known = stage in self._complete(view).get(place.address, [])
            if not place.writable or (known and not lacked):
                continue
            keys = lacked if known else {*view.keys(stage).values()}
            borrowed = {*view.store.meta(META, {}).get("borrowed", [])}
            if borrowed - (set() if place.key else {place.address}):  # nor is it signed, back where it came from
                keys = keys & self.made.get(stage, set())
            place.offer(stage, view.store.results(keys).values(), view.store.read)
            if not place.closed:
                self._note(view, stage, place.address)

    def _take(self, view: View, step: Step, place: Elsewhere) -> int:
        """Commit what a place has of a stage's work; how many items that were."""
        parts, count = {item.key: item.parts for item in step.todo}, 0
        for results in place.get(step.stage, parts, view.store.write):
            if not count and place.name != SHARED and not place.key:
                self._borrow(view, place.address)
            view.store.commit([replace(result, parts=parts[result.key]) for result in results])
            for result in results:
                view.store.drop_scratch(result.key)
            count += len(results)
        return count

    def _borrow(self, view: View, address: str) -> None:
        """Note that this project has results from there that nobody signed."""
        known = view.store.meta(META, {})
        if address not in known.get("borrowed", []):
            view.store.set_meta(META, {**known, "borrowed": [*known.get("borrowed", []), address]})

    def _complete(self, view: View) -> dict[str, list[str]]:
        if self.complete is None:
            self.complete = view.store.meta(META, {}).get("complete", {})
        return self.complete

    def _note(self, view: View, stage: str, address: str = "") -> None:
        """Note that a place has all of a stage's results; without one, that no place is known to have them."""
        self._complete(view)
        known = view.store.meta(META, {})
        held = known.get("complete", {})
        for place in (address,) if address else tuple(held):
            others = [other for other in held.get(place, []) if other != stage]
            held = {**held, place: [*others, stage] if address else others}
        if held != known.get("complete", {}):
            view.store.set_meta(META, {**known, "complete": held})


def sharing(site: Site, wishes: Wishes, emit: Emit) -> Sharing:
    """The places that lora.yaml names and the person trusts. What can't be used is said once."""
    store, person = site.project.store, wishes.person
    if person is None:
        return Sharing([], emit)
    places = []
    if store.shared:
        from lorabuild.core.elsewhere import Elsewhere
        from lorabuild.core.objects import FolderObjects

        folder = person.cache / "store"
        opening = partial(FolderObjects, folder)
        places.append(Elsewhere(SHARED, f"shared {folder}", opening, True, None, None, partial(_warn, emit)))
    if store.remote is not None:
        places += _remote(site, store.remote, person, partial(_warn, emit))
    return Sharing(places, emit)


def _remote(site: Site, url: str, person: Person, say: Say) -> list[Elsewhere]:
    """The remote store, if it may be used for anything."""
    from lorabuild.core.elsewhere import Elsewhere
    from lorabuild.core.remote import objects_at, without_password
    from lorabuild.core.signing import signing_key

    name = without_password(url)
    want = remote_want(site)
    writable = want is not None and may(person, site, want)
    try:
        word = site.project.store.key
        key = signing_key(word, site.root, person.environ) if word else None
    except StoreError as error:
        hint = f"; {error.next_step}" if error.next_step else ""
        say("no-key", f"{name} is not used: {error.what}{hint}")
        return []
    if want and not writable:
        use = "is only read" if key else "is not used"
        say("consent", f"{name} {use}: you have not allowed to write there, and to trust it; {ALLOW}")
    elif key is None and not writable:
        hint = "name the key that signs its results in store.key; or, where it is your own, write mode: read-write"
        say("no-key", f"{name} is not used: nobody vouches for its results; {hint}")
    if key is None and not writable:
        return []
    return [Elsewhere(name, name, partial(objects_at, url), writable, key, person.cache / "indexes", say)]


def _warn(emit: Emit, code: str, text: str) -> None:
    emit(Event("warning", data={"code": code, "item": "store", "text": text}))
