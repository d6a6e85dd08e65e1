import importlib
import json
from dataclasses import replace

import pytest
import torch

from lorabuild.publish import dataset, file, metadata
from lorabuild.publish.facts import BaseFacts
from lorabuild.publish.hashes import ModelHashes
from lorabuild.schema.optimizer import Optimizer
from lorabuild.schema.project import Project
from lorabuild.schema.words import shape

TENSORS = {f"lora_unet_layer_{i}.lora_up.weight": torch.zeros(2, 2) for i in range(50)}

UNTRUE_HERE = {
    "ss_sd_scripts_commit_hash": "we are not those scripts",
    "ss_sd_model_hash": "a folder has no file hash",
    "ss_new_sd_model_hash": "a folder has no file hash",
    "ss_training_started_at": "files carry no clock",
    "ss_training_finished_at": "files carry no clock",
    "modelspec.date": "files carry no clock",
    "ss_gradient_checkpointing": "changes no tensor, so it may change no byte",
    "ss_training_comment": "there is none",
    "ss_resize_interpolation": "ours has no choice of that name",
    "ss_multires_noise_discount": "means nothing without multires noise",
    "ss_huber_c": "means nothing under l2",
    "ss_huber_scale": "means nothing under l2",
    "ss_huber_schedule": "means nothing under l2",
    "ss_ip_noise_gamma_random_strength": "means nothing without it",
    "ss_noise_offset_random_strength": "means nothing without it",
    "ss_max_validation_steps": "nothing is validated",
    "ss_validate_every_n_epochs": "nothing is validated",
    "ss_validate_every_n_steps": "nothing is validated",
    "ss_validation_seed": "nothing is validated",
}


def complete(project, run, hashes=None):
    return metadata.complete(file.bare(TENSORS), metadata.words(project, run, hashes), dataset.tag_table(run.images))


def changed(build, place, value):
    section, word = place.split(".")
    return Project.model_validate({**build["project"], section: {**build["project"].get(section, {}), word: value}})


def test_every_word_of_the_standard_trainer_that_is_true_here_is_written(project, run, standard):
    words = complete(project, run)
    assert set(standard["example"]) - set(words) == set(UNTRUE_HERE)


def test_all_values_are_text(project, run):
    assert all(isinstance(value, str) for value in complete(project, run).values())


def test_what_the_file_says_of_itself(project, run):
    words = complete(project, run)
    expected = {
        "ss_base_model_version": "sd_v1",
        "ss_v2": "False",
        "ss_sd_model_name": "base",
        "ss_network_module": "networks.lora",
        "ss_network_dim": "16",
        "ss_network_alpha": "8.0",
        "ss_learning_rate": "0.003",
        "ss_unet_lr": "0.003",
        "ss_text_encoder_lr": "0.003",
        "ss_optimizer": "torch.optim.adamw.AdamW(weight_decay=0.01,betas=(0.9, 0.999))",
        "ss_lr_scheduler": "cosine_with_restarts",
        "ss_min_snr_gamma": "5.0",
        "ss_num_epochs": "4",
        "ss_epoch": "4",
        "ss_max_train_steps": "96",
        "ss_resolution": "(64, 64)",
        "ss_mixed_precision": "no",
        "ss_noise_offset": "None",
        "ss_output_name": "zorbl",
        "modelspec.title": "Zorbl, the teal creature",
        "modelspec.trigger_phrase": "zorbl, zorbl_cape",
        "modelspec.license": "CC-BY-4.0",
        "lorabuild.train_key": run.train_key,
    }
    assert expected.items() <= words.items()
    assert json.loads(words["ss_network_args"]) == {"conv_dim": "8", "conv_alpha": "4.0", "dropout": None}
    assert json.loads(words["lorabuild.triggers"]) == ["zorbl", "zorbl_cape"]
    assert json.loads(words["ss_tag_frequency"])["6_cape"]["zorbl_cape"] == 4


def test_words_and_forms_are_those_of_the_standard_trainer(project, run, standard):
    """Where both say the same thing, both say it in the same letters."""
    words, example = complete(project, run), standard["example"]
    for word in (
        "ss_v2", "ss_base_model_version", "ss_network_module", "ss_min_snr_gamma", "ss_loss_type", "ss_resolution",
        "ss_enable_bucket", "ss_scale_weight_norms", "ss_max_grad_norm", "modelspec.sai_model_spec",
        "modelspec.architecture", "modelspec.implementation", "modelspec.prediction_type", "modelspec.resolution",
    ):  # fmt: skip
        assert words[word] == example[word], word


def test_modelspec_as_the_standard_writes_it(build, run, standard):
    project = changed(build, "base.clip_skip", 2)
    words = metadata.words(changed(build, "images.resolution", 512), replace(run, date=1700000000))
    case = standard["modelspec"]
    for word in ("modelspec.resolution", "modelspec.date", "modelspec.sai_model_spec", "modelspec.architecture"):
        assert words[word] == case[word]
    assert metadata.words(project, run)["modelspec.encoder_layer"] == case["modelspec.encoder_layer"]


def test_the_session_follows_from_the_train_key():
    assert metadata.session_id("b3:0000002a" + "0" * 56) == "42"


def test_a_date_only_when_the_person_fixed_one(project, run):
    assert not {"modelspec.date", "ss_training_started_at"} & set(metadata.words(project, run))
    words = metadata.words(project, replace(run, date=0))
    assert (words["modelspec.date"], words["ss_training_started_at"]) == ("1970-01-01T00:00:00", "0.0")


