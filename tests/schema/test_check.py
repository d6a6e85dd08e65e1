"""lorabuild.schema.check, check_disk, check_settings: what no word can tell alone."""

import pytest

from lorabuild.schema.check import bad_tag, check
from lorabuild.schema.check_disk import has_image
from lorabuild.schema.check_settings import settings
from lorabuild.schema.problems import ProblemsError
from lorabuild.schema.suffixes import SUFFIXES
from lorabuild.schema.suffixes import SUFFIXES as WHAT_IS_SCANNED

HEAD = "name: zorbl\nbase: {model: base}\n"
PLAIN = "concepts: {plain: {folder: dataset/plain}}\n"


@pytest.fixture
def problems(project):
    """What check says about the good project with something added, or about another one."""

    def tell(more: str = "", **kinds):
        with pytest.raises(ProblemsError) as caught:
            check(project(more, **kinds))
        return caught.value.problems

    return tell


def one(found):
    assert len(found) == 1, found
    return found[0]


def test_a_good_project_passes(project):
    check(project())


def test_an_unknown_trigger_gets_the_nearest(problems):
    good = HEAD + "triggers: {zorbl: {}}\nconcepts: {plain: {folder: dataset/plain, triggers: [zorbl, zorb]}}\n"
    problem = one(problems(good=good))
    assert problem["where"] == "lora.yaml:4:61 concepts.plain.triggers.1"
    assert problem["what"] == "there is no trigger `zorb`"
    assert problem["next_step"] == "did you mean `zorbl`?"


def test_an_unknown_trigger_that_is_like_no_other(problems):
    good = HEAD + "concepts: {plain: {folder: dataset/plain, triggers: [zorbl]}}\n"
    assert "`zorbl: {kind: character}` under `triggers:`" in one(problems(good=good))["next_step"]


def test_a_trigger_that_nobody_shows(problems):
    good = HEAD + "triggers: {zorbl: {}}\n" + PLAIN
    problem = one(problems(good=good))
    assert problem["where"] == "lora.yaml:3:12 triggers.zorbl"
    assert "no concept shows the trigger `zorbl`" in problem["what"]


def test_a_misspelt_trigger_is_told_from_both_sides(problems):
    good = HEAD + "triggers: {zorbl: {}}\nconcepts: {plain: {folder: dataset/plain, triggers: [zorbel]}}\n"
    assert [problem["next_step"] for problem in problems(good=good)] == [
        "did you mean `zorbel`?",
        "did you mean `zorbl`?",
    ]


def test_a_trigger_twice(problems):
    good = HEAD + "triggers: {a: {}}\nconcepts: {plain: {folder: dataset/plain, triggers: [a, a]}}\n"
    assert one(problems(good=good))["what"] == "the trigger `a` stands here twice"


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("", "empty"),
        ("  ", "empty"),
        (" a", "blank"),
        ("a ", "blank"),
        ("a, b", "comma"),
        ("a\nb", "line break"),
        ("a b", ""),
    ],
)
def test_what_can_be_a_tag(tag, why):
    assert why in bad_tag(tag)
    assert bool(why) == bool(bad_tag(tag))


def test_bad_triggers_and_patterns_are_told(problems):
    good = HEAD + (
        'triggers: {"a,b": {absorbs: [ok, "x, y"], keeps: [""]}}\n'
        'concepts: {plain: {folder: dataset/plain, triggers: ["a,b"]}}\n'
    )
    told = problems(good=good)
    assert [problem["where"].split()[1] for problem in told] == [
        "triggers.a,b", "triggers.a,b.absorbs.1", "triggers.a,b.keeps.0",
    ]  # fmt: skip


def test_names_that_differ_in_capitals_only(problems):
    good = HEAD + (
        "triggers: {Zorbl: {}, zorbl: {}}\n"
        "concepts: {a: {folder: dataset/plain, triggers: [Zorbl, zorbl]}, A: {folder: dataset/plain}}\n"
    )
    told = problems(good=good)
    assert ["capitals only" in problem["what"] for problem in told] == [True, True]


@pytest.mark.parametrize("name", ["a/b", "a\\b", "..", "'  '", "'a?'", "'a:b'"])
def test_a_concept_must_be_able_to_name_a_folder(problems, name):
    assert (
        "can't name a concept" in one(problems(good=f"{HEAD}concepts: {{{name}: {{folder: dataset/plain}}}}\n"))["what"]
    )


