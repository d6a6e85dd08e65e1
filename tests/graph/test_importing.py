"""From folders and settings of the standard trainer to a project, and back: nothing is lost, nothing is changed."""

import json
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import light
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from lorabuild.captions.tags import split
from lorabuild.core.errors import ProjectError, StoreError
from lorabuild.graph import exported_forms, import_writing, moving_captions
from lorabuild.graph.exporting import put
from lorabuild.graph.import_notes import notes
from lorabuild.graph.import_sources import seen, source
from lorabuild.graph.import_writing import as_dict, write
from lorabuild.graph.importing import Wishes, imported
from lorabuild.graph.moving_captions import texts, ways
from lorabuild.schema import kohya_words
from lorabuild.schema.check import check
from lorabuild.schema.load import load
from lorabuild.schema.picture_folders import Pictures, of_kohya

LETTERS = st.text("abcdefghijklmnop", min_size=3, max_size=6)
CAPTIONS = st.none() | st.lists(st.text("ab c_|(){}+-é", max_size=8), max_size=4).map(",".join)


@dataclass(frozen=True)
class Folder:
    repeats: int
    words: str
    captions: tuple


FOLDERS = st.lists(
    st.builds(
        Folder,
        st.integers(1, 40),
        st.builds(lambda first, rest: " ".join([first, *rest]), LETTERS, st.lists(LETTERS, max_size=2)),
        st.lists(CAPTIONS, min_size=1, max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda folder: (folder.repeats, folder.words),
)


def picture(path, number):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (number * 7 % 256, number // 36 % 256, 90)).save(path)
    return path


def lay(top, folders, ending=".txt"):
    """Folders as the standard trainer wants them."""
    number = 0
    for folder in folders:
        for place, caption in enumerate(folder.captions):
            image = picture(top / f"{folder.repeats}_{folder.words}/pic {place}.png", number := number + 1)
            if caption is not None:
                image.with_suffix(ending).write_text(f"{caption}\n", "utf-8")
    return top


def state(top, ending=".txt"):
    """What that trainer would train: image bytes → repeats and words of the caption."""
    return {
        image.read_bytes(): (one.repeats, split(text))
        for one in of_kohya(top)
        for image, text in texts(one, ending).read.items()
    }


def project_of(sources, root, **wishes):
    base = root.parent / "base"
    made = imported(sources, root, Wishes(base=str(base if base.exists() else light.base(base)), **wishes))
    write(made)
    check(load(root))
    return made


def sent_back(root, to, **how):
    light.built(root, targets=("caption",))
    with light.viewed(root) as view:
        export = exported_forms.kohya(view, to, **{"originals": True, **how})
        put(export, to, view)
    return export


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(FOLDERS, st.booleans())
def test_there_and_back_keeps_images_captions_and_repeats(folders, copied):
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        before = state(lay(top / "img", folders))
        made = project_of([top / "img"], top / "project", copy=copied)
        sent_back(top / "project", top / "back")
        after = state(top / "back")
        changed = {image.read_bytes() for image in made.others}
        assert after.keys() == before.keys()
        assert {image: one[0] for image, one in after.items()} == {image: one[0] for image, one in before.items()}
        assert {image for image in before if after[image] != before[image]} <= changed
        assert state(top / "img") == before
        edits = {image for image, (_, words) in before.items() if words and all(word[0] in "+-" for word in words)}
        assert not copied or changed <= edits


def test_a_folder_of_the_usual_kind(tmp_path):
    lay(
        tmp_path / "img",
        [Folder(6, "zorbl creature", ("zorbl, hat", "a zorbl on grass")), Folder(3, "ink style", (None,))],
    )
    lay(tmp_path / "reg", [Folder(1, "creature", (None, None))])
    made = project_of([tmp_path / "img"], tmp_path / "project")
    project = load(tmp_path / "project").project
    assert {name: (one.folder, one.repeats, one.triggers) for name, one in project.concepts.items()} == {
        "ink": ("../img/3_ink style", 3, ("ink style",)),
        "zorbl": ("../img/6_zorbl creature", 6, ("zorbl",)),
    }
    assert (project.triggers["zorbl"].class_, project.triggers["zorbl"].absorbs) == ("creature", ())
    assert project.triggers["ink style"].kind == "style"
    assert project.regularization.folder == "../reg/1_creature"
    assert made.others == []
    assert project.captions.tagger.extension == ".tags"  # a sentence keeps its order only as a text by hand
    assert any("`creature`" in note for note in made.notes)
    assert sorted(path.name for path in (tmp_path / "project").iterdir()) == [
        ".gitattributes",
        ".gitignore",
        "lora.yaml",
    ]


def test_tags_stay_open_to_rules(tmp_path):
    lay(tmp_path / "img", [Folder(2, "zorbl", ("zorbl, red hat, smile", "zorbl, smile"))])
    project_of([tmp_path / "img"], tmp_path / "project")
    captions = load(tmp_path / "project").project.captions
    assert (captions.tagger.extension, captions.order, captions.consolidate) == (".txt", "original", False)


def test_a_main_trigger_is_shown_by_its_outfits(tmp_path):
    zorbl, cape = ("zorbl, a", "zorbl, b"), ("zorbl_cape, zorbl, a", "zorbl_cape, zorbl")
    lay(tmp_path / "img", [Folder(2, "zorbl creature", zorbl), Folder(3, "zorbl_cape", cape)])
    made = project_of([tmp_path / "img"], tmp_path / "project")
    project = load(tmp_path / "project").project
    assert [one.triggers for one in project.concepts.values()] == [("zorbl",), ("zorbl_cape", "zorbl")]
    assert made.others == []


def test_copies_hold_what_the_trainer_reads(tmp_path):
    top = lay(tmp_path / "img", [Folder(2, "zorbl creature", ("zorbl, hat", None))])
    (top / "2_zorbl creature/pic 0.txt").write_text("zorbl, hat\nsecond line\n", "utf-8")
    picture(top / "2_zorbl creature/pic 0.mask.png", 200)
    lay(tmp_path / "reg", [Folder(1, "creature", (None,)), Folder(1, "cat", ("a cat",))])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    made = project_of([top], tmp_path / "project", copy=True)
    data = tmp_path / "project/dataset"
    found = {path.relative_to(data).as_posix(): path.read_bytes() for path in data.rglob("*.txt")}
    assert found == {
        "zorbl/pic 0.txt": b"zorbl, hat\n",
        "zorbl/pic 1.txt": b"zorbl creature\n",
        "regularization/1_creature-pic 0.txt": b"creature\n",
        "regularization/1_cat-pic 0.txt": b"a cat\n",
    }
    assert (data / "zorbl/pic 0.mask.png").is_file()
    assert made.others == []
    assert {path: path.read_bytes() for path in before} == before
    with pytest.raises(ProjectError, match=r"lora\.yaml is there already"):
        write(made)
    (tmp_path / "project/lora.yaml").unlink()
    with pytest.raises(ProjectError, match=r"pic 0\.png is there already"):
        write(made)
    assert not (tmp_path / "project/lora.yaml").exists()


def test_settings_and_their_folders_are_found_together(tmp_path):
    top = lay(tmp_path / "img", [Folder(4, "zorbl", ("zorbl, a", "zorbl, b", "zorbl, c"))])
    (tmp_path / "data.toml").write_text(
        "[general]\ncaption_extension='.txt'\nshuffle_caption=true\nkeep_tokens=1\n[[datasets]]\nresolution=64\n"
        "batch_size=2\n[[datasets.subsets]]\nimage_dir='C:\\far\\img\\4_zorbl'\nnum_repeats=4\n",
        "utf-8",
    )
    (tmp_path / "config.toml").write_text(
        "[model]\npretrained_model_name_or_path='gone.safetensors'\n[train]\ndataset_config='data.toml'\n"
        "max_train_steps=20\nnetwork_dim=8\nunet_lr=1e-4\nscale_weight_norms=1.0\noptimizer_type='Prodigy'\n"
        "learning_rate=1.0\n",
        "utf-8",
    )
    made = imported([tmp_path / "config.toml"], tmp_path / "project", Wishes())
    write(made)
    project = load(tmp_path / "project").project
    assert project.concepts["zorbl"].folder == "../img/4_zorbl"
    assert project.budget.epochs == 4  # 12 looks, 6 optimizer steps an epoch
    assert project.training.keep_tokens is None
    assert next(one for one in made.moving.told if one.key == "keep_tokens").status == "default"
    assert project.training.max_norm is None  # a check refuses it beside Prodigy
    told = {one.key: one for one in made.moving.told}
    assert (told["scale_weight_norms"].status, told["pretrained_model_name_or_path"].status) == ("nothing", "nothing")
    assert "scale_weight_norms" in made.text
    assert top.is_dir()
    both = [tmp_path / "config.toml", tmp_path / "data.toml", tmp_path / "data.toml"]  # one file, though named twice
    assert list(imported(both, tmp_path / "again", Wishes()).concepts) == ["zorbl"]


def test_several_datasets_are_several_resolutions(tmp_path):
    lay(tmp_path / "img", [Folder(4, "zorbl", ("zorbl, a",)), Folder(2, "ink", ("ink",)), Folder(3, "cat", ("cat",))])
    subset = "[[datasets.subsets]]\nimage_dir='img/{0}'\nnum_repeats={1}\n"
    both = subset.format("4_zorbl", 4) + subset.format("2_ink", 2)
    (tmp_path / "data.toml").write_text(
        f"[general]\ncaption_extension='.txt'\n[[datasets]]\nresolution=64\nbatch_size=2\n{both}"
        f"[[datasets]]\nresolution=128\nbatch_size=1\n{both}{subset.format('3_cat', 3)}"
        f"[[datasets]]\nresolution=256\nbatch_size=2\n{subset.format('3_cat', 9)}",
        "utf-8",
    )
    made = project_of([tmp_path / "data.toml"], tmp_path / "project")
    project = load(tmp_path / "project").project
    assert (project.images.resolution, project.images.more_resolutions) == (64, (128,))
    assert [(name, one.repeats, one.images and one.images.resolution) for name, one in project.concepts.items()] == [
        ("zorbl", 4, None),
        ("ink", 2, None),
        ("cat", 3, 128),
        ("cat-2", 9, 256),
    ]
    assert project.concepts["cat"].images.more_resolutions == ()
    told = {(one.key, one.status) for one in made.moving.told}
    assert told >= {("resolution", "mapped"), ("batch_size", "mapped"), ("batch_size", "nothing")}
    assert ("resolution", "nothing") not in told


def test_resolutions_and_repeats_of_some_images_come_back(tmp_path):
    light.make(tmp_path / "one")
    some = [{"match": "**/b.png", "repeats": 5}, {"match": "**/c.png", "repeats": 4}]
    light.write(tmp_path / "one", images={"resolution": 64, "more_resolutions": [128], "for": some})
    sent_back(tmp_path / "one", tmp_path / "out")
    project_of([tmp_path / "out/dataset.toml"], tmp_path / "two")
    images, concepts = load(tmp_path / "two").project.images, load(tmp_path / "two").project.concepts
    assert (images.resolution, images.more_resolutions, images.buckets.min) == (64, (128,), None)
    assert [one.repeats for name, one in concepts.items() if name.startswith("plain")] == [5, 4, 1]
    assert all(one.images is None for one in concepts.values())


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(ProjectError, match="no such file"):
        source([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ProjectError, match="no folder here is called like `6_name class`"):
        source([tmp_path / "empty"])
    file = tmp_path / "preset.json"
    file.write_text(json.dumps({"LoRA_type": "Standard", "train_data_dir": "/far/img"}), "utf-8")
    with pytest.raises(ProjectError, match="there is no folder `/far/img`"):
        source([file])
    file.write_text(json.dumps({"LoRA_type": "Standard"}), "utf-8")
    with pytest.raises(ProjectError, match="name no folder of images"):
        source([file])
    file.write_text("{", "utf-8")
    with pytest.raises(ProjectError, match="can't be understood"):
        source([file])
    lay(tmp_path / "img", [Folder(1, "zorbl", ("zorbl",))])
    with pytest.raises(ProjectError, match="there is no model at `gone`"):
        imported([tmp_path / "img"], tmp_path / "project", Wishes(base="gone"))
    assert not (tmp_path / "project").exists()


def test_any_folder_becomes_a_project(tmp_path):
    for name in ("day/a", "night/b"):
        picture(tmp_path / f"pictures/{name}.png", len(name))
    made = project_of([tmp_path / "pictures"], tmp_path / "one", trigger="zorbl")
    assert [*made.concepts] == ["day", "night"]
    project = load(tmp_path / "one").project
    assert project.captions.tagger.type == "wd14"
    assert project.concepts["day"].repeats is None
    (tmp_path / "pictures/day/a.txt").write_text("a round creature that walks through the wide green grass", "utf-8")
    project_of([tmp_path / "pictures/day"], tmp_path / "two", trigger="zorbl")
    project = load(tmp_path / "two").project
    assert (project.captions.tagger.extension, project.triggers["zorbl"].absorbs) == (".tags", None)


def test_an_import_of_the_usual_kind_needs_no_notes(tmp_path):
    lay(tmp_path / "img", [Folder(2, "zorbl", ("zorbl, a", "zorbl, b"))])
    made = project_of([tmp_path / "img"], tmp_path / "project")
    assert made.notes == [*notes(made), "no file says how long to train: look at `budget:`"]
    assert [*notes(made)] == []


def test_notes_name_what_is_read_otherwise(tmp_path):
    top = lay(tmp_path / "img", [Folder(2, "zorbl", ("zorbl", "hat"))], ending=".caption")
    picture(top / "2_zorbl/deeper/c.png", 77)
    picture(top / "2_zorbl/d.gif", 78)
    (top / "2_zorbl/pic 0.txt").write_text("other", "utf-8")
    made = imported([top], tmp_path / "project", Wishes())
    said = "\n".join(made.notes)
    for part in ("deeper/c.png", "d.gif", "a .txt wins", "it is no trigger", "`--base`", "`budget:`"):
        assert part in said
    assert as_dict(made)["captions"]["different"] == ["pic 0.png"]


def test_a_copy_that_fails_leaves_nothing(tmp_path, monkeypatch):
    top = lay(tmp_path / "img", [Folder(2, "zorbl", ("zorbl, a", "zorbl, b"))])
    made = imported([top], tmp_path / "one", Wishes(copy=True))

    def full(target, _data):
        raise StoreError(f"the disk is full: {target.name}")

    monkeypatch.setattr(import_writing, "write_atomic", full)
    with pytest.raises(StoreError):
        write(made)
    assert not (tmp_path / "one").exists()


def test_captions_that_the_settings_would_not_read_are_named(tmp_path):
    top = lay(tmp_path / "img", [Folder(2, "zorbl", ("zorbl, a", "zorbl, b"))])
    (tmp_path / "c.toml").write_text("learning_rate = 1e-4\ncaption_extension = '.none'", "utf-8")
    made = imported([top, tmp_path / "c.toml"], tmp_path / "one", Wishes())
    assert any("no image has a .none file" in note for note in made.notes)


def test_masks_of_their_own_are_copied_beside_the_images(tmp_path):
    top = lay(tmp_path / "img", [Folder(2, "zorbl", ("zorbl, a", "zorbl, b"))])
    for name in ("pic 0", "pic 1"):
        picture(tmp_path / f"masks/{name}.png", 250)
    words = "image_dir='img/2_zorbl'\nnum_repeats=2\ncaption_extension='.txt'\nconditioning_data_dir='masks'\n"
    (tmp_path / "d.toml").write_text(f"[[datasets]]\nresolution=64\n[[datasets.subsets]]\n{words}", "utf-8")
    made = imported([tmp_path / "d.toml"], tmp_path / "one", Wishes())
    assert any("`--copy` puts them there" in note for note in made.notes)
    project_of([tmp_path / "d.toml"], tmp_path / "two", copy=True)
    assert load(tmp_path / "two").project.images.masks == "side"
    light.built(tmp_path / "two", targets=("prepare",))
    with light.viewed(tmp_path / "two") as view:
        assert {file.mask.name for file in view.inventory.files.values()} == {"pic 0.png", "pic 1.png"}
    assert top.is_dir()


def test_tags_parted_by_blanks_are_named(tmp_path):
    picture(tmp_path / "flat/a.png", 1).with_suffix(".txt").write_text("1girl long_hair blue_eyes", "utf-8")
    made = imported([tmp_path / "flat"], tmp_path / "one", Wishes(trigger="zorbl"))
    assert any(note.endswith("are one tag there, and each is a tag of its own here") for note in made.notes)
    lay(tmp_path / "img", [Folder(2, "zorbl", ("zorbl long_hair blue_eyes", "zorbl long_hair red_eyes"))])
    made = imported([tmp_path / "img"], tmp_path / "two", Wishes())
    assert (made.others, load_tagger(made)) == ([], ".tags")  # word for word, as it is read there
    assert any(note.endswith("and here, too: put commas between them") for note in made.notes)


def load_tagger(made):
    return made.moving.sections["captions"]["tagger"]["extension"]


DIFFICULT = {
    "6_zorbl blue creature/\u732b und h\xfcndchen.png": "zorbl, hat",
    "6_zorbl blue creature/ two  blanks .jpg": "zorbl, bow",
    "6_zorbl blue creature/a.b.c.png": "zorbl, dots",
    "6_zorbl blue creature/a#1 [x] {y} 100%.png": "zorbl, signs",
    "6_zorbl blue creature/same.jpg": "zorbl, one text",
    "6_zorbl blue creature/same.png": "zorbl, one text",
    "6_zorbl blue creature/same.webp": "zorbl, one text",
    "2_zorbl_cape outfit/same.png": "zorbl_cape, one text",
    "10_ink style/x.bmp": "ink style, lines",
}


@pytest.mark.parametrize("ending", [".txt", ".caption"])
@pytest.mark.parametrize("originals", [True, False])
def test_difficult_names_go_there_and_back(tmp_path, ending, originals):
    for number, (name, caption) in enumerate(DIFFICULT.items()):
        image = picture(tmp_path / "img" / name, 40 * number + 1)
        image.with_suffix(ending).write_text(f"{caption}\n", "utf-8")
    project_of([tmp_path / "img"], tmp_path / "project")
    sent_back(tmp_path / "project", tmp_path / "back", originals=originals)
    back = {one.folder.name: texts(one, ".txt").read for one in of_kohya(tmp_path / "back")}
    if originals:
        assert {f"{folder}/{image.name}": text for folder, read in back.items() for image, text in read.items()} == (
            DIFFICULT
        )
        assert state(tmp_path / "back") == state(tmp_path / "img", ending)
    else:
        assert back.keys() == {name.partition("/")[0] for name in DIFFICULT}
        assert sorted(text for read in back.values() for text in read.values()) == sorted(DIFFICULT.values())
        assert {colours(image) for read in back.values() for image in read} == (
            {colours(tmp_path / "img" / name) for name in DIFFICULT}
        )


def colours(path):
    with Image.open(path) as image:
        return image.convert("RGB").resize((1, 1)).getpixel((0, 0))


def test_triggers_are_words_that_change_no_caption(tmp_path):
    def found(*captions, words="", keep=0):
        lay(tmp_path / str(len(list(tmp_path.iterdir()))), [Folder(1, words or "x", captions)])
        folder = max(tmp_path.iterdir(), key=lambda path: int(path.name)) / f"1_{words or 'x'}"
        one = Pictures(folder, 1, words, keep=keep)
        return ways(one, texts(one, ".txt"))

    assert found("zorbl, a", "zorbl, b").triggers == ("zorbl",)
    assert found("zorbl, cape, b", "zorbl, cape", keep=2).triggers == ("zorbl", "cape")
    assert found("1girl, a", "1girl, b").triggers == ()
    assert found("red hat, a", "red hat, b").triggers == ()
    assert found("a hat", "a cape", words="zorbl creature").triggers == ()
    assert found(None, words="zorbl, creature").add == ("creature",)


def test_paths_are_seen_from_the_project(tmp_path):
    assert seen(tmp_path / "img/a", tmp_path / "project") == "../img/a"
    assert moving_captions.common(["a", "b", "c", "d"]) == "a, b and 2 more"


WORDS = sorted({*kohya_words.DIRECT, *kohya_words.SPECIAL} - {"dataset_config", "train_data_dir", "vae"})
VALUES = st.sampled_from(["0", "x", "1,2", "cosine", "Prodigy", "huber", 0, 1, -3, 2.5, 64, 10**9, True, False, [1]])


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=8))
def test_what_is_written_always_opens(words):
    with tempfile.TemporaryDirectory() as name:
        top = lay(Path(name) / "img", [Folder(2, "zorbl", ("zorbl, a", None))])
        (top.parent / "preset.json").write_text(json.dumps(words), "utf-8")
        with suppress(ProjectError):
            made = imported([top, top.parent / "preset.json"], top.parent / "project", Wishes())
            write(made)
            check(load(top.parent / "project"))
            told = {one.key for one in made.moving.told}
            assert {made.source.settings.names.get(word, word) for word in made.moving.given} <= told
