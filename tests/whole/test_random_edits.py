"""Whatever is done to a project, in whatever order, and built in between: it ends as a build from nothing does."""

import os
import random
import shutil

import pytest
import small

FOLDERS = ("plain", "cape")
WORDS = {
    "threshold: 0.35": ("threshold: 0.35", "threshold: 0.4", "threshold: 0.9"),
    "absorbs: [red]": ("absorbs: [red]", "absorbs: [red, blue]", "absorbs: []"),
    "steps: 24,": ("steps: 24,", "steps: 25,", "steps: 40,"),
    "lr: 1.0e-3": ("lr: 1.0e-3", "lr: 2.0e-3"),
    "count: 2,": ("count: 2,", "count: 3,"),
    "resolution: 64": ("resolution: 64", "resolution: 64, flip: true", "resolution: 64, background: '#102030'"),
    '"zorbl, red"': ('"zorbl, red"', '"zorbl, red", "zorbl"', '"zorbl", "zorbl, red"'),
    "author: someone": ("author: someone", "author: somebody"),
    "  zorbl_cape: {kind": ("  zorbl_cape: {kind", "  zorbl_cape: {class: cloth, kind"),
    "zorbl_cape]}": ("zorbl_cape]}", "zorbl_cape], weight: 3}"),
}
"""A place of lora.yaml → what may stand there."""


def pictures(project):
    return sorted(project.path("dataset").rglob("*.png"))


def repainted(project, chance):
    path = chance.choice(pictures(project))
    small.picture(tuple(chance.randrange(256) for _ in range(3)), chance.choice([(64, 64), (64, 48)])).save(path)


def swapped(project, chance):
    """Two pictures change places, and keep each other's times."""
    one, other = chance.sample(pictures(project), 2)
    stamps = [path.stat() for path in (one, other)]
    contents = [path.read_bytes() for path in (one, other)]
    for path, data, stamp in zip((other, one), contents, reversed(stamps), strict=True):
        path.write_bytes(data)
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def moved(project, chance):
    path = chance.choice(pictures(project))
    to = project.path(f"dataset/{chance.choice(FOLDERS)}/{chance.choice(['', 'deeper/'])}{chance.randrange(99)}.png")
    to.parent.mkdir(exist_ok=True)
    if not to.exists():
        path.rename(to)


def copied(project, chance):
    to = project.path(f"dataset/{chance.choice(FOLDERS)}/{chance.randrange(99)}.png")
    to.write_bytes(chance.choice(pictures(project)).read_bytes())


def removed(project, chance):
    found = pictures(project)
    path = chance.choice(found)
    if sum(other.is_relative_to(path.parent) for other in found) > 2:
        path.unlink()


def captioned(project, chance):
    text = chance.choice(pictures(project)).with_suffix(".txt")
    if text.exists():
        text.unlink()
    else:
        text.write_text(chance.choice(["by hand", "zorbl, blue"]), "utf-8")


def broken(project, chance):
    chance.choice(pictures(project)).write_bytes(b"no picture")


def worded(project, chance):
    path = project.path("lora.yaml")
    text = path.read_text("utf-8")
    ways = WORDS[chance.choice(sorted(WORDS))]
    now = max((way for way in ways if way in text), key=len)
    path.write_text(text.replace(now, chance.choice(ways)), "utf-8")


def reordered(project, chance):
    """The lines of the triggers, or of the concepts, change places."""
    path = project.path("lora.yaml")
    lines = path.read_text("utf-8").splitlines(keepends=True)
    section = chance.choice(["triggers:", "concepts:"])
    first = next(place for place, line in enumerate(lines) if line.startswith(section))
    lines[first + 1], lines[first + 2] = lines[first + 2], lines[first + 1]
    path.write_text("".join(lines), "utf-8")


EDITS = (repainted, swapped, moved, copied, removed, captioned, broken, worded, worded, reordered)
TARGETS = ("scan", "caption", "latents", "text", "report")


@pytest.mark.parametrize("seed", range(5))
def test_a_project_that_was_worked_on_ends_as_one_that_was_built_once(project, tmp_path, seed):
    chance = random.Random(seed)
    for _ in range(5):
        for edit in chance.sample(EDITS, 2):
            print(edit.__name__)  # pytest shows it when the test fails
            edit(project, chance)
        project.build(chance.choice(TARGETS))
    once = small.Small(tmp_path / "once")
    shutil.copytree(
        project.root, once.root, ignore=shutil.ignore_patterns(".lorabuild", "out", "lora.lock", "lora.manifest.tsv")
    )
    worked, anew = project.build(), once.build()
    assert worked.code == anew.code
    if worked.code == 0:
        assert _files(project) == _files(once)
        assert project.build().ran == {}
        assert project.run("plan").code == 0


def _files(project):
    made = [path for path in project.path("out").iterdir() if path.name != "report.html"]
    made += [project.path(name) for name in ("lora.lock", "lora.manifest.tsv")]
    return {path.name: path.read_bytes() for path in made}
