"""Strange names, links, pipes, copies and moves: each is used, or set aside with a word, or no matter."""

import json
import os
import shutil
import socket
import subprocess
import sys
import unicodedata

import light
import pytest
from lit import Lit, state

from lorabuild.core import steady

NAMES = {
    "newline": "new\nline",
    "carriage return": "car\rriage",
    "tab": "ta\tb",
    "escape": "\x1b[31mred",
    "no UTF-8": os.fsdecode(b"caf\xe9"),
    "NFC": unicodedata.normalize("NFC", "é"),
    "NFD": unicodedata.normalize("NFD", "é"),
    "250 bytes": "x" * 250,
    "quotes": 'it\'s "so" $(x) `y`; & %20 #?',
    "dash": "-rf",
    "picture character": "🙂",
    "blanks": " in front and behind ",
    "backslash": "a\\b",
    "brackets": "[a]*?{b}",
    "line separator": "a\u2028b",
    "dots": "a.b..c.",
    "a name of Windows": "CON",
    "from right to left": "\u202egnp",
}


def told(project, *words):
    """The JSON that a command line prints, in a process of its own whose terminal takes text only."""
    env = os.environ | {"PYTHONIOENCODING": "utf-8:strict", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lorabuild", "-C", str(project.root), *words]
    done = subprocess.run(command, capture_output=True, env=env, check=False)
    assert done.returncode in (0, 3), done.stderr
    assert b"Traceback" not in done.stderr
    return done.stdout.decode("utf-8")


@pytest.mark.parametrize("stem", NAMES.values(), ids=NAMES)
def test_any_name_is_a_name(lit, stem):
    light.picture(lit.image(f"plain/{stem}.png"), (9, 9, 99))
    lit.image(f"plain/{stem}.tags").write_text("1creature, odd", "utf-8")
    item = f"data/plain/{stem}.png"
    assert lit.build().ran == {"scan": 1, "prepare": 1, "tag": 1, "caption": 1, "balance": 1}
    assert lit.right()["caption"][item][1]["caption"] == "zorbl, odd"
    assert lit.run("why", item, "--json").code in (0, 3)
    lit.image(f"plain/{stem}.png").unlink()
    assert item not in lit.right()["scan"]


def test_a_name_as_long_as_can_be_has_no_room_for_words_beside_it(lit):
    """251 letters and ``.png``: with ``.tags`` it would be too long for the disk."""
    light.picture(lit.image("plain/" + "x" * 251 + ".png"), (9, 9, 99))
    assert lit.build().ran["caption"] == 1
    lit.right()


def test_names_that_are_no_text_survive_json_and_terminal(lit):
    bad = os.fsdecode(b"data/plain/caf\xe9.png")
    (lit.root / bad).write_bytes(b"")
    said = [json.loads(line) for line in told(lit, "build", "balance", "--json").split("\n") if line]
    assert [entry["item"] for entry in said[-1]["aside"]] == [bad]
    assert "caf\\udce9.png" in told(lit, "status")
    (status,) = [json.loads(told(lit, "status", "--json"))]
    assert bad in [entry["item"] for entry in status["aside"]]
    assert any(lit.build().code == 0 and "nothing to do" in quick(lit) for _ in range(50))
    (again,) = [json.loads(line) for line in told(lit, "build", "balance", "--json").split("\n") if line]
    assert again["aside"] == said[-1]["aside"]


def quick(project):
    process = project.process("build", "balance")
    return process.communicate(timeout=60)[1]


def test_strange_names_come_through_a_whole_build_and_its_files(fresh):
    """Manifest, lock, report, the LoRA and its metadata; rows can be read back."""
    names = {name: stem for name, stem in NAMES.items() if name not in ("blanks", "dots")}
    plain = fresh.path("dataset/plain")
    for number, stem in enumerate(names.values()):
        (plain / f"{stem}.png").write_bytes((plain / "a.png").read_bytes())
        from_colour(plain / f"{stem}.png", number)
    built = fresh.build()
    assert built.code == 0, built.text
    rows = fresh.path("lora.manifest.tsv").read_text("utf-8", "surrogateescape").split("\n")[1:-1]
    assert len(rows) == len(names) + 8
    assert all(row.count("\t") >= 2 for row in rows)
    found = {unescaped(row.split("\t")[0]) for row in rows}
    assert found >= {f"dataset/plain/{stem}.png" for stem in names.values()}
    json.loads(fresh.path("lora.lock").read_text("utf-8"))
    assert "<html" in fresh.path("out/report.html").read_text("utf-8")
    assert fresh.build().ran == {}


def from_colour(path, number):
    light.picture(path, (number * 9, 200 - number * 9, 60))


def unescaped(cell):
    """A cell of the manifest as it was."""
    for sign, letter in (("\\t", "\t"), ("\\n", "\n"), ("\\r", "\r")):
        cell = cell.replace("\\\\", "\0").replace(sign, letter).replace("\0", "\\\\")
    return cell.replace("\\\\", "\\")


def test_both_forms_of_an_accent_are_two_files(lit):
    for form, colour in (("NFC", "yellow"), ("NFD", "pink")):
        stem = unicodedata.normalize(form, "né")
        light.picture(lit.image(f"plain/{stem}.png"), colour)
        lit.image(f"plain/{stem}.tags").write_text(f"1creature, {colour}", "utf-8")
    found = {name: row[1]["caption"] for name, row in lit.right()["caption"].items()}
    assert found["data/plain/n\u00e9.png"] == "zorbl, yellow"
    assert found["data/plain/ne\u0301.png"] == "zorbl, pink"


def device(path):
    os.mkfifo(path)


def listening(path):
    """A socket lies on the disk longer than it is open; its path must be short."""
    here = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)


