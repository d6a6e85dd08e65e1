import subprocess
import sys
from pathlib import Path

import pytest

from lorabuild.schema import kept as module
from lorabuild.schema.kept import PLACE, Kept, keep, kept
from lorabuild.schema.load import load

EXAMPLE = Path(__file__).parents[2] / "example_project/lora.yaml"
RICH = """\
name: zorbl
base: {model: owner/name@main, clip_skip: 2}
triggers:
  zorbl: {kind: character, class: creature, absorbs: [1creature, "*_eyes"]}
  v1.5: {kind: style}
concepts:
  plain: {folder: dataset/plain, triggers: [zorbl, v1.5], weight: 2}
captions: {replace: {a: b}, drop: [c]}
regularization: {generate: {count: 4}}
network: {type: locon, dim: 4, alpha: 2}
training: {optimizer: {type: prodigy}, schedule: {type: cosine, warmup: 3}}
device: {threads: 1}
"""


OWN = RICH.replace(
    "{type: prodigy}", "{type: custom, class: mine.Own, arguments: {betas: [0.9, 0.99], deep: {a: [1, [2]]}, x: null}}"
)


@pytest.fixture(params=[RICH, OWN, EXAMPLE.read_text("utf-8")], ids=["rich", "own", "example"])
def file(request, tmp_path):
    """A lora.yaml whose settings are kept."""
    path = tmp_path / "lora.yaml"
    path.write_text(request.param, "utf-8")
    (tmp_path / ".lorabuild").mkdir()
    keep(load(path))
    return path


def test_what_is_kept_says_what_pydantic_says(file):
    real, found = load(file), kept(file)
    for mode in ("json", "python"):
        for by_alias in (True, False):
            whole = real.project.model_dump(mode=mode, by_alias=by_alias)
            assert found.project.model_dump(mode=mode, by_alias=by_alias) == whole
    assert found.site.consumed() == real.site.consumed()
    assert found.site.consumed("training") == real.site.consumed("training")
    assert (found.site.root, found.text) == (real.site.root, real.text)


def same(real, found):
    for name in type(real).model_fields:
        value, other = getattr(real, name), getattr(found, name)
        if isinstance(other, Kept):
            same(value, other)
        elif isinstance(other, dict) and any(isinstance(entry, Kept) for entry in other.values()):
            assert list(value) == list(other)
            for key in value:
                same(value[key], other[key])
        elif isinstance(other, tuple) and any(isinstance(entry, Kept) for entry in other):
            for one, two in zip(value, other, strict=True):
                same(one, two)
        else:
            assert (value, type(value)) == (other, type(other)), name


def test_every_word_is_there_under_its_name(file):
    same(load(file).project, kept(file).project)


def test_a_copy_may_have_other_values(file):
    real, found = load(file).project.network, kept(file).project.network
    assert found.model_copy(update={"dim": 77}).model_dump() == real.model_copy(update={"dim": 77}).model_dump()
    assert found.dim == real.dim != 77


def test_a_part_may_be_left_out(file):
    real, found = load(file).project.training.optimizer, kept(file).project.training.optimizer
    assert found.model_dump(exclude={"type", "lr"}) == real.model_dump(exclude={"type", "lr"})


def test_places_are_those_of_the_file(file):
    assert kept(file).where("base.model") == load(file).where("base.model")
    assert kept(file).place("concepts", "plain", "folder") == load(file).place("concepts", "plain", "folder")


HARM = {
    "another word": lambda file: file.write_text(file.read_text("utf-8") + "# x\n", "utf-8"),
    "no lora.yaml": lambda file: file.unlink(),
    "nothing kept": lambda file: (file.parent / PLACE).unlink(),
    "damaged": lambda file: (file.parent / PLACE).write_bytes(b"\0" * 2000),
    "cut": lambda file: (file.parent / PLACE).write_bytes((file.parent / PLACE).read_bytes()[:-1]),
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_in_doubt_there_is_nothing(file, harm):
    harm(file)
    assert kept(file) is None


def test_what_other_code_has_read_is_nothing(file, monkeypatch):
    monkeypatch.setattr(module, "code", lambda: "b3:other")
    assert kept(file) is None


def test_settings_of_the_command_line_are_not_kept(tmp_path):
    file = tmp_path / "lora.yaml"
    file.write_text(RICH, "utf-8")
    (tmp_path / ".lorabuild").mkdir()
    keep(load(file, ["name=other"]))
    assert not (tmp_path / PLACE).exists()


def test_a_disk_that_takes_nothing_does_no_harm(file):
    (file.parent / PLACE).unlink()
    (file.parent / PLACE).mkdir()
    keep(load(file))
    assert kept(file) is None


def test_what_was_kept_is_not_kept_again(file):
    found = kept(file)
    (file.parent / PLACE).unlink()
    keep(found)
    assert not (file.parent / PLACE).exists()


def test_neither_pydantic_nor_yaml_is_needed(file):
    code = f"""
import sys
from pathlib import Path
from lorabuild.schema.kept import kept
assert kept(Path({str(file)!r})).project.name == "zorbl"
print({{"pydantic", "yaml", "pydantic_core"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
