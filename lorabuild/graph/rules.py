"""``tags rename``, ``drop`` and ``add``: one rule more in lora.yaml, instead of an edit in hundreds of texts."""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING, Any, NamedTuple

from lorabuild.captions.pattern import matcher
from lorabuild.captions.tags import spelling_key
from lorabuild.core.errors import ProjectError
from lorabuild.core.words import nearest
from lorabuild.schema.check import bad_tag
from lorabuild.schema.load import load
from lorabuild.schema.rewrite import append, put
from lorabuild.schema.save import prove, save

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lorabuild.schema.document import Trail
    from lorabuild.schema.loaded import Loaded


class Change(NamedTuple):
    """A new text for lora.yaml, which was proved to load; equal to the old one where the rule is there already."""

    file: Path
    before: bytes
    text: str

    @property
    def diff(self) -> list[str]:
        """The lines of a unified diff."""
        old, new = self.before.decode("utf-8-sig").splitlines(), self.text.splitlines()
        return list(unified_diff(old, new, self.file.name, self.file.name, n=2, lineterm=""))

    def write(self) -> Path:
        """Write it; where the old text is kept. Raises ProjectError, StoreError."""
        return save(self.file, self.before, self.text)


def changed(file: Path, words: Iterable[str], *, concept: str | None = None, match: str | None = None) -> Change:
    """A rule more.

    Args:
        file: the lora.yaml.
        words: ``rename OLD NEW``, ``drop PATTERN`` or ``add TAG``.
        concept: only for the images of this one.
        match: only for the images whose paths match.

    Raises:
        ProjectError: the rule can't be, or can't be written there; lora.yaml is wrong.
    """
    loaded = load(file)
    action, tag, *rest = words
    _refuse_bad(loaded, action, tag, *rest)
    text, held = loaded.text.decode("utf-8-sig"), loaded.document().data
    trail = _section(held, concept, match)
    rules = _at(held, trail) if trail else {}
    _refuse_dropped(loaded, trail, rules, action, [tag, *rest][-1])
    if action != "rename":
        made = _listed(text, trail, rules, action, tag, match)
    else:
        _refuse_ring(loaded, trail, rules, tag, rest[0])
        made = _replaced(text, trail, rules, tag, rest[0], match)
    if made != text:
        prove(file, made)
    return Change(file, loaded.text, made)


def handed_out(file: Path, epoch: int) -> Change:
    """``output.epoch`` is this epoch. Raises ProjectError where that can't be written there."""
    loaded = load(file)
    text = loaded.text.decode("utf-8-sig")
    made = text if loaded.project.output.epoch == str(epoch) else put(text, ("output", "epoch"), epoch)
    if made != text:
        prove(file, made)
    return Change(file, loaded.text, made)


def _section(data: Any, concept: str | None, match: str | None) -> Trail | None:
    """Where the rules of these images stand; None for a pattern that is new."""
    if concept is not None and match is not None:
        what = "`--concept` and `--match` are two ways of saying which images"
        raise ProjectError(what, where="command line", next_step="say one of them")
    if concept is not None:
        known = _at(data, ("concepts",))
        if concept not in known:
            near = nearest(concept, known)
            hint = f"did you mean `{near}`?" if near else f"there are {', '.join(known)}"
            raise ProjectError(f"there is no concept `{concept}`", where="command line", next_step=hint)
        return ("concepts", concept, "captions")
    if match is None:
        return ("captions",)
    entries = _at(data, ("captions", "for")) or []
    places = [number for number, entry in enumerate(entries) if entry.get("match") in (match, [match])]
    return ("captions", "for", str(places[-1])) if places else None


def _listed(text: str, trail: Trail | None, rules: Mapping[str, Any], word: str, tag: str, match: str | None) -> str:
    if trail is None:
        return append(text, ("captions", "for"), {"match": match, word: [tag]})
    known = {spelling_key(str(one)) for one in rules.get(word) or ()}
    return text if spelling_key(tag) in known else append(text, (*trail, word), tag)


def _replaced(text: str, trail: Trail | None, rules: Mapping[str, Any], old: str, new: str, match: str | None) -> str:
    if trail is None:
        return append(text, ("captions", "for"), {"match": match, "replace": {old: new}})
    table = rules.get("replace") or {}
    old = next((tag for tag in table if spelling_key(tag) == spelling_key(old)), old)
    return text if table.get(old) == new else put(text, (*trail, "replace", old), new)


def _refuse_bad(loaded: Loaded, action: str, *tags: str) -> None:
    """What is no tag, and triggers, which are renamed elsewhere."""
    for tag in tags:
        if problem := bad_tag(tag):
            raise ProjectError(f"the tag `{tag}` {problem}", where="command line", next_step="write one tag")
    trigger = next((name for name in loaded.project.triggers if spelling_key(name) == spelling_key(tags[0])), None)
    if trigger:
        what = f"`{trigger}` is a trigger: no rule reaches it"
        hint = "its name stands there and in `concepts:`" if action == "rename" else "concepts say which images show it"
        raise ProjectError(what, where=loaded.place("triggers", trigger), next_step=hint)


def _refuse_dropped(loaded: Loaded, trail: Trail | None, rules: Mapping[str, Any], action: str, tag: str) -> None:
    for number, pattern in enumerate(rules.get("drop") or () if action != "drop" else ()):
        if matcher((str(pattern),))(spelling_key(tag)):
            where = loaded.place(*(trail or ()), "drop", str(number))
            raise ProjectError(f"`{tag}` would be dropped by `{pattern}`", where=where, next_step="delete that first")


def _refuse_ring(loaded: Loaded, trail: Trail | None, rules: Mapping[str, Any], old: str, new: str) -> None:
    """A rename back: of two rules that turn in a ring none does what it says."""
    table = {spelling_key(tag): (tag, str(other)) for tag, other in (rules.get("replace") or {}).items()}
    first, key = spelling_key(old), spelling_key(new)
    while key != first and key in table:
        tag, other = table.pop(key)
        key = spelling_key(other)
        if key == first:
            where = loaded.place(*(trail or ()), "replace", tag)
            raise ProjectError(f"`{tag}` becomes `{old}` by this rule", where=where, next_step="delete that first")


def _at(data: Any, trail: Trail) -> Any:
    """What stands at a place; nothing where there is nothing."""
    for word in trail:
        data = (data[int(word)] if isinstance(data, list) else data.get(word)) if data else None
    return {} if data is None else data
