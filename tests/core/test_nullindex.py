"""The null build: the quick answer is given when nothing has changed, and only then."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lorabuild.__main__ as entry
from lorabuild.core import nullcheck, nullindex
from lorabuild.core.nullindex import Seen, drop_indexes, write_index
from lorabuild.core.stamps import COARSE, Now, now

PACKAGE = Path(entry.__file__).parent.parent
SAYS = {"text": "zorbl is up to date – nothing to do", "json": {"event": "done", "ok": True}}
OUTPUTS = ("out/zorbl.safetensors", "lora.lock")


@pytest.fixture
def root(tmp_path):
    """A project, old enough that no stamp is racy."""
    root = tmp_path / "project"
    for name in (
        "lora.yaml",
        "dataset/plain/a.png",
        "dataset/plain/a.txt",
        "dataset/cape/sub/b.png",
        "model.onnx",
        *OUTPUTS,
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    time.sleep(0.05)
    return root


def look(root):
    seen = Seen(root)
    seen.file(root / "lora.yaml")
    seen.file(root / "model.onnx")
    seen.folder(root / "dataset")
    (root / ".lorabuild").mkdir(exist_ok=True)
    return seen


def index(root, seen=None, target="report", **more):
    return write_index(root, target, seen or look(root), [root / name for name in OUTPUTS], SAYS, **more)


def answer(root, manner="text", target="report"):
    return nullcheck.answer(str(root), target, manner)


def test_nothing_changed(root):
    assert index(root)
    assert answer(root) == (2, "zorbl is up to date – nothing to do\n".encode())
    assert answer(root, "quiet") == (2, b"")
    channel, line = answer(root, "json")
    assert (channel, json.loads(line)) == (1, SAYS["json"])
    assert line.endswith(b"}\n")


def test_no_index_no_answer(root):
    assert answer(root) is None
    index(root, target="caption")
    assert answer(root) is None
    assert answer(root, target="caption")


def edit_in_place(root):
    """Same size, same name, the folder's own time untouched."""
    with (root / "dataset/cape/sub/b.png").open("r+b") as file:
        file.write(b"X")


def edit_and_hide(root):
    path = root / "dataset/plain/a.png"
    old = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))


def replace(root):
    (root / "new").write_bytes(b"dataset/plain/a.png")
    (root / "new").replace(root / "dataset/plain/a.png")


def link_out(root):
    (root / "dataset/plain/link.png").symlink_to("nowhere")


CHANGES = {
    "edited in place": edit_in_place,
    "edited, mtime set back": edit_and_hide,
    "replaced": replace,
    "touched": lambda root: os.utime(root / "dataset/plain/a.png"),
    "caption edited": lambda root: (root / "dataset/plain/a.txt").write_text("zorbl"),
    "added": lambda root: (root / "dataset/cape/c.png").write_bytes(b""),
    "added deep below": lambda root: (root / "dataset/cape/sub/c.png").write_bytes(b""),
    "folder added": lambda root: (root / "dataset/new").mkdir(),
    "dangling link added": link_out,
    "removed": lambda root: (root / "dataset/plain/a.png").unlink(),
    "renamed": lambda root: (root / "dataset/plain/a.png").rename(root / "dataset/plain/z.png"),
    "moved": lambda root: (root / "dataset/plain/a.png").rename(root / "dataset/cape/a.png"),
    "settings touched": lambda root: os.utime(root / "lora.yaml"),
    "settings gone": lambda root: (root / "lora.yaml").unlink(),
    "model replaced": lambda root: (root / "model.onnx").write_bytes(b"other"),
    "output gone": lambda root: (root / OUTPUTS[0]).unlink(),
    "output overwritten": lambda root: (root / OUTPUTS[0]).write_bytes(b"garbage"),
    "lock edited": lambda root: (root / OUTPUTS[1]).write_bytes(b"{}"),
}


def test_a_folder_that_was_not_there_is_noticed_when_it_comes(root):
    seen = look(root)
    seen.folder_if_there(root / "captions")
    assert index(root, seen)
    assert answer(root)
    (root / "captions").mkdir()
    assert answer(root) is None


def test_a_folder_that_may_be_there_is_looked_into_where_it_is(root):
    seen = look(root)
    seen.folder_if_there(root / "dataset")
    assert index(root, seen)
    (root / "dataset/plain/a.txt").write_text("zorbl")
    assert answer(root) is None


