import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.taggers.selected_tags import read


def test_names_and_categories(tmp_path):
    path = tmp_path / "selected_tags.csv"
    path.write_text('\ufefftag_id,name,category,count\n1,general,9,5\n2,"a,b",0,5\n3,miku,4,5\n4,odd,3,5\n', "utf-8")
    assert read(path) == [("general", "rating"), ("a,b", "general"), ("miku", "character"), ("odd", "other")]


@pytest.mark.parametrize(
    "data", [b"hat\ncape\n", b"tag_id,name\n1,hat\n", b"name,category\nhat\n", b"name,category\n\xff\xfe,0\n"]
)
def test_another_table_is_refused(tmp_path, data):
    path = tmp_path / "selected_tags.csv"
    path.write_bytes(data)
    with pytest.raises(ProjectError) as caught:
        read(path)
    assert "columns" in caught.value.what
    assert caught.value.where == str(path)
