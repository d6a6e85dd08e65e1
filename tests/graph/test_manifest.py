import light
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.graph.manifest import Row, read_manifest, rows, write_manifest

CELLS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\t\n\r\\nrt"))


def listed(root):
    with light.viewed(root) as view:
        return rows(view)


def test_it_has_a_line_an_image_and_follows_its_name(project):
    light.built(project)
    lines = write_manifest(listed(project)).decode().splitlines()
    assert lines[0] == "path\tdigest\tcaption"
    cells = [line.split("\t") for line in lines[1:]]
    assert [cell[0] for cell in cells] == ["data/cape/e.png", *(f"data/plain/{name}.png" for name in "abcd")]
    assert cells[1][1] == cells[4][1]
    assert cells[1][2] == "zorbl, hat"


def test_tabs_and_newlines_in_a_caption_stay_on_its_line(project):
    (project / "data/cape/e.txt").write_text("one\ttwo\\\nthree", "utf-8")
    light.built(project)
    lines = write_manifest(listed(project)).decode().splitlines()
    assert len(lines) == 6
    assert lines[1].count("\t") == 2


def test_what_lies_outside_the_project_is_told_without_this_machine(project):
    outside = project.parent / "pictures"
    light.picture(outside / "deep/x.png", "black")
    (outside / "deep/x.tags").write_text("1creature", "utf-8")
    concepts = {**light.SETTINGS["concepts"], "far": {"folder": str(outside), "triggers": ["zorbl"]}}
    light.write(project, concepts=concepts)
    light.built(project)
    found = listed(project)
    assert "pictures/deep/x.png" in [row.path for row in found]
    assert str(project.parent) not in write_manifest(found).decode()


@given(st.lists(st.builds(Row, CELLS, CELLS, CELLS)))
def test_what_is_written_is_read_back(found):
    assert read_manifest(write_manifest(found)) == [row for row in found if tuple(row) != Row._fields]


def test_other_ends_of_lines_change_nothing(project):
    light.built(project)
    found = listed(project)
    assert read_manifest(write_manifest(found).replace(b"\n", b"\r\n")) == found


def test_lines_that_are_no_rows_are_passed_over():
    assert read_manifest(b"path\tdigest\tcaption\n\nnonsense\na\tb\tc\n") == [Row("a", "b", "c")]