def outside(path):
    elsewhere = path.parents[3] / "elsewhere.png"
    light.picture(elsewhere, "black")
    path.symlink_to(elsewhere)


STRANGE = {
    "a pipe": (device, "is not an ordinary file"),
    "a socket": (listening, "is not an ordinary file"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "is a link that leads nowhere"),
    "a dangling link": (lambda path: path.symlink_to("nowhere.png"), "is a link that leads nowhere"),
    "a link out of the project": (outside, "is a link that leads outside"),
    "a link to its own folder": (lambda path: path.symlink_to("."), "is a link to a folder that is read already"),
}


@pytest.mark.parametrize(("make", "why"), STRANGE.values(), ids=STRANGE)
def test_what_is_no_picture_is_named_and_the_others_are_built(lit, make, why):
    before = state(lit.root)
    make(lit.image("plain/odd.png"))
    built = lit.build()
    assert built.code == 0
    assert built.ran == {}
    assert [(entry["item"], entry["problem"]) for entry in built.said[-1]["aside"]] == [("data/plain/odd.png", why)]
    assert lit.build().said[-1]["aside"] == built.said[-1]["aside"]
    lit.image("plain/odd.png").unlink()
    assert lit.build().said[-1]["aside"] == []
    assert lit.right() == before


WORDS = {
    "a pipe": (device, "is not an ordinary file"),
    "a dangling link": (lambda path: path.symlink_to("nowhere"), "no such file or directory"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "too many levels of symbolic links"),
}


@pytest.mark.parametrize("name", ["cape/e.tags", "cape/e.txt"])
@pytest.mark.parametrize(("make", "why"), WORDS.values(), ids=WORDS)
def test_words_that_cannot_be_read_set_their_picture_aside(lit, name, make, why):
    lit.image(name).unlink(missing_ok=True)
    before = lit.right()
    make(lit.image(name))
    left = lit.build()
    told = {entry["item"]: entry["problem"] for entry in left.said[-1]["aside"]}
    assert told["data/cape/e.png"] == f"{name[5:]} beside it can't be read: {why}"
    lit.image(name).unlink()
    assert lit.right() == before


def test_words_are_not_fetched_from_outside_the_project(lit):
    secret = lit.root.with_name("secret.txt")
    secret.write_text("my password", "utf-8")
    lit.image("cape/e.txt").unlink()
    lit.image("cape/e.txt").symlink_to(secret)
    why = {entry["item"]: entry["problem"] for entry in lit.build().said[-1]["aside"]}
    assert why["data/cape/e.png"] == "e.txt beside it is a link that leads outside"
    assert all("password" not in json.dumps(rows, default=str) for rows in lit.right().values())


def test_a_link_to_a_picture_of_the_project_follows_it(lit):
    lit.image("cape/linked.png").symlink_to("../plain/b.png")
    assert lit.right()["scan"].keys() >= {"data/cape/linked.png"}
    light.picture(lit.image("plain/b.png"), "black")
    found = lit.right()["prepare"]
    assert found["data/cape/linked.png"][1]["pixels"] == found["data/plain/b.png"][1]["pixels"]


def test_hard_links_in_two_concepts_are_two_pictures_that_change_together(lit):
    os.link(lit.image("plain/b.png"), lit.image("cape/b.png"))
    assert lit.build().ran.keys() == {"caption", "balance"}
    with lit.image("cape/b.png").open("r+b") as file:
        light.picture(lit.root / "other.png", "black")
        file.write((lit.root / "other.png").read_bytes())
        file.truncate()
    found = lit.right()["prepare"]
    assert found["data/cape/b.png"][1] == found["data/plain/b.png"][1]


def test_other_letters_in_a_name_change_nothing(lit):
    lit.image("plain/b.png").rename(lit.image("plain/B.PNG"))
    lit.image("plain/b.tags").rename(lit.image("plain/B.tags"))
    assert lit.build().ran == {}
    assert "data/plain/B.PNG" in lit.right()["scan"]


