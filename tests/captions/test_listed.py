import pytest

from lorabuild.captions.listed import Listed, listed


def test_a_table():
    data = b'\xef\xbb\xbfpath,caption\na.png,"a hat, red"\n"b, c.png",\n'
    found, wrong = listed(data, table=True)
    assert [row[1:] for row in found] == [("a.png", "a hat, red"), ("b, c.png", "")]
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


def test_a_table_without_paths_and_one_with_repeats():
    assert "no column" in listed(b"a,b\n1,2\n", table=True)[1][1]
    found, wrong = listed(b"path,repeats\na.png,3\n", table=True)
    assert [row.path for row in found] == ["a.png"]
    assert "concept" in wrong[0]


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xfe\x00", b'"' * 300_000, b"[" * 100_000])
def test_nothing_escapes(data, table):
    assert listed(data, table=table)[0] == []
