"""Every word of lora.yaml has its implementation and the other way round; declared means consumed: changing any word
changes the keys of the stage that it is about, and a ``runtime_only`` one changes none."""

import importlib
import inspect
import json
import shutil
import sys
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tiny_tagger.py
sys.path.insert(0, str(Path(__file__).parent / "whole"))  # small.py

import small
import tiny_tagger

from lorabuild.core.words import hand, hands
from lorabuild.evaluate import picture
from lorabuild.graph.forecast import forecast
from lorabuild.graph.order import STAGES
from lorabuild.graph.plan import ITEMS
from lorabuild.graph.products import told
from lorabuild.graph.session import viewing
from lorabuild.models.sampling import SAMPLERS
from lorabuild.schema.base import Base
from lorabuild.schema.caption_rules import CaptionRules
from lorabuild.schema.captions import Captions
from lorabuild.schema.check import check
from lorabuild.schema.families import FACTS
from lorabuild.schema.image_steps import StepRules
from lorabuild.schema.load import load
from lorabuild.schema.network import Network
from lorabuild.schema.project import Project
from lorabuild.schema.samples import Samples
from lorabuild.schema.training import Loss, Optimizer, Schedule, Timesteps
from lorabuild.schema.words import MAP_KEY, is_runtime_only, shape, words
from lorabuild.stages import package
from lorabuild.training.losses import LOSSES
from lorabuild.training.optimizers import OPTIMIZERS


def types(annotation):
    """The ``type`` words that a place of lora.yaml takes."""
    return {word for word, _ in shape(annotation).variants}


def made_with(room, *names):
    """The modules of a room that have these names."""
    modules = {word: hand(room, word) for word in hands(room)}
    return {word for word, module in modules.items() if all(hasattr(module, name) for name in names)}


def test_every_tagger_has_its_file():
    assert types(Captions.model_fields["tagger"].annotation) == made_with("taggers", "digests", "fetch", "key_settings")
    assert made_with("taggers", "READS", "load") == types(Captions.model_fields["tagger"].annotation) - {"merged"}


def test_every_network_has_its_file():
    assert types(Network) == made_with("networks", "make", "CONVOLUTIONS")


def test_every_family_has_its_file_and_its_names_outside():
    loaders = {word: hand("models", word) for word in made_with("models", "load") - {"family"}}
    families = {
        word for word, module in loaders.items() if next(iter(inspect.signature(module.load).parameters)) == "located"
    }
    assert set(shape(Base.model_fields["family"].annotation).choices) == families == set(FACTS)


def test_every_optimizer_and_loss_has_its_function():
    assert types(Optimizer) == set(OPTIMIZERS)
    assert types(Loss) == set(LOSSES)


def test_every_sampler_has_its_scheduler():
    assert set(shape(Samples.model_fields["sampler"].annotation).choices) == set(SAMPLERS)


def test_every_way_of_choosing_timesteps_has_its_function():
    module = importlib.import_module("lorabuild.training.timesteps")
    functions = {
        name
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if list(inspect.signature(function).parameters) in (["settings", "even"], ["_settings", "even"])
    }
    assert types(Timesteps) == functions - {"place"}


def test_every_schedule_has_its_function():
    schedules = importlib.import_module("lorabuild.training.schedules")
    functions = {
        name
        for name, function in inspect.getmembers(schedules, inspect.isfunction)
        if list(inspect.signature(function).parameters)[:1] == ["settings"] and name != "schedule"
    }
    assert types(Schedule) == functions


def test_every_stage_has_its_file_and_its_items():
    assert set(STAGES) == set(ITEMS) == made_with("stages", "VERSION", "run")


