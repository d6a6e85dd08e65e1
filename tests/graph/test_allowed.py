"""lorabuild.graph.allowed: what a project may do outside its folder."""

import light
import pytest

from lorabuild.core.consent import Person, answer
from lorabuild.core.errors import ProjectError
from lorabuild.graph.allowed import ask, code_want, hold_to_consent, hold_to_trust, may, output_want, remote_want
from lorabuild.graph.wishes import Wishes

REMOTE = ("store.remote=s3://me:secret@team/a", "store.mode=read-write")


@pytest.fixture
def person(tmp_path):
    return Person(tmp_path / "cache", tmp_path / "config")


def site(root, *overrides):
    return light.opened(root, *overrides).site


def test_a_remote_that_is_only_read_wants_nothing(project):
    assert remote_want(site(project)) is None
    assert remote_want(site(project, REMOTE[0])) is None
    assert remote_want(site(project, "store.mode=read-write")) is None
    assert remote_want(site(project, *REMOTE)).target == "s3://me:secret@team/a"


def test_an_output_folder_inside_wants_nothing(project):
    assert output_want(site(project)) is None
    assert output_want(site(project, "output.folder=a/../b")) is None
    assert output_want(site(project, f"output.folder={project}/deep")) is None


@pytest.mark.parametrize("folder", ["../out", "a/../../out"])
def test_an_output_folder_outside_is_noticed(project, folder):
    assert output_want(site(project, f"output.folder={folder}")).target == str((project / folder).resolve())


def test_a_link_that_leads_outside_is_noticed(project, tmp_path):
    (project / "out").symlink_to(tmp_path / "other")
    assert output_want(site(project)).target == str(tmp_path / "other")


def test_an_output_folder_outside_needs_consent_before_anything_is_done(project, person, tmp_path):
    with pytest.raises(ProjectError, match=r"`../out` lies outside the project") as caught:
        light.built(project, "output.folder=../out", targets=(), person=person)
    assert caught.value.exit_code == 2
    assert "--consent" in caught.value.next_step
    assert not (tmp_path / "out").exists()
    with pytest.raises(ProjectError):
        hold_to_consent(site(project, "output.folder=../out"), Wishes())  # nobody is known who could allow it


def test_a_build_that_hands_nothing_out_needs_none(project, person):
    done, _ = light.built(project, "output.folder=../out", targets=("balance",), person=person)
    assert done["ok"]


def test_the_flag_allows_all_that_is_wanted_and_is_remembered(project, person):
    here = site(project, *REMOTE, "output.folder=../out")
    ask(person, here, None, consent=True)
    assert may(person, here, remote_want(here))
    hold_to_consent(here, Wishes(person=person))


def test_who_is_asked_answers_once(project, person):
    here, questions = site(project, *REMOTE, "output.folder=../out"), []

    def question(text):
        questions.append(text)
        return "s3:" in text

    for _ in range(2):
        ask(person, here, question, consent=False)
    assert len(questions) == 2
    assert "secret" not in questions[0]
    assert may(person, here, remote_want(here))
    assert not may(person, here, output_want(here))
    ask(person, here, question, consent=True)  # who said no may think again
    assert may(person, here, output_want(here))


def test_where_nobody_can_be_asked_nothing_is_settled(project, person):
    here = site(project, *REMOTE)
    ask(person, here, None, consent=False)
    assert answer(person, project, remote_want(here)) is None
    assert not may(None, here, remote_want(here))


def test_a_project_that_wants_nothing_is_not_asked_about(project, person):
    ask(person, site(project), pytest.fail, consent=True)
    assert not person.config.exists()


OWN = "training.optimizer={type: custom, class: own_optimizer.Descent}"


@pytest.fixture
def own(project):
    """A project with an optimizer of its own, which must not run here."""
    (project / "own_optimizer.py").write_text("raise SystemExit\n", "utf-8")
    return project


def test_an_installed_class_wants_nothing(own):
    assert code_want(site(own)) is None
    assert code_want(site(own, "training.optimizer={type: custom, class: torch.optim.RAdam}")) is None
    assert code_want(site(own, OWN)).target == str(own / "own_optimizer.py")


def test_code_of_the_project_needs_trust_before_anything_is_done(own, person):
    with pytest.raises(ProjectError, match="run code that came with the project") as caught:
        light.built(own, OWN, targets=(), person=person)
    assert caught.value.exit_code == 2
    assert "--trust" in caught.value.next_step
    with pytest.raises(ProjectError):
        hold_to_trust(site(own, OWN), Wishes())  # nobody is known who could allow it
    done, _ = light.built(own, OWN, targets=("balance",), person=person)
    assert done["ok"]


def test_consent_to_write_is_no_trust_and_trust_is_no_consent(own, person):
    here = site(own, OWN, *REMOTE)
    ask(person, here, None, consent=True)
    assert (may(person, here, remote_want(here)), may(person, here, code_want(here))) == (True, False)
    other = site(own, OWN, "output.folder=../out")
    ask(person, other, None, consent=False, trust=True)
    assert (may(person, other, output_want(other)), may(person, other, code_want(other))) == (False, True)
    hold_to_trust(other, Wishes(person=person))


def test_who_is_there_is_asked_whether_code_may_run(own, person):
    here, questions = site(own, OWN), []
    ask(person, here, lambda text: bool(questions.append(text)), consent=False)
    assert questions == [
        f"this lora.yaml wants to run the code of {own / 'own_optimizer.py'}. Allow it for this project?"
    ]
    assert not may(person, here, code_want(here))
