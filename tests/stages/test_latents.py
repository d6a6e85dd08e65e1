import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kept import Kept
from PIL import Image

from lorabuild.core.errors import StageError
from lorabuild.core.item import Item
from lorabuild.images.decode import prepared
from lorabuild.models import family, source, tensors
from lorabuild.models.device import rows
from lorabuild.stages import latents

sys.path.insert(0, str(Path(__file__).parents[1]))
BUCKETS = ([64, 64], [64, 64], [64, 64], [64, 64], [64, 64], [96, 32])
DRAWN = {"prior": True, "negative": "", "steps": 2, "cfg": 3.0, "size": [32, 32]}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import tiny_sd15

    folder = tmp_path_factory.mktemp("latents")
    tiny_sd15.make(folder / "base")
    generator = np.random.default_rng(0)
    for number in range(len(BUCKETS)):
        small = Image.fromarray(generator.integers(0, 256, (7, 9, 3), dtype=np.uint8))
        small.resize((80 + 10 * number, 70), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


def site(folder, **images):
    from sites import site

    return site(folder, "base", images={"resolution": 64, **images})


def items(where):
    made = []
    for number, bucket in enumerate(BUCKETS):
        path = where.root / f"{number}.png"
        pixels = prepared(path, where.project.images).pixels
        made.append(
            Item(f"{number}.png", f"b3:{number}", reads={"path": str(path), "pixels": pixels, "bucket": bucket})
        )
    return made


def priors(*prompts):
    reads = [{**DRAWN, "prompt": prompt, "seed": number} for number, prompt in enumerate(prompts)]
    return [Item(f"regularization/{number}", f"b3:p{number}", reads=read) for number, read in enumerate(reads)]


def encoded(where, inputs):
    kept, events = Kept(), []
    latents.run(inputs, where, kept, events.append)
    return kept, events


def test_every_image_at_its_bucket(folder):
    where = site(folder)
    kept, events = encoded(where, items(where))
    assert set(kept.finished) == {f"{number}.png" for number in range(6)}
    found = tensors.unpack(kept.made("5.png", "latents"))
    assert {name: tuple(tensor.shape) for name, tensor in found.items()} == {"latents": (4, 8, 24)}
    assert found["latents"].dtype == torch.float32
    assert [event.data["done"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert events[-1].data == {"done": 6, "total": 6, "unit": "images"}
    assert kept.records["0.png"] == {**kept.records["0.png"], "device": "cpu", "threads": 1, "dtype": "float32"}


@pytest.mark.parametrize(("name", "mirrored"), [("latents", False), ("latents_flipped", True)])
def test_latents_are_the_vae_s_with_counted_noise(folder, name, mirrored):
    from lorabuild.images.fit import fit

    where = site(folder, flip=mirrored)
    kept, _ = encoded(where, items(where))
    model = family.load(source.locate(where), where.project.base, ("vae",), torch.device("cpu"), torch.float32)
    picture = fit(prepared(folder / "2.png", where.project.images).image, (64, 64))
    noise = tensors.noise((4, 16, 16), "vae flipped" if mirrored else "vae", "b3:2")
    wanted = model.encode_images(tensors.stacked([picture[:, ::-1].copy() if mirrored else picture]), noise[None])[0]
    torch.testing.assert_close(tensors.unpack(kept.made("2.png", "latents"))[name], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("picked", [[3], [5, 0], [4, 2, 1]])
def test_an_image_encoded_later_has_the_bytes_of_all_at_once(folder, picked):
    where = site(folder, flip=True)
    everything, _ = encoded(where, items(where))
    some, _ = encoded(where, [items(where)[number] for number in picked])
    assert some.finished == {f"{number}.png": everything.finished[f"{number}.png"] for number in picked}


def test_the_sample_follows_from_the_key_alone(folder):
    where = site(folder)
    first, *_ = items(where)
    twin = Item("elsewhere.png", first.key, reads=first.reads)
    other = Item(first.id, "b3:other", reads=first.reads)
    same, _ = encoded(where, [first, twin])
    assert same.finished[first.id] == same.finished["elsewhere.png"]
    assert encoded(where, [other])[0].finished[first.id] != same.finished[first.id]


def test_flipping_leaves_the_plain_latents_as_they_are(folder):
    plain, mirrored = site(folder), site(folder, flip=True)
    both = tensors.unpack(encoded(mirrored, items(mirrored)[:1])[0].made("0.png", "latents"))
    alone = tensors.unpack(encoded(plain, items(plain)[:1])[0].made("0.png", "latents"))
    assert set(both) == {"latents", "latents_flipped"}
    assert torch.equal(both["latents"], alone["latents"])


def test_a_changed_or_vanished_image_is_left_undone(folder, tmp_path):
    where = site(folder)
    first, second, third, *_ = items(where)
    changed = Item(first.id, first.key, reads={**first.reads, "pixels": "b3:before"})
    gone = Item(second.id, second.key, reads={**second.reads, "path": str(tmp_path / "gone.png")})
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    broken = Item("broken.png", "b3:b", reads={**second.reads, "path": str(tmp_path / "broken.png")})
    kept, _ = encoded(where, [changed, gone, broken, third])
    assert set(kept.finished) == {third.id}
    assert not kept.problems
    assert kept.finished[third.id] == encoded(where, items(where))[0].finished[third.id]


def test_prior_pictures_are_drawn_by_the_base_each_by_itself(folder):
    where = site(folder)
    words = [f"word {number}" for number in range(6)]
    everything, events = encoded(where, priors(*words))
    assert set(everything.finished["regularization/5"]) == {"latents", "picture"}
    assert everything.facts["regularization/5"] == {"prompt": "word 5"}
    assert events[-1].data["done"] == 6
    alone, _ = encoded(where, priors(*words)[4:5])
    assert alone.finished["regularization/4"] == everything.finished["regularization/4"]
    picture = Image.open(io.BytesIO(everything.made("regularization/5", "picture")))
    assert (picture.size, picture.mode) == ((32, 32), "RGB")
    model = family.load(source.locate(where), where.project.base, ("vae",), torch.device("cpu"), torch.float32)
    drawn = tensors.unpack(everything.made("regularization/5", "latents"))["latents"]
    assert np.array_equal(np.asarray(picture), model.decode(drawn[None])[0].numpy())


def test_images_and_prior_pictures_together(folder):
    where = site(folder)
    kept, events = encoded(where, [*priors("a"), *items(where)[:2]])
    assert set(kept.finished) == {"regularization/0", "0.png", "1.png"}
    assert events[-1].data["total"] == 3


def test_an_image_more_than_a_batch_holds_its_place():
    assert rows(torch.device("cpu"), 64 * 64) < BUCKETS.count([64, 64])


def masked(where, mask, **reads):
    """The first image's item with a mask, and the mask's values at its bucket."""
    from lorabuild.images import masks
    from lorabuild.images.fit import fit

    first = items(where)[0]
    item = Item(first.id, first.key, reads={**first.reads, "mask": mask.pixels, **reads})
    return item, masks.averaged(fit(mask.image, tuple(first.reads["bucket"])), 4)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_side_mask_lies_beside_the_latents_at_their_size(folder, mirrored):
    from lorabuild.images import masks

    values = np.random.default_rng(3).integers(0, 256, (70, 80), dtype=np.uint8)
    Image.fromarray(values).save(folder / "0.mask.png")
    where = site(folder, flip=mirrored, masks="side")
    side = str(folder / "0.mask.png")
    mask = masks.of_file(Path(side).read_bytes(), prepared(folder / "0.png", where.project.images), side)
    item, wanted = masked(where, mask, side=side)
    kept, _ = encoded(where, [item, items(where)[1]])
    found = tensors.unpack(kept.made("0.png", "latents"))
    assert np.array_equal(found["mask"].numpy(), wanted)
    assert found["mask"].shape == (1, 16, 16)
    assert set(found) == {"latents", "mask"} | ({"latents_flipped", "mask_flipped"} if mirrored else set())
    if mirrored:
        assert torch.equal(found["mask_flipped"], found["mask"].flip(2))
    assert "mask" not in tensors.unpack(kept.made("1.png", "latents"))
    plain = tensors.unpack(encoded(site(folder, flip=mirrored), items(where)[:1])[0].made("0.png", "latents"))
    assert torch.equal(found["latents"], plain["latents"])
    changed = Item(item.id, item.key, reads={**item.reads, "mask": "b3:before"})
    assert not encoded(where, [changed])[0].finished


def test_an_alpha_mask_is_what_was_opaque(folder, tmp_path):
    from lorabuild.images import masks

    with Image.open(folder / "0.png") as image:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        image.save(folder / "clear.png")
    where = site(folder, masks="alpha")
    made = prepared(folder / "clear.png", where.project.images)
    reads = {"path": str(folder / "clear.png"), "pixels": made.pixels}
    item, wanted = masked(where, masks.of_alpha(made), **reads)
    found = tensors.unpack(encoded(where, [item])[0].made("0.png", "latents"))
    assert np.array_equal(found["mask"].numpy(), wanted)
    assert found["mask"].min() < 0.1
    assert found["mask"].max() > 0.9


def looks(where, number=3, **told):
    """Looks at pictures that aren't cached."""
    from lorabuild.training.batches import File, Look, Record

    records = [
        Record(item.id, "", (), item.reads["pixels"], "plain", 1, False, (64, 64), (70, 80, 0, 4, 64, 64), **told)
        for item in items(where)[:number]
    ]
    files = [File(item.reads["path"]) for item in items(where)]
    return [Look(replace(record, file=file), 5) for record, file in zip(records, files, strict=False)]


def live(where):
    model = family.load(source.locate(where), where.project.base, ("vae",), torch.device("cpu"), torch.float32)
    return model, latents.live(where, model)


def test_an_uncached_look_is_its_picture_through_the_vae(folder):
    from lorabuild.images.fit import fit
    from lorabuild.training import randomness

    where = site(folder, cache=False)
    model, made = live(where)
    found = made(looks(where))
    picture = fit(prepared(folder / "1.png", where.project.images).image, (64, 64))
    noise = randomness.noise(where.project.training.seed, looks(where)[1:2], (4, 16, 16), "vae")
    assert torch.equal(found[1]["latents"], model.encode_images(tensors.stacked([picture]), noise)[0])
    assert found[1]["sizes"].tolist() == [70, 80, 0, 4, 64, 64]
    assert "mask" not in found[1]


def test_an_uncached_look_knows_no_batch_mates(folder):
    where = site(folder, cache=False, flip=True, color_augment=True, random_crop=True)
    together, alone = live(where)[1](looks(where)), live(where)[1](looks(where)[2:])
    assert all(torch.equal(alone[0][name], together[2][name]) for name in ("latents", "sizes"))


def test_every_visit_sees_another_crop_and_tells_it(folder):
    where = site(folder, cache=False, random_crop=True)
    made, (*_, first) = live(where)[1], looks(where)
    crops = {tuple(made([replace(first, visit=visit)])[0]["sizes"].tolist()) for visit in range(40)}
    assert {(height, width, top) for height, width, top, *_ in crops} == {(70, 80, 0)}
    lefts = {left for *_, left, _, _ in crops}
    assert lefts < {*range(28)}
    assert len(lefts) > 15


def test_half_of_the_uncached_looks_are_mirrored_with_their_masks(folder):
    from lorabuild.images import masks

    Image.linear_gradient("L").rotate(90).resize((80, 70)).save(folder / "0.mask.png")
    where = site(folder, cache=False, flip=True, masks="side")
    side = str(folder / "0.mask.png")
    mask = masks.of_file(Path(side).read_bytes(), prepared(folder / "0.png", where.project.images), side).pixels
    (first,) = looks(where, 1)
    first = replace(first, record=replace(first.record, file=first.record.file._replace(mask=mask, side=side)))
    made = live(where)[1]
    leans = [
        (found := made([replace(first, visit=visit)])[0]["mask"])[0, 0, 0] < found[0, 0, -1] for visit in range(40)
    ]
    assert 8 < sum(leans) < 32


def test_a_picture_that_changed_while_it_was_trained_on_stops_the_training(folder):
    where = site(folder, cache=False)
    (first,) = looks(where, 1)
    with pytest.raises(StageError, match="changed while"):
        live(where)[1]([replace(first, record=replace(first.record, pixels="b3:before"))])
