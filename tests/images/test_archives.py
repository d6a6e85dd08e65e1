import io
import stat
import struct
import warnings
import zipfile

import pytest
from pictures import encoded, picture

from lorabuild.images import archives
from lorabuild.images.archives import unpack

PNG = encoded(picture())


def archive(path, entries, method=zipfile.ZIP_DEFLATED):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a second entry of one name
        with zipfile.ZipFile(path, "w", method) as made:
            for name, data in entries:
                made.writestr(name, data)
    return path


@pytest.fixture
def unpacked(tmp_path):
    """What came out, and what was left out."""

    def ask(*entries, **how):
        folder = tmp_path / "out"
        folder.mkdir()
        refused = unpack(archive(tmp_path / "a.zip", entries), folder, **how)
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}, refused

    return ask


def test_pictures_and_their_texts_come_out_and_nothing_else(unpacked, tmp_path):
    entries = [("a.PNG", PNG), ("b/c.jpg", PNG), ("b/c.txt", b"hat"), ("b/c.tags", b"hat"), ("run.exe", b"x")]
    hidden = [("__MACOSX/._a.png", b"x"), (".git/a.png", PNG), ("b/.DS_Store", b"x")]
    found, refused = unpacked(*entries, *hidden, more=[".tags"])
    assert found == {"a.PNG", "b/c.jpg", "b/c.txt", "b/c.tags"}
    assert not refused
    assert (tmp_path / "out/a.PNG").read_bytes() == PNG


@pytest.mark.parametrize(
    "name", ["../evil.png", "/etc/evil.png", "a/../../evil.png", "..\\evil.png", "C:\\evil.png", "a/b\n.png", "a?.png"]
)
def test_entries_that_escape_are_left_out(unpacked, tmp_path, name):
    found, refused = unpacked((name, PNG), ("a.png", PNG))
    assert found == {"a.png"}
    assert len(refused) == 1
    assert not [path for path in tmp_path.rglob("*evil*") if path.suffix == ".png"]


def test_links_and_encrypted_entries_are_left_out(tmp_path):
    link, sealed = zipfile.ZipInfo("link.png"), zipfile.ZipInfo("sealed.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    place = archive(tmp_path / "a.zip", [(link, "/etc/passwd"), (sealed, PNG), ("a.png", PNG)])
    data = bytearray(place.read_bytes())
    for head, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        where = data.index(
            head,
            data.index(b"link.png")
            if head == b"PK\x03\x04"
            else data.rindex(b"PK\x01\x02", 0, data.rindex(b"sealed.png")),
        )
        struct.pack_into("<H", data, where + at, 1)
    place.write_bytes(data)
    (tmp_path / "out").mkdir()
    refused = unpack(place, tmp_path / "out")
    assert "link" in refused["link.png"]
    assert "encrypted" in refused["sealed.png"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]


def test_what_explodes_is_stopped(unpacked, monkeypatch):
    monkeypatch.setattr(archives, "FREE", 1000)
    found, refused = unpacked(("bomb.png", bytes(1 << 20)), ("long.txt", bytes(2 << 20)), ("a.png", PNG))
    assert found == {"a.png"}
    assert "grows to more than" in refused["bomb.png"]
    assert "grows to more than" in refused["long.txt"]


def test_an_archive_that_explodes_as_a_whole_is_left_there(unpacked, monkeypatch):
    monkeypatch.setattr(archives, "TOTAL_RATIO", 0)
    monkeypatch.setattr(archives, "TOTAL_FREE", 2 * len(PNG) + 10)
    found, refused = unpacked(*((f"{name}.png", PNG) for name in "abcd"))
    assert found == {"a.png", "b.png"}
    assert refused == {"c.png": archives.FULL}


def test_sizes_that_an_archive_says_of_itself_are_not_believed(tmp_path):
    place = archive(tmp_path / "a.zip", [("a.png", bytes(1 << 20))])
    data = bytearray(place.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 100)
    place.write_bytes(data)
    (tmp_path / "out").mkdir()
    assert "damaged" in unpack(place, tmp_path / "out")["a.png"]


def test_two_entries_of_one_name(unpacked):
    found, refused = unpacked(
        ("a.png", PNG), ("a.png", PNG), ("b.png", PNG), ("b.png/c.png", PNG), ("x" * 300 + ".png", PNG)
    )
    assert found == {"a.png", "b.png"}
    assert "second entry" in refused["a.png"]
    assert len(refused) == 3


@pytest.mark.parametrize("data", [b"", b"no zip", PNG])
def test_what_is_no_archive(tmp_path, data):
    (tmp_path / "a.zip").write_bytes(data)
    assert "no zip archive" in unpack(tmp_path / "a.zip", tmp_path)[""]


def test_damage_never_escapes_as_an_error(tmp_path):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as made:
        for name in "ab":
            made.writestr(f"{name}.png", PNG)
    whole = sink.getvalue()
    for place in range(0, len(whole), 17):
        (tmp_path / "a.zip").write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        (tmp_path / f"out{place}").mkdir()
        unpack(tmp_path / "a.zip", tmp_path / f"out{place}")
        (tmp_path / "a.zip").write_bytes(whole[:place])
        (tmp_path / f"cut{place}").mkdir()
        unpack(tmp_path / "a.zip", tmp_path / f"cut{place}")
