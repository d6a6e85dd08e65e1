"""lorabuild.schema.check_training: optimizers, rates and schedules that don't go together."""

import pytest

from lorabuild.schema.check_training import training
from lorabuild.schema.problems import Problem


@pytest.fixture
def problems(project):
    """What is said about a ``training:`` section; its lines begin at 7:3 of lora.yaml."""

    def tell(*lines: str) -> list[Problem]:
        return list(training(project("training:\n" + "".join(f"  {line}\n" for line in lines))))

    return tell


def one(found):
    assert len(found) == 1, found
    return found[0]


CONSTANT = "schedule: {type: constant}"
FINDS_ITS_STEP = ("prodigy", "dadaptation", "prodigy_plus_schedule_free")
ONE_RATE = ("prodigy", "dadaptation")
SCHEDULE_FREE = ("prodigy_plus_schedule_free", "adamw_schedule_free")
PLAIN = ("adamw", "adamw8bit", "lion", "adafactor", "sgd")


@pytest.mark.parametrize("kind", [*ONE_RATE, *SCHEDULE_FREE, *PLAIN])
def test_every_optimizer_s_defaults_go_together(problems, kind):
    assert problems(f"optimizer: {{type: {kind}}}", CONSTANT) == []


@pytest.mark.parametrize("kind", FINDS_ITS_STEP)
def test_a_rate_that_all_but_stops_what_finds_its_step(problems, kind):
    problem = one(problems(f"optimizer: {{lr: 1e-4, type: {kind}}}", CONSTANT))
    assert problem.where == "lora.yaml:8:15 training.optimizer.lr"
    assert "finds the step size itself; lr 0.0001 would all but stop it" in problem.what
    assert problem.next_step == "write `lr: 1`, or leave it out"
    assert problems(f"optimizer: {{lr: 0.5, type: {kind}}}", CONSTANT) == []


def test_a_part_s_rate_that_all_but_stops_it(problems):
    problem = one(problems("optimizer: {type: prodigy}", "unet_lr: 1e-4", "train: unet"))
    assert problem.where == "lora.yaml:9:3 training.unet_lr"
    assert problem.next_step == "write `unet_lr: 1`, or leave it out"


@pytest.mark.parametrize(
    ("word", "train", "why"),
    [
        ("unet_lr", "text_encoder", "the U-Net is not trained"),
        ("text_encoder_lr", "unet", "no text encoder is trained"),
        ("text_encoder_2_lr", "unet", "no text encoder is trained"),
    ],
)
def test_a_rate_of_what_is_not_trained(problems, word, train, why):
    problem = one(problems(f"{word}: 1e-5", f"train: {train}"))
    assert problem.where == f"lora.yaml:8:3 training.{word}"
    assert problem.what == f"{why}, so `{word}` says nothing"
    assert problem.next_step == "leave it out, or write `train: both`"
    assert problems(f"{word}: 1e-5") == []


@pytest.mark.parametrize("kind", ONE_RATE)
@pytest.mark.parametrize("word", ["unet_lr", "text_encoder_lr", "text_encoder_2_lr"])
def test_several_rates_for_one_step_size(problems, kind, word):
    problem = one(problems(f"optimizer: {{type: {kind}}}", f"{word}: 0.5"))
    assert problem.where == f"lora.yaml:9:3 training.{word}"
    assert "one step size for all that it trains" in problem.what
    assert problem.next_step == f"leave `{word}` out, or write `optimizer: {{type: adamw}}`"


def test_rates_that_are_equal_or_of_one_part(problems):
    prodigy = "optimizer: {type: prodigy}"
    assert problems(prodigy, "unet_lr: 0.5", "text_encoder_lr: 0.5") == []
    assert problems(prodigy, "unet_lr: 0.5", "train: unet") == []
    assert problems(prodigy, "text_encoder_lr: 0.5", "text_encoder_2_lr: 0.5", "train: text_encoder") == []
    assert problems("optimizer: {type: prodigy_plus_schedule_free}", CONSTANT, "text_encoder_lr: 0.5") == []
    assert (
        "text_encoder_2_lr: 0.4"
        in one(problems(prodigy, "text_encoder_lr: 0.5", "text_encoder_2_lr: 0.4", "train: text_encoder")).what
    )


