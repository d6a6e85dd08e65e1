import light
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lorabuild.graph import masks
from lorabuild.graph.masks import sort_out
from lorabuild.graph.status import aside

SIDE = {"images": {"resolution": 64, "masks": "side"}}
names = st.sampled_from(
    ["d/a.png", "d/a.mask.png", "d/a.jpg", "d/b.mask.webp", "d/masks/a.png", "d/masks/c.png", "d/c.png"]
)


def test_a_mask_lies_beside_its_picture_or_in_the_folder_masks():
    found = sort_out(["d/a.png", "d/a.mask.webp", "d/b.jpg", "d/masks/b.png", "d/c.png"], set(), wanted=True)
    assert found.images == ["d/a.png", "d/b.jpg", "d/c.png"]
    assert found.masks == {"d/a.png": "d/a.mask.webp", "d/b.jpg": "d/masks/b.png"}
    assert sort_out(["d/a.png", "d/a-masklabel.png"], set(), wanted=True).masks == {"d/a.png": "d/a-masklabel.png"}


def test_a_mask_is_no_training_image_also_where_masks_are_not_wanted():
    found = sort_out(["d/a.png", "d/a.mask.png"], set(), wanted=False)
    assert (found.images, found.masks) == (["d/a.png"], {})
    assert "images: {masks: side}" in found.refused["d/a.mask.png"]


def test_what_is_only_called_like_a_mask_is_an_image_unless_masks_are_wanted():
    assert sort_out(["d/a.mask.png"], set(), wanted=False).images == ["d/a.mask.png"]
    found = sort_out(["d/a.mask.png"], set(), wanted=True)
    assert (found.images, [*found.refused]) == ([], ["d/a.mask.png"])


def test_an_image_folder_may_be_called_masks():
    assert sort_out(["d/a.png", "d/masks/a.png"], {"d/masks"}, wanted=True).images == ["d/a.png", "d/masks/a.png"]


def test_a_second_mask_is_refused():
    found = sort_out(["d/a.png", "d/a.mask.png", "d/masks/a.png"], set(), wanted=True)
    assert found.masks == {"d/a.png": "d/a.mask.png"}
    assert "already has a mask" in found.refused["d/masks/a.png"]


@given(st.sets(names), st.booleans(), st.randoms())
def test_every_file_is_one_thing_in_whatever_order(paths, wanted, random):
    listed = [*paths]
    random.shuffle(listed)
    found, sorted_ones = sort_out(listed, set(), wanted=wanted), sort_out(sorted(paths), set(), wanted=wanted)
    assert sorted([*found.images, *set(found.masks.values()), *found.refused]) == sorted(paths)
    assert (found.masks, found.refused) == (sorted_ones.masks, sorted_ones.refused)


def test_listings_tell_masks_and_pictures_from_one_another():
    folders = {"./d": (["a.png", "a.mask.png", "a.mask.txt", "b.png"], []), "./d/masks": (["b.png"], [])}
    assert masks.alike(folders) == {"./d/a": ["./d/a.mask.png"], "./d/b": ["./d/masks/b.png"]}
    assert masks.images_of("./d/masks/b.png", folders) == ["./d/b.png"]
    assert masks.images_of("./d/b.png", folders) == []


@pytest.fixture
def masked(project):
    """The light project with masks beside a and e, built up to the latents."""
    draw(project, "plain/a.mask", 255, 100)
    draw(project, "cape/masks/e", 0, 255, size=(128, 32))
    light.write(project, **SIDE)
    return finished(project)


def draw(root, name, first, second, size=(64, 64)):
    image = Image.new("L", size, first)
    image.paste(second, (0, 0, size[0] // 2, size[1]))
    (root / f"data/{name}.png").parent.mkdir(exist_ok=True)
    image.save(root / f"data/{name}.png")


def finished(root, **wishes):
    light.built(root, **wishes)
    with light.viewed(root) as view:
        light.plant(view, "latents", "text")
    return root


def test_masks_are_no_images_and_reach_the_latents_items(masked):
    with light.viewed(masked) as view:
        latents = light.items(view, "latents")
        assert set(latents) == {f"data/{name}.png" for name in ("plain/a", "plain/b", "plain/c", "cape/e")}
        one = latents["data/cape/e.png"]
        assert one.reads["side"] == str(masked / "data/cape/masks/e.png")
        assert one.reads["mask"] == one.parts["prepare.mask"]
        assert {"mask", "side"} & latents["data/plain/b.png"].reads.keys() == set()
        assert "prepare.mask" not in latents["data/plain/b.png"].parts


def test_an_edited_mask_redoes_that_picture_s_latents(masked):
    draw(masked, "cape/masks/e", 10, 255, size=(128, 32))
    assert light.redone(masked)["prepare"] == ["data/cape/e.png"]
    light.built(masked)
    assert light.redone(masked) == {**light.redone(masked), "latents": ["data/cape/e.png"]}
    assert {"scan", "prepare", "tag", "caption", "text"}.isdisjoint(light.redone(masked))


def test_a_mask_saved_in_another_way_redoes_no_latents(masked):
    with Image.open(masked / "data/plain/a.mask.png") as image:
        image.convert("RGB").save(masked / "data/plain/a.mask.bmp")
    (masked / "data/plain/a.mask.png").unlink()
    light.built(masked)
    assert "latents" not in light.redone(masked)


def test_without_the_word_masks_change_nothing(masked):
    light.write(masked)
    light.built(masked)
    with light.viewed(masked) as view:
        assert not any("mask" in item.parts for stage in ("prepare", "latents") for item in view.step(stage).items)
        assert [entry["item"] for entry in aside(view)] == ["data/cape/masks/e.png", "data/plain/a.mask.png"]


def test_a_broken_mask_sets_its_picture_aside(masked):
    (masked / "data/plain/a.mask.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done, _ = light.built(masked)
    (entry,) = [entry for entry in done["aside"] if entry["item"] == "data/plain/a.png"]
    assert entry["stage"] == "prepare"
    assert "a.mask.png" in entry["problem"]


def test_a_mask_that_is_alike_all_over_is_warned_of(masked):
    draw(masked, "plain/a.mask", 0, 0)
    _, events = light.built(masked)
    (warning,) = [event.data for event in events if event.data.get("code") == "black-mask"]
    assert warning["item"] == "data/plain/a.png"
