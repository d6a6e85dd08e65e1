import builtins

import numpy as np
import pytest
from PIL import Image

from lorabuild.core.errors import ProjectError
from lorabuild.images.film import frames
from lorabuild.images.moving import taken_apart
from lorabuild.schema.sources import Source

av = pytest.importorskip("av")
COLOURS = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (40, 40, 210)}


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Six seconds at 10 frames a second: two of each colour."""
    path = tmp_path_factory.mktemp("film") / "ep01.mkv"
    with av.open(str(path), "w") as made:
        stream = made.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.bit_rate = 4_000_000
        for colour in COLOURS.values():
            for _ in range(20):
                frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), colour, np.uint8), format="rgb24")
                made.mux(stream.encode(frame))
        made.mux(stream.encode())
    return path


def taken(film, folder, **said):
    source = Source.model_validate({"path": str(film), "into": "a", **said})
    assert taken_apart(film, folder, source, film=True) == {}
    return sorted(folder.iterdir())


def test_frames_come_in_order_with_their_times(film):
    found = [(number, seconds) for number, seconds, _ in frames(film)]
    assert len(found) == 60
    assert found[25] == (25, pytest.approx(2.5, abs=0.01))


def test_one_frame_in_two_seconds(film, tmp_path):
    found = taken(film, tmp_path, every="2s")
    assert [path.name for path in found] == ["000000.png", "000020.png", "000040.png"]
    for path, colour in zip(found, COLOURS.values(), strict=True):
        with Image.open(path) as opened:
            assert opened.size == (96, 64)
            assert np.abs(np.asarray(opened).mean((0, 1)) - colour).max() < 12


def test_alike_frames_are_passed_over_and_ranges_hold(film, tmp_path):
    said = {"every": "0.5s", "from": "1s", "to": "0:05"}
    assert [path.stem for path in taken(film, tmp_path, **said)] == ["000010", "000020", "000040"]


def test_scenes(film, tmp_path):
    assert [path.stem for path in taken(film, tmp_path, frames="scenes")] == ["000000", "000020", "000040"]


@pytest.mark.parametrize("data", [b"", b"no film at all" * 100])
def test_what_is_no_film_is_named(tmp_path, data):
    (tmp_path / "a.mkv").write_bytes(data)
    source = Source.model_validate({"path": "a.mkv", "into": "a"})
    assert "can't be read" in taken_apart(tmp_path / "a.mkv", tmp_path, source, film=True)[""]


def test_without_pyav_it_is_said_what_to_type(film, monkeypatch):
    real = builtins.__import__
    monkeypatch.setattr(
        builtins, "__import__", lambda name, *rest: real("no such module" if name == "av" else name, *rest)
    )
    with pytest.raises(ProjectError) as error:
        next(frames(film))
    assert "lorabuild[video]" in error.value.next_step
