import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import SAVED, picture, with_alpha
from PIL import Image, ImageChops

from lorabuild.images import moving
from lorabuild.images.moving import Frame, Wanted, animated, chosen, taken_apart, wanted
from lorabuild.schema.sources import Source

COLOURS = ["red", "red", "red", "green", "green", "blue", "blue", "blue"]


def source(**said):
    return Source.model_validate({"path": "a", "into": "a", **said})


def frames(colours=COLOURS, rate=4.0):
    return iter(
        [
            Frame(n, n / rate, lambda colour=colour: Image.new("RGB", (40, 30), colour))
            for n, colour in enumerate(colours)
        ]
    )


def numbers(film=False, colours=COLOURS, **said):
    return [frame.number for frame in chosen(frames(colours), wanted(source(**said), film=film))]


def test_which_frames_are_taken():
    assert numbers() == list(range(8))
    assert numbers(frames="every 3") == [0, 3, 6]
    assert numbers(frames="scenes") == [0, 3, 5]
    assert numbers(every="0.5s") == [0, 2, 4, 6]
    assert numbers(film=True, alike=0.0) == [0, 4]
    assert numbers(film=True, every="0.25s") == [0, 3, 5]  # those alike are passed over
    assert numbers(frames="all", alike=0.0) == [0, 3, 5]


def test_ranges():
    assert numbers(**{"from": "frame 2", "to": "frame 5"}) == [2, 3, 4]
    assert numbers(**{"from": "0.5s", "to": "1.5s"}) == [2, 3, 4, 5]
    assert numbers(every="0.5s", **{"from": "frame 3"}) == [3, 5, 7]
    assert numbers(**{"from": "frame 90"}) == []


def test_a_step_in_an_uneven_time_is_not_made_up_for():
    at = [0.0, 0.1, 2.5, 2.6, 3.1, 9.0]
    uneven = iter([Frame(n, seconds, picture) for n, seconds in enumerate(at)])
    assert [frame.seconds for frame in chosen(uneven, Wanted(step=0, every=1.0))] == [0.0, 2.5, 3.1, 9.0]


@given(st.lists(st.floats(0, 0.5), max_size=40), st.floats(0.01, 3))
def test_taken_frames_are_never_closer_than_a_step_of_the_grid(gaps, every):
    times = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    taken = [one.seconds for one in chosen((Frame(n, t, picture) for n, t in enumerate(times)), Wanted(0, every))]
    slots = [int((t - times[0]) / every + 1e-5) for t in taken]
    assert len(set(slots)) == len(slots)
    assert taken[:1] == times[:1]


def test_nothing_is_read_beyond_the_end():
    def endless():
        for number in range(100):
            assert number < 4
            yield Frame(number, number / 10, picture)

    assert len(list(chosen(endless(), wanted(source(to="frame 3"), film=False)))) == 3


@pytest.mark.parametrize("kind", ["gif", "webp", "png", "avif"])
def test_every_frame_of_an_animation(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    looks = [Image.new("RGB", (48, 32), colour) for colour in ("red", "lime", "blue")]
    looks[0].save(path, save_all=True, append_images=looks[1:], duration=200, **SAVED[kind])
    found = [(frame.number, round(frame.seconds, 3), frame.image().convert("RGB")) for frame in animated(path)]
    assert [frame[:2] for frame in found] == [(0, 0.0), (1, 0.2), (2, 0.4)]
    for (_, _, image), look in zip(found, looks, strict=True):
        assert max(high for _, high in ImageChops.difference(image, look).getextrema()) <= 4


def test_frames_become_files_and_keep_their_transparency(tmp_path):
    with_alpha().save(tmp_path / "a.webp", save_all=True, append_images=[picture().convert("RGBA")], lossless=True)
    (tmp_path / "out").mkdir()
    assert taken_apart(tmp_path / "a.webp", tmp_path / "out", source(), film=False) == {}
    first, second = sorted((tmp_path / "out").iterdir())
    assert (first.name, second.name) == ("000000.png", "000001.png")
    with Image.open(first) as opened:
        assert opened.getpixel((0, 0))[3] == 0
        assert opened.getpixel((47, 0))[3] == 255


def test_an_animation_that_explodes_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(moving, "MOST_AT_ALL", 2 * 40 * 30)
    looks = [Image.new("RGB", (40, 30), colour) for colour in ("red", "lime", "blue", "pink", "gold")]
    looks[0].save(tmp_path / "a.gif", save_all=True, append_images=looks[1:])
    (tmp_path / "out").mkdir()
    said = taken_apart(tmp_path / "a.gif", tmp_path / "out", source(), film=False)
    assert "3 frames before that are used" in said[""]


def test_what_is_no_animation_or_is_cut_off_is_named(tmp_path):
    looks = [Image.effect_noise((64, 64), 90).convert("RGB") for _ in range(4)]
    looks[0].save(tmp_path / "a.gif", save_all=True, append_images=looks[1:])
    whole = (tmp_path / "a.gif").read_bytes()
    for name, data in {"empty": b"", "text": b"hello", "cut": whole[: len(whole) // 2]}.items():
        (tmp_path / f"{name}.gif").write_bytes(data)
        (tmp_path / name).mkdir()
        said = taken_apart(tmp_path / f"{name}.gif", tmp_path / name, source(), film=False)
        assert "can't be read" in said[""], name
    (tmp_path / "none").mkdir()
    said = taken_apart(tmp_path / "a.gif", tmp_path / "none", source(**{"from": "frame 9"}), film=False)
    assert "none of its frames" in said[""]