def test_a_single_file_base_has_its_hashes(project, run):
    words = metadata.words(project, run, ModelHashes("f" * 64, "abcd1234"))
    assert (words["ss_sd_model_hash"], words["ss_new_sd_model_hash"]) == ("abcd1234", "f" * 64)


def test_a_v_prediction_base_is_named_so(project, run):
    words = metadata.words(project, replace(run, base=BaseFacts("base", None, "v_prediction")))
    assert (words["ss_base_model_version"], words["modelspec.prediction_type"]) == ("sd_v1_v", "v")


@pytest.mark.parametrize(
    ("place", "value", "word", "said"),
    [
        ("training.train", "unet", "ss_text_encoder_lr", "None"),
        ("training.train", "text_encoder", "ss_unet_lr", "None"),
        ("training.text_encoder_lr", 5e-5, "ss_text_encoder_lr", "5e-05"),
        ("training.schedule", {"type": "constant", "warmup": 10}, "ss_lr_scheduler", "constant_with_warmup"),
        ("training.schedule", {"type": "constant"}, "ss_lr_scheduler", "constant"),
        ("training.schedule", {"type": "rex", "warmup": 0.5}, "ss_lr_warmup_steps", "48"),
        ("training.schedule", {"type": "rex", "warmup": 7}, "ss_lr_warmup_steps", "7"),
        (
            "training.optimizer",
            {"type": "custom", "class": "torch.optim.RAdam", "arguments": {"betas": [0.8, 0.9]}},
            "ss_optimizer",
            "torch.optim.RAdam(betas=(0.8, 0.9))",
        ),
        ("training.precision", "bf16", "ss_mixed_precision", "bf16"),
        ("training.accumulation", 3, "ss_total_batch_size", "6"),
        ("images.flip", True, "ss_flip_aug", "True"),
        ("regularization.prior_loss_weight", 0.5, "ss_prior_loss_weight", "0.5"),
    ],
)
def test_settings_reach_their_word(build, run, place, value, word, said):
    assert metadata.words(changed(build, place, value), run)[word] == said


def test_prodigy_is_named_with_its_arguments(build, run):
    words = metadata.words(changed(build, "training.optimizer", {"type": "prodigy", "d_coef": 2}), run)
    assert words["ss_optimizer"].startswith("prodigyopt.prodigy.Prodigy(weight_decay=0.01,d_coef=2.0,decouple=True")


@pytest.mark.parametrize("kind", [kind for kind, _ in shape(Optimizer).variants if kind != "custom"])
def test_every_optimizer_is_named_by_its_class(build, run, kind):
    said = metadata.words(changed(build, "training.optimizer", {"type": kind}), run)["ss_optimizer"]
    module, _, name = said.partition("(")[0].rpartition(".")
    if kind != "adamw8bit":
        assert hasattr(importlib.import_module(module), name)


def test_runtime_settings_change_no_byte(build, project, run):
    checkpointed = changed(build, "training.gradient_checkpointing", value=True)
    assert metadata.words(checkpointed, run) == metadata.words(project, run)


def test_a_huge_tag_table_is_trimmed_and_says_so(project, run):
    captions = [", ".join(["zorbl", *(f"tag_{i}_{j}_{'x' * 20}" for j in range(400))]) for i in range(120)]
    often = tuple(replace(run.images[0], id=str(i), caption=caption) for i, caption in enumerate(captions))
    words = complete(project, replace(run, images=often))
    size = file.header_size(file.bare(TENSORS), words)
    assert metadata.HEADER_MOST * 0.99 < size <= metadata.HEADER_MOST
    table = json.loads(words["ss_tag_frequency"])
    assert table["3_plain"]["zorbl"] == 120
    assert words["lorabuild.tag_frequency"] == f"the {dataset.entries(table)} most frequent of 48001 tags"


def test_at_the_limit_one_word_more_costs_the_rarest_tag(project, run):
    """The header may just be full; eight bytes more in it, and the tag of one image goes."""
    plain, tensors, table = metadata.words(project, run), file.bare(TENSORS), dataset.tag_table(run.images)
    taken = file.header_size(tensors, {**plain, "ss_tag_frequency": json.dumps(table, ensure_ascii=False), "x": ""})
    room = metadata.HEADER_MOST - metadata.HASHES - taken
    full, over = ({**plain, "x": "x" * (room + more)} for more in (0, 8))
    assert "lorabuild.tag_frequency" not in metadata.complete(tensors, full, table)
    trimmed = metadata.complete(tensors, over, table)
    assert "most frequent of" in trimmed["lorabuild.tag_frequency"]
    for words in (metadata.complete(tensors, full, table), trimmed):
        assert file.header_size(tensors, words) <= metadata.HEADER_MOST


def test_a_table_that_fits_is_whole(project, run):
    words = complete(project, run)
    assert json.loads(words["ss_tag_frequency"]) == dataset.tag_table(run.images)
    assert "lorabuild.tag_frequency" not in words


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ({}, "0"),
        ({"keep_tokens": 3}, "3"),
        ({"caption_shuffle": True}, "1"),
        ({"tag_dropout": 0.1}, "1"),
        ({"token_warmup": {"steps": 10}}, "1"),
        ({"caption_shuffle": True, "caption_prefix": "best, sharp,"}, "3"),
    ],
)
def test_kept_tags_are_told_as_they_were_kept(project, build, run, words, kept):
    told = Project.model_validate({**build["project"], "training": {**build["project"].get("training", {}), **words}})
    assert complete(told, run)["ss_keep_tokens"] == kept
