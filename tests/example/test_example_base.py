"""The base model: its tokenizer, its size, that it loads, that its training resumes exactly."""

import pytest
import torch
from make import vae as vae_room
from make.dataset import HERE as EXAMPLE
from make.tokens import encode, make_tokenizer
from make.train import Place, Pool
from make.words import KNOWN_TAGS

BASE = EXAMPLE / "base"


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer()


def test_known_words_are_one_token_and_others_fall_into_letters(tokenizer):
    for tag in KNOWN_TAGS:
        parts = tag.replace("1", "1_").split("_")
        assert len(tokenizer.tokenize(tag)) == len(parts) + (0 if "1" in tag else len(parts) - 1), tag
    assert len(tokenizer.tokenize("zorbl")) > 2


@pytest.mark.parametrize("word", ["zorbl", "zorbl_cape", "Größe", "犬", "🐙", "x" * 300, ""])
def test_any_word_has_tokens_and_none_is_unknown(tokenizer, word):
    (numbers,) = encode(tokenizer, [word])
    assert len(numbers) == 77
    assert all(0 <= number < len(tokenizer) for number in numbers)
    assert numbers.index(tokenizer.eos_token_id) == min(76, 1 + len(tokenizer.tokenize(word)))


def test_a_saved_tokenizer_is_the_same(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    again = type(tokenizer).from_pretrained(tmp_path)
    assert encode(again, ["zorbl, big"]) == encode(tokenizer, ["zorbl, big"])


def test_a_resumed_pool_holds_what_an_undisturbed_one_holds():
    def make(numbers):
        return torch.tensor(numbers)[:, None], list(numbers)

    steady, resumed = Pool(make, 128, 3), Pool(make, 128, 3)
    for step in range(100):
        steady.slide_to(step)
    resumed.slide_to(99)
    assert torch.equal(steady.tensors, resumed.tensors)
    assert steady.notes == resumed.notes


def test_a_resumed_training_ends_in_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(vae_room, "fold_statistics", lambda *_: None)
    monkeypatch.setattr(vae_room, "Pool", lambda make, _size, fresh: Pool(make, 64, fresh))
    monkeypatch.setattr(vae_room.Run, "note", lambda *_: None)
    place = Place(torch.device("cpu"))
    whole = vae_room.train_vae(tmp_path / "whole", place, 6, 2)
    saved = vae_room.Run.take_step

    def dies(run, *given):
        saved(run, *given)
        if run.step == 3:
            run.save()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(vae_room.Run, "take_step", dies)
        with pytest.raises(KeyboardInterrupt):
            vae_room.train_vae(tmp_path / "torn", place, 6, 2)
    torn = vae_room.train_vae(tmp_path / "torn", place, 6, 2)
    pairs = zip(whole.state_dict().items(), torn.state_dict().values(), strict=True)
    assert [name for (name, one), other in pairs if not torch.equal(one, other)] == []


@pytest.mark.filterwarnings("ignore")
def test_the_base_loads_and_is_small():
    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(BASE, dtype=torch.float32)
    assert len(pipe.tokenizer) == pipe.text_encoder.config.vocab_size
    assert pipe.unet.config.cross_attention_dim == pipe.text_encoder.config.hidden_size
    assert pipe.vae.config.scaling_factor == 1.0
    assert pipe.scheduler.config.timestep_spacing == "trailing"
    kept = [file for name in ("base", "models", "dataset", "make") for file in (EXAMPLE / name).rglob("*")]
    assert sum(file.stat().st_size for file in kept if file.is_file() and "__pycache__" not in file.parts) <= 8_000_000