STAGE = {
    "name": "package",
    "variants": "report",
    "base.model": "latents",
    "base.family": "package",
    "base.vae": "latents",
    "base.prediction": "latents",
    "base.zero_terminal_snr": "latents",
    "base.max_token_length": "text",
    "base.clip_skip": "train",
    "triggers": "caption",
    "triggers.<name>.class": "report",
    "concepts": "balance",
    "concepts.<name>.folder": "scan",
    "sources": "scan",
    "concepts.<name>.triggers": "caption",
    "concepts.<name>.share": "caption",
    "concepts.<name>.rest_of": "caption",
    "concepts.<name>.captions": "caption",
    "images": "latents",
    "images.duplicates": "report",
    "images.background": "prepare",
    **{f"images.{word}": "prepare" for word in ("erase", "trim", "crop", "restore", "upscale", "pad", "for")},
    **{f"images.{word}": "prepare" for word in ("mask_model", "detector")},
    "concepts.<name>.images": "prepare",
    **{f"concepts.<name>.images.{word}": "balance" for word in ("resolution", "more_resolutions")},
    "images.buckets.few": "balance",
    "images.color_augment": "train",
    "images.random_crop": "train",
    "captions": "caption",
    "captions.tagger.model": "tag",
    "captions.tagger.extension": "tag",
    "captions.tagger.version": "tag",
    "captions.tagger.of": "tag",
    "captions.tagger.prompt": "tag",
    "captions.tagger.system": "tag",
    "captions.tagger.beams": "tag",
    "captions.tagger.min_tokens": "tag",
    "captions.tagger.max_tokens": "tag",
    "captions.tagger.max_pixels": "tag",
    "budget": "balance",
    "regularization": "latents",
    "regularization.prior_loss_weight": "train",
    "regularization.folder": "scan",
    "network": "train",
    "training": "train",
    "training.validation.share": "balance",
    "finish": "package",
    "samples": "sample",
    "judge": "sample",
    "judge.weights": "report",
    "output": "package",
    "output.folder": "report",
}
"""Place of a word, or of the section around it → the first stage that must notice a change."""

CAPTIONS = ("captions", "concepts.<name>.captions")
"""Where rules for captions stand."""

STEPS = ("images", "concepts.<name>.images")
"""Where steps stand."""

OTHER_STEPS = {
    "erase": "fill",
    "trim": 0.2,
    "crop": ["3:2"],
    "restore": "eye.onnx",
    "upscale": "eye.onnx",
    "pad": "square",
}

NAMES = {"triggers": "zorbl_cape", "concepts": "cape"}
VALUES = {
    "training.validation.share": 0.5,
    "name": "other",
    "base.model": "base2",
    "base.vae": "base2",
    "concepts.<name>.folder": "dataset/other",
    "sources": [{"path": "dataset/other", "into": "cape"}],
    "concepts.<name>.triggers": ["zorbl_cape", "zorbl"],
    "concepts.<name>.share": 0.3,
    "concepts.<name>.rest_of": "plain",
    "images.resolution": 128,
    "images.more_resolutions": [128],
    "concepts.<name>.images.resolution": 128,
    "concepts.<name>.images.more_resolutions": [128],
    "images.buckets.step": 64,
    "images.buckets.min": 64,
    "images.buckets.max": 64,
    "images.background": "#102030",
    "images.buckets.few": 1,
    "images.buckets.upscale": "never",
    "images.for": [{"match": "dataset/cape/*", "trim": 0.2}],
    **{f"{place}.{word}": value for place in STEPS for word, value in OTHER_STEPS.items()},
    "images.mask_model": "eye.onnx",
    "images.masks": "alpha",
    "images.detector": "eye.onnx",
    "captions.tagger.model": "tagger2",
    "captions.tagger.extension": ".tags",
    "captions.implications": "implications.csv",
    "captions.for": [{"match": "dataset/cape/*", "drop": ["red"]}],
    **{f"{place}.{word}": {"blue": ["azure"]} for place in CAPTIONS for word in ("split", "same", "implies")},
    "captions.tagger.version": "other",
    "captions.tagger.of": [{"type": "wd14", "model": "tagger"}, {"type": "camie", "model": "camie"}],
    "training.optimizer.class": "torch.optim.NAdam",
    "samples.prompts": ["zorbl", "zorbl, blue --w 32"],
    "samples.file": "prompts.txt",
    "finish": [{"resize": 1}],
    "samples.every": "epoch",
    "samples.seeds": [1, 2],
    "samples.weights": [0.5, 1.0],
    "output.folder": "elsewhere",
    "output.epoch": 1,
    "judge.model": "captioner",
    "judge.weights": [1.5],
    "output.epochs": ["1"],
    "output.without": ["card"],
    "lint.ignore": ["blur"],
    "lint.for": [{"match": "dataset/cape/*", "ignore": ["blur"]}],
    "variants": {"big": {"network.dim": 8}},
    "regularization.folder": "dataset/other",
}
"""What is tried where the type alone tells no value that fits."""

