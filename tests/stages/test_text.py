import sys
from pathlib import Path

import pytest
import torch
from kept import Kept

from lorabuild.core.item import Item
from lorabuild.models import family, source, tensors
from lorabuild.stages import text

sys.path.insert(0, str(Path(__file__).parents[1]))
TEXTS = ("", "zorbl, cape", "a", "b c", "x y z", "x" * 80, "y" * 226)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def where(tmp_path_factory):
    import tiny_sd15
    from sites import site

    folder = tmp_path_factory.mktemp("text")
    tiny_sd15.make(folder / "base")
    return site(folder, "base")


def made(where, texts, *, frozen):
    kept, events = Kept(), []
    items = [Item(words or "(empty)", f"b3:{words}", reads={"text": words, "frozen": frozen}) for words in texts]
    text.run(items, where, kept, events.append)
    return kept, events


def test_token_ids_of_every_text(where):
    kept, events = made(where, TEXTS, frozen=False)
    assert set(kept.finished) == {words or "(empty)" for words in TEXTS}
    assert set(kept.finished["a"]) == {"tokens"}
    tokens = tensors.unpack(kept.made("a", "tokens"))["tokens"]
    assert tokens.dtype == torch.int64
    assert tokens.tolist() == [[512, 64 + 256, *[513] * 75]]
    assert tensors.unpack(kept.made("x" * 80, "tokens"))["tokens"].shape == (1, 154)
    assert tensors.unpack(kept.made("y" * 226, "tokens"))["tokens"].shape == (1, 231)
    assert [event.data for event in events if event.kind == "progress"][-1] == {"done": 7, "total": 7, "unit": "texts"}


def test_hidden_states_of_frozen_encoders(where):
    kept, _ = made(where, TEXTS, frozen=True)
    parts = ("tokenizer", "text_encoder")
    model = family.load(source.locate(where), where.project.base, parts, torch.device("cpu"), torch.float32)
    for words in TEXTS:
        held = tensors.unpack(kept.made(words or "(empty)", "hidden"))
        length = {80: 152, 226: 227}.get(len(words), 77)
        assert {name: (row.shape, row.dtype) for name, row in held.items()} == {"hidden": ((length, 16), torch.float32)}
        torch.testing.assert_close(held["hidden"], model.encode_text(model.tokenize([words]))["hidden"][0])
    assert kept.records["a"]["device"] == "cpu"


def test_two_encoders_leave_both_their_ids_and_what_they_pool(tmp_path):
    import tiny_sdxl
    from sites import site

    tiny_sdxl.make(tmp_path / "base")
    where = site(tmp_path, "base", base={"family": "sdxl"})
    kept, _ = made(where, ("", "a", "x" * 80), frozen=True)
    assert tensors.unpack(kept.made("x" * 80, "tokens"))["tokens"].shape == (2, 154)
    assert tensors.unpack(kept.made("a", "tokens"))["tokens"][:, :4].tolist() == [
        [512, 320, 513, 513],
        [512, 320, 513, 0],
    ]
    shapes = {name: tuple(row.shape) for name, row in tensors.unpack(kept.made("x" * 80, "hidden")).items()}
    assert shapes == {"hidden": (152, 40), "pooled": (20,)}


@pytest.mark.parametrize("picked", [["a"], ["x y z", ""], ["b c", "x" * 80, "zorbl, cape"]])
def test_a_text_encoded_later_has_the_bytes_of_all_at_once(where, picked):
    everything, _ = made(where, TEXTS, frozen=True)
    some, _ = made(where, picked, frozen=True)
    assert some.finished == {words or "(empty)": everything.finished[words or "(empty)"] for words in picked}


def test_a_text_that_is_cut_is_named(where):
    _, events = made(where, TEXTS, frozen=False)
    (warning,) = [event for event in events if event.kind == "warning"]
    assert warning.data["code"] == "long-caption"
    assert warning.data["item"] == "y" * 226
    assert "226 tokens" in warning.data["text"]
    assert "first 225" in warning.data["text"]


def test_many_texts_that_are_cut_are_one_warning(where):
    _, events = made(where, ["y" * 226, "z" * 240, "x" * 230, "a"], frozen=False)
    (warning,) = [event for event in events if event.kind == "warning"]
    assert warning.data["item"] == "z" * 240
    assert warning.data["text"].endswith("(and 2 more texts are too long)")
