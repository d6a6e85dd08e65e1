"""Rules for captions that can't be meant: tags that are no tags, a table that isn't there, a match outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.schema.problems import Problem
from lorabuild.schema.tag_groups import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lorabuild.schema.caption_rules import Additive
    from lorabuild.schema.loaded import Loaded

TABLES = (".csv", ".yaml", ".yml", ".json")
Trail = tuple[str, ...]


def captions(loaded: Loaded) -> Iterator[Problem]:
    """What is wrong with the rules of every level."""
    project = loaded.project
    levels: list[tuple[Trail, Additive | None]] = [(("captions",), project.captions)]
    levels += [(("concepts", name, "captions"), concept.captions) for name, concept in project.concepts.items()]
    levels += [(("captions", "for", str(place)), rule) for place, rule in enumerate(project.captions.for_)]
    for trail, level in levels:
        for at, tag in _written(level) if level else ():
            if what := _wrong(tag):
                yield Problem(loaded.place(*trail, *at), f"`{tag}` {what}", "write one whole tag each, `[white_shirt]`")
    yield from _matches(loaded)
    yield from _table(loaded)


def _written(level: Additive) -> Iterator[tuple[Trail, str]]:
    """Every tag that a level may write into a caption, with its place."""
    yield from ((("add", str(place)), tag) for place, tag in enumerate(level.add))
    yield from ((("replace", tag), text) for tag, text in level.replace.items() if text.strip())
    yield from ((("split", name, str(at)), tag) for name, tags in level.split.items() for at, tag in enumerate(tags))
    yield from ((("same", name), name) for name in level.same)


def _wrong(tag: str) -> str:
    if not tag.strip():
        return "is no tag: it is empty"
    if "," in tag or "\n" in tag or "\r" in tag:
        return "is several tags: a comma or a line end parts them"
    return "is a group of tags, and no one can tell which of them is meant" if name_of(tag) else ""


def _matches(loaded: Loaded) -> Iterator[Problem]:
    for place, rule in enumerate(loaded.project.captions.for_):
        for at, glob in enumerate(rule.match):
            if not glob.strip() or "\\" in glob or glob.startswith("../"):
                what = f"`{glob}` matches no path: paths start from the folder of lora.yaml, with `/` between folders"
                where = loaded.place("captions", "for", str(place), "match", str(at))
                yield Problem(where, what, "write `dataset/cape/*_back.png`, or `dataset/**/*.png`")


def _table(loaded: Loaded) -> Iterator[Problem]:
    named = loaded.project.captions.implications
    if named is None:
        return
    path = loaded.site.path(named)
    if path.suffix.lower() not in TABLES:
        yield Problem(loaded.where("captions.implications"), f"`{named}` is no table", f"one of {', '.join(TABLES)}")
    elif not path.is_file():
        yield Problem(loaded.where("captions.implications"), f"there is no file `{named}`", f"looked at {path}")
