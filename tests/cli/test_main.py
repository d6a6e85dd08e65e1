"""lorabuild.cli.main, and through it lorabuild.cli.options and lorabuild.cli.targets."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import light
import pytest

from lorabuild import __version__
from lorabuild.cli import main as command_line
from lorabuild.cli import status
from lorabuild.cli.main import main
from lorabuild.core.errors import BusyError, DifferenceError, StageError

ROOT = Path(__file__).parents[2]


def said(capsys, *words):
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def process(*words, **more):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SOURCE_DATE_EPOCH": ""}
    command = [sys.executable, "-m", "lorabuild", *map(str, words)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, **more)


@pytest.mark.parametrize(
    "words",
    [
        ["balance"],
        ["build", "balance"],
        ["--set", "budget.steps=48", "balance"],
        ["--device", "cpu", "balance"],
        ["balance", "prepare"],
    ],
)
def test_a_stage_is_built_with_and_without_the_command(project, capsys, words):
    code, out, err = said(capsys, "-C", project, *words)
    assert (code, out) == (0, "")
    assert "balance   done – new" in err
    assert err.splitlines()[-1].startswith("built up to balance in ")


@pytest.mark.parametrize("command", ["plan", "status", "why"])
def test_shared_options_stand_before_or_after_the_command(project, capsys, command):
    more = ["scan"] if command == "why" else []
    before = said(capsys, "--json", "-C", project, "--set", "budget.steps=48", command, *more)
    after = said(capsys, command, *more, "-C", project, "--json", "--set", "budget.steps=48")
    assert before == after
    json.loads(before[1])


def test_a_word_after_dash_c_is_no_command(project, capsys, monkeypatch):
    project.rename(project.with_name("plan"))
    monkeypatch.chdir(project.parent)
    code, _, err = said(capsys, "-C", "plan", "scan")
    assert code == 0
    assert "up to scan" in err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["plam"], "did you mean `lorabuild plan`?"),
        (["trian"], "did you mean `lorabuild train`?"),
        (["-C", "x", "statsu"], "did you mean `lorabuild status`?"),
        (["frobnicate"], "`lorabuild --help` lists the commands"),
        (["plan", "trian"], "did you mean `train`?"),
        (["build", "frobnicate"], "choose one of: scan, prepare"),
        (["build", "--loked"], "did you mean `--locked`?"),
        (["plan", "--frobnicate=3"], "`lorabuild plan --help` shows what can be said"),
        (["plan", "--device", "toaster"], "`lorabuild plan --help` shows what can be said"),
        (["why"], "`lorabuild why --help` shows what can be said"),
    ],
)
def test_a_wrong_word_is_answered_with_the_nearest(capsys, words, meant):
    code, out, err = said(capsys, *words)
    assert (code, out) == (2, "")
    assert meant in err


def test_an_error_is_one_json_object_for_programs(project, capsys):
    (project / "lora.yaml").write_text("nam: x\nconcept: {}\n", "utf-8")
    code, out, err = said(capsys, "-C", project, "--json")
    assert code == 2
    (line,) = out.splitlines()
    told = json.loads(line)
    assert told["event"] == "error"
    assert told["where"].startswith("lora.yaml:1:1")
    assert told["next"] == "did you mean `name`?"
    assert len(told["problems"]) > 1
    assert "did you mean `concepts`?" in err


@pytest.mark.parametrize(
    ("raised", "code", "text"),
    [
        (StageError("a stage"), 1, "lorabuild: a stage"),
        (BusyError("busy"), 1, "lorabuild: busy"),
        (DifferenceError("other"), 3, "lorabuild: other"),
        (KeyboardInterrupt(), 130, "what is done is saved"),
        (command_line.Terminated(), 143, "what is done is saved"),
    ],
)
def test_exit_codes(capsys, monkeypatch, raised, code, text):
    from lorabuild.cli import status

    def fails(_args):
        raise raised

    monkeypatch.setattr(status, "run", fails)
    found, out, err = said(capsys, "status")
    assert (found, out) == (code, "")
    assert text in err


def test_plan_ends_with_3_while_there_is_work_and_0_after(project, capsys):
    assert said(capsys, "plan", "-C", project)[0] == 3
    assert said(capsys, "balance", "-C", project)[0] == 0
    code, out, _ = said(capsys, "plan", "balance", "-C", project)
    assert code == 0
    assert out.startswith("nothing to do\n")


def test_locked_without_a_lock_ends_with_3(project, capsys):
    light.finished(project)
    code, _, err = said(capsys, "-C", project, "--locked")
    assert code == 3
    assert "there is no lora.lock" in err


def test_a_folder_without_a_project_ends_with_2(tmp_path, capsys):
    code, _, err = said(capsys, "-C", tmp_path)
    assert code == 2
    assert "lorabuild init" in err


def test_a_date_that_is_none_ends_with_2(project, capsys, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    code, _, err = said(capsys, "-C", project, "balance")
    assert code == 2
    assert "SOURCE_DATE_EPOCH" in err
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert said(capsys, "-C", project, "balance")[0] == 0


@pytest.mark.parametrize("words", [["--version"], ["-C", "x", "--version"]])
def test_the_version(capsys, words):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"lorabuild {__version__}\n"


@pytest.mark.parametrize("words", [["--help"], ["build", "--help"], ["plan", "-h"], ["-C", "x", "-h"]])
def test_help_is_plain(capsys, words):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: lorabuild")
    assert "``" not in out


def test_a_reader_that_goes_away_is_no_crash(project):
    running = process("-C", project, "status", "--json", stdout=subprocess.PIPE)
    running.stdout.close()
    _, err = running.communicate(timeout=60)
    assert err == ""
    assert running.returncode == 1


@pytest.mark.skipif(os.name != "posix", reason="signals are told otherwise elsewhere")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_build_cleanly(project, sent, code):
    from lorabuild.core.claim import claim

    with claim(project / ".lorabuild", wait=False, say=print):
        running = process("-C", project, "balance", stdout=subprocess.PIPE)
        told = running.stderr.readline()  # it waits for us
        time.sleep(0.1)
        running.send_signal(sent)
        _, err = running.communicate(timeout=60)
    assert "waiting for it to finish" in told
    assert running.returncode == code
    assert "run `lorabuild` again" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 1), (errno.EACCES, 1), (errno.EMFILE, 1)])
def test_a_refusal_of_the_system_that_nobody_expected_is_put_in_plain_words(project, capsys, monkeypatch, number, code):
    def refused(_args):
        raise OSError(number, os.strerror(number), "/x/y")

    monkeypatch.setattr(status, "run", refused)
    ended, out, err = said(capsys, "-C", project, "status", "--json")
    assert ended == code
    assert err.startswith("lorabuild: /x/y: can't go on: ")
    assert json.loads(out)["next"]


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "CUBLAS_WORKSPACE_CONFIG", "PYTORCH_ENABLE_MPS_FALLBACK"])
def test_what_torch_reads_when_it_is_imported_is_said_before_unless_the_person_did(capsys, monkeypatch, name):
    for value in ("mine", ""):
        monkeypatch.setenv(name, value)
        if not value:
            monkeypatch.delenv(name)
        assert main(["schema"]) == 0
        assert (os.environ[name] == "mine") is bool(value)
    capsys.readouterr()


def test_too_little_memory_is_put_in_plain_words(project, capsys, monkeypatch):
    def greedy(_args):
        raise MemoryError

    monkeypatch.setattr(status, "run", greedy)
    ended, _, err = said(capsys, "-C", project, "status")
    assert (ended, err.partition("\n")[0]) == (1, "lorabuild: there is not enough memory for that")


def test_a_mistake_of_ours_stays_one(project, monkeypatch):
    def wrong(_args):
        raise FileNotFoundError(errno.ENOENT, "no such file", "/x/y")

    monkeypatch.setattr(status, "run", wrong)
    with pytest.raises(FileNotFoundError):
        main(["-C", str(project), "status"])


def test_a_name_that_is_no_text_is_escaped_on_a_terminal_that_takes_text_only(project):
    bad = os.fsdecode(b"data/plain/caf\xe9.png")
    (project / bad).write_bytes(b"")
    light.built(project)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8:strict"}
    command = [sys.executable, "-m", "lorabuild", "-C", str(project), "status"]
    told = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert b"caf\\udce9.png" in told.stdout
    told = subprocess.run([*command, "--json"], env=environment, capture_output=True, check=True)
    assert [entry["item"] for entry in json.loads(told.stdout)["aside"]] == [bad]


@pytest.mark.skipif(os.name != "posix", reason="signals are told otherwise elsewhere")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_that_other_code_wraps_in_an_error_of_its_own_is_still_one(project, capsys, monkeypatch, sent, code):
    def wrapped(_args):
        try:
            os.kill(os.getpid(), sent)
            signal.sigtimedwait([], 10)  # Python runs the handler at the latest here
        except KeyboardInterrupt as error:
            raise TypeError(str(error)) from None

    monkeypatch.setattr(status, "run", wrapped)
    ended, _, err = said(capsys, "-C", project, "status")
    assert ended == code
    assert "run `lorabuild` again" in err


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers")
def test_a_wait_that_would_never_end_is_broken_off_after_a_signal(project, capsys, monkeypatch):
    """As when an import is interrupted: a thread waits for its lock, and we for the thread."""
    monkeypatch.setattr(command_line, "PATIENCE", 0.05)

    def stuck(_args):
        lock = threading.Lock()
        lock.acquire()
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            lock.acquire()
        finally:
            lock.acquire()

    monkeypatch.setattr(status, "run", stuck)
    ended, _, err = said(capsys, "-C", project, "status")
    assert ended == 143
    assert "run `lorabuild` again" in err
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
