"""Folders of pictures as they lie about."""

import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.schema.picture_folders import Pictures, anywhere, beside, named, of_kohya


@pytest.fixture
def put(tmp_path):
    def put(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(b"")
        return tmp_path

    return put


def told(found, top):
    return [(one.folder.relative_to(top).as_posix(), one.repeats, one.tokens, one.regular) for one in found]


def test_names_say_repeats_and_class_words(tmp_path):
    assert named(tmp_path / "6_zorbl creature") == Pictures(tmp_path / "6_zorbl creature", 6, "zorbl creature")
    assert named(tmp_path / "12_a_b") == Pictures(tmp_path / "12_a_b", 12, "a_b")
    assert [named(tmp_path / name) for name in ("0_old", "zorbl", "x_1")] == [None] * 3
    assert named(tmp_path / "3_") == Pictures(tmp_path / "3_", 3, "")


@pytest.mark.parametrize("root", ["", "img/", "train/"])
def test_a_training_folder(put, root):
    top = put(f"{root}6_b/a.png", f"{root}10_a/a.jpg", f"{root}2_none/a.txt", f"{root}log/x.png", "reg/1_cat/a.png")
    found = told(of_kohya(top), top)
    assert found == [(f"{root}10_a", 10, "a", False), (f"{root}6_b", 6, "b", False), ("reg/1_cat", 1, "cat", True)]
    if root:
        assert told(of_kohya(top / root), top) == found


def test_a_folder_of_that_name_alone(put):
    top = put("6_zorbl/a.png", "6_zorbl/b.gif", "6_zorbl/a.mask.png", "6_zorbl/.hidden.png")
    (one,) = of_kohya(top / "6_zorbl")
    assert [path.name for path in one.files] == ["a.png"]
    assert [path.name for path in one.all] == ["a.png", "b.gif"]


def test_any_folder(put):
    top = put("flat/a.png", "deep/day/a.png", "deep/night/x/a.gif", "deep/reg/a.png", "deep/masks/a.png", "none/a.txt")
    assert told(anywhere(top / "flat"), top) == [("flat", None, "", False)]
    assert told(anywhere(top / "deep"), top) == [
        ("deep/day", None, "", False),
        ("deep/night", None, "", False),
        ("deep/reg", None, "", True),
    ]
    put("deep/a.png")
    assert told(anywhere(top / "deep"), top) == [("deep", None, "", False)]  # its own pictures, and those below
    with pytest.raises(ProjectError, match="no image here"):
        anywhere(top / "none")
    with pytest.raises(ProjectError, match="6_name class"):
        of_kohya(top / "flat")


def test_the_commonest_ending_of_captions(put):
    top = put("1_a/a.png", "1_a/b.png", "1_a/a.caption", "1_a/b.caption", "1_a/a.txt")
    assert beside(of_kohya(top)) == ".caption"
    assert beside([]) == ".txt"