@pytest.mark.parametrize("folder", ["raw", "gone"])
def test_names_in_a_folder_are_noticed_and_what_is_below_is_not(root, folder):
    (root / "raw/below/deep").mkdir(parents=True)
    time.sleep(0.05)
    seen = look(root)
    seen.names(root / folder)
    assert index(root, seen)
    (root / "raw/below/deep/c.png").write_bytes(b"c")
    assert answer(root)
    (root / folder).mkdir(exist_ok=True)
    (root / folder / "c.png").write_bytes(b"c")
    assert answer(root) is None


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_change_is_noticed(root, change):
    assert index(root)
    change(root)
    assert answer(root) is None


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_while_the_build_ran_is_noticed_by_the_next(root, change):
    seen = look(root)
    change(root)
    time.sleep(0.05)
    index(root, seen)
    outputs = {CHANGES[name] for name in ("output overwritten", "lock edited")}
    assert (answer(root) is not None) is (change in outputs)


def test_inputs_that_were_racy_when_they_were_read(root):
    os.utime(root / "dataset/plain/a.png")
    seen = look(root)
    time.sleep(0.05)
    assert not index(root, seen)
    assert index(root)


def test_young_outputs_are_waited_for(root):
    seen = look(root)
    (root / OUTPUTS[0]).write_bytes(b"just made")
    assert index(root, seen)
    assert answer(root)


def test_outputs_on_a_coarse_clock_are_not_waited_for(root, monkeypatch):
    seen = look(root)
    real = now(root)
    monkeypatch.setattr(nullindex, "now", lambda _: Now(real.ns, real.device, COARSE))
    assert not index(root, seen)


def test_outputs_from_the_future(root):
    os.utime(root / OUTPUTS[0], ns=(2**61, 2**61))
    assert not index(root)


def test_unshown_settings_make_no_index(root):
    seen = Seen(root)
    seen.folder(root / "dataset")
    (root / ".lorabuild").mkdir()
    assert not index(root, seen)


@pytest.mark.parametrize("name", ["gone.png", "dataset/gone"])
def test_what_can_not_be_looked_at_makes_no_index(root, name):
    seen = look(root)
    seen.file(root / name)
    assert not index(root, seen)
    seen = look(root)
    seen.folder(root / name)
    assert not index(root, seen)


def test_a_folder_where_no_clock_can_be_asked(tmp_path):
    seen = Seen(tmp_path / "gone")
    assert seen.unclear
    assert not seen.clear()


def test_linked_folders_are_watched_and_loops_end(root, tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "c.png").write_bytes(b"c")
    (root / "dataset/far").symlink_to(tmp_path / "far")
    (root / "dataset/cape/up").symlink_to(root / "dataset")
    time.sleep(0.05)
    assert index(root)
    assert answer(root)
    (tmp_path / "far" / "c.png").write_bytes(b"C")
    assert answer(root) is None


def test_a_refused_index_drops_the_old_ones(root):
    assert index(root)
    assert index(root, target="caption")
    (root / OUTPUTS[0]).unlink()
    assert not index(root)
    assert list((root / ".lorabuild").glob("null-*")) == []


def test_dropped(root):
    index(root)
    drop_indexes(root)
    assert answer(root) is None
    drop_indexes(root / "gone")


@pytest.mark.parametrize("harm", [b"", b"x", b"\0" * 5000], ids=["empty", "short", "zeros"])
def test_a_damaged_index(root, harm):
    index(root)
    Path(nullcheck.index_path(f"{root}/", "report")).write_bytes(harm)
    assert answer(root) is None


def test_every_flipped_byte_is_noticed(root):
    index(root)
    path = Path(nullcheck.index_path(f"{root}/", "report"))
    whole = path.read_bytes()
    for place in range(0, len(whole), 37):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        assert answer(root) is None
    path.write_bytes(whole)
    assert answer(root)


def test_another_version(root, monkeypatch):
    index(root)
    monkeypatch.setattr(nullcheck, "HEAD", b"lorabuild 9" + nullcheck.HEAD[11:])
    assert answer(root) is None


def test_the_environment_counts(root, monkeypatch):
    monkeypatch.delitem(nullcheck.system.environ, b"SOURCE_DATE_EPOCH", raising=False)
    assert index(root, environ={"SOURCE_DATE_EPOCH": None})
    assert answer(root)
    monkeypatch.setitem(nullcheck.system.environ, b"SOURCE_DATE_EPOCH", b"1")
    assert answer(root) is None
    assert index(root, environ={"SOURCE_DATE_EPOCH": "1"})
    assert answer(root)


def test_a_moved_project_is_still_clean(root):
    index(root)
    moved = root.with_name("moved")
    root.rename(moved)
    assert answer(moved)


def test_a_failed_write_leaves_nothing(root, monkeypatch):
    def full(path, _data):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nullindex, "write_plain", full)
    assert not index(root)
    assert list((root / ".lorabuild").iterdir()) == []


def test_names_that_are_no_text(root):
    name = Path(os.fsdecode(os.fsencode(root / "dataset") + b"/\xff\n.png"))
    name.write_bytes(b"")
    time.sleep(0.05)
    assert index(root)
    assert answer(root)
    name.unlink()
    assert answer(root) is None


