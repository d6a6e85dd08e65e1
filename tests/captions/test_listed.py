import pytest

from lorabuild.captions.listed import Listed, listed


def test_a_table():
    data = b'\xef\xbb\xbfpath,caption\na.png,"a hat, red"\n"b, c.png",\n'
    found, wrong = listed(data, table=True)
    assert [row[1:3] for row in found] == [("a.png", "a hat, red"), ("b, c.png", "")]
    assert not wrong


def test_json_lines_of_an_imagefolder():
    data = (
        b'{"file_name": "a.png", "text": "a hat"}\n\n{"file_name": "b.png", "tags": ["hat", "red"]}\n{"path": "c.png"}'
    )
    found, wrong = listed(data, table=False)
    assert found == [Listed(1, "a.png", "a hat"), Listed(3, "b.png", "hat, red"), Listed(4, "c.png", None)]
    assert not wrong


def test_what_is_wrong_is_told_by_line_and_the_rest_is_used():
    data = (
        b'{"path": "a.png"}\nnonsense\n[1]\n{"text": "x"}\n{"path": "a.png"}\n{"path": "b\\u0000.png"}\n{"path": 3}\n'
    )
    found, wrong = listed(data, table=False)
    assert [row.path for row in found] == ["a.png"]
    assert wrong.keys() == {2, 3, 4, 5, 6, 7}
    assert "second time" in wrong[5]


def test_a_table_without_paths():
    assert "no column" in listed(b"a,b\n1,2\n", table=True)[1][1]


def test_how_often_a_picture_is_shown():
    found, wrong = listed(b"path,Repeats,weight\na.png,3,\nb.png,,0.5\nc.png,0,\nd.png,,\n", table=True)
    assert [row.often for row in found] == [(None, 3), (0.5, None), (None, 0), (None, None)]
    assert not wrong
    found, wrong = listed(b'{"path": "a.png", "repeats": 2.0, "weight": 2}\n{"path": "b.png"}', table=False)
    assert [row.often for row in found] == [(2.0, 2), (None, None)]


@pytest.mark.parametrize("said", ["1.5,", "-1,", "many,", "nan,", "1e99,", ",0", ",-1", ",inf"])
def test_repeats_that_are_none_are_told(said):
    found, wrong = listed(f"path,repeats,weight\na.png,{said}\nb.png,1,\n".encode(), table=True)
    assert [row.path for row in found] == ["b.png"]
    assert "should be" in wrong[2]


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xfe\x00", b'"' * 300_000, b"[" * 100_000])
def test_nothing_escapes(data, table):
    assert listed(data, table=table)[0] == []
