"""What goes wrong is told in plain words, with the exit code of its kind, and nothing is lost."""

import errno
import os
import shutil

import pytest
import small
import tiny_tagger

from lorabuild.core import blobs, files
from lorabuild.stages import tag

BROKEN = {
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-200]),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no picture at all", "utf-8"),
    "damaged": lambda path: path.write_bytes(path.read_bytes()[:60] + bytes(400)),
    "a dangling link": lambda path: (path.unlink(), path.symlink_to("nowhere.png")),
}


@pytest.mark.parametrize("spoil", BROKEN.values(), ids=BROKEN)
def test_a_picture_that_cannot_be_read_is_named_and_set_aside(project, spoil):
    good = project.path("dataset/plain/d.png").read_bytes()
    before = project.sha()
    spoil(project.path("dataset/plain/d.png"))
    built = project.build()
    assert built.code == 0
    assert [event["item"] for event in built.events("aside")] == ["dataset/plain/d.png"]
    assert [entry["item"] for entry in built.said[-1]["aside"]] == ["dataset/plain/d.png"]
    assert project.sha() != before
    again = project.build()
    assert again.ran == {}
    assert [entry["item"] for entry in again.said[-1]["aside"]] == ["dataset/plain/d.png"]
    assert "dataset/plain/d.png" in project.run("status").text
    project.path("dataset/plain/d.png").unlink()
    project.path("dataset/plain/d.png").write_bytes(good)
    project.build()
    assert project.sha() == before


def test_a_concept_of_broken_pictures_leaves_the_others_and_says_so(project):
    for path in project.path("dataset/cape").glob("*.png"):
        path.write_bytes(b"")
    built = project.build()
    assert built.code == 0
    assert len(built.said[-1]["aside"]) == 3
    assert any(event["item"] == "cape" for event in built.events("warning"))


def test_broken_pictures_alone_are_nothing_to_train_on(fresh):
    for path in fresh.path("dataset").rglob("*.png"):
        path.write_bytes(b"")
    built = fresh.build()
    assert built.code == 1
    assert "no image can be used" in built.text
    assert "dataset/cape/e.png: the file is empty" in built.text
    assert "put readable images into the concept folders" in built.said[-1]["next"]


def emptied(project):
    for path in project.path("dataset/cape").iterdir():
        path.unlink()


def no_tagger(project):
    project.path("tagger/selected_tags.csv").unlink()


WRONG = {
    "an empty folder": (emptied, "lora.yaml:8:", "no image in `dataset/cape`", "put png"),
    "a missing folder": (
        lambda p: shutil.move(p.path("dataset/cape"), p.path("dataset/capes")),
        "lora.yaml:8:",
        "there is no folder `dataset/cape`",
        "did you mean `dataset/capes`?",
    ),
    "a wrong word": (
        lambda p: p.write("training: {", "training: {los: l2, "),
        "lora.yaml:14:12 training.los",
        "los",
        "did you mean `loss`",
    ),
    "a wrong type": (lambda p: p.write("dim: 2", "dim: two"), "lora.yaml:13:11 network.dim", "two", "whole number"),
    "no tagger": (
        lambda p: p.write("model: tagger", "model: taggr"),
        "lora.yaml:10:",
        "there is no model at `taggr`",
        "did you mean `tagger`",
    ),
    "half a tagger": (no_tagger, "lora.yaml:10:", "lacks selected_tags.csv", "must hold"),
    "no base": (
        lambda p: p.write("model: base", "model: bases"),
        "lora.yaml:2:",
        "there is no model at `bases`",
        "did you mean `base`",
    ),
    "half a base": (
        lambda p: shutil.rmtree(p.path("base/unet")),
        "lora.yaml:2:8 base.model",
        "it lacks unet",
        "a diffusers folder has",
    ),
    "an unknown trigger": (
        lambda p: p.write("triggers: [zorbl, zorbl_cape]", "triggers: [zorbl, zorbl_cap]"),
        "lora.yaml:8:",
        "zorbl_cap",
        "did you mean `zorbl_cape`",
    ),
    "no lora.yaml": (lambda p: p.path("lora.yaml").unlink(), "", "there is no lora.yaml here", "lorabuild init"),
    "no yaml": (lambda p: p.write("name: tiny", "name: [tiny"), "lora.yaml:2:5", "a bracket", "write ["),
}


