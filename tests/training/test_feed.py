from collections import Counter
from dataclasses import replace

import pytest
import torch
from tiny_training import CHUNK, CHUNKS, WIDTH, blobs_and_records, settings

from lorabuild.core.errors import StageError
from lorabuild.training.batches import Look
from lorabuild.training.feed import Feed, most_chunks
from lorabuild.training.shelf import Shelf


def feed(frozen=False, **words):
    blobs, records, empty = blobs_and_records(frozen=frozen)
    made = Feed(Shelf(blobs.__getitem__), empty, settings(**words), 0.25, frozen_text=frozen, chunks=CHUNKS)
    return made, [Look(record, 0) for record in records]


def test_shapes_and_kinds():
    made, looks = feed()
    square = [look for look in looks if look.record.size == (32, 32)]
    latents = made.latents(square)
    assert latents.shape == (len(square), 4, 4, 4)
    assert made.noise(square, latents).noise.shape == latents.shape
    assert made.mask(square) is None
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


def with_masks(made, looks):
    """The first two pictures of this feed get a mask, mirrored where the picture is."""
    for look in looks[:2]:
        found = made.shelf.tensors(look.record.latents)
        mask = torch.zeros(1, 4, 4)
        mask[:, :, 0] = 1
        found |= {"mask": mask, "mask_flipped": mask.flip(2)}
    return made


def test_a_mask_is_mirrored_with_its_picture():
    made, looks = feed()
    with_masks(made, looks)
    visits = [Look(looks[0].record, visit) for visit in range(20)]
    plain = made.shelf.tensors(looks[0].record.latents)["latents"]
    turned = [not torch.equal(row, plain) for row in made.latents(visits)]
    assert {*turned} == {True, False}
    assert [bool(row[0, 0, -1]) for row in made.mask(visits)] == turned


def test_pictures_without_a_mask_count_whole():
    made, looks = feed(mask_floor=0.25)
    with_masks(made, looks)
    square = [look for look in looks if look.record.size == (32, 32)]
    found = made.mask(square)
    assert found.shape == (len(square), 1, 4, 4)
    assert found[:2].mean(dim=(1, 2, 3)).tolist() == [0.25 + 0.75 / 4] * 2
    assert torch.equal(found[2:], torch.ones_like(found[2:]))


def test_normalized_masks():
    made, looks = feed(mask_normalize=True)
    assert with_masks(made, looks).mask(looks[:2]).mean(dim=(1, 2, 3)).tolist() == [1, 1]


def test_short_captions_end_in_empty_chunks():
    made, looks = feed()
    text, empty = made.tokens([looks[0], looks[3]]), made.shelf.tensors(made.empty.tokens)["tokens"]
    assert text.shape == (2, 1, 2 * CHUNK)
    short, long = (made.shelf.tensors(looks[place].record.texts[0].tokens)["tokens"] for place in (0, 3))
    assert torch.equal(text[0], torch.cat([short, empty], dim=1))
    assert torch.equal(text[1], long)
    assert torch.equal(made.tokens(looks[:1])[0], text[0])


def test_hidden_states_of_chunks_share_begin_and_end():
    made, looks = feed(frozen=True)
    text, empty = made.hidden([looks[0], looks[3]])["hidden"], made.shelf.tensors(made.empty.hidden)["hidden"]
    assert text.shape == (2, 2 * CHUNK - 2, WIDTH)
    short = made.shelf.tensors(looks[0].record.texts[0].hidden)["hidden"]
    assert torch.equal(text[0], torch.cat([short[:-1], empty[1:]]))
    assert torch.equal(made.hidden(looks[:1])["hidden"][0], text[0])


def test_the_longest_caption_of_the_course():
    _, looks = feed()
    blobs, records, empty = blobs_and_records()
    assert most_chunks((look.record.texts[0] for look in looks), empty, blobs.__getitem__) == 2
    assert most_chunks([records[0].texts[0]], empty, blobs.__getitem__) == 1
    assert most_chunks([], empty, blobs.__getitem__) == 1


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
    dropped = [torch.equal(row, torch.cat([empty] * CHUNKS, dim=1)) for row in made.tokens(visits)]
    assert 80 < sum(dropped) < 160
    assert dropped == [made.text(look) is made.empty for look in visits]


def test_no_caption_at_all_every_so_many_epochs():
    made, looks = feed(caption_dropout_every=3)
    dropped = [made.text(Look(looks[0].record, epoch, epoch)) is made.empty for epoch in range(7)]
    assert dropped == [False, False, True, False, False, True, False]


def test_captions_grow_while_the_warm_up_lasts():
    made, looks = feed()
    made, texts = replace(made, warmup=4), tuple(look.record.texts[0] for look in looks[:4])
    growing = replace(looks[0].record, texts=texts, early=2)
    assert [made.text(Look(growing, 0), step) for step in range(4)] == [texts[0], texts[0], texts[1], texts[1]]
    assert {made.text(Look(growing, visit), 4) for visit in range(50)} == {*texts[2:]}


def test_the_seeds_of_the_adapter_know_no_batch_mates():
    made, looks = feed()
    assert made.seeds(looks[2:3]) == made.seeds(looks)[2:3]
    assert len({*made.seeds(looks)}) == len(looks)


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
