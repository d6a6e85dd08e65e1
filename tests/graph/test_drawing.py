from dataclasses import replace

import light

from lorabuild.graph.drawing import asked, picture_id, shot_item
from lorabuild.graph.states import State, epoch_name, epochs

PROMPTS = ("zorbl", "zorbl, zorbl_cape")


def named(epoch, prompt):
    """What a picture of an epoch is called; epoch 0 is without the LoRA."""
    return picture_id(prompt, State(epoch_name(epoch), epoch) if epoch else None)


def ready(root):
    light.built(root)
    with light.viewed(root) as view:
        light.plant(view, "latents", "text", "train")


def test_while_the_training_waits_only_pictures_without_the_lora_are_known(project):
    light.built(project)
    with light.viewed(project) as view:
        step = view.step("sample")
        assert [item.id for item in step.items] == [named(0, prompt) for prompt in PROMPTS]
        assert len(step.waiting) == 4


def test_each_prompt_is_drawn_each_epoch_and_once_without_the_lora(project):
    ready(project)
    with light.viewed(project) as view:
        drawn = light.items(view, "sample")
        assert set(drawn) == {named(epoch, prompt) for epoch in (0, 1, 2) for prompt in PROMPTS}
        trained = view.made("train")["train"].outputs
        assert drawn[named(2, "zorbl")].reads["lora"] == trained[epoch_name(2)]
        bare = drawn[named(0, "zorbl")]
        assert (bare.reads["lora"], bare.reads["weight"], bare.reads["epoch"]) == (None, 0.0, 0)
        assert bare.reads["size"] == [64, 64]
        assert "train" not in bare.parts


def test_only_the_last_epoch_where_that_is_asked(project):
    with light.viewed(project, "samples.every=end") as view:
        assert epochs(view) == (2,)
    with light.viewed(project) as view:
        assert epochs(view) == (1, 2)


def test_a_prompt_written_twice_is_drawn_once(project):
    light.write(project, samples={"prompts": ["zorbl", "zorbl"]})
    ready(project)
    with light.viewed(project) as view:
        assert view.step("sample").total == 3


def test_a_new_prompt_draws_itself_and_nothing_else(project):
    light.finished(project)
    light.write(project, samples={"prompts": [*PROMPTS, "new"]})
    assert light.redone(project)["sample"] == [named(epoch, "new") for epoch in (0, 1, 2)]


def test_weight_and_training_touch_only_pictures_with_the_lora(project):
    light.finished(project)
    again = light.redone(project, "samples.weight=0.5")["sample"]
    assert again == [named(epoch, prompt) for prompt in PROMPTS for epoch in (1, 2)]


def test_a_pictures_size_may_be_said(project):
    ready(project)
    with light.viewed(project, "samples.width=96", "samples.height=32") as view:
        assert light.items(view, "sample")[named(0, "zorbl")].reads["size"] == [96, 32]


def test_names():
    assert epoch_name(3) == "epoch-0003"
    assert named(3, "a, b") == "epoch 3 · a, b"
    assert named(0, "a, b") == "without LoRA · a, b"


MANY = {"prompts": ["{trigger}, a", "b --d 7 --w 32 --weight 0.8", "c, {x|y}"], "seeds": [1, 2], "weights": [0.5, 1]}


def test_prompts_seeds_and_weights_are_pictures_of_their_own(project):
    light.write(project, samples={**MANY, "every": "end"})
    ready(project)
    with light.viewed(project) as view:
        drawn = light.items(view, "sample")
    with_seeds = [f"{prompt}" for prompt in ("zorbl, a", "zorbl_cape, a")]
    expected = {f"without LoRA, seed {seed} · {prompt}" for prompt in with_seeds for seed in (1, 2)}
    assert expected <= set(drawn)
    assert {f"epoch 2, weight {weight}, seed 2 · zorbl, a" for weight in ("0.5", "1")} <= set(drawn)
    own = drawn["epoch 2, weight 0.8, width 32, seed 7 · b"]
    assert own.reads["size"] == [32, 64]
    assert (own.reads["seed"], own.reads["weight"]) == (7, 0.8)
    assert len(drawn) == 4 * 3 + 2 + 2 * 3
    assert len({item.key for item in drawn.values()}) == len(drawn)


def test_a_shot_that_is_planned_has_the_plan_s_key(project):
    light.write(project, samples=MANY)
    ready(project)
    with light.viewed(project) as view:
        planned = light.items(view, "sample")
        lora = view.made("train")["train"].outputs[epoch_name(1)]
        bare = asked(view, "b")
        assert (bare.size, bare.seed) == ((32, 64), 7)
        assert shot_item(view, bare, "x").key == planned["without LoRA, width 32, seed 7 · b"].key
        worn = replace(bare, lora=lora, epoch=1, weight=0.8)
        key = shot_item(view, worn, "x").key
        assert key == planned["epoch 1, weight 0.8, width 32, seed 7 · b"].key
        others = [{"blocks": {"M00": 0.0}}, {"weight": 0.9}, {"sampler": "lcm"}, {"lora": "b3:" + "0" * 64}]
        keys = {shot_item(view, replace(worn, **other), "x").key for other in others}
        assert len(keys | {key}) == 5
        assert asked(view, "unknown").prompt == "unknown"


def test_what_was_drawn_by_the_former_plan_is_not_drawn_again(project):
    ready(project)
    with light.viewed(project) as view:
        item = light.items(view, "sample")[named(1, "zorbl")]
    words = ("prompt", "negative", "seed", "steps", "cfg", "size", "weight")
    known = {"stage version", "epoch", "train", *(f"samples.{word}" for word in words)}
    assert {part for part in item.parts if not part.startswith("base.")} == known


def test_a_sampler_changes_every_picture_and_a_line_s_notation_none(project):
    light.finished(project)
    assert len(light.redone(project, "samples.sampler=euler_a")["sample"]) == 6
    light.write(project, samples={"prompts": [{"prompt": "zorbl"}, "zorbl, zorbl_cape"]})
    assert light.redone(project) == {}
