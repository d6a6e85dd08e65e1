from collections import Counter
from dataclasses import replace

import pytest
import torch
from tiny_training import CHUNK, WIDTH, blobs_and_records, settings

from lorabuild.core.errors import StageError
from lorabuild.training.batches import Look
from lorabuild.training.feed import Feed
from lorabuild.training.shelf import Shelf


def feed(frozen=False, **words):
    blobs, records, empty = blobs_and_records(frozen=frozen)
    made = Feed(Shelf(blobs.__getitem__), empty, settings(**words), 0.25, frozen_text=frozen)
    return made, [Look(record, 0) for record in records]


def test_shapes_and_kinds():
    made, looks = feed()
    square = [look for look in looks if look.record.size == (32, 32)]
    latents = made.latents(square)
    assert latents.shape == (len(square), 4, 4, 4)
    assert made.noise(square, latents.shape[1:]).shape == latents.shape
    assert made.timesteps(square, 1000).dtype == torch.int64


def test_prior_pictures_have_their_weight():
    made, looks = feed()
    assert made.weights(looks).tolist() == [0.25 if look.record.prior else 1.0 for look in looks]


def test_half_the_looks_are_mirrored_where_that_is_cached():
    made, looks = feed()
    record = looks[0].record
    plain = made.shelf.tensors(record.latents)["latents"]
    same = [torch.equal(made.latents([Look(record, visit)])[0], plain) for visit in range(200)]
    assert 70 < sum(same) < 130


def test_short_captions_end_in_empty_chunks():
    made, looks = feed()
    text, empty = made.tokens([looks[0], looks[3]]), made.shelf.tensors(made.empty.tokens)["tokens"]
    assert text.shape == (2, 1, 2 * CHUNK)
    assert torch.equal(text[0], torch.cat([made.tokens(looks[:1])[0], empty], dim=1))
    assert torch.equal(text[1], made.tokens(looks[3:4])[0])


def test_hidden_states_of_chunks_share_begin_and_end():
    made, looks = feed(frozen=True)
    text, empty = made.hidden([looks[0], looks[3]])["hidden"], made.shelf.tensors(made.empty.hidden)["hidden"]
    assert text.shape == (2, 2 * CHUNK - 2, WIDTH)
    assert torch.equal(text[0], torch.cat([made.hidden(looks[:1])["hidden"][0][:-1], empty[1:]]))


def test_whatever_else_a_family_keeps_of_a_text_is_stacked():
    made, looks = feed(frozen=True)
    for look in looks:
        made.shelf.tensors(look.record.texts[0].hidden)["pooled"] = torch.full((5,), look.record.repeats)
    pooled = made.hidden(looks[:4])["pooled"]
    assert pooled[:, 0].tolist() == [look.record.repeats for look in looks[:4]]


def test_sizes_are_those_of_the_records():
    made, looks = feed()
    assert made.sizes(looks).tolist() == [list(look.record.sizes) for look in looks]


def test_caption_dropout_is_counted():
    made, looks = feed(caption_dropout=0.3)
    empty = made.shelf.tensors(made.empty.tokens)["tokens"]
    visits = [Look(looks[0].record, visit) for visit in range(400)]
    dropped = [torch.equal(row, empty) for row in made.tokens(visits)]
    assert 80 < sum(dropped) < 160
    assert dropped == [torch.equal(made.tokens([look])[0], empty) for look in visits]


def test_a_look_takes_one_form_of_its_caption_by_counted_chance():
    made, looks = feed()
    texts = [look.record.texts[0] for look in looks[:3]]
    several = replace(looks[0].record, texts=tuple(texts))
    visits = [Look(several, visit) for visit in range(300)]
    taken = Counter(made.text(look) for look in visits)
    assert set(taken) == set(texts)
    assert min(taken.values()) > 70
    assert [made.text(look) for look in visits] == [made.text(look) for look in visits]


def test_frozen_text_needs_hidden_states():
    made, looks = feed()
    with pytest.raises(StageError, match="hidden states"):
        made.hidden(looks[:1])
