import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.core.launch import ALONE, Launch, place, said, told

TORCHRUN = {
    "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "10.0.0.1",
    "MASTER_PORT": "29500", "TORCHELASTIC_USE_AGENT_STORE": "True", "HOME": "/home/me",
}  # fmt: skip


def test_one_process_is_no_team():
    assert said(1, 1, 0, "") == ALONE
    assert told({"HOME": "/home/me"}) is None
    assert told({**TORCHRUN, "RANK": "0", "WORLD_SIZE": "1"}) is None


def test_processes_of_this_machine_are_started_by_the_first():
    assert said(4, 1, 0, "") == Launch(0, 4, 0, 4, 3)


def test_nodes_start_their_own():
    assert said(2, 3, 0, "a:1") == Launch(0, 6, 0, 2, 1, "a:1")
    assert said(2, 3, 2, "a:1") == Launch(4, 6, 0, 2, 1, "a:1")


def test_a_launcher_s_words_are_taken_out_of_the_environment():
    environ = dict(TORCHRUN)
    assert told(environ) == Launch(3, 4, 1, 2, 0, "10.0.0.1:29500", hosted=True)
    assert environ == {"TORCHELASTIC_USE_AGENT_STORE": "True", "HOME": "/home/me"}


def test_a_launcher_that_says_less():
    few = {name: TORCHRUN[name] for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")}
    assert told(few) == Launch(3, 4, 3, 4, 0, "10.0.0.1:29500")


@pytest.mark.parametrize(
    "words", [(0, 1, 0, ""), (1, 0, 0, ""), (2, 2, 2, "a:1"), (2, 2, 0, ""), (2, 2, 0, "a"), (2, 1, 0, "a:1")]
)
def test_words_that_make_no_team(words):
    with pytest.raises(ProjectError) as caught:
        said(*words)
    assert caught.value.next_step


def test_a_launcher_that_says_nonsense():
    for wrong in ({"RANK": "first"}, {"MASTER_PORT": ""}, {"MASTER_ADDR": ""}):
        with pytest.raises(ProjectError):
            told({**TORCHRUN, **wrong})


@pytest.mark.parametrize(("text", "meant"), [("a:1", ("a", 1)), ("[::1]:29500", ("::1", 29500))])
def test_places(text, meant):
    assert place(text) == meant
    with pytest.raises(ProjectError):
        place(f"{text}x")
