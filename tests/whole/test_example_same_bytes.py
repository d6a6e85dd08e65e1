"""The shortened example, byte for byte: some pictures later, edit by edit, in another world, by other workers."""

import pytest
import short
from edits import all_of, move, rename_word, say
from elsewhere import built_elsewhere, moved
from short import IMAGES, PRIORS

from lorabuild.core.store import Store
from lorabuild.graph.order import STAGES
from lorabuild.images import pool

INFERRED = ("prepare", "tag", "latents")
ENDINGS = (".safetensors", ".json", ".civitai.info", ".png", "-sample-2.png", "-grid.png")
PRODUCTS = (*(f"out/zorbl{ending}" for ending in ENDINGS), "out/README.md", "out/SHA256SUMS", "lora.lock")


def made(project, stages=INFERRED):
    """Key → digests of what was made under it."""
    with Store(project.path(".lorabuild"), read_only=True) as store:
        keys = [key for stage in stages for key in store.latest(stage).values()]
        return {key: result.outputs for key, result in store.results(keys).items()}


def put_aside(project, names):
    """Pictures that the project doesn't have yet; answers with what brings them."""
    for name in names:
        project.path(name).rename(project.root.parent / name.replace("/", "-"))
    return all_of(*(move(f"../{name.replace('/', '-')}", name) for name in names))


LATER = {
    "the first": (["dataset/plain/01.png"], 8),
    "one in the middle, one at once": (["dataset/plain/08.webp"], 1),
    "the last, three at once": (["dataset/cape/08.png"], 3),
    "one of the other concept": (["dataset/cape/06.jpg"], 5),
    "five": ([f"dataset/plain/{name}" for name in ("02.png", "05.png", "09.png", "10.png", "11.png")], 4),
    "all but one": ([f"dataset/cape/0{number}.png" for number in (1, 2, 3, 4, 5, 7, 8)], 8),
}


@pytest.mark.parametrize(("names", "batch"), LATER.values(), ids=LATER)
def test_pictures_tagged_and_encoded_later_have_the_bytes_of_all_at_once(example, tmp_path, names, batch):
    project = short.make(tmp_path / "zorbl")
    project.write("  threads: 1 ", f"  batch: {batch}\n  threads: 1 ")
    bring = put_aside(project, names)
    assert project.build("latents").ran["latents"] == IMAGES - len(names) + PRIORS
    bring(project)
    later = dict.fromkeys(("scan", "prepare", "tag", "caption", "latents"), len(names))
    assert project.build("latents").ran == later | {"balance": 1}
    assert made(project) == made(example)


def test_prior_pictures_drawn_later_have_the_bytes_of_all_at_once(example, tmp_path):
    project = short.make(tmp_path / "zorbl")
    project.write("count: 3", "count: 1")
    assert project.build("latents").ran["latents"] == IMAGES + 1
    project.write("count: 1", "count: 3")
    assert project.build("latents").ran == {"latents": 2}
    assert made(project) == made(example)


@pytest.mark.parametrize("workers", [1, 3, 7])
def test_the_number_of_workers_that_decode_changes_no_byte(example, tmp_path, monkeypatch, workers):
    real = pool.in_order
    monkeypatch.setattr(pool, "in_order", lambda work, asked, *_: real(work, asked, workers))
    project = short.make(tmp_path / "zorbl")
    assert project.build("latents").code == 0
    assert made(project) == made(example)


def days(project):
    """A project on its way to the example; a build, or a part of one, is asked for after each day."""
    bring = put_aside(project, ["dataset/plain/03.png", "dataset/cape/06.jpg"])
    project.path("dataset/plain/06.txt").rename(project.root.parent / "06.txt")
    all_of(
        rename_word("zorbl_cape", "zorbl_coat"),
        say(("model: models/tagger}", "model: models/tagger, threshold: 0.9993}")),
        say(("  dim: 16", "  dim: 4"), ("zorbl, night, small", "zorbl, night")),
        say(("  resolution: 32", "  resolution: 32\n  background: '#000000'")),
    )(project)
    yield "report"
    bring(project)
    yield "latents"
    all_of(
        rename_word("zorbl_coat", "zorbl_cape"),
        say((", threshold: 0.9993}", "}"), ("\n  background: '#000000'", "")),
        move("../06.txt", "dataset/plain/06.txt"),
    )(project)
    yield "text"
    say(("  dim: 4", "  dim: 16"))(project)
    yield "train"
    say(('"zorbl, night"', '"zorbl, night, small"'))(project)
    yield "report"


def test_day_by_day_gives_the_files_of_one_go(example, tmp_path):
    project = short.make(tmp_path / "zorbl")
    for target in days(project):
        assert project.build(target).code == 0
    assert project.path("lora.yaml").read_bytes() == example.path("lora.yaml").read_bytes()
    for name in (*PRODUCTS, "lora.manifest.tsv"):
        assert project.path(name).read_bytes() == example.path(name).read_bytes(), name


def renamed(project):
    """Other names of all pictures and what lies beside them, in another order, of the folders, and of the concepts."""
    text = project.path("lora.yaml").read_text("utf-8")
    for folder in ("plain", "cape"):
        here = project.path(f"dataset/{folder}")
        images = sorted(path for path in here.iterdir() if path.suffix != ".txt" and len(path.suffixes) == 1)
        for number, path in enumerate(reversed(images)):
            name = f"{number:02}-{folder}"
            for each in sorted(here.glob(f"{path.stem}.*")):
                each.rename(here / f"{name}{each.name.removeprefix(path.stem)}")
            text = text.replace(f"dataset/{folder}/{path.name}", f"dataset/{folder}/{name}{path.suffix}")
        here.rename(project.path(f"dataset/the {folder} ones"))
        text = text.replace(f"dataset/{folder}", f"dataset/the {folder} ones")
    lines = text.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if line.startswith("  plain:"))
    lines[first], lines[first + 1] = lines[first + 1], lines[first]
    project.path("lora.yaml").write_text("".join(lines), "utf-8")
    return project


def test_in_another_world_and_under_other_names_every_byte_is_the_same(example, tmp_path):
    project = built_elsewhere(renamed(moved(example, tmp_path / "elsewhere" / "zörbl")))
    assert made(project, STAGES[:-2]) == made(example, STAGES[:-2])
    assert project.sha(short.LORA) == example.sha(short.LORA)
