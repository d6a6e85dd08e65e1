"""What people and programs read.

Of lorabuild.cli.history, lorabuild.cli.restore, lorabuild.cli.diff and lorabuild.cli.verify.
"""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import light
import pytest

from lorabuild.cli import diff as diff_command
from lorabuild.cli.main import main
from lorabuild.core.events import Event, silent
from lorabuild.core.store import Store
from lorabuild.graph.finish import finish
from lorabuild.graph.order import STAGES, up_to
from lorabuild.graph.wishes import Wishes

ROOT = Path(__file__).parents[2]
RAN = {"train": {"ran": 1, "reused": 0, "seconds": 1.0}, "sample": {"ran": 3, "reused": 0, "seconds": 1.0}}


def end(root, stages=STAGES, tally=RAN):
    with light.viewed(root) as view:
        finish(view, stages, tally, Wishes(), silent)


@pytest.fixture
def twice(project):
    """Builds 1 and 3 up to the balance, 2 and 4 with files; a caption was edited between them."""
    light.finished(project)
    end(project)
    (project / "data/cape/e.txt").write_text("a creature in a hat", "utf-8")
    light.built(project)
    with light.viewed(project) as view:
        light.plant(view, "latents", "text", "train", "sample")
        with view.store.writer("package") as door:
            outputs = {"tiny.safetensors": door.write(b"other"), "tiny.json": door.write(b"{}")}
            door.done(view.step("package").todo[0], outputs, facts=light.PLANTED["package"][1])
        view.again("package")
        light.plant(view, "report")
    end(project)
    return project


