import light
import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.graph.session import viewing
from lorabuild.graph.shots import lines, shot_of
from lorabuild.graph.trained import tell_of_finish, trained


@pytest.fixture
def view(project):
    light.finished(project)
    with viewing(light.opened(project)) as view:
        yield view


def test_a_prompt_alone_is_without_the_lora_and_as_samples_says(view):
    shot = shot_of(view, {"prompt": "beach"})
    assert (shot.prompt, shot.lora, shot.weight, shot.epoch, shot.size) == ("beach", None, 0.0, 0, (64, 64))
    assert (shot.seed, shot.steps, shot.cfg) == (42, 20, 7.0)


def test_an_epoch_wears_the_lora_at_the_usual_weight(view):
    shot = shot_of(view, {"prompt": "zorbl", "epoch": 2})
    assert (shot.lora, shot.weight, shot.epoch, shot.blocks) == (trained(view)[2], 1.0, 2, {})
    assert shot_of(view, {"prompt": "zorbl", "epoch": 2, "weight": 0}).lora is None
    assert shot_of(view, {"prompt": "zorbl", "epoch": 9}) is None


def test_options_stand_behind_a_prompt_and_give_way_to_what_is_set(view):
    words = {"prompt": "zorbl --n dull --w 128 --d 7 --s 3 --l 2 --ss euler --weight 0.5", "epoch": 1}
    shot = shot_of(view, words)
    assert (shot.prompt, shot.negative, shot.size, shot.seed) == ("zorbl", "dull", (128, 64), 7)
    assert (shot.steps, shot.cfg, shot.sampler, shot.weight) == (3, 2.0, "euler", 0.5)
    other = shot_of(view, {**words, "seed": 8, "weight": 0.25, "size": (64, 96)})
    assert (other.seed, other.weight, other.size, other.steps) == (8, 0.25, (64, 96), 3)


def test_blocks_turn_off_what_they_do_not_name(view):
    words = {"prompt": "zorbl", "epoch": 1}
    assert shot_of(view, {**words, "blocks": "ALL"}).blocks == {}
    half = shot_of(view, {**words, "blocks": "OUTD"}).blocks
    assert {name for name, factor in half.items() if factor} == {"BASE", "OUT03", "OUT04", "OUT05", "OUT06"}
    part = shot_of(view, {**words, "blocks": "OUT03-OUT04"}).blocks
    assert {name: factor for name, factor in part.items() if factor} == {"OUT03": 1.0, "OUT04": 1.0}


def test_triggers_and_choices_are_put_in(view):
    assert lines(view, "{trigger}, beach --d 7") == ["zorbl, beach --d 7", "zorbl_cape, beach --d 7"]
    assert lines(view, "{triggers}, beach") == ["zorbl, zorbl_cape, beach"]
    found = {shot_of(view, {"prompt": "zorbl, {red|blue}", "seed": seed}).prompt for seed in range(9)}
    assert found == {"zorbl, red", "zorbl, blue"}


def test_a_prompt_that_cannot_be_read_is_said(view):
    with pytest.raises(ProjectError, match="`--d` wants a whole number"):
        lines(view, "zorbl --d seven")


def test_what_finish_does_is_not_in_the_pictures_of_epochs(project):
    events = []
    for steps in ([], [{"rebase": {"from": 0.5}}]):
        light.write(project, finish=steps)
        with viewing(light.opened(project)) as view:
            tell_of_finish(view, events.append)
    assert ["without `finish:`" in event.data["text"] for event in events] == [True]


def test_before_training_it_says_what_to_run(project):
    light.built(project)
    with viewing(light.opened(project)) as view, pytest.raises(ProjectError, match="tiny isn't trained") as error:
        trained(view)
    assert error.value.next_step == "run `lorabuild` first: it trains what is missing"
