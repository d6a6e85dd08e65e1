"""The words of the standard trainer and its GUIs in words of lora.yaml, and back.

Presets are written here; names, meanings and defaults are those of sd-scripts 48d368fa and of its web GUI.
"""

import json
import tempfile
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorabuild.core.errors import ProjectError
from lorabuild.schema import kohya_words, moving, toml_text
from lorabuild.schema.drafted import drafted
from lorabuild.schema.families import FACTS
from lorabuild.schema.foreign import FOREIGN
from lorabuild.schema.kohya_export import exported
from lorabuild.schema.kohya_files import literal, pairs, read
from lorabuild.schema.kohya_gui import from_gui
from lorabuild.schema.kohya_network import network, network_back
from lorabuild.schema.kohya_optimizers import OPTIMIZERS, optimizer, optimizer_back, schedule, schedule_back
from lorabuild.schema.kohya_settings import Around, moved
from lorabuild.schema.kohya_training import trained
from lorabuild.schema.load import completed, parse
from lorabuild.schema.network import Network
from lorabuild.schema.problems import ProblemsError
from lorabuild.schema.project import Project
from lorabuild.schema.training import Learning
from lorabuild.schema.words import shape

PRESETS = Path(__file__).parents[1] / "data/kohya"
LONG, SHORT = 12, 9


def around(looks=200, regularized=False, family=""):
    return Around(looks, regularized, lambda _: None, lambda _: [], family)


def moved_from(name, **how):
    return moved(read(PRESETS / name), around(**how))


def at(sections, dotted):
    for name in dotted.split("."):
        sections = sections[name]
    return sections


def fates(result):
    return {one.key: one.status for one in result.told}


def project(**sections):
    base = {"model": "base", **sections.pop("base", {})}
    data = {"name": "t", "base": base, "concepts": {"a": {"folder": "a"}}, **sections}
    return Project.model_validate_json(json.dumps(completed(data, Project)), strict=True)


EXPECTED = {
    "gui_loha.json": {
        "name": "My-LoRA",
        "base.clip_skip": 2,
        "base.max_token_length": 225,
        "images.resolution": 512,
        "network": {"type": "loha", "dim": 32, "alpha": 16, "conv_dim": 8, "conv_alpha": 4},
        "budget.epochs": 10,
        "training.optimizer": {"type": "adamw8bit", "lr": 1e-4, "weight_decay": 0.1, "betas": [0.9, 0.99]},
        "training.text_encoder_lr": 5e-5,
        "training.text_encoder_end": 0.5,
        "training.schedule": {"type": "cosine_with_restarts", "warmup": 0.1, "restarts": 2},
        "training.min_snr_gamma": 5,
        "training.noise": {"pyramid": 8, "pyramid_discount": 0.2},
        "training.precision": "bf16",
        "training.seed": 1234,
        "samples.prompts": [
            "masterpiece, zorbl --n bad --w 512 --h 512 --s 28",
            "zorbl, forest --n bad --w 512 --h 512 --s 28",
        ],
    },
    "notebook.toml": {
        "name": "zorbl",
        "network": {"type": "locon", "dim": 16, "alpha": 8, "conv_dim": 8, "conv_alpha": 4},
        "training.optimizer": {
            "type": "prodigy",
            "lr": 1,
            "weight_decay": 0.01,
            "betas": [0.9, 0.99],
            "d_coef": 2,
            "use_bias_correction": True,
            "safeguard_warmup": True,
        },
        "training.schedule": {"type": "cosine", "warmup": 0},
        "budget.epochs": 8,
        "base.max_token_length": 225,
    },
    "easy.toml": {
        "base.clip_skip": 2,
        "images.resolution": 768,
        "network": {"type": "lokr", "dim": 8, "alpha": 1, "conv_dim": 8, "conv_alpha": 1, "factor": 4},
        "training.batch": 2,
        "training.caption_shuffle": True,
        "training.schedule": {"type": "cosine", "warmup": 0.05},
        "training.optimizer": {"type": "adamw8bit", "lr": 1e-4, "weight_decay": 0.1, "betas": [0.9, 0.99]},
        "training.precision": "bf16",
    },
}