@pytest.fixture
def asked(capsys):
    def ask(folder, *words):
        code = main(["-C", str(folder), *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return ask


def test_the_history_for_people_has_a_line_a_build(twice, asked):
    code, out, _ = asked(twice, "history")
    assert code == 0
    first, second, third, fourth, *rest = out.splitlines()
    assert first.split()[0] == "1"
    assert first.endswith("1 build up to balance, without files")
    assert second.split()[0] == "2"
    assert second.endswith("train, sample 3")
    assert third.endswith("1 build up to caption, without files")
    assert fourth.startswith("*    4  20")
    assert rest == ["", "* lies in the output folder; `lorabuild restore N` brings back another"]
    assert len(asked(twice, "history", "-v")[1].splitlines()) == 6
    assert "balance" in asked(twice, "history", "-v")[1].splitlines()[0]


def test_the_history_for_programs(twice, asked):
    builds = json.loads(asked(twice, "history", "--json")[1])["builds"]
    assert [build["number"] for build in builds] == [1, 2, 3, 4]
    assert datetime.fromisoformat(builds[-1]["made"]).tzinfo is not None
    assert builds[-1]["ran"] == {"train": 1, "sample": 3}
    assert [build["here"] for build in builds] == [False, False, False, True]
    assert len(builds[-1]["sha256"]) == 64


def test_builds_are_pinned_and_let_go_of(twice, asked):
    assert "[pinned]" in asked(twice, "history", "--pin", "2")[1].splitlines()[1]
    assert "[pinned]" not in asked(twice, "history", "--unpin", "2")[1]
    code, _, err = asked(twice, "history", "--pin", "9")
    assert code == 2
    assert "there is no build 9: the builds are numbered 1 to 4" in err


def test_what_is_special_about_a_build_is_said(twice, asked):
    end(twice, tally={stage: {"ran": 1, "reused": 0, "seconds": 0.1} for stage in STAGES})
    assert asked(twice, "history")[1].splitlines()[4].endswith("everything")
    with Store(twice / ".lorabuild") as store:
        store.blobs.quarantine(store.history()[1]["blobs"]["out/tiny.safetensors"])
    assert "[files gone]" in asked(twice, "history")[1].splitlines()[1]
    (twice / "out/tiny.safetensors").write_bytes(b"a friend's")
    end(twice, tally={})
    lines = asked(twice, "history")[1].splitlines()
    assert lines[5].endswith("found in the output folder, of no build that is known  [pinned]")
    assert lines[6].endswith("nothing ran: it came back from the store")


def test_a_project_that_was_never_built(project, asked):
    assert asked(project, "history") == (0, "nothing was built here yet\n", "")
    code, _, err = asked(project / "data", "history")
    assert code == 2
    assert "there is no lora.yaml here" in err


def test_restore_says_what_it_did(twice, asked):
    code, out, err = asked(twice, "restore", "2")
    assert (code, out) == (0, "")
    *first, last = err.splitlines()
    assert first == [
        "build 2 is back",
        "  out/report.html  (as it was)",
        "  out/tiny.json  (as it was)",
        "  out/tiny.safetensors",
    ]
    assert last.startswith("lora.yaml, lora.lock and lora.manifest.tsv are as before: the next `lorabuild` builds from")
    assert asked(twice, "restore", "2")[2].startswith("build 2 lies there\n")
    assert asked(twice, "-q", "restore", "4")[2] == ""
    assert (twice / "out/tiny.safetensors").read_bytes() == b"other"


def test_restore_with_the_lock_and_to_another_folder(twice, asked, tmp_path):
    err = asked(twice, "restore", "2", "--lock")[2]
    assert "  lora.lock\n" in err
    assert err.splitlines()[-1].startswith("lora.yaml is as before")
    assert "`lorabuild restore 5` brings it back" not in err
    err = asked(twice, "restore", "4", "--to", str(tmp_path / "x"))[2]
    assert "as before" not in err
    assert (tmp_path / "x/tiny.safetensors").read_bytes() == b"other"


def test_restore_tells_of_what_it_kept(twice, asked):
    (twice / "out/tiny.safetensors").write_bytes(b"a friend's")
    assert "`lorabuild restore 5` brings it back" in asked(twice, "restore", "2")[2]
    found = json.loads(asked(twice, "restore", "5", "--json")[1])
    assert found["ok"]
    assert found["files"][0]["path"] == "out/tiny.safetensors"


def test_restore_of_what_is_not_there(twice, asked):
    code, _, err = asked(twice, "restore", "9")
    assert code == 2
    assert "`lorabuild history` lists them" in err
    assert asked(twice, "restore", "one")[0] == 2


def test_diff_says_in_words_what_changed(twice, asked):
    code, out, _ = asked(twice, "diff", "#2")
    assert code == 3
    assert out.splitlines() == [
        "from build 2 to lora.lock:",
        "",
        "captions",
        "  data/cape/e.png: zorbl, zorbl_cape, −a creature in a cape, +a creature in a hat",
        "",
        "result",
        "  out/tiny.safetensors d339f720de1f → d9298a10d1b0",
    ]
    found = json.loads(asked(twice, "diff", "2", "--json")[1])
    assert (found["then"], found["now"], found["equal"]) == ("build 2", "lora.lock", False)
    assert asked(twice, "diff", "4") == (0, "build 4 and lora.lock are the same\n", "")


def test_diff_takes_two_at_most(twice, asked):
    assert asked(twice, "diff", "2", "4")[0] == 3
    code, _, err = asked(twice, "diff", "1", "2", "3")
    assert code == 2
    assert "two things are compared" in err


def everything():
    side = {"then": None, "now": None}
    return {
        "then": "v1",
        "now": "v2",
        "equal": False,
        "images": {
            "added": [{"path": "a"}],
            "removed": [{"path": "b"}],
            "edited": [{"path": "c", **side}],
            "renamed": [{"then": "d", "now": "e"}],
        },
        "captions": [{"path": "a", "words": [["", "x"], ["-", "y"], ["+", "z"]]}],
        "concepts": [
            {"name": "new", "then": None, "now": {"images": 2, "repeats": 1}},
            {"name": "old", "then": {"images": 3, "repeats": 1}, "now": None},
            {"name": "same", "then": {"images": 3, "repeats": 1}, "now": {"images": 4, "repeats": 1}},
        ],
        "settings": [
            {"name": "training.optimizer.lr", "then": 0.002, "now": 0.001},
            {"name": "samples.prompts", "then": ["x"], "now": ["x", "y"]},
        ],
        "models": [
            {"model": "base", "name": "part unet", "then": "b3:1", "now": "b3:2"},
            {"model": "base", "name": "part vae", "then": None, "now": "b3:2"},
            {"model": "tagger", "name": "part x", "then": "b3:1", "now": None},
            {"model": "base", "name": "source", "then": "a", "now": "b"},
        ],
        "versions": [{"name": "stage tag", "then": 1, "now": 2}],
        "record": [{"stage": "train", "name": "device", "then": "cpu", "now": "cuda"}],
        "result": [{"name": "out/a.safetensors", "then": "a" * 64, "now": "b" * 64}],
        "keys": ["scan"],
        "unsaid": [],
    }


def test_every_kind_of_change_has_its_words():
    lines = [line for line in diff_command._lines(everything()) if line.startswith("  ")]
    assert lines == [
        "  + a",
        "  − b",
        "  ~ c was edited",
        "  → d is now e",
        "  a: x, −y, +z",
        "  new is new: 2 images",
        "  old is gone: 3 images",
        "  same: images 3 → 4",
        "  training.optimizer.lr 0.002 → 0.001",
        "  samples.prompts x → x, y",
        "  base: unet was replaced",
        "  base: vae is new",
        "  tagger: x is gone",
        "  base source a → b",
        "  stage tag 1 → 2",
        "  train: device cpu → cuda",
        f"  out/a.safetensors {'a' * 12} → {'b' * 12}",
    ]


def test_a_difference_in_keys_alone_and_what_is_not_told_are_said():
    nothing = {name: [] if isinstance(value, list) else value for name, value in everything().items()}
    nothing |= {"images": {kind: [] for kind in nothing["images"]}, "keys": ["scan"], "unsaid": ["settings", "images"]}
    assert list(diff_command._lines(nothing)) == [
        "from v1 to v2:",
        "  nothing that is learned; the keys of scan differ",
        "\nnot told by both: settings, images and captions",
    ]


def test_verify_says_that_the_same_came_out(twice, asked):
    code, out, _ = asked(twice, "verify", "--stage", "balance")
    assert code == 0
    assert out.splitlines()[0] == "the same came out again"
    assert out.splitlines()[1].endswith("compared with those in the store")
    found = json.loads(asked(twice, "verify", "--stage", "caption", "--json")[1].splitlines()[-1])
    assert (found["event"], found["ok"], found["bytes_compared"]) == ("done", True, True)


def test_verify_names_what_differs(twice, asked):
    with Store(twice / ".lorabuild") as store:
        key = next(iter(store.latest("caption").values()))
        made = store.results([key])[key]
    with light.viewed(twice) as view:
        (item,) = [item for item in view.step("caption").items if item.key == key]
        with view.store.writer("caption") as door:
            door.done(item, made.outputs, facts={**made.facts, "planted": True})
    code, out, _ = asked(twice, "verify", "--stage", "balance")
    assert code == 3
    assert out.splitlines()[0] == "something else came out"
    assert f"  caption (the first that differs): 1 of 5 differ: {item.id}" in out.splitlines()


def test_verify_lists_the_files_with_their_sums():
    from lorabuild.cli.verify import _lines

    outputs = [
        {"path": "out/a.safetensors", "locked": "1" * 64, "made": "1" * 64},
        {"path": "out/b.png", "locked": "2" * 64, "made": None},
    ]
    found = {"ok": False, "bytes_compared": False, "why": "somewhere else", "first": None, "stages": []}
    assert list(_lines(found | {"outputs": outputs})) == [
        "something else came out",
        "  bytes are not compared with the lock: somewhere else",
        "  0 results compared with those in the store",
        "  out/a.safetensors  111111111111",
        "  out/b.png  222222222222 in the lock, nothing now",
    ]


def test_verify_of_a_project_that_changed_says_what(twice, asked):
    light.write(twice, budget={"steps": 48, "epochs": 2})
    code, _, err = asked(twice, "verify", "--stage", "scan")
    assert code == 3
    assert "settings.budget.steps" in err
    code, _, err = asked(twice, "verify", "--stage", "scam")
    assert code == 2
    assert "did you mean `scan`?" in err


def test_the_store_is_verified_and_mended(twice, asked):
    code, out, _ = asked(twice, "verify", "--store")
    assert code == 0
    assert "all are what their names say" in out
    bad = next(path for path in (twice / ".lorabuild/blobs").rglob("*") if path.is_file())
    bad.chmod(0o600)
    bad.write_bytes(b"damaged")
    code, out, _ = asked(twice, "verify", "--store")
    assert code == 3
    assert "`--repair` puts it aside" in out
    code, out, _ = asked(twice, "verify", "--repair")
    assert code == 3
    assert "put aside; the next build makes it again" in out
    assert json.loads(asked(twice, "verify", "--store", "--json")[1])["ok"]


def test_a_damaged_database_is_told_among_what_is_wrong(capsys):
    from lorabuild.cli.verify import _note, _store_lines

    found = {"ok": False, "blobs": 1, "bytes": 5e6, "bad": [], "database": "it is torn", "repaired": False}
    assert list(_store_lines(found)) == [
        "1 blob, 5.0 MB: not all is well",
        "  state.db: it is torn",
        "  `--repair` puts it aside; the next build makes it again",
    ]
    _note(Event("note", data={"text": "waiting"}))
    _note(Event("progress", "verify", {"done": 1, "total": 2}))
    assert capsys.readouterr().err == "waiting\n"


@pytest.mark.parametrize("words", [["history"], ["diff", "#2"], ["restore", "2"], ["history", "--pin", "2"]])
def test_nothing_heavy_is_loaded(twice, words):
    heavy = "{'torch', 'numpy', 'PIL', 'diffusers', 'transformers', 'onnxruntime', 'doit', 'rich'}"
    code = f"import sys\nfrom lorabuild.cli.main import main\nmain(['-C', {str(twice)!r}, *{words!r}])\n"
    code += f"print('loaded:', *({heavy} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.rpartition("loaded:")[2].split() == []


def test_early_stages_are_named_in_the_summary(project, asked):
    light.finished(project)
    end(project, up_to(("scan",)), {"scan": {"ran": 2, "reused": 0, "seconds": 0.1}})
    assert asked(project, "history")[1].splitlines()[0].endswith("2 builds up to balance, scan, without files")
