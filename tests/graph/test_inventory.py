import os
import shutil

import light
import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.core.store import Store
from lorabuild.graph.inventory import relative, take


def looked(root, *overrides):
    with Store(root / ".lorabuild") as store:
        return take(light.opened(root, *overrides).site, store)


def test_paths_are_those_a_person_writes_and_sorted(project):
    found = looked(project)
    assert list(found.files) == ["data/cape/e.png", *(f"data/plain/{name}.png" for name in "abcd")]
    assert found.members == {
        "plain": tuple(f"data/plain/{name}.png" for name in "abcd"),
        "cape": ("data/cape/e.png",),
    }
    assert found.places == {"./data/plain", "./data/cape"}


def test_a_folder_outside_the_project_has_whole_paths(project, tmp_path):
    other = light.picture(tmp_path / "elsewhere/x.png", "pink")
    found = looked(project, f"concepts.cape.folder={other.parent}")
    assert found.members["cape"] == (other.as_posix(),)
    assert relative(light.opened(project).site, project / "data/x.png") == "data/x.png"


def test_side_files_and_captions_by_hand_are_told_apart(project):
    (project / "data/plain/a.txt").write_text("by hand", "utf-8")
    file = looked(project).files["data/plain/a.png"]
    assert (file.tags.name, file.text.name) == ("a.tags", "a.txt")
    assert file.tags_digest != file.text_digest
    bare = looked(project).files["data/plain/b.png"]
    assert (bare.text, bare.text_digest) == (None, None)


def test_where_txt_is_the_side_file_it_is_no_caption(project):
    file = looked(project, "captions.tagger.extension=.txt").files["data/cape/e.png"]
    assert file.tags.name == "e.txt"
    assert (file.text, file.text_digest) == (None, None)


def test_a_copy_and_a_touch_keep_digests_and_an_edit_changes_them(project):
    before = looked(project).files
    assert before["data/plain/a.png"].digest == before["data/plain/d.png"].digest
    os.utime(project / "data/plain/a.png")
    light.picture(project / "data/plain/b.png", "black")
    after = looked(project).files
    assert after["data/plain/a.png"].digest == before["data/plain/a.png"].digest
    assert after["data/plain/b.png"].digest != before["data/plain/b.png"].digest


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="the system has no links")
def test_a_link_out_of_the_project_is_named_and_not_followed(project, tmp_path):
    outside = light.picture(tmp_path / "secret.png", "black")
    (project / "data/plain/z.png").symlink_to(outside)
    found = looked(project)
    assert "data/plain/z.png" not in found.members["plain"]
    assert found.files["data/plain/z.png"].digest is None
    assert found.files["data/plain/z.png"].problem


def test_a_link_within_the_project_is_an_image(project):
    (project / "data/plain/z.png").symlink_to(project / "data/plain/b.png")
    found = looked(project)
    assert found.files["data/plain/z.png"].digest == found.files["data/plain/b.png"].digest


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="an administrator can read everything")
def test_an_image_that_cannot_be_read_has_a_problem(project):
    (project / "data/plain/b.png").chmod(0)
    assert looked(project).files["data/plain/b.png"].problem


def test_each_part_of_the_base_has_a_digest_that_follows_its_files_and_not_its_place(project, tmp_path):
    before = looked(project).models
    assert set(before) == {"unet", "vae", "text_encoder", "scheduler", "tokenizer"}
    shutil.move(project / "base", tmp_path / "moved")
    assert looked(project, f"base.model={tmp_path / 'moved'}").models == before
    (tmp_path / "moved/vae/diffusion_pytorch_model.safetensors").write_bytes(b"another")
    after = looked(project, f"base.model={tmp_path / 'moved'}").models
    assert {part for part in before if before[part] != after[part]} == {"vae"}


def test_a_model_that_is_missing_is_a_wrong_project(project):
    loaded = light.opened(project)
    shutil.rmtree(project / "base/vae")
    with Store(project / ".lorabuild") as store, pytest.raises(ProjectError, match="vae"):
        take(loaded.site, store)


def test_a_side_file_tagger_has_no_model(project):
    assert looked(project).tagger == {}


def test_words_that_cannot_be_read_are_a_problem_of_their_picture(project, tmp_path):
    (tmp_path / "secret").write_text("x", "utf-8")
    (project / "data/cape/e.tags").symlink_to("nowhere")
    (project / "data/plain/b.txt").symlink_to(tmp_path / "secret")
    (project / "data/plain/c.txt").symlink_to("b.tags")
    files = looked(project).files
    assert files["data/cape/e.png"].problem == "e.tags beside it can't be read: no such file or directory"
    assert files["data/plain/b.png"].problem == "b.txt beside it is a link that leads outside"
    assert files["data/plain/c.png"].problem is None
    assert [files[f"data/{name}.png"].digest is None for name in ("cape/e", "plain/b", "plain/c")] == [
        True,
        True,
        False,
    ]