@pytest.mark.parametrize("name", EXPECTED)
def test_presets_come_along(name):
    result = moved_from(name)
    for dotted, value in EXPECTED[name].items():
        assert with_defaults(dotted, at(result.sections, dotted)) == with_defaults(dotted, value), dotted


def with_defaults(dotted, value):
    """An optimizer or a schedule in full."""
    word = dotted.rpartition(".")[2]
    if word not in ("optimizer", "schedule"):
        return value
    section = dict(shape(Learning.model_fields[word].annotation).variants)[value["type"]]
    return section.model_validate(value)


@pytest.mark.parametrize("name", EXPECTED)
def test_every_word_of_a_file_is_accounted_for_once(name):
    found = read(PRESETS / name)
    result = moved(found, around())
    told = [one.key for one in result.told if " " not in one.key or one.key.startswith("LoRA_type")]
    names = {found.names.get(word, word) for word in found.words}
    assert names <= {*told}
    assert {one.status for one in result.told} <= {*moving.STATUSES}
    assert all(one.what for one in result.told)


def test_the_fate_of_single_words():
    result = moved_from("gui_loha.json")
    found = fates(result)
    assert (found["bucket_no_upscale"], found["use_cp"], found["num_processes"]) == ("nothing",) * 3
    assert (found["xformers"], found["cache_latents"], found["save_precision"]) == ("default",) * 3
    assert found["foo_bar"] == "unknown"
    assert next(one.what for one in result.told if one.key == "min_snr_gama").endswith("is `min_snr_gamma` meant?")


def test_every_word_leads_to_a_word_of_ours():
    known = {word.dotted for word in moving.all_words()}
    assert set(kohya_words.DIRECT.values()) <= known
    lists = (kohya_words.DIRECT, kohya_words.SPECIAL, kohya_words.ANYWAY, kohya_words.NOTHING)
    names = [name for one in lists for name in one]
    assert len(names) == len(set(names))
    assert set(kohya_words.NEEDS) | kohya_words.ZERO_IS_OFF <= set(kohya_words.DIRECT)
    for theirs, dotted in kohya_words.DIRECT.items():
        said = FOREIGN.get(theirs)
        assert said is None or dotted.startswith(said) or theirs == "token_warmup_step"


WORDS = sorted({*kohya_words.DIRECT, *kohya_words.SPECIAL, *kohya_words.ANYWAY, *kohya_words.NOTHING})
VALUES = st.sampled_from(
    ["", "0", "x", "1,2", "a=b c", "512,768", "nan", 0, 1, -3, 2.5, 10**30, True, False, None, [], [1, "x"], {"a": 1}]
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=6), st.booleans())
def test_no_file_of_others_is_a_crash(words, gui):
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / ("preset.json" if gui else "config.toml")
        text = "\n".join(toml_text.lines({word: one for word, one in words.items() if not isinstance(one, dict)}))
        file.write_text(json.dumps(words) if gui else text, "utf-8")
        with suppress(ProjectError):
            assert {one.status for one in moved(read(file), around()).told} <= {*moving.STATUSES}


def test_steps_become_epochs_that_begin():
    for steps, looks, batch, epochs in ((1600, 10, 1, 160), (100, 30, 4, 13), (100, 10, 4, 34)):
        given = {"max_train_steps": steps, "batch_size": batch}
        result = moving.Moving({**kohya_words.DEFAULTS, **given}, frozenset(given), {})
        from lorabuild.schema.kohya_training import length

        length(result, looks)
        assert result.sections["budget"]["epochs"] == epochs


def test_a_model_that_is_not_ours_is_refused(tmp_path):
    file = tmp_path / "flux.json"
    file.write_text(json.dumps({"LoRA_type": "Flux1", "flux1_checkbox": True}), "utf-8")
    with pytest.raises(ProjectError, match="isn't trained here"):
        moved(read(file), around())


