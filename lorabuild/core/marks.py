"""Marks: folders in which something may have happened. Events only mark; what happened, a look at the folder tells.

Folders that the system can't watch (a network mount, no watch left) are marked every second instead.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from lorabuild.core.mounts import foreign
from lorabuild.core.trouble import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

EVERY = 1.0  # seconds between two looks at a polled folder
SHARE = 9  # a look that takes long is followed by a pause this much longer
GONE = (errno.ENOENT, errno.ENOTDIR)
LIMITS = {
    errno.ENOSPC: "the system's limit of watches is reached (raise fs.inotify.max_user_watches)",
    errno.EMFILE: "the system's limit of watchers is reached (raise fs.inotify.max_user_instances)",
}


class _Watch(NamedTuple):
    """What the observer calls a watch – None where the folder is polled – and which folder it was put on."""

    handle: Any
    identity: tuple[int, int]


class _Bell:
    """Called by the observer's threads for an event in a place."""

    def __init__(self, ring: Callable[[str], None], place: str) -> None:
        self.ring, self.place = ring, place

    def dispatch(self, _event: object) -> None:
        """Something happened."""
        self.ring(self.place)


class _Ear(logging.Handler):
    """Hears watchdog's warnings – its queue ran over, a folder can't be read: events were lost, or could be."""

    def __init__(self, heard: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self.heard = heard

    def emit(self, _record: logging.LogRecord) -> None:
        """A warning."""
        self.heard()


class Marks:
    """Watches places and keeps the marks.

    Args:
        say: told in plain words why folders are polled.
        poll: poll every folder.
        clock: seconds.
    """

    def __init__(
        self, say: Callable[[str], None], *, poll: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.say, self.poll, self.clock = say, poll, clock
        self.places: Mapping[str, set[str]] = {}
        self.watches: dict[str, _Watch] = {}
        self.marked, self.said = set[str](), set[str]()
        self.due = self.taken = 0.0
        self.bell, self.lock = threading.Event(), threading.Lock()
        self.ear = _Ear(self.mark_all)
        self.observer: Any = None
        self.heard: list[Any] = []

    def __enter__(self) -> Self:
        """Start watching; nothing is watched yet."""
        if not self.poll:
            logging.getLogger("watchdog").addHandler(self.ear)
            try:
                self._start()
            except OSError as error:
                self._once(LIMITS.get(error.errno or 0, reason(error)))
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop watching."""
        if self.observer is not None:
            self.observer.stop()
            self.observer.join()
        logging.getLogger("watchdog").removeHandler(self.ear)

    def _start(self) -> None:
        from watchdog import events
        from watchdog.observers import Observer

        # opening and reading are no changes, and a build that reads 10,000 files would flood itself with their events
        names = ("Created", "Deleted", "Moved", "Modified", "Attrib", "Closed")
        self.heard = [getattr(events, f"File{name}Event") for name in names]
        self.heard += [getattr(events, f"Dir{name}Event") for name in names[:3]]
        observer = Observer()
        observer.start()
        self.observer = observer

    @property
    def polled(self) -> set[str]:
        """Places that are looked at every second."""
        return {place for place, watch in self.watches.items() if watch.handle is None}

    def watch(self, places: Mapping[str, set[str]]) -> set[str]:
        """Watch these places, and no others.

        Args:
            places: place → the folders to mark when something happens there.

        Returns:
            The folders of places that were not watched before: what happened in them until now was not heard.
        """
        self.places = places
        there = {place: _identity(place) for place in places}
        for place, held in list(self.watches.items()):
            if there.get(place) != held.identity:
                self._unwatch(place)
        fresh = {place: identity for place, identity in there.items() if identity and place not in self.watches}
        for place, identity in fresh.items():
            self._watch(place, identity)
        return {folder for place in fresh if place in self.watches for folder in places[place]}

    def _watch(self, place: str, identity: tuple[int, int]) -> None:
        handle = None
        if self.observer is not None and (kind := foreign(place)):
            self._once(f"{place} is on a file system that tells nothing of changes made elsewhere ({kind})")
        elif self.observer is not None:
            try:
                handle = self.observer.schedule(_Bell(self._ring, place), place, event_filter=self.heard)
            except OSError as error:
                if error.errno in GONE:
                    return
                self._once(LIMITS.get(error.errno or 0, f"{place} can't be watched: {reason(error)}"))
            except RuntimeError as error:  # every watch is a thread, and threads have their limit too
                self._once(str(error))
        self.watches[place] = _Watch(handle, identity)

    def _unwatch(self, place: str) -> None:
        held = self.watches.pop(place)
        if held.handle is not None:
            self.observer.unschedule(held.handle)

    def _once(self, why: str) -> None:
        """Say why something is polled, once for all folders that share the reason."""
        if why not in self.said:
            self.said.add(why)
            self.say(f"{why}; looking there every second instead")

    def _ring(self, place: str) -> None:
        self._mark(self.places.get(place, ()))

    def mark_all(self) -> None:
        """Anything may have happened anywhere."""
        self._mark(set[str]().union(*self.places.values()))

    def _mark(self, folders: Iterable[str]) -> None:
        with self.lock:
            self.marked.update(folders)
        self.bell.set()

    def take(self) -> set[str]:
        """The marked folders; they are unmarked by this."""
        self.bell.clear()
        with self.lock:
            marked, self.marked = self.marked, set()
        now = self.clock()
        if now >= self.due and (polled := self.polled):
            self.taken, self.due = now, float("inf")  # the next time is counted from the end of the look
            marked = marked.union(*(self.places[place] for place in polled))
        return marked

    def wait(self, seconds: float) -> None:
        """Until something is marked, a polled folder is due, or this time is over."""
        self._looked()
        self.bell.wait(min(seconds, self.due - self.clock()) if self.polled else seconds)

    def rest(self, seconds: float) -> None:
        """This time, whatever is marked."""
        self._looked()
        time.sleep(seconds)

    def _looked(self) -> None:
        if self.due == float("inf"):
            now = self.clock()
            self.due = now + max(EVERY, SHARE * (now - self.taken))


def _identity(place: str) -> tuple[int, int] | None:
    """Which folder this is, whatever its name; None when there is none."""
    try:
        found = Path(place).stat()
    except OSError:
        return None
    return found.st_ino, found.st_dev
