from pathlib import Path

import pytest

from lorabuild.graph import sides


def test_names_tell_what_belongs_to_an_image():
    paths = [Path(f"p/{name}") for name in ("a.jpg", "a.erase.png", "b.erase.png", "c.png")]
    images, refused = sides.told_apart(paths, ("erase",))
    assert [path.name for path in images] == ["a.jpg", "b.erase.png", "c.png"]
    assert refused == {}
    _, refused = sides.told_apart(paths, ())
    assert list(refused) == [Path("p/a.erase.png")]
    assert "a.jpg" in refused[Path("p/a.erase.png")]
    assert sides.told_apart(paths[3:], ()) == (paths[3:], {})


def test_what_lies_beside_an_image(tmp_path):
    for name in ("a.jpg", "a.crop.json", "a.erase.png"):
        (tmp_path / name).touch()
    found = sides.beside(tmp_path / "a.jpg", ("crop", "erase"))
    assert {word: path.name for word, path in found.items()} == {"crop": "a.crop.json", "erase": "a.erase.png"}
    assert sides.beside(tmp_path / "a.jpg", ()) == {}
    assert sides.is_side("x.crop.json")
    assert not sides.is_side("x.json")


def test_boxes_and_the_person():
    assert sides.boxes(b"[[0, 0, 10, 20], [5, 5, 9, 9]]") == ([[0, 0, 10, 20], [5, 5, 9, 9]], None)
    assert sides.boxes(b'{"person": [1, 2, 3, 4]}') == ([], [1, 2, 3, 4])


WRONG = (
    b"no json",
    b"[[0, 0, 10]]",
    b"[[0, 0, 10, 0]]",
    b"[[-1, 0, 10, 10]]",
    b"[[0, 0, 10.5, 10]]",
    b'{"faces": []}',
    b"[" + b",".join([b"[0,0,1,1]"] * 65) + b"]",
)


@pytest.mark.parametrize("data", WRONG)
def test_what_is_no_box_is_told(data):
    with pytest.raises(ValueError, match=r"."):
        sides.boxes(data)