# --- the entry


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("", ("", "report", "text")),
        ("build", ("", "report", "text")),
        ("caption", ("", "caption", "text")),
        ("build report", ("", "report", "text")),
        ("-C x build train -q", ("x", "train", "quiet")),
        ("train -C x --json", ("x", "train", "json")),
        ("--json", ("", "report", "json")),
    ],
)
def test_plain_builds(line, asked):
    assert entry.plain_build(line.split()) == asked


@pytest.mark.parametrize(
    "line",
    [
        "report",
        "status",
        "plan",
        "build plan",
        "train tag",
        "build build",
        "--locked",
        "-C",
        "-C x -C y",
        "-q --json",
        "-v",
    ],
)
def test_everything_else(line):
    assert entry.plain_build(line.split()) is None


def run(root, *words):
    """The installed command, in a process of its own, with a list of what it imports."""
    launcher = "import sys; from lorabuild.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-X", "importtime", "-c", launcher, "-C", os.fspath(root), *words]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": os.fspath(PACKAGE)}, capture_output=True, text=True, check=False
    )
    told = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    return done, told, imported


def test_the_entry_imports_built_in_modules_only(root):
    index(root)
    bare = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "pass"], capture_output=True, text=True, check=True
    ).stderr.splitlines()
    start = {line.rpartition("|")[2].strip() for line in bare}
    done, told, imported = run(root)
    assert (done.returncode, done.stdout, told) == (0, "", [SAYS["text"]])
    ours = {"lorabuild", "lorabuild.__main__", "lorabuild.core", "lorabuild.core.nullcheck"}
    assert imported - start - set(sys.builtin_module_names) == ours


def test_the_entry_answers_programs(root):
    index(root)
    done, told, _ = run(root, "--json")
    assert (done.returncode, json.loads(done.stdout), told) == (0, SAYS["json"], [])
    done, told, _ = run(root, "-q")
    assert (done.returncode, done.stdout, told) == (0, "", [])


def test_the_entry_goes_on_to_the_command_line(root, monkeypatch):
    from types import ModuleType

    called = []
    stand_in = ModuleType("lorabuild.cli.main")
    stand_in.main = lambda: called.append(sys.argv[1:]) or 3
    monkeypatch.setitem(sys.modules, "lorabuild.cli.main", stand_in)
    for words in (["status"], ["-C", os.fspath(root)]):
        monkeypatch.setattr(sys, "argv", ["lorabuild", *words])
        assert entry.main() == 3
        assert called.pop() == words


def test_the_entry_leaves_at_once(root, monkeypatch):
    index(root)
    said = []
    monkeypatch.setattr(nullcheck.system, "write", lambda channel, text: said.append((channel, text[:5])) or 5)
    monkeypatch.setattr(nullcheck.system, "_exit", lambda code: (_ for _ in ()).throw(SystemExit(code)))
    monkeypatch.setattr(sys, "argv", ["lorabuild", "-C", os.fspath(root)])
    with pytest.raises(SystemExit, match="0"):
        entry.main()
    assert b"".join(text for _, text in said) == SAYS["text"].encode() + b"\n"


def test_the_code_that_plans_is_known_by_its_files_and_by_the_tag_groups(tmp_path, monkeypatch):
    package = tmp_path / "package"
    for name in nullindex._READ:
        (package / name).mkdir(parents=True)
    (package / "schema/check.py").write_text("1")
    (package / "captions/groups/hair.txt").write_text("1")
    monkeypatch.setattr(nullindex, "_PACKAGE", package)
    look = nullindex.code.__wrapped__
    before = look()
    for edited in ("schema/check.py", "captions/groups/hair.txt"):
        (package / edited).write_text("12")
        assert look() != before
        before = look()
    (package / "schema/notes.md").write_text("1")
    assert look() == before


@pytest.mark.parametrize("installed", [True, False])
def test_another_lorabuild_is_noticed(root, tmp_path, monkeypatch, installed):
    """A working copy by every file; what was installed by its folders, for its files are replaced, never written to."""
    package = tmp_path / "place/lorabuild"
    for name in nullindex._READ:
        (package / name).mkdir(parents=True)
    (package / "graph/plan.py").write_text("1")
    if not installed:
        (tmp_path / "place/pyproject.toml").touch()
    monkeypatch.setattr(nullindex, "_PACKAGE", package)
    time.sleep(0.05)
    seen = look(root)
    assert index(root, seen)
    assert answer(root) is not None
    assert any(place.endswith("lorabuild/graph") for place in (seen.files if installed else seen.folders))
    (package / "graph/new.py").write_text("1")
    (package / "graph/new.py").replace(package / "graph/plan.py")
    assert answer(root) is None
