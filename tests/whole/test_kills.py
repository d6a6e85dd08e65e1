"""A build that is killed at any stage is finished by the next one, to the byte; a build that is stopped says so."""

import json
import signal
import subprocess

import pytest
import small

SAVING = ("--set", "training.save_state_every=1")


def started(project, *words):
    return project.process("build", "--json", *words)


def until(process, kind, stage):
    """Read what a build says up to an event of this kind; in training to the second step, when the first is saved."""
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == kind and event.get("stage") == stage and (stage != "train" or event["done"] > 1):
            return event
    raise AssertionError(process.communicate())


def ended(process):
    """Exit code and stderr; the rest of stdout is read so that the process isn't held up."""
    _, err = process.communicate(timeout=120)
    return process.returncode, err


def resumed(built):
    return "resumed" in [event.get("code") for event in built.events("note")]


AFTER = {"train": 1, "sample": 2, "package": 1, "report": 1}
BEFORE = ("scan", "prepare")
KILLED = {
    "tag": (*BEFORE,),
    "latents": (*BEFORE, "tag", "caption", "balance"),
    "train": (*BEFORE, "tag", "caption", "balance", "latents", "text"),
    "sample": (*BEFORE, "tag", "caption", "balance", "latents", "text", "train"),
}


@pytest.mark.parametrize("stage", KILLED)
def test_after_a_kill_the_next_build_finishes_the_rest_and_the_bytes_are_those_of_one_that_was_left_alone(
    fresh, built, stage
):
    owned = fresh.inputs()
    process = started(fresh, *SAVING)
    until(process, "progress", stage)
    process.kill()
    assert ended(process)[0] == -signal.SIGKILL
    assert not fresh.path(small.LORA).exists()
    again = fresh.build()
    assert again.code == 0
    assert not set(KILLED[stage]) & set(again.ran)
    assert fresh.sha() == built.sha()
    assert fresh.path("lora.lock").read_bytes() == built.path("lora.lock").read_bytes()
    assert fresh.inputs() == owned
    assert resumed(again) == (stage == "train")


def test_a_build_that_is_interrupted_in_training_goes_on_from_there(fresh, built):
    process = started(fresh, *SAVING)
    until(process, "progress", "train")
    process.send_signal(signal.SIGINT)
    returned, err = ended(process)
    assert returned == 130
    assert "what is done is saved" in err
    assert "Traceback" not in err
    again = fresh.build()
    assert again.ran == AFTER
    assert resumed(again)
    assert fresh.sha() == built.sha()


def test_a_build_that_is_terminated_keeps_the_items_that_it_has(fresh, built):
    process = started(fresh)
    until(process, "progress", "latents")
    process.terminate()
    returned, err = ended(process)
    assert returned == 143
    assert "Traceback" not in err
    again = fresh.build()
    assert again.ran["latents"] < 9
    assert fresh.sha() == built.sha()


def test_a_second_build_waits_for_the_first_or_fails_when_told_not_to_wait(fresh, built):
    first = started(fresh)
    until(first, "stage_done", "tag")
    refused = fresh.build("--no-wait")
    assert refused.code == 1
    assert f"process {first.pid}) is building here" in refused.text
    assert "--no-wait" in refused.said[-1]["next"]
    assert fresh.run("status", "--json").code == 0  # readers need no lock
    second = fresh.build()
    assert ended(first)[0] == 0
    assert second.code == 0
    assert second.ran == {}
    assert [event["code"] for event in second.events("note")] == ["busy"]
    assert fresh.sha() == built.sha()


def test_a_reader_that_hangs_up_is_no_crash(built):
    """``lorabuild plan | head -1``"""
    process = built.process("plan", stdin=subprocess.DEVNULL)
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