def test_two_pictures_with_one_name_share_the_words_beside_them_and_that_is_said(lit):
    """As in the trainers: each picture reads the text with its name."""
    light.picture(lit.image("cape/e.jpg"), "navy")
    built = lit.build()
    assert built.code == 0
    (warning,) = [event for event in built.events("warning") if event["code"] == "shared-words"]
    assert warning["item"] == "data/cape/e.jpg"
    assert (
        warning["text"] == "data/cape/e.jpg and data/cape/e.png share the words in e.txt; give each a name of its own"
    )
    assert "shared-words" in [entry["code"] for entry in lit.run("plan", "--json").said[-1]["warnings"]]
    captions = lit.right()["caption"]
    assert captions["data/cape/e.jpg"][1]["caption"] == captions["data/cape/e.png"][1]["caption"]
    again = lit.build("--rehash")
    assert [event["text"] for event in again.events("warning") if event["code"] == "shared-words"] == [warning["text"]]


def test_the_same_picture_twice_is_one_and_says_so(lit):
    built = lit.build("--rehash")
    (warning,) = [event for event in built.events("warning") if event["code"] == "duplicate"]
    assert warning["text"] == (
        "data/plain/d.png is the same picture as data/plain/a.png; it is used once; delete one of them"
    )
    shutil.copy(lit.image("plain/b.png"), lit.image("plain/zz.png"))
    shutil.copy(lit.image("plain/b.tags"), lit.image("plain/zz.tags"))
    assert lit.build().ran == {}
    lit.right()


def test_a_picture_that_is_deleted_is_no_longer_learned_and_comes_back_for_nothing(lit):
    before = state(lit.root)
    path = lit.image("plain/b.png")
    path.rename(lit.root / "away.png")
    assert lit.build().ran == {"balance": 1}
    assert "data/plain/b.png" not in lit.right()["scan"]
    (lit.root / "away.png").rename(path)
    assert lit.build().ran == {}
    assert lit.right() == before


def test_a_project_that_was_moved_has_nothing_to_do(lit):
    before = state(lit.root)
    moved = Lit(lit.root.rename(lit.root.with_name("moved elsewhere")))
    assert moved.build().ran == {}
    assert moved.right() == before


def test_a_copy_with_its_store_has_nothing_to_do_and_goes_its_own_way(lit, tmp_path):
    before = state(lit.root)
    other = Lit(shutil.copytree(lit.root, tmp_path / "far" / "copy"))
    assert other.build().ran == {}
    light.picture(other.image("plain/b.png"), "black")
    assert other.right() != before
    assert lit.build().ran == {}
    assert lit.right() == before


def test_a_clone_without_its_store_is_built_to_the_same(lit, tmp_path):
    other = lit.copy(tmp_path / "clone")
    assert other.right() == state(lit.root)


def test_one_picture_is_enough(tmp_path):
    root = light.make(tmp_path / "project", concepts={"cape": light.SETTINGS["concepts"]["cape"]})
    found = Lit(root).right()
    assert list(found["scan"]) == ["data/cape/e.png"]


def test_no_picture_is_a_wrong_project_and_harms_nothing(lit):
    before = state(lit.root)
    away = lit.image("cape").rename(lit.root / "away")
    lit.image("cape").mkdir()
    told = lit.build()
    assert told.code == 2
    assert "no image in `data/cape`" in told.text
    lit.image("cape").rmdir()
    away.rename(lit.image("cape"))
    assert lit.build().ran == {}
    assert lit.right() == before


def grown(path):
    with path.open("ab") as file:
        file.write(b"more")


def other_file(path):
    beside = path.with_name("beside")
    light.picture(beside.with_suffix(".png"), "black").replace(path)


def cut(path):
    os.truncate(path, 40)


@pytest.mark.parametrize("change", [grown, other_file, cut, os.unlink])
def test_a_file_that_changes_while_it_is_hashed_is_hashed_again(lit, monkeypatch, change):
    path = lit.image("plain/b.png")
    light.picture(path, "brown")
    real, left, inode = steady.descriptor_digest, [change], path.stat().st_ino

    def disturbed(opened):
        found = real(opened)
        if left and os.fstat(opened).st_ino == inode:
            left.pop()(path)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(steady, "descriptor_digest", disturbed)
        assert lit.build().code == 0
    assert left == []
    lit.right()


def test_a_file_that_never_rests_is_set_aside_until_it_does(lit, monkeypatch):
    path = lit.image("plain/b.png")
    light.picture(path, "brown")
    inode, real = path.stat().st_ino, steady.descriptor_digest

    def restless(opened):
        if os.fstat(opened).st_ino == inode:
            grown(path)
        return real(opened)

    with monkeypatch.context() as patched:
        patched.setattr(steady, "descriptor_digest", restless)
        built = lit.build()
    assert [entry["problem"] for entry in built.said[-1]["aside"]] == ["keeps changing while it is read"]
    assert lit.build().said[-1]["aside"] == []
    lit.right()
