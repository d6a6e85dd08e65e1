"""``import kohya`` and ``init --from``: a lora.yaml from folders and settings of the standard trainer."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.captions.tags import split
from lorabuild.core.errors import ProjectError
from lorabuild.core.files import folded, numbered
from lorabuild.core.trouble import trouble
from lorabuild.graph.import_notes import notes
from lorabuild.graph.import_sources import Source, seen, sized, source
from lorabuild.graph.moving_captions import HAND, Texts, common, different, prose, texts, ways
from lorabuild.schema.budget import Budget
from lorabuild.schema.check_disk import HUB_ID
from lorabuild.schema.drafted import drafted
from lorabuild.schema.kohya_settings import NAME, Around, moved
from lorabuild.schema.load import parse
from lorabuild.schema.loaded import FILE
from lorabuild.schema.moving import DEFAULT, NOTHING, UNKNOWN, Moving, Told, ordered, take
from lorabuild.schema.problems import ProblemsError
from lorabuild.schema.save import prove
from lorabuild.schema.taggers import Wd14

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lorabuild.schema.kohya_files import Settings
    from lorabuild.schema.picture_folders import Pictures

NO_TAGS = ".tags"
"""An ending that no side file has: then only texts by hand count, word for word."""

COPIES = "dataset"
_MUST = ("name", "base.model", "base.family", "concepts", "triggers", "regularization.folder")
_NOT_IN_NAMES = re.compile(r'[/\\:*?"<>|\s]+')


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person says beside the sources.

    Attributes:
        base, family, name: instead of what the settings say.
        trigger: of a folder that nobody made for a trainer; such a folder is taken where this is said.
        copy: copy images and captions into the project.
    """

    base: str = ""
    family: str = ""
    name: str = ""
    trigger: str = ""
    copy: bool = False


@dataclass(slots=True)
class Imported:
    """A project that isn't written yet.

    Attributes:
        root: its folder.
        source: what it is made from.
        moving: its sections, and what became of every word of the settings.
        concepts: name → pictures.
        read: name → their captions, as the standard trainer reads them.
        heading: what it is made from, for its first line.
        copied: whether images and captions are to be copied.
        text: of lora.yaml.
        others: images with other captions than there.
        notes: what a person should know beside that.
    """

    root: Path
    source: Source
    moving: Moving
    concepts: dict[str, Pictures]
    read: dict[str, Texts]
    heading: str
    copied: bool
    text: str = ""
    others: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def imported(paths: Sequence[Path], root: Path, wishes: Wishes) -> Imported:
    """Look at the sources and work out a project for ``root``; nothing is written. Raises ``ProjectError``."""
    found = source(paths, loose=bool(wishes.trigger))
    find = partial(_named, found, root)
    settings = _with_base(found.settings, wishes.base)
    moving = moved(settings, Around(found.looks, bool(found.regular), find, found.lines, wishes.family))
    wild, concepts = bool(moving.sections.get("training", {}).get("wildcards")), _concepts(found.training)
    read = {name: texts(one, found.ending, wildcards=wild) for name, one in concepts.items()}
    heading = f"from {' and '.join(path.name or path.absolute().name for path in paths)}"
    made = Imported(root, found, moving, concepts, read, heading, wishes.copy)
    _said(made, wishes)
    _folders(made, wishes)
    _regular(made)
    if masks := [one for one in found.training if one.masks]:
        _masks(made, masks)
    with _standing(root):
        _captions(made, wishes)
    made.notes += notes(made)
    return made


@contextmanager
def _standing(root: Path) -> Iterator[None]:
    """A folder that is there for a moment: ``..`` leads nowhere from one that isn't."""
    new = [path for path in (root, *root.parents) if not path.exists()]
    with trouble("make this folder", root):
        root.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for path in new:
            with suppress(OSError):
                path.rmdir()


def _with_base(settings: Settings, base: str) -> Settings:
    """The settings with the base model that a person names. Raises ``ProjectError`` where it isn't there."""
    if not base:
        return settings
    if not Path(base).expanduser().exists() and not HUB_ID.fullmatch(base):
        hint = "name a diffusers folder, a .safetensors file, or a hub id (owner/name)"
        raise ProjectError(f"there is no model at `{base}`", where="--base", next_step=hint)
    return replace(settings, words={**settings.words, "pretrained_model_name_or_path": base})