AROUND = {
    "concepts.<name>.rest_of": ["concepts.plain.share=0.5", "concepts.cape.folder=dataset/plain"],
    "captions.tagger.mcut_floor": ["captions.tagger.mcut=true"],
    **{f"concepts.<name>.captions.{word}": ["concepts.cape.captions={}"] for word in CaptionRules.model_fields},
    **{f"concepts.<name>.images.{word}": ["concepts.cape.images={}"] for word in StepRules.model_fields},
    "images.mask_model": ["images.masks=model", "images.mask_model=tagger/model.onnx"],
    "images.detector": ["images.crop=[whole, portrait]"],
    "training.ema.decay": ["training.ema={}"],
    "training.validation.share": ["training.validation={}"],
    "training.validation.timesteps": ["training.validation={}"],
    "training.validation.every": ["training.validation={}"],
    "training.early_stop.patience": ["training.early_stop={}"],
    "training.early_stop.min_delta": ["training.early_stop={}"],
    "base.zero_terminal_snr": ["base.prediction=v_prediction"],
    "budget.recipe": ["budget.steps=null"],
    "budget.retro": ["budget.steps=null"],
    "training.noise.offset_adaptive": ["training.noise.offset=0.1"],
    "training.noise.offset_random": ["training.noise.offset=0.1"],
    "training.noise.pyramid_discount": ["training.noise.pyramid=6"],
    "training.noise.ip_gamma_random": ["training.noise.ip_gamma=0.1"],
    "training.p2_k": ["training.p2_gamma=1"],
    "images.color_augment": ["images.cache=false"],
    "images.random_crop": ["images.cache=false"],
    "training.mask_floor": ["images.masks=alpha"],
    "training.mask_normalize": ["images.masks=alpha"],
    "judge.pictures": ["output.epoch=auto"],
    "judge.seed": ["output.epoch=auto"],
    "judge.model": ["output.epoch=auto"],
}
"""What must stand beside a word for it to have a meaning."""


NEEDED = {
    "custom": "{type: custom, class: torch.optim.RAdam}",
    "cl_tagger": "{type: cl_tagger, model: cl}",
    "camie": "{type: camie, model: camie}",
    "prose": "{type: prose, model: captioner}",
    "merged": "{type: merged, of: [{type: wd14, model: tagger}, {type: sidecar}]}",
}
"""Forms of a section that have words which must be written."""

FREE = "training.schedule={type: constant, warmup: 0}"
BESIDE = {"prodigy_plus_schedule_free": [FREE], "adamw_schedule_free": [FREE], "prose": ["captions.style=prose"]}
"""What must stand beside a form of a section."""


def chosen(dotted, kind):
    """Overrides that choose a form of a section."""
    return [f"{dotted}={NEEDED.get(kind, f'{{type: {kind}}}')}", *BESIDE.get(kind, [])]


OF_SLIDERS = ("kind", "slider")
"""Words that this project can't have: tests/whole/test_slider.py looks after them."""


def leaves():
    """Every word that holds a value of its own and leaves a choice, but those in lists.

    tests/taggers/test_merged.py, tests/captions/test_rules.py, tests/graph/test_drawing.py, tests/graph/test_sources.py
    and tests/schema/test_finish.py look after these.
    """
    for word in words(Project):
        inside = word.dotted.startswith(
            (
                "captions.tagger.of.",
                "lint.for.",
                "captions.for.",
                "images.for.",
                "samples.prompts.",
                "finish.",
                "sources.",
            )
        )
        if word.dotted.partition(".")[0] in OF_SLIDERS or inside:
            continue
        found = shape(word.field.annotation)
        nested = found.kind == "map" and shape(found.items).section
        fixed = found.kind == "choice" and len(found.choices) == 1
        if found.kind not in ("section", "union") and not nested and not fixed:
            yield word


