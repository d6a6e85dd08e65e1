import json

import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.taggers.tag_mapping import read

PAIRS = {"idx_to_tag": {"1": "hat", "0": "general"}, "tag_to_category": {"general": "rating", "hat": "general"}}
ROWS = [("general", "rating"), ("hat", "general")]


def table(folder, content):
    path = folder / "tag_mapping.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def test_a_row_each_as_the_standard_tagger_reads_it(tmp_path):
    kinds = ["Rating", "General", "Character", "Copyright", "Meta", "Model", "Quality", "Artist"]
    content = {str(place): {"tag": f"tag_{place}", "category": kind} for place, kind in enumerate(kinds)}
    expected = ["rating", "general", "character", "other", "other", "other", "other", "other"]
    mapping = read(table(tmp_path, content))
    assert mapping.rows == [(f"tag_{place}", kind) for place, kind in enumerate(expected)]
    assert not mapping.described


@pytest.mark.parametrize(("content", "described"), [(PAIRS, False), ({"dataset_info": {"tag_mapping": PAIRS}}, True)])
def test_two_maps_alone_or_in_a_description_of_the_model(tmp_path, content, described):
    assert read(table(tmp_path, content)) == (ROWS, described)


def test_columns_that_nobody_names_have_no_tag(tmp_path):
    content = {"2": {"tag": "hat", "category": "General"}}
    assert read(table(tmp_path, content)).rows == [("", "other"), ("", "other"), ("hat", "general")]


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", "<html>", {"0": "hat"}, {"idx_to_tag": {"0": "hat"}}, {"x": {"tag": "hat", "category": "General"}}]
    + [{str(number): {"tag": "hat", "category": "General"}} for number in (-1, 10**9)],
)
def test_another_table_is_refused(tmp_path, content):
    path = table(tmp_path, content)
    with pytest.raises(ProjectError, match="names no tags and categories") as caught:
        read(path)
    assert caught.value.where == str(path)