def _named(found: Source, root: Path, text: str) -> str | None:
    place = found.find(text)
    return seen(place, root) if place else None


def _said(made: Imported, wishes: Wishes) -> None:
    """What a person says wins; what nobody says, and a person looks for, is shown as it is by itself."""
    sections, folder = made.moving.sections, NAME.sub("-", made.root.absolute().name).strip("-._")[:100]
    if "pretrained_model_name_or_path" not in made.moving.given:
        made.notes.append(f"no file names the base model: base.model is {sections['base']['model']}; `--base` says it")
    sections["name"] = wishes.name or sections.get("name") or folder or "my-lora"
    if "budget" not in sections:
        sections["budget"] = {"epochs": Budget.model_fields["epochs"].default}
        made.notes.append("no file says how long to train: look at `budget:`")


def _concepts(training: Sequence[Pictures]) -> dict[str, Pictures]:
    """Name of a concept → its pictures; names differ in more than capitals, and can name folders."""
    found: dict[str, Pictures] = {}
    for one in training:
        words = one.label.replace(",", " ").split() or [one.folder.absolute().name]
        base = _NOT_IN_NAMES.sub("-", words[0]).strip(" .-") or "main"
        found[numbered(base, lambda name: folded(name) not in map(folded, found))] = one
    return found


def _folders(made: Imported, wishes: Wishes) -> None:
    """``concepts:`` and ``triggers:``."""
    triggers: dict[str, Any] = {}
    written: dict[str, Any] = {}
    for name, one in made.concepts.items():
        found = ways(one, made.read[name])
        own = wishes.trigger if not one.tokens else ""  # such a folder was made for no trainer
        words = (own,) if own else found.triggers or ((wishes.trigger,) if wishes.trigger else ())
        known = {other.casefold(): other for other in triggers}
        shown = [known.get(word.casefold(), word) for word in words]
        for word in shown:
            kind = "style" if "style" in one.tokens.lower() else "character"
            said = {"kind": kind, **({"class": found.class_} if found.class_ else {})}
            triggers.setdefault(word, said if wishes.trigger and not one.tokens else said | {"absorbs": []})
        place = f"{COPIES}/{name}" if made.copied else seen(one.folder, made.root)
        entry: dict[str, Any] = {"folder": place, **({"repeats": one.repeats} if one.repeats else {})}
        entry |= {"triggers": shown} if shown else {}
        entry |= sized(one, made.moving.sections.get("images", {}))
        written[name] = entry | ({"captions": {"add": list(found.add)}} if found.add else {})
    made.moving.sections |= {"concepts": written, **({"triggers": triggers} if triggers else {})}
    _shared(made, written, list(triggers))
    if all(one.keep == len(written[name].get("triggers", ())) for name, one in made.concepts.items()):
        take(made.moving.sections, "training.keep_tokens")
        why = "it is the number of an image's triggers by itself"
        told = made.moving.told
        told[:] = [Told(one.key, one.value, DEFAULT, why) if one.key == "keep_tokens" else one for one in told]


def _shared(made: Imported, written: dict[str, Any], triggers: Sequence[str]) -> None:
    """A trigger of another folder that every caption says directly behind the own ones is shown here, too."""
    for name, entry in written.items():
        texts_of = [split(text) for image, text in made.read[name].read.items() if image not in made.read[name].missing]
        shown = entry.get("triggers", [])
        for word in [word for word in triggers if word not in shown] if shown and texts_of else ():
            if all(pieces[: len(shown) + 1] == [*shown, word] for pieces in texts_of):
                shown.append(word)


def _regular(made: Imported) -> None:
    """``regularization:`` has one folder: the one above all where there are several."""
    regular = made.source.regular
    if not regular:
        made.moving.sections.pop("regularization", None)
        return
    folders = [one.folder for one in regular]
    above = folders[0].parent
    whole = len(folders) > 1 and {path for path in above.iterdir() if path.is_dir()} == set(folders)
    place = seen(above if whole else folders[0], made.root)
    if len(folders) > 1 and not whole and not made.copied:
        made.notes.append(f"regularization has one folder: only {folders[0].name} is used; `--copy` takes all")
    section = made.moving.sections.setdefault("regularization", {})
    section["folder"] = f"{COPIES}/regularization" if made.copied else place
    if not made.copied and any(not path.with_suffix(HAND).is_file() for one in regular for path in one.files):
        tokens = common(list(dict.fromkeys(one.tokens for one in regular if one.tokens)))
        told = f"regularization images without a caption are `{tokens}` there, and say nothing here"
        made.notes.append(f"{told}; `--copy` writes it beside them")


