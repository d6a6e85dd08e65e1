import light

from lorabuild.graph.drawing import epoch_name, epochs, picture_id

PROMPTS = ("zorbl", "zorbl, zorbl_cape")


def ready(root):
    light.built(root)
    with light.viewed(root) as view:
        light.plant(view, "latents", "text", "train")


def test_while_the_training_waits_only_pictures_without_the_lora_are_known(project):
    light.built(project)
    with light.viewed(project) as view:
        step = view.step("sample")
        assert [item.id for item in step.items] == [picture_id(0, prompt) for prompt in PROMPTS]
        assert len(step.waiting) == 4


def test_each_prompt_is_drawn_each_epoch_and_once_without_the_lora(project):
    ready(project)
    with light.viewed(project) as view:
        drawn = light.items(view, "sample")
        assert set(drawn) == {picture_id(epoch, prompt) for epoch in (0, 1, 2) for prompt in PROMPTS}
        trained = view.made("train")["train"].outputs
        assert drawn[picture_id(2, "zorbl")].reads["lora"] == trained[epoch_name(2)]
        bare = drawn[picture_id(0, "zorbl")]
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
    assert light.redone(project)["sample"] == [picture_id(epoch, "new") for epoch in (0, 1, 2)]


def test_weight_and_training_touch_only_pictures_with_the_lora(project):
    light.finished(project)
    again = light.redone(project, "samples.weight=0.5")["sample"]
    assert again == [picture_id(epoch, prompt) for prompt in PROMPTS for epoch in (1, 2)]


def test_a_pictures_size_may_be_said(project):
    ready(project)
    with light.viewed(project, "samples.width=96", "samples.height=32") as view:
        assert light.items(view, "sample")[picture_id(0, "zorbl")].reads["size"] == [96, 32]


def test_names():
    assert epoch_name(3) == "epoch-0003"
    assert picture_id(3, "a, b") == "epoch 3 · a, b"
    assert picture_id(0, "a, b") == "without LoRA · a, b"