@pytest.mark.parametrize(("change", "where", "what", "hint"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("command", ["build", "plan", "status"])
def test_what_is_wrong_with_the_project_is_said_with_its_place_and_what_to_do(
    project, command, change, where, what, hint
):
    change(project)
    before = project.sha()
    told = project.run(command, "--json")
    assert told.code == 2
    problems = [*told.said[-1]["problems"], told.said[-1]]
    assert any(where in (entry.get("where") or "") for entry in problems)
    for words in (where, what, hint):
        assert words in told.text
    assert "Traceback" not in told.text
    assert project.sha() == before


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("biuld",), "lorabuild build"),
        (("build", "trian"), ""),
        (("plan", "--fast"), ""),
        (("build", "--set", "a"), ""),
    ],
)
def test_a_wrong_command_line_is_answered_with_two(project, words, hint):
    told = project.run(*words)
    assert told.code == 2
    assert hint in told.text
    assert "Traceback" not in told.text


DAMAGED = {
    "unet": ("base/unet/diffusion_pytorch_model.safetensors", "lora.yaml:2:8 base.model: the unet of"),
    "vae": ("base/vae/diffusion_pytorch_model.safetensors", "lora.yaml:2:8 base.model: the vae of"),
    "text encoder": ("base/text_encoder/model.safetensors", "lora.yaml:2:8 base.model: the text_encoder of"),
    "tokenizer": ("base/tokenizer/vocab.json", "lora.yaml:2:8 base.model: the tokenizer in"),
    "config": ("base/unet/config.json", "lora.yaml:2:8 base.model"),
    "tagger": ("tagger/model.onnx", "the tagger's model can't be opened"),
    "table": ("tagger/selected_tags.csv", "no readable columns"),
}