LEAVES = {f"{word.dotted} {word.variant}".strip(): word for word in leaves()}


def place(word):
    """Where the word stands in the small project."""
    section = word.dotted.partition(".")[0]
    return word.dotted.replace(MAP_KEY, NAMES.get(section, ""))


def around(word, loaded):
    """Overrides that make room for the word: the other variant of its section, or what gives it a meaning."""
    section = place(word).rpartition(".")[0]
    other = word.variant and value_at(loaded, section).type != word.variant
    return [*(chosen(section, word.variant) if other else []), *AROUND.get(word.dotted, [])]


def another(word, now):
    """A value that the word may have and has not."""
    if word.dotted in VALUES:
        return VALUES[word.dotted]
    if now is None:
        return word.field.examples[0]
    found = shape(word.field.annotation)
    kind = found.value.__name__ if found.kind == "value" else found.kind
    ways = {
        "choice": lambda: next(choice for choice in found.choices if choice != now),
        "list": lambda: [*now, "blue"],
        "map": lambda: {"blue": "azure"},
        "pair": lambda: [value * 0.9 for value in now],
        "bool": lambda: not now,
        "str": lambda: f"{now}x",
        "int": lambda: now + 1,
        "float": lambda: now * 0.9 or 0.1,
    }
    return ways[kind]()


def value_at(loaded, dotted):
    here = loaded.project
    for name in dotted.split("."):
        here = (
            here[name] if isinstance(here, dict) else getattr(here, {"class": "class_", "for": "for_"}.get(name, name))
        )
    return here


