import light
import pytest

from lorabuild.core.digest import canonical, digest
from lorabuild.core.errors import ProjectError
from lorabuild.core.statcache import FileDigest
from lorabuild.graph.models import commits, joined, needed, table_files, tagger_files


@pytest.fixture
def site(project):
    return light.opened(project).site


def test_a_side_file_tagger_has_no_files_and_no_table_is_usual(site):
    assert tagger_files(site) == {}
    assert table_files(site) == []


def test_a_table_of_implications_is_a_file_of_the_project(project):
    (project / "table.csv").write_text("katana,sword\n", "utf-8")
    light.write(project, captions=light.SETTINGS["captions"] | {"implications": "table.csv"})
    assert table_files(light.opened(project).site) == [project / "table.csv"]


def test_parts_are_their_files_names_and_bytes(tmp_path):
    paths = (tmp_path / "unet/a", tmp_path.parent / "far/b")
    known = {path: FileDigest(f"b3:{path.name}") for path in paths}
    assert joined(tmp_path, paths, known) == digest(canonical({"unet/a": "b3:a", "b": "b3:b"}))


def test_a_model_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ProjectError, match="permission denied") as caught:
        needed({tmp_path / "a": FileDigest(None, problem="permission denied")}, tmp_path / "a")
    assert caught.value.where == str(tmp_path / "a")


def test_local_models_have_no_commits(site):
    from lorabuild.models.source import locate

    assert commits(site, locate(site), {}) == {}
