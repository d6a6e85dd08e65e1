"""Tag groups, ``@hair``: text files in ``captions/groups/``, read when they are named.

The first line says what the group is about. Then comes one tag or pattern a line; ``@name`` includes another group, and
``not pattern`` leaves out what the other lines of the same file would match.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.captions.kinds import KINDS
from lorabuild.core.digest import canonical, digest
from lorabuild.core.errors import ProjectError
from lorabuild.schema.tag_groups import FOLDER, hint, name_of, names

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEFT_OUT = "not "


class Group(NamedTuple):
    """One file.

    Attributes:
        about: what the group is about, for people.
        takes: patterns and other groups that belong to it.
        leaves: patterns that do not, although ``takes`` matches them.
    """

    about: str
    takes: tuple[str, ...]
    leaves: tuple[str, ...]


@cache
def group(name: str) -> Group:
    """The group with this name, without the ``@``. Raises ProjectError when there is none."""
    if name not in names() and not name.startswith("_"):
        raise ProjectError(f"there is no tag group `@{name}`", where="lora.yaml", next_step=hint(name))
    about, *lines = (FOLDER / f"{name}.txt").read_text("utf-8").splitlines()
    left_out = tuple(line.removeprefix(_LEFT_OUT) for line in lines if line.startswith(_LEFT_OUT))
    return Group(about.removeprefix("# "), tuple(line for line in lines if not line.startswith(_LEFT_OUT)), left_out)


def parts(patterns: Any) -> dict[str, str]:
    """What a key must say of the groups that are named anywhere in ``patterns``: ``{"tag group @hair": digest}``.

    A group's digest is that of its patterns, those of the groups in it included; their order says nothing.
    """
    return {f"tag group @{name}": _digest(name) for name in map(name_of, _texts(patterns)) if name}


@cache
def _digest(name: str) -> str:
    return digest(canonical(_said(name)))


def _said(name: str) -> list[list[Any]]:
    found = group(name)
    return [sorted((_whole(pattern) for pattern in side), key=canonical) for side in (found.takes, found.leaves)]


def _whole(pattern: str) -> Any:
    name = name_of(pattern)
    return _said(name) if name else pattern


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _texts(entry)


def page() -> str:
    """The page ``docs/tag-groups.md``: every group with what it is about and what stands in it."""
    kinds = [f"| {kind} | {_listed(craft.usual)} | {_listed(craft.more)} |" for kind, craft in KINDS.items()]
    rows = [f"| `@{name}` | {group(name).about} | {_shown(group(name))} |" for name in names()]
    return _PAGE.format(kinds="\n".join(kinds), groups="\n".join(rows))


def _listed(patterns: tuple[str, ...]) -> str:
    return " ".join(f"`{pattern}`" for pattern in patterns) or "–"


def _shown(found: Group) -> str:
    leaves = tuple(pattern for pattern in found.leaves if not name_of(pattern))
    return (_listed(found.takes) + (f", not {_listed(leaves)}" if leaves else "")).replace("|", "\\|")


_PAGE = """\
# Tag groups

*Made from the files in `lorabuild/captions/groups/`; a test holds it to them.*

A group stands wherever tag patterns stand: `absorbs: [@hair, @eyes]`, `keeps: [@expression]`,
`captions: {{drop: [@quality_meta]}}`. Other programs that read YAML want it in quotes: `"@hair"`. A name that no group
has is answered with its place and the nearest name. A group that is edited recaptions the images of those who name it,
and no others.

Lists are made for precision: a tag that is missing stays in the caption, where it can be seen; one too many would be
learned unseen. Garments leave out what was done to one, or that it is not worn: `torn_shirt`, `no_panties`,
`holding_hat`, `unworn_skirt`.

## What each kind absorbs

Where a trigger has no `absorbs`, its kind says what it takes out of captions; a list of one's own takes its place, and
`absorbs: []` is nothing. `lorabuild plan` has a line for each trigger: `zorbl (character) absorbs @eyes, @hair, …`.

| level | absorbs |
|---|---|
| `fluid` | nothing: all tags stay, the trigger is one word more |
| `semi-static` (when none is named) | what `absorbs` says, or the kind |
| `static` | all that is intrinsic to the kind, and what `absorbs` says |

`keeps` has the last word in each. Several triggers for one picture need no level: name them in the concept.

| kind | when `absorbs` is left out | with `level: static` also |
|---|---|---|
{kinds}

A character that is its concept's only one leaves `@several_subjects`: `2girls` stays where one of the two is somebody
else. Where two characters' triggers stand together, as in a pack, the first takes every count.

An outfit spares shoes even where a pattern such as `black_*` matches them, since pruned shoes call for full-body shots;
`@footwear` or `"*_boots"` in its own list takes them all the same. Of an object or a situation only you know which tags
say it.

## The groups

| group | about | tags and patterns |
|---|---|---|
{groups}
"""