def other_taggers(made):
    """Taggers of every kind beside the project's own; in ``tagger2`` all kinds."""
    tiny_tagger.make(made.path("tagger2"), bias=1)
    places = {"cl_tagger": ("cl", "cl/other", "tagger2"), "camie": ("camie", "tagger2")}
    for kind, folders in places.items():
        for number, folder in enumerate(folders, start=1):
            tiny_tagger.mapped(made.path(folder), kind, span=number)
        assert made.build("tag", "--set", f"captions.tagger={NEEDED[kind]}").code == 0
    assert made.build("tag", "--set", f"captions.tagger={NEEDED['merged']}").code == 0
    for folder in ("captioner", "tagger2"):
        made.path(folder).mkdir(exist_ok=True)
        made.path(f"{folder}/config.json").write_text("{}")
        made.path(f"{folder}/model.safetensors").write_text(folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The built small project, with other models and another folder beside it."""
    folder = tmp_path_factory.mktemp("words")
    made = small.make(folder / "tiny", small.make_models(folder / "models"))
    small.picture((255, 255, 255)).save(made.path("dataset/cape/e.erase.png"))
    assert made.build().code == 0
    shutil.copytree(made.path("base"), made.path("base2"))
    weights = made.path("base2/unet/diffusion_pytorch_model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    other_taggers(made)
    made.build("balance", "--set", "training.optimizer={type: prodigy}")  # its recipe is another
    made.build("text", "--set", "training.validation={}")  # its balance is another
    made.build("balance", "--set", "training.noise.ip_gamma=0.1")  # likewise
    assert made.build("text", "--set", "images.masks=alpha").code == 0
    assert made.build("sample", "--set", "output.epoch=auto").code == 0
    made.path("dataset/other").mkdir()
    small.picture((9, 9, 200)).save(made.path("dataset/other/o.png"))
    made.path("eye.onnx").write_bytes(b"a model of a step")
    made.path("prompts.txt").write_text("zorbl, green", "utf-8")
    made.path("implications.csv").write_text("azure,blue\n", "utf-8")
    return made


def planned(project, overrides):
    """The loaded settings, and stage → the keys and waiting items of its plan."""
    loaded = load(project.root, overrides)
    check(loaded)
    with viewing(loaded) as view:
        clean = forecast(view)["clean"]
        steps = {stage: view.step(stage) for stage in STAGES}
        keys = {stage: (sorted(item.key for item in step.items), len(step.waiting)) for stage, step in steps.items()}
    return loaded, keys, clean


@pytest.fixture(scope="module")
def usual(project):
    """What the project plans with these overrides; planned once, for it stays as it is."""
    return cache(lambda *overrides: planned(project, [*overrides]))


def stage_of(word):
    """The stage that must notice: by the longest place in the table that the word stands in."""
    places = [place for place in STAGE if f"{word.dotted}.".startswith(f"{place}.")]
    return STAGE[max(places, key=len)]


@pytest.mark.parametrize("word", LEAVES.values(), ids=LEAVES)
def test_changing_a_word_changes_the_plan(project, usual, word):
    beside, dotted = around(word, usual()[0]), place(word)
    before, keys, _ = usual(*beside)
    value = another(word, value_at(before, dotted))
    after, changed, clean = planned(project, [*beside, f"{dotted}={json.dumps(value)}"])
    assert value_at(after, dotted) != value_at(before, dotted)
    if is_runtime_only(word.field):
        assert changed == keys
    else:
        assert changed[stage_of(word)] != keys[stage_of(word)]
        assert not clean


def packed(view, settings):
    """The package's files as these settings write them, from what the view's package reads."""
    return package.handed(settings, view.step("package").items[0].reads, view.store)[0]


@pytest.fixture
def drawn_once(monkeypatch):
    """The same pixels give the same PNG, as tests/evaluate/test_picture.py says: here they are written once."""
    real, made = picture.encode, {}

    def encode(image):
        key = (image.mode, image.size, image.tobytes())
        return made.get(key) or made.setdefault(key, real(image))

    monkeypatch.setattr(picture, "encode", encode)


@pytest.mark.usefixtures("drawn_once")
def test_what_the_package_s_key_leaves_out_changes_none_of_its_bytes(project):
    left_out, loaded = [], load(project.root)
    with viewing(loaded) as view:
        usual = packed(view, loaded.project)
        for word in LEAVES.values():
            beside = around(word, loaded)
            before = load(project.root, beside)
            value = another(word, value_at(before, place(word)))
            after = load(project.root, [*beside, f"{place(word)}={json.dumps(value)}"])
            if told(after.site) == told(before.site):
                left_out.append(word.dotted)
                assert packed(view, after.project) == (packed(view, before.project) if beside else usual), word.dotted
    assert {"captions.drop", "budget.steps", "samples.prompts", "output.folder", "device.batch"} <= {*left_out}


def test_words_that_only_change_how_it_runs_leave_the_project_clean(project, usual):
    runtime = [word for word in LEAVES.values() if is_runtime_only(word.field)]
    assert {word.dotted for word in runtime} >= {"device.type", "device.threads", "device.batch"}
    for word in runtime:
        if around(word, usual()[0]):
            continue  # a word of another form than the one that was built: its keys are compared above
        loaded, _, clean = usual()
        value = another(word, value_at(loaded, place(word)))
        assert clean
        assert planned(project, [f"{place(word)}={json.dumps(value)}"])[2], word.dotted


VARIANTS = {
    f"{word.dotted} {kind}": (word.dotted, kind)
    for word in words(Project)
    if shape(word.field.annotation).kind == "union"
    for kind in sorted(types(word.field.annotation))
}


@pytest.mark.parametrize(("dotted", "kind"), VARIANTS.values(), ids=VARIANTS)
def test_another_type_is_another_plan(project, usual, dotted, kind):
    loaded, keys, clean = usual()
    assert clean
    if value_at(loaded, dotted).type != kind:
        _, changed, clean = planned(project, chosen(dotted, kind))
        stage = "tag" if dotted == "captions.tagger" else "train"
        assert changed[stage] != keys[stage]
        assert not clean