def test_folders_that_are_missing_empty_or_files(problems, tmp_path):
    (tmp_path / "dataset/empty/.hidden").mkdir(parents=True)
    (tmp_path / "dataset/empty/.hidden/a.png").write_bytes(b"")
    (tmp_path / "dataset/empty/.b.png").write_bytes(b"")
    (tmp_path / "dataset/empty/notes.txt").write_bytes(b"")
    good = HEAD + (
        "concepts:\n  a: {folder: dataset/plian}\n  b: {folder: nowhere/at/all}\n  c: {folder: dataset/plain/a.png}\n"
        "  d: {folder: dataset/empty}\n  e: {folder: ''}\n"
    )
    told = problems(good=good)
    assert [problem["where"].split()[1] for problem in told] == [f"concepts.{name}.folder" for name in "abcde"]
    assert told[0]["next_step"] == "did you mean `dataset/plain`?"
    assert "put images into it" in told[1]["next_step"]
    assert told[2]["next_step"] == "write `folder: dataset/plain`"
    assert told[3]["what"] == "there is no image in `dataset/empty`"
    assert "no folder is named" in told[4]["what"]


def test_one_folder_may_serve_several_concepts(project):
    check(project(good=HEAD + "concepts: {a: {folder: dataset/plain}, b: {folder: dataset/plain}}\n"))


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_images_of_every_kind_count(tmp_path, suffix):
    assert not has_image(tmp_path)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / f"A{suffix.upper()}").write_bytes(b"")
    assert has_image(tmp_path)


def test_the_check_counts_as_an_image_what_a_scan_takes():
    assert set(SUFFIXES) == set(WHAT_IS_SCANNED)


@pytest.mark.parametrize("out", ["dataset/plain", "dataset/plain/out", "dataset"])
def test_results_must_not_become_training_images(problems, out):
    assert "results would become training images" in one(problems(f"output: {{folder: {out}}}\n"))["what"]


@pytest.mark.parametrize(
    ("out", "what"),
    [("''", "project folder itself"), (".lorabuild/out", "may be swept"), ("taken", "is a file, not a folder")],
)
def test_places_where_results_cannot_go(problems, tmp_path, out, what):
    (tmp_path / "taken").write_bytes(b"")
    assert any(what in problem["what"] for problem in problems(f"output: {{folder: {out}}}\n"))


@pytest.mark.parametrize(
    ("model", "what", "next_step"),
    [
        ("bsae", "no model at `bsae`", "did you mean `base`? A path must lead to a diffusers folder"),
        ("./nowhere/", "no model at", "a hub id is `owner/name`"),
        ("dataset/modle", "no model at", "a path must"),
        ("base.ckpt", "pickle", ".safetensors"),
    ],
)
def test_a_base_model_that_is_not_there(problems, model, what, next_step):
    problem = one(problems(good=f"name: a\nbase: {{model: {model}}}\n{PLAIN}"))
    assert problem["where"] == "lora.yaml:2:8 base.model"
    assert what in problem["what"]
    assert next_step.lower() in problem["next_step"].lower()


@pytest.mark.parametrize("model", ["owner/name", "owner/na.me@v1.0", "owner/name@refs/pr/1"])
def test_a_hub_id_is_not_looked_for_on_the_disk(project, model):
    check(project(good=f"name: a\nbase: {{model: {model}}}\n{PLAIN}"))


def test_a_tagger_folder_must_hold_its_two_files(problems, project, tmp_path):
    more = "captions: {tagger: {type: wd14, model: tagger}}\n"
    assert "no model at `tagger`" in one(problems(more))["what"]
    (tmp_path / "tagger").mkdir()
    assert "lacks model.onnx and selected_tags.csv" in one(problems(more))["what"]
    (tmp_path / "tagger/model.onnx").write_bytes(b"")
    problem = one(problems(more))
    assert problem["where"] == "lora.yaml:7:33 captions.tagger.model"
    assert "lacks selected_tags.csv" in problem["what"]
    (tmp_path / "tagger/selected_tags.csv").write_bytes(b"")
    check(project(more))
    check(project(more.replace("model: tagger", "model: tagger/model.onnx")))
    table = one(problems(more.replace("model: tagger", "model: tagger/selected_tags.csv")))
    assert "name the folder" in table["next_step"]


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        ("cl_tagger", ("cl_tagger_1_02/other.onnx", "cl_tagger_1_02/tag_mapping.json")),
        ("camie", ("camie.onnx", "metadata.json")),
        ("prose", ("config.json", "model-1-of-2.safetensors")),
    ],
)
def test_every_kind_of_tagger_has_its_files(problems, project, tmp_path, kind, files):
    more = f"captions: {{style: tags+prose, tagger: {{type: {kind}, model: tagger}}}}\n"
    for file in files:
        path = tmp_path / "tagger" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        assert "lacks" in one(problems(more))["what"]
        path.write_bytes(b"")
    check(project(more))