@pytest.mark.parametrize("kind", ONE_RATE)
def test_loraplus_wants_several_rates(problems, kind):
    problem = one(problems(f"optimizer: {{type: {kind}}}", "loraplus_ratio: 16"))
    assert problem.where == "lora.yaml:9:3 training.loraplus_ratio"
    assert "LoRA+ can't speed up one side" in problem.what
    assert problems(f"optimizer: {{type: {kind}}}", "loraplus_ratio: 1") == []
    assert problems("loraplus_ratio: 16") == []


@pytest.mark.parametrize("kind", [*ONE_RATE, *SCHEDULE_FREE])
def test_max_norm_scaling(problems, kind):
    problem = one(problems(f"optimizer: {{type: {kind}}}", CONSTANT, "max_norm: 1"))
    assert problem.where == "lora.yaml:10:3 training.max_norm"
    assert "max-norm scaling" in problem.what
    assert problem.next_step == "leave `max_norm` out, or write `optimizer: {type: adamw}`"


@pytest.mark.parametrize("kind", PLAIN)
def test_max_norm_scaling_suits_the_others(problems, kind):
    assert problems(f"optimizer: {{type: {kind}}}", "max_norm: 1") == []


@pytest.mark.parametrize("kind", SCHEDULE_FREE)
def test_an_average_of_an_average(problems, kind):
    problem = one(problems(f"optimizer: {{type: {kind}}}", CONSTANT, "ema: {decay: 0.99}"))
    assert problem.where == "lora.yaml:10:3 training.ema"
    assert "averages the weights itself" in problem.what
    assert problems("ema: {decay: 0.99}") == []


@pytest.mark.parametrize("kind", SCHEDULE_FREE)
@pytest.mark.parametrize("schedule", ["cosine", "annealed_cosine", "rex"])
def test_a_schedule_for_what_is_free_of_it(problems, kind, schedule):
    problem = one(problems(f"optimizer: {{type: {kind}}}", f"schedule: {{type: {schedule}}}"))
    assert problem.where == "lora.yaml:9:3 training.schedule"
    assert f"`{schedule}` would spoil the average" in problem.what
    assert problem.next_step == "write `schedule: {type: constant}`"


@pytest.mark.parametrize("kind", SCHEDULE_FREE)
def test_the_usual_schedule_is_one_as_well(problems, kind):
    problem = one(problems(f"optimizer: {{type: {kind}}}"))
    assert problem.where.endswith("training.schedule")
    assert "`cosine_with_restarts`" in problem.what


@pytest.mark.parametrize(
    ("kind", "own"), [("prodigy_plus_schedule_free", "use_bias_correction"), ("adamw_schedule_free", "warmup_steps")]
)
def test_a_warm_up_that_the_average_doesn_t_know_of(problems, kind, own):
    problem = one(problems(f"optimizer: {{type: {kind}}}", "schedule: {type: constant, warmup: 10}"))
    assert problem.where == "lora.yaml:9:30 training.schedule.warmup"
    assert own in problem.next_step


@pytest.mark.parametrize(
    ("line", "place", "next_step"),
    [
        ("schedule: {type: rex, warmup: 2.5}", "8:25 training.schedule.warmup", "write `warmup: 2`"),
        ("text_encoder_end: 99.7", "8:3 training.text_encoder_end", "write `text_encoder_end: 100`"),
    ],
)
def test_neither_steps_nor_a_share(problems, line, place, next_step):
    problem = one(problems(line))
    assert problem.where == f"lora.yaml:{place}"
    assert "neither a share, which is below 1, nor a whole number" in problem.what
    assert problem.next_step == next_step


@pytest.mark.parametrize("amount", ["0", "0.5", "1", "1.0", "30"])
def test_steps_or_a_share(problems, amount):
    assert problems(f"schedule: {{type: rex, warmup: {amount}}}") == []