def test_the_family_is_told_or_guessed(tmp_path):
    file = tmp_path / "c.toml"
    wide = next(name for name, facts in FACTS.items() if facts.layer)
    for text, family in (
        ("v2 = true", next(name for name, facts in FACTS.items() if facts.v2)),
        ("pretrained_model_name_or_path = 'ponyDiffusionV6XL.safetensors'", wide),
        ("resolution = '1024,1024'", wide),
        ("resolution = 512", next(iter(FACTS))),
    ):
        file.write_text(text, "utf-8")
        assert moved(read(file), around()).sections["base"]["family"] == family
    assert moved(read(file), around(family=wide)).sections["base"]["family"] == wide


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("unet_lr = 1e-4", {"train": "both", "unet_lr": None, "lr": 1e-4}),
        ("learning_rate = 1e-4\nunet_lr = 1e-4\ntext_encoder_lr = 5e-5", {"lr": 1e-4, "text_encoder_lr": 5e-5}),
        ("learning_rate = 1e-4\nnetwork_train_unet_only = true", {"train": "unet", "lr": 1e-4}),
        ("learning_rate = 1e-4\ntext_encoder_lr = [5e-5, 1e-5]", {"text_encoder_2_lr": 1e-5}),
        ("learning_rate = 2e-4\nnetwork_train_text_encoder_only = true", {"train": "text_encoder", "lr": 2e-4}),
    ],
)
def test_rates(tmp_path, text, sections):
    (tmp_path / "c.toml").write_text(text, "utf-8")
    training = moved(read(tmp_path / "c.toml"), around()).sections["training"]
    usual = {"train": "both", "lr": training["optimizer"]["lr"]}
    assert {word: {**usual, **training}.get(word) for word in sections} == sections


def test_images_in_no_bucket_are_square(tmp_path):
    (tmp_path / "c.toml").write_text("resolution = 512\nenable_bucket = false\ncolor_aug = true", "utf-8")
    images = moved(read(tmp_path / "c.toml"), around()).sections["images"]
    assert images["buckets"] == {"min": 512, "max": 512}
    assert (images["cache"], images["color_augment"]) == (False, True)


def test_the_area_counts(tmp_path):
    (tmp_path / "c.toml").write_text("resolution = '512,768'\nbucket_reso_steps = 64\nenable_bucket = true", "utf-8")
    result = moved(read(tmp_path / "c.toml"), around())
    assert result.sections["images"]["resolution"] == 640
    assert [one.status for one in result.told if one.key == "resolution"] == ["mapped", "nothing"]


def test_folders_with_other_words_are_told(tmp_path):
    file = tmp_path / "d.toml"
    one, two = "[[datasets.subsets]]\nimage_dir='a'\nflip_aug=true\n", "[[datasets.subsets]]\nimage_dir='b'\n"
    file.write_text(f"[general]\nkeep_tokens=1\nshuffle_caption=true\n[[datasets]]\nresolution=64\n{one}{one}{two}")
    found = read(file)
    assert [subset.folder for subset in found.subsets] == ["a", "a", "b"]
    result = moved(found, around())
    assert result.sections["images"]["flip"] is True
    assert any("several folders" in one.what for one in result.told)
    assert "network" not in result.sections  # a file of folders says nothing about it


def test_arguments_are_read_however_they_are_written():
    expected = {"betas": (0.9, 0.99), "decouple": True, "d_coef": 2, "name": "x"}
    assert pairs(["betas=0.9,0.99", "decouple=True", "d_coef=2", "name=x"]) == expected
    assert pairs('betas=0.9,0.99 decouple=true d_coef=2 name="x"') == expected
    assert pairs({"betas": "0.9,0.99", "decouple": "True", "d_coef": 2, "name": "x"}) == expected
    assert literal("__import__('os')") == "__import__('os')"


def test_the_gui_leaves_out_what_is_zero():
    words, names = from_gui({"LoRA_type": "Standard", "conv_dim": 8, "epoch": 3, "max_train_steps": 0, "lr_warmup": 10})
    assert (words["max_train_epochs"], words["lr_warmup_steps"]) == (3, 0.1)
    assert words["network_args"] == {}  # the page shows the field, and a plain LoRA doesn't use it
    assert names["max_train_epochs"] == "epoch"
    assert "max_train_steps" not in words
    words, _ = from_gui({"LoRA_type": "LyCORIS/LoKr", "factor": 4, "decompose_both": True, "unet_lr": 1e-4})
    assert words["network_args"] == {"factor": 4, "decompose_both": True, "algo": "lokr"}
    assert words["network_train_unet_only"] is True


