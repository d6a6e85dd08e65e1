"""What no word can tell alone: triggers that nobody shows, folders without images, settings that do not go together.

It looks at folders, never into a file, and knows no family and no library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.core.words import nearest
from lorabuild.schema.check_base import base
from lorabuild.schema.check_captions import captions
from lorabuild.schema.check_disk import disk
from lorabuild.schema.check_finish import finish
from lorabuild.schema.check_images import images
from lorabuild.schema.check_loss import loss
from lorabuild.schema.check_network import network
from lorabuild.schema.check_output import output
from lorabuild.schema.check_run import run
from lorabuild.schema.check_samples import samples
from lorabuild.schema.check_settings import settings
from lorabuild.schema.check_shares import shares
from lorabuild.schema.check_slider import slider
from lorabuild.schema.check_sources import sources
from lorabuild.schema.check_taggers import taggers
from lorabuild.schema.check_training import training
from lorabuild.schema.problems import Problem, ProblemsError
from lorabuild.schema.tag_groups import groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lorabuild.schema.loaded import Loaded

_NOT_IN_NAMES = frozenset('/\\:*?"<>|\n\t')


def check(loaded: Loaded) -> None:
    """Look at the project as a whole. Raises ``ProblemsError`` that lists all that is wrong."""
    ours = (_triggers, _concepts, sources, groups, shares, taggers, captions)
    rules = (*ours, disk, base, settings, samples, images, loss, training, run, network, slider, output, finish)
    if problems := [problem for rule in rules for problem in rule(loaded)]:
        raise ProblemsError(problems)
    for variant in loaded.variants.values():
        check(variant)


def _triggers(loaded: Loaded) -> Iterator[Problem]:
    project = loaded.project
    shown = {name for concept in project.concepts.values() for name in concept.triggers}
    for name, trigger in project.triggers.items():
        where = loaded.place("triggers", name)
        if problem := bad_tag(name):
            yield Problem(where, f"the trigger `{name}` {problem}", "write a word that the base does not know")
        if name not in shown:
            near = nearest(name, shown - set(project.triggers))
            hint = f"did you mean `{near}`?" if near else f"write `triggers: [{name}]` in a concept, or delete it"
            yield Problem(where, f"no concept shows the trigger `{name}`: it would learn nothing", hint)
        for word, patterns in (("absorbs", trigger.absorbs or ()), ("keeps", trigger.keeps)):
            for index, pattern in enumerate(patterns):
                if problem := bad_tag(pattern):
                    at = loaded.place("triggers", name, word, str(index))
                    yield Problem(at, f"the tag pattern `{pattern}` {problem}", f"write one tag each: {word}: [shirt]")
    yield from _twins(loaded, "triggers", project.triggers, "the text encoder reads both as one word")


def bad_tag(tag: str) -> str:
    """What is wrong with a tag or trigger; empty when nothing is."""
    if not tag.strip():
        return "is empty"
    if tag != tag.strip():
        return "begins or ends with a blank"
    if "," in tag:
        return "has a comma in it, and commas part tags"
    return "has a line break in it" if "\n" in tag or "\r" in tag else ""


def _concepts(loaded: Loaded) -> Iterator[Problem]:
    for name, concept in loaded.project.concepts.items():
        if not name.strip(" .") or name != name.strip() or _NOT_IN_NAMES & set(name):
            what = f"`{name}` can't name a concept: folders are called after it"
            yield Problem(loaded.place("concepts", name), what, "use letters, digits, `_` and `-`")
        yield from _shown(loaded, name, concept.triggers)
    yield from _twins(loaded, "concepts", loaded.project.concepts, "on some disks their folders would be one")


def _shown(loaded: Loaded, concept: str, triggers: tuple[str, ...]) -> Iterator[Problem]:
    """The triggers that a concept names."""
    known = loaded.project.triggers
    for index, trigger in enumerate(triggers):
        where = loaded.place("concepts", concept, "triggers", str(index))
        if trigger not in known:
            near = nearest(trigger, known)
            hint = f"did you mean `{near}`?" if near else f"write `{trigger}: {{kind: character}}` under `triggers:`"
            yield Problem(where, f"there is no trigger `{trigger}`", hint)
        elif trigger in triggers[:index]:
            yield Problem(where, f"the trigger `{trigger}` stands here twice", "keep one of them")


def _twins(loaded: Loaded, section: str, names: Iterable[str], why: str) -> Iterator[Problem]:
    """Names that differ in capitals only."""
    seen: dict[str, str] = {}
    for name in names:
        twin = seen.setdefault(name.casefold(), name)
        if twin != name:
            where = loaded.place(section, name)
            yield Problem(where, f"`{name}` and `{twin}` differ in capitals only: {why}", "rename one of them")