@pytest.mark.parametrize(("name", "said"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_model_is_told_and_what_was_made_is_kept(project, name, said):
    before, good = project.sha(), project.path(name).read_bytes()
    os.truncate(project.path(name), min(300, len(good) // 2))
    told = project.build()
    assert told.code == 2
    assert said in told.text
    assert "Traceback" not in told.text
    assert project.sha() == before
    project.path(name).write_bytes(good)
    assert project.build().ran == {}


def failing(real, code, when):
    """A function that raises this OSError at the calls that ``when`` picks by number, from 1."""
    calls = iter(range(1, 1_000_000))

    def call(*words):
        if when(next(calls)):
            raise OSError(code, os.strerror(code))
        return real(*words)

    return call


FULL = [
    (blobs, "write_plain", 1),  # the first blob, the last stages'
    (blobs, "write_plain", 6),
    (files, "sync_file", 3),
    (files, "write_plain", 1),  # an epoch's file, then the outputs
    (files, "write_plain", 6),
]


@pytest.mark.parametrize(("room", "name", "call"), FULL)
def test_a_full_disk_is_told_and_the_next_build_is_right(fresh, built, monkeypatch, room, name, call):
    with monkeypatch.context() as patched:
        patched.setattr(room, name, failing(getattr(room, name), errno.ENOSPC, lambda number: number >= call))
        failed = fresh.build()
    assert failed.code == 1
    assert "the disk is full" in failed.text
    assert "free some space" in failed.said[-1]["next"]
    assert fresh.build().code == 0
    assert fresh.sha() == built.sha()


def test_an_output_folder_that_cannot_be_written_is_told(project, monkeypatch):
    before = project.sha()
    project.write("author: someone", "author: somebody")
    with monkeypatch.context() as patched:
        patched.setattr(files, "write_plain", failing(files.write_plain, errno.EACCES, lambda _: True))
        failed = project.build()
    assert failed.code == 1
    assert "permission denied" in failed.text
    assert "out/" in failed.text
    assert project.sha() == before
    assert project.build().ran == {}
    assert project.sha() != before


def test_a_folder_in_the_place_of_an_output_is_told(project):
    project.path(small.LORA).unlink()
    project.path(small.LORA).mkdir()
    failed = project.build()
    assert failed.code == 1
    assert small.LORA in failed.text
    assert "Traceback" not in failed.text


def loose(project):
    return [path for path in project.path(".lorabuild/blobs").rglob("*") if path.is_file()]


def flip(path):
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_flipped_bit_in_every_blob_is_found_when_it_is_used_and_repaired(project):
    before = project.sha()
    assert loose(project)
    for path in loose(project):
        flip(path)
    project.write("author: someone", "author: somebody")
    repaired = project.build()
    assert repaired.code == 0
    assert [event["code"] for event in repaired.events("note") if event["code"] == "repair"]
    project.write("author: somebody", "author: someone")
    assert project.build().code == 0
    assert project.sha() == before


def test_blobs_that_are_gone_are_made_again(project):
    before = project.sha()
    shutil.rmtree(project.path(".lorabuild/blobs"))
    planned = project.run("plan", "--json")
    assert planned.code == 3
    causes = {reason["why"] for stage in planned.said[0]["stages"] for reason in stage["reasons"]}
    assert causes == {"result missing from the store", "waits for train"}
    assert project.build().code == 0
    assert project.sha() == before


SPOILED = {
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: os.truncate(path, 0),
    "other": lambda path: path.write_bytes(b"no database" * 999),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
@pytest.mark.parametrize("backup", [True, False], ids=["backup", "no backup"])
def test_a_spoiled_database_is_mended(project, spoil, backup):
    before, store = project.sha(), project.path(".lorabuild")
    spoil(store / "state.db")
    for path in [*store.glob("state.db-*"), *([] if backup else store.glob("*backup*"))]:
        path.unlink()
    mended = project.build()
    assert mended.code == 0
    assert "Traceback" not in mended.text
    assert project.sha() == before
    assert project.build().ran == {}


def test_the_whole_store_may_be_deleted(project):
    before = project.sha()
    shutil.rmtree(project.path(".lorabuild"))
    assert project.build().code == 0
    assert project.sha() == before


RUINED = {
    "garbage": lambda path: path.write_bytes(b"garbage"),
    "garbage of the same size": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("ruin", RUINED.values(), ids=RUINED)
def test_an_output_that_was_changed_is_made_right_without_work(project, ruin):
    names = [path.relative_to(project.root).as_posix() for path in project.path("out").iterdir()]
    names += ["lora.lock", "lora.manifest.tsv"]
    before = {name: project.path(name).read_bytes() for name in names}
    for name in names:
        ruin(project.path(name))
    assert project.build().ran == {}
    assert {name: project.path(name).read_bytes() for name in names} == before


def touching(project, colours):
    """A tag stage under whose hands a picture changes, as often as there are colours."""
    real = tag.run

    def run(*words):
        for colour in [next(colours, None)]:
            if colour:
                small.picture(colour, (64, 48)).save(project.path("dataset/plain/c.png"))
        real(*words)

    return run


def test_a_picture_that_changes_while_it_is_built_is_looked_at_again(project, tmp_path, monkeypatch):
    tiny_tagger.make(project.path("tagger"), bias=0.1)
    with monkeypatch.context() as patched:
        patched.setattr(tag, "run", touching(project, iter([(1, 250, 3)])))
        moved = project.build()
    assert moved.code == 0
    assert {event["code"] for event in moved.events("note")} >= {"changed"}
    before = project.sha()
    shutil.rmtree(project.path(".lorabuild"))
    assert project.build().code == 0
    assert project.sha() == before


def test_pictures_that_never_rest_end_the_build(project, monkeypatch):
    tiny_tagger.make(project.path("tagger"), bias=0.1)
    colours = iter([(number, 250, 3) for number in range(9)])
    with monkeypatch.context() as patched:
        patched.setattr(tag, "run", touching(project, colours))
        moved = project.build()
    assert moved.code == 1
    assert "files keep changing while they are read" in moved.text


@pytest.mark.parametrize("name", ["lora.lock", "lora.manifest.tsv"])
@pytest.mark.parametrize("words", [(), ("--locked",), ("package",)])
def test_a_merge_conflict_is_told_before_anything_is_done(project, name, words):
    project.write("1.0e-3", "2.0e-3")
    text = project.path(name).read_bytes()
    conflict = b"<<<<<<< ours\n" + text + b"=======\n" + text + b">>>>>>> theirs\n"
    project.path(name).write_bytes(conflict)
    told = project.build(*words)
    assert told.code == 2
    assert "merge conflict" in told.text
    assert told.said[-1]["where"] == name
    assert f"git checkout --ours {name}" in told.said[-1]["next"]
    assert not told.events("stage")
    assert project.path(name).read_bytes() == conflict
    assert project.build("balance").code == 0
    project.path(name).unlink()
    assert project.build().code == 0
    assert b"<<<<<<<" not in project.path(name).read_bytes()


def test_the_files_of_the_person_are_left_alone(project):
    project.path("dataset/plain/notes.txt").write_text("not a caption", "utf-8")
    project.path("out/mine.txt").write_text("mine", "utf-8")
    owned = project.inputs()
    project.run("plan")
    project.run("status")
    project.build("--rehash")
    project.build("--set", "training.seed=8")
    assert project.inputs() == owned
    assert project.path("out/mine.txt").read_text("utf-8") == "mine"