def test_a_captioner_is_no_single_file(problems, project, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"")
    more = "captions: {style: prose, tagger: {type: prose, model: model.safetensors}}\n"
    assert "is a file, no folder" in one(problems(more))["what"]


def test_a_side_file_is_no_image(problems):
    assert "ending of an image" in one(problems("captions: {tagger: {extension: .PNG}}\n"))["what"]


@pytest.mark.parametrize(
    ("images", "where", "next_step"),
    [
        ("{buckets: {min: 800, max: 600}}", "images.buckets.min", "below `max`"),
        ("{buckets: {max: 200}}", "images.buckets.max", "below `max`"),
        ("{buckets: {min: 600}}", "images.buckets.min", "`min: 256`"),
        ("{buckets: {max: 500}}", "images.buckets.max", "`max: 1024`"),
        ("{buckets: {step: 64, min: 300}}", "images.buckets.min", "`min: 320`"),
        ("{buckets: {step: 64, max: 1000}}", "images.buckets.max", "`max: 1024`"),
        ("{resolution: 500, buckets: {step: 64}}", "images.resolution", "`resolution: 512`"),
    ],
)
def test_sizes_that_do_not_fit(problems, images, where, next_step):
    problem = one(problems(f"images: {images}\n"))
    assert problem["where"].endswith(where)
    assert next_step in problem["next_step"]


@pytest.mark.parametrize("images", ["{resolution: 64}", "{resolution: 768, buckets: {step: 32, min: 384, max: 1536}}"])
def test_sizes_that_fit(project, images):
    check(project(f"images: {images}\n"))


def test_prodigy_finds_the_step_size_itself(problems, project):
    assert "all but stop it" in one(problems("training: {optimizer: {type: prodigy, lr: 1e-4}}\n"))["what"]
    problem = one(problems("training: {optimizer: {type: prodigy}, text_encoder_lr: 0.5}\n"))
    assert "{unet_lr: 1.0, text_encoder_lr: 0.5} can't be" in problem["what"]
    assert problem["where"].endswith("training.text_encoder_lr")
    check(project("training: {optimizer: {type: prodigy}, unet_lr: 1}\n"))
    check(project("training: {optimizer: {type: prodigy}, unet_lr: 0.5, text_encoder_lr: 0.5}\n"))
    check(project("training: {optimizer: {type: prodigy}, unet_lr: 0.5, train: unet}\n"))
    check(project("training: {unet_lr: 1e-5, text_encoder_lr: 1e-6}\n"))


def test_prior_pictures_need_something_to_draw(problems, project):
    check(project("regularization: {}\n"))
    check(project("regularization: {generate: {prompts: [a cat]}}\n", good=HEAD + PLAIN))
    assert "nothing says what" in one(problems("regularization: {}\n", good=HEAD + PLAIN))["what"]
    check(project("regularization: {generate: {per_image: true}}\n", good=HEAD + PLAIN))


def test_regularization_images_of_one_s_own_lie_apart(problems, project, tmp_path):
    assert "there is no folder `reg`" in one(problems("regularization: {folder: reg}\n"))["what"]
    (tmp_path / "reg").mkdir()
    assert "no image in `reg`" in one(problems("regularization: {folder: reg}\n"))["what"]
    (tmp_path / "reg/a.png").write_bytes(b"not looked into")
    check(project("regularization: {folder: reg}\n"))
    problem = one(problems("regularization: {folder: dataset}\n"))
    assert "its images would be both" in problem["what"]
    assert problem["where"].endswith("regularization.folder")


def test_samples_that_cannot_be_drawn(problems):
    told = problems("samples: {width: 500, height: 513, prompts: [a, '']}\n")
    assert [problem["next_step"] for problem in told] == [
        "write `width: 496`",
        "write `height: 512`",
        "write one, or delete it",
    ]


def test_everything_is_told_at_once(problems):
    told = problems(
        "images: {buckets: {min: 800, max: 600}}\n", good=HEAD + "triggers: {a: {}}\nconcepts: {b: {folder: x}}\n"
    )
    assert len(told) == 3


def test_settings_alone_look_at_no_disk(project, tmp_path):
    loaded = project()
    (tmp_path / "dataset/plain/a.png").unlink()
    assert list(settings(loaded)) == []