NETWORKS = [
    {"type": "lora", "dim": 8, "alpha": 4.0, "dropout": 0.1},
    {"type": "locon", "dim": 8, "alpha": 4.0, "conv_dim": 4, "conv_alpha": 2.0, "rank_dropout": 0.1},
    {"type": "locon", "dim": 8, "alpha": 4.0, "conv_dim": 4, "conv_alpha": 2.0, "dora": True},
    {"type": "loha", "dim": 8, "alpha": 4.0, "conv_dim": 4, "conv_alpha": 2.0},
    {"type": "lokr", "dim": 8, "alpha": 4.0, "factor": 4, "decompose_both": True},
    {"type": "dylora", "dim": 8, "alpha": 4.0, "unit": 2},
    {"type": "lora_fa", "dim": 8, "alpha": 4.0},
    {"type": "diag_oft", "dim": 4},
    {"type": "full"},
    {"type": "ia3"},
]


@pytest.mark.parametrize("size", [LONG, SHORT])
@pytest.mark.parametrize("said", NETWORKS, ids=lambda said: said["type"])
def test_networks_there_and_back(said, size):
    ours = dict(shape(Network).variants)[said["type"]].model_validate(said)
    words, left = network_back(ours, size)
    assert left == {}
    args = pairs([f"{name}={value}" for name, value in words["network_args"].items()])
    dropout = words.get("network_dropout", 0)
    found, _, left = network(words["network_module"], words["network_dim"], words["network_alpha"], args, dropout, size)
    back = dict(shape(Network).variants)[found["type"]].model_validate(found)
    assert left.keys() <= {"preset"}
    assert back == ours


@pytest.mark.parametrize("size", [LONG, SHORT])
def test_blocks_there_and_back(size):
    ours = dict(shape(Network).variants)["lora"].model_validate(
        {"type": "lora", "blocks": {"IN04": 0.5, "M00": 0.25, "OUT03": 0}, "block_dims": {"IN04": 2, "M00": 3}}
    )
    words, _ = network_back(ours, size)
    args = words["network_args"]
    assert [len(args[name].split(",")) for name in ("down_lr_weight", "mid_lr_weight", "up_lr_weight")] == (
        [12, 1, 12] if size == LONG else [9, 3, 9]
    )
    assert len(args["block_dims"].split(",")) == (25 if size == LONG else 23)
    found, _, _ = network(words["network_module"], 16, 8, args, 0, size)
    back = dict(shape(Network).variants)["lora"].model_validate(found)
    weights = {name: value for name, value in back.blocks.items() if value != 1}
    assert weights == {"IN04": 0.5, "M00": 0.25, "OUT03": 0}
    assert {name: value for name, value in back.block_dims.items() if value != 16} == {"IN04": 2, "M00": 3}


def test_networks_that_are_not_ours():
    found, _, left = network("lycoris.kohya", 8, 4, {"algo": "glora"}, 0, LONG)
    assert (found["type"], [*left]) == ("lora", ["glora"])
    found, beside, left = network("networks.lora", 8, 4, {"loraplus_lr_ratio": 16, "odd": 1}, 0, LONG)
    assert (beside, [*left]) == ({"training.loraplus_ratio": 16}, ["odd"])
    found, _, _ = network("networks.lora", 8, 4, {"down_lr_weight": "sine+.25", "mid_lr_weight": "0.5"}, 0, LONG)
    assert found["blocks"] == {"IN sine+.25": 1, "M00": 0.5}


TYPES = sorted({ours for ours, name, _ in OPTIMIZERS.values() if name})


@pytest.mark.parametrize("kind", TYPES)
def test_optimizers_there_and_back(kind):
    section = dict(shape(Learning.model_fields["optimizer"].annotation).variants)[kind]
    ours = section.model_validate({"type": kind, "weight_decay": 0.07})
    name, args, left = optimizer_back(ours)
    assert left == {}
    found, left = optimizer(name, pairs([f"{word}={_literal(one)}" for word, one in args.items()]), ours.lr)
    assert left == {}
    assert section.model_validate(found) == ours