@pytest.mark.parametrize(("train", "why"), [("unet", "no text encoder is trained"), ("text_encoder", "nothing would")])
def test_an_end_of_text_encoders_beside_nothing(problems, train, why):
    problem = one(problems("text_encoder_end: 0.5", f"train: {train}"))
    assert problem.where == "lora.yaml:8:3 training.text_encoder_end"
    assert why in problem.what
    assert problems("text_encoder_end: 0.5") == []


@pytest.mark.parametrize(("betas", "column"), [("[1, 0.9]", 38), ("[0.9, 1.5]", 43), ("[-0.1, 0.9]", 38)])
def test_betas_are_shares(problems, betas, column):
    problem = one(problems(f"optimizer: {{type: prodigy, betas: {betas}}}"))
    assert problem.where.startswith(f"lora.yaml:8:{column} training.optimizer.betas.")
    assert problem.next_step == "write 0 or more, and less than 1"


@pytest.mark.parametrize("kind", SCHEDULE_FREE)
def test_an_average_that_takes_in_nothing(problems, kind):
    problem = one(problems(f"optimizer: {{type: {kind}, betas: [0, 0.9]}}", CONSTANT))
    assert "needs a first beta above 0" in problem.what
    assert problems("optimizer: {type: lion, betas: [0, 0.9]}") == []


def test_a_class_of_a_module_that_is_nowhere(problems, tmp_path):
    line = "optimizer: {type: custom, class: nowhere_at_all.Thing}"
    problem = one(problems(line))
    assert problem.where == "lora.yaml:8:29 training.optimizer.class"
    assert "there is no module `nowhere_at_all`" in problem.what
    assert problem.next_step == "pip install nowhere_at_all, or write the file"
    (tmp_path / "nowhere_at_all.py").write_text("raise SystemExit", "utf-8")
    assert problems(line) == []
    assert problems("optimizer: {type: custom, class: torch.optim.RAdam, arguments: {betas: [0.9, 0.99]}}") == []


@pytest.mark.parametrize("value", [".inf", "[1, .nan]", "{a: .inf}"])
def test_an_argument_that_no_key_can_hold(problems, value):
    problem = one(problems(f"optimizer: {{type: custom, class: torch.optim.RAdam, arguments: {{growth: {value}}}}}"))
    assert problem.where == "lora.yaml:8:67 training.optimizer.arguments.growth"
    assert "can't be infinite" in problem.what


@pytest.mark.parametrize("kind", ONE_RATE)
@pytest.mark.parametrize("word", ["blocks: {IN04: 0.5}", 'layer_lrs: {"*attn2*": 0.5}'])
def test_several_rates_of_layers_for_one_step_size(project, kind, word):
    text = f"network: {{type: lora, {word}}}\ntraining:\n  optimizer: {{type: {kind}}}\n  {CONSTANT}\n"
    problem = one(list(training(project(text))))
    assert problem.where.endswith(f"network.{word.partition(':')[0]}")
    assert "one step size for all" in problem.what


@pytest.mark.parametrize("words", ["blocks: {IN04: 0}", "blocks: ALL0.5", "blocks: MIDD", 'layer_lrs: {"*attn2*": 1}'])
def test_blocks_that_learn_alike_or_not_at_all(project, words):
    text = f"network: {{type: lora, {words}}}\ntraining:\n  optimizer: {{type: prodigy}}\n  {CONSTANT}\n"
    assert list(training(project(text))) == []


@pytest.mark.parametrize(
    ("network", "word"),
    [
        ("{type: lora, dropout: 0.1}", "dropout"),
        ("{type: loha, rank_dropout: 0.1}", "rank_dropout"),
        ("{type: full, module_dropout: 0.1}", "module_dropout"),
        ("{type: dylora}", "dylora"),
    ],
)
def test_what_draws_anew_for_each_image_can_t_be_compiled(project, network, word):
    problem = one(list(training(project(f"network: {network}\ntraining: {{compile: true}}\n"))))
    assert problem.what == f"`{word}` draws anew for each image, and a compiled block does the same for all"
    assert problem.next_step == f"leave `compile` or `{word}` out"
    assert list(training(project(f"network: {network}\n"))) == []
    assert list(training(project("network: {type: lokr}\ntraining: {compile: true}\n"))) == []