def _masks(made: Imported, masks: Sequence[Pictures]) -> None:
    """Masks in folders of their own: copied they lie beside their images, and are used."""
    if made.copied:
        made.moving.sections.setdefault("images", {})["masks"] = "side"
    else:
        told = common([one.masks.name for one in masks if one.masks])
        made.notes.append(
            f"masks in folders of their own ({told}) are found beside the images: `--copy` puts them there"
        )


def _captions(made: Imported, wishes: Wishes) -> None:
    """The way of reading captions that gives the most of those that the standard trainer reads; and the text."""
    ending = made.source.ending
    sidecar = {"tagger": {"type": "sidecar", "extension": ending}}
    exactly = {**sidecar, "order": "original", "consolidate": False}
    by_hand = {"tagger": {"type": "sidecar", "extension": NO_TAGS}}
    if wishes.trigger and all(one.tokens == "" for one in made.source.training):
        own = [text for one in made.read.values() for path, text in one.read.items() if path not in one.missing]
        untagged = {"tagger": {"type": "wd14", "threshold": 0.35}}
        choices: list[dict[str, Any]] = [(by_hand if prose(own) else sidecar) if own else untagged]
    else:
        choices = [by_hand] if made.copied else [exactly, by_hand] if ending == HAND else [exactly]
    tried = []
    for choice in choices:
        made.moving.sections["captions"] = choice
        text = _proved(made)
        project = parse(text, made.root).project
        tried.append((text, [] if wishes.trigger else different(project, made.read, copied=made.copied)))
    made.text, made.others = min(tried, key=lambda one: len(one[1]))


def _proved(made: Imported) -> str:
    """The text, without words that a check refuses; what is refused is told. Raises ``ProblemsError``."""
    while True:
        text = _text(made)
        try:
            prove(made.root / FILE, text)
        except ProblemsError as error:
            places = [(problem["where"].rpartition(" ")[2], problem) for problem in error.problems]
            open_ = [place for place, _ in places if not (made.copied and place.endswith(".folder"))]
            if not open_:
                return text  # its folders aren't there yet
            gone = [one for one in places if not one[0].startswith(_MUST) and take(made.moving.sections, one[0])]
            if not gone:
                raise
            for place, problem in gone:
                _refused(made.moving, place, f"{problem['what']}: {problem['next_step']}")
        else:
            return text


def _refused(moving: Moving, place: str, why: str) -> None:
    """A word that came along, and can't stand beside the others."""
    for number, one in enumerate(moving.told):
        if one.dotted and (f"{place}.".startswith(f"{one.dotted}.") or f"{one.dotted}.".startswith(f"{place}.")):
            moving.told[number] = Told(one.key, one.value, NOTHING, why)
            return
    moving.told.append(Told(place, "", NOTHING, why))


def _text(made: Imported) -> str:
    sections, moving = made.moving.sections, made.moving
    head = [
        f"{sections['name']}: {made.heading}",
        "`lorabuild plan` shows what would be done, `lorabuild` does it. Every word: docs/lora-yaml.md.",
    ]
    came = [one for one in moving.told if one.dotted and one.key != one.dotted.rpartition(".")[2]]
    notes = {one.dotted: one.key for one in reversed(came)}
    notes |= {f"concepts.{name}": f"{len(one.files)} images" for name, one in made.concepts.items()}
    tagger = sections["captions"]["tagger"]
    if tagger["type"] == "wd14":
        notes["captions.tagger"] = f"no picture has a caption yet: {Wd14().model} writes them"
    elif tagger["extension"] == NO_TAGS:
        notes["captions.tagger"] = "nothing ends so: a .txt is the caption, word for word"
    else:
        notes["captions.tagger"] = "the tags of the file beside each picture"
    left = [f"{one.key}: {one.value} – {one.what}" for one in moving.told if one.status in (NOTHING, UNKNOWN)]
    return drafted(ordered(sections), notes, head, [line.replace("\n", " ") for line in left])