def _literal(value):
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def test_what_their_optimizers_do_by_themselves_is_written():
    found, _ = optimizer("Prodigy", {}, 1.0)
    assert found == {
        "type": "prodigy",
        "lr": 1.0,
        "weight_decay": 0.0,
        "betas": [0.9, 0.999],
        "use_bias_correction": False,
        "safeguard_warmup": False,
    }
    assert optimizer("Adafactor", {}, 1e-4)[1].keys() == {"relative_step"}
    assert optimizer("PagedAdamW8bit", {}, 1e-4)[0]["paged"] is True
    assert optimizer("torch.optim.RAdam", {"eps": 1e-6}, 1e-4)[0] == {
        "type": "custom",
        "class": "torch.optim.RAdam",
        "lr": 1e-4,
        "arguments": {"eps": 1e-6},
    }
    assert optimizer("Strange", {}, 1e-4) == (
        {"type": "adamw", "lr": 1e-4},
        {"Strange": "unknown here: adamw takes its place"},
    )


@pytest.mark.parametrize(
    "said",
    [
        {"type": "constant"},
        {"type": "constant", "warmup": 10},
        {"type": "linear", "warmup": 0.1},
        {"type": "cosine", "warmup": 5, "min_lr": 0.1},
        {"type": "cosine_with_restarts", "restarts": 3},
        {"type": "polynomial", "power": 2.0},
    ],
)
def test_schedules_there_and_back(said):
    section = dict(shape(Learning.model_fields["schedule"].annotation).variants)[said["type"]]
    ours = section.model_validate(said)
    words, left = schedule_back(ours)
    assert left == {}
    found, left = schedule(words, "adamw")
    assert left == {}
    assert section.model_validate(found) == ours


def test_schedules_without_an_equal():
    assert schedule({"lr_scheduler": "inverse_sqrt"}, "adamw")[0] == {"type": "constant"}
    assert schedule({"lr_scheduler": "cosine"}, "adamw_schedule_free") == ({"type": "constant"}, {})
    found, left = schedule(
        {"lr_scheduler_type": "a.b.CosineAnnealingWarmupRestarts", "lr_scheduler_args": {"gamma": 0.8, "min_lr": 1e-6}},
        "adamw",
    )
    assert (found, [*left]) == ({"type": "annealed_cosine", "gamma": 0.8}, ["min_lr"])
    rex = dict(shape(Learning.model_fields["schedule"].annotation).variants)["rex"]
    assert schedule_back(rex())[1].keys() == {"rex"}


def test_a_project_there_and_back(tmp_path):
    ours = project(
        images={"resolution": 768, "flip": True, "buckets": {"step": 64, "min": 256, "max": 1024}},
        budget={"epochs": 6},
        network={"type": "locon", "dim": 8, "alpha": 4, "conv_dim": 4, "conv_alpha": 2},
        training={
            "optimizer": {"type": "lion", "lr": 2e-5},
            "unet_lr": 1e-4,
            "batch": 3,
            "accumulation": 2,
            "seed": 7,
            "schedule": {"type": "linear", "warmup": 10},
            "min_snr_gamma": 5,
            "noise": {"offset": 0.1},
            "loss": {"type": "huber", "c": 0.2},
            "caption_shuffle": True,
            "keep_tokens": 2,
            "max_norm": 1,
            "token_warmup": {"min": 2, "steps": 0.5},
            "precision": "fp16",
            "caption_dropout": 0.1,
        },
        samples={"prompts": ["a, b"], "negative": "bad", "steps": 12, "cfg": 5, "seed": 3},
        output={"author": "me", "license": "CC0-1.0"},
    )
    words = exported(ours, "base", None)
    lines = [*toml_text.lines(words.config), *toml_text.lines(words.dataset), *toml_text.lines(words.subset)]
    file = tmp_path / "c.toml"
    file.write_text("\n".join([*lines, "resolution = 768", "enable_bucket = true"]), "utf-8")
    result = moved(read(file), Around(100, False, lambda text: text, lambda _: words.prompts))
    sections = {**result.sections, "concepts": {"a": {"folder": "a"}}, "name": "t"}
    back = Project.model_validate_json(json.dumps(completed(sections, Project)), strict=True)
    for part in ("images", "budget", "network", "training", "output"):
        assert getattr(back, part) == getattr(ours, part), part
    (prompt,) = back.samples.prompts
    wanted = {"prompt": "a, b", "negative": "bad", "steps": 12, "cfg": 5.0, "seed": 3, "width": 768, "height": 768}
    assert prompt.model_dump(exclude_none=True) == wanted
    assert words.left == {}


def test_prompts_with_options_of_others(tmp_path):
    (tmp_path / "c.toml").write_text("sample_prompts = 'a, b --cn x.png --s 3'\nsample_sampler = 'k_dpm_2'", "utf-8")
    result = moved(read(tmp_path / "c.toml"), around())
    assert result.sections["samples"] == {"prompts": ["a, b"], "sampler": "dpm2"}
    assert any("ControlNet" in one.what for one in result.told)


def test_what_stays_behind_is_said():
    ours = project(training={"ema": {"decay": 0.99}, "p2_gamma": 1.0, "loss": {"type": "log_cosh"}})
    assert exported(ours, "base", None).left.keys() >= {"training.ema", "training.p2_gamma", "training.loss"}


@given(st.text(max_size=30))
def test_toml_says_what_was_meant(text):
    text = text.encode("utf-8", "ignore").decode()
    assert tomllib.loads("\n".join(toml_text.lines({"a": text, "b": [1, True, 0.5], "c": None}))) == {
        "a": text,
        "b": [1, True, 0.5],
    }


def test_a_draft_has_comments_where_words_came_from():
    text = drafted({"network": {"dim": 4}, "name": "t"}, {"network.dim": "network_dim"}, ["head"], ["foo: 1 – why"])
    assert text.splitlines() == [
        "# head",
        "",
        "name: t",
        "",
        "network:",
        "  dim: 4   # network_dim",
        "",
        "# What did not come along, and what to do:",
        "#   foo: 1 – why",
    ]


def test_trained_is_called_with_all_that_it_needs():
    given = {"learning_rate": 1e-4}
    result = moving.Moving({**kohya_words.DEFAULTS, **given}, frozenset(given), {})
    result.sections["base"] = {"family": next(iter(FACTS))}
    trained(result)
    assert result.sections["network"] == {"type": "lora", "dim": 4, "alpha": 1}
    assert result.sections["training"]["precision"] == "fp32"


def test_a_choice_among_numbers_is_said(tmp_path):
    text = "name: t\nbase: {model: b, max_token_length: 80}\nconcepts: {a: {folder: a}}\n"
    with pytest.raises(ProblemsError, match="75, 150, 225"):
        parse(text, tmp_path)


def datasets(tmp_path, *sizes, **words):
    text = "".join(
        "\n".join(
            [
                "[[datasets]]",
                *toml_text.lines(size),
                "[[datasets.subsets]]",
                *toml_text.lines({"image_dir": "a", **words}),
                "",
            ]
        )
        for size in sizes
    )
    (tmp_path / "d.toml").write_text(text, "utf-8")
    return read(tmp_path / "d.toml").subsets


def test_a_folder_in_several_datasets_is_one_folder(tmp_path):
    small, large = (
        {"resolution": side, "min_bucket_reso": side // 2, "max_bucket_reso": side * 2} for side in (512, 768)
    )
    (one,) = datasets(tmp_path, small, large, num_repeats=2)
    assert (one.words, one.again) == ({"num_repeats": 2, "resolution": 512}, ({"num_repeats": 2, "resolution": 768},))
    (odd,) = datasets(tmp_path, small, large | {"max_bucket_reso": 1024})
    assert (odd.words["max_bucket_reso"], odd.again[0]["max_bucket_reso"]) == (1024, 1024)
    assert len(datasets(tmp_path, small, small)) == 2
    (alone,) = datasets(tmp_path, small)
    assert alone.words["min_bucket_reso"] == 256
