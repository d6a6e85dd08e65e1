"""What a change redoes, row by row: exactly these items, and the LoRA's bytes move or stay."""

import json
import os
import re
import shutil

import pytest
import small
import tiny_tagger
from edits import metadata, move, nudge, resaved, touched
from safetensors.numpy import load_file

PRIORS = 2
LEARNED = {"train": 1, "sample": 1, "package": 1, "report": 1}
"""After the LoRA changed: the picture without it is the old one."""
SAID = {"package": 1, "report": 1}


def paint(name, colour):
    def change(project):
        small.picture(colour, small.SHAPES.get(name[-1], (64, 64))).save(project.path(f"dataset/{name}.png"))

    return change


def say(old, new):
    return lambda project: project.write(old, new)


def reformatted(project):
    text = project.path("lora.yaml").read_text("utf-8")
    text = text.replace("network: {dim: 2, alpha: 1}", "# how much it may learn\nnetwork:\n  alpha: 1.0\n\n  dim: 2")
    first, *rest = text.splitlines(keepends=True)
    project.path("lora.yaml").write_text("".join([*rest, first]), "utf-8")


def renamed_trigger(project):
    text = project.path("lora.yaml").read_text("utf-8")
    project.path("lora.yaml").write_text(text.replace("zorbl_cape", "quib_cape"), "utf-8")


def captioned(project):
    project.path("dataset/plain/d.txt").write_text("brown, by hand", "utf-8")


def added(project):
    small.picture((200, 20, 160)).save(project.path("dataset/plain/new.png"))


def removed(project):
    project.path("dataset/plain/d.png").unlink()


def grown(project):
    """A tagger of the same answers with one more tag, which is always seen."""
    rows = (*tiny_tagger.ROWS, ("seen", 0))
    bias = [0.0] * len(tiny_tagger.ROWS) + [4.0]
    tiny_tagger.make(project.path("tagger"), rows=rows, bias=bias)


def surer(project):
    """A tagger of other bytes and scores, that lets every caption be as it was."""
    tiny_tagger.make(project.path("tagger"), bias=[0, 0.1, 0, 0, 0, 0, 0, 0])


PICTURE = {"scan": 1, "prepare": 1, "tag": 1, "caption": 1, "latents": 1}
NOTHING = {
    "rename": move("dataset/plain/c.png", "dataset/plain/zz.png"),
    "rename of a picture that is there twice": move("dataset/plain/a.png", "dataset/plain/zz.png"),
    "rename of a folder within the concept": move("dataset/cape/e.png", "dataset/cape/inside/e.png"),
    "touch": touched,
    "comment and formatting": reformatted,
    "device": say("threads: 1", "threads: 1, batch: 3"),
    "the second of two equal pictures gone": lambda project: project.path("dataset/plain/a_again.png").unlink(),
    "a file that is no image": lambda project: project.path("dataset/plain/readme.md").write_text("x"),
}
SAME_LORA = {
    "metadata only": (metadata("dataset/plain/c.png"), {"scan": 1}),
    "lossless re-save": (resaved("dataset/plain/c.png"), {"scan": 1}),
    "sample prompt": (say("zorbl, red", "zorbl, blue"), {"sample": 2, **SAID}),
    "one more prompt": (say('["zorbl, red"]', '["zorbl, red", "x"]'), {"sample": 2, **SAID}),
    "samples at every epoch": (say("every: end", "every: epoch"), {"sample": 1, **SAID}),
    "budget that gives the same repeats": (say("steps: 24,", "steps: 25,"), {"balance": 1, "report": 1}),
    "drop of what no caption holds": (say("captions: {", "captions: {drop: [hat], "), {"caption": 7, "report": 1}),
}
OTHER_LORA = {
    "pixels": (paint("plain/c", (61, 201, 41)), PICTURE | LEARNED),
    "pixels that are tagged otherwise": (paint("plain/c", (201, 201, 41)), PICTURE | {"text": 1} | LEARNED),
    "size of a picture": (
        lambda project: small.picture(small.CAPE["f"]).save(project.path("dataset/cape/f.png")),
        PICTURE | {"balance": 1} | LEARNED,
    ),
    "new picture": (added, PICTURE | {"balance": 1, "text": 1} | LEARNED),
    "picture gone": (removed, {"balance": 1} | LEARNED),
    "moved to another concept": (
        move("dataset/plain/c.png", "dataset/cape/c.png"),
        {"caption": 1, "balance": 1, "text": 1} | LEARNED,
    ),
    "caption by hand": (captioned, {"caption": 1, "text": 1} | LEARNED),
    "trigger renamed": (renamed_trigger, {"caption": 3, "balance": 1, "text": 3} | LEARNED),
    "prune rule": (say("absorbs: [1creature]", "absorbs: [1creature, blue]"), {"caption": 7, "text": 3} | LEARNED),
    "drop list": (say("captions: {", "captions: {drop: [green], "), {"caption": 7, "text": 1} | LEARNED),
    "tag threshold": (say("threshold: 0.35", "threshold: 0.4"), {"caption": 7, "text": 1} | LEARNED),
    "background": (
        say("images: {", "images: {background: '#102030', "),
        {"prepare": 7, "tag": 1, "caption": 1, "latents": 1} | LEARNED,
    ),
    "flip": (say("images: {", "images: {flip: true, "), {"latents": 7} | LEARNED),
    "step budget": (say("steps: 24,", "steps: 32,"), {"balance": 1} | LEARNED),
    "epochs": (say("epochs: 2", "epochs: 1"), {"balance": 1} | LEARNED),
    "concept weight": (say("cape]}\nimages", "cape], weight: 3}\nimages"), {"balance": 1} | LEARNED),
    "learning rate": (say("1.0e-3", "2.0e-3"), LEARNED),
    "network dim": (say("dim: 2", "dim: 3"), LEARNED),
    "prior pictures": (say("count: 2", "count: 3"), {"latents": 1} | LEARNED),
    "resolution": (
        say("resolution: 64", "resolution: 32"),
        {"balance": 1, "latents": 7 + PRIORS} | LEARNED | {"sample": 2},
    ),
    "bucket limits": (say("64}", "64, buckets: {max: 64}}"), {"balance": 1, "latents": 1} | LEARNED),
    "tagger with other answers": (grown, {"tag": 7, "caption": 7, "text": 5} | LEARNED),
    "vae": (nudge("vae"), {"latents": 7 + PRIORS, "sample": 2} | LEARNED | {"sample": 2}),
    "text encoder": (nudge("text_encoder"), {"latents": PRIORS} | LEARNED | {"sample": 2}),
    "unet": (nudge("unet"), {"latents": PRIORS} | LEARNED | {"sample": 2}),
}
OTHER_WORDS = {
    "author": say("author: someone", "author: somebody"),
    "description": say("author: someone", "author: someone, description: round"),
}


def weights(project, name=small.LORA):
    return {key: tensor.tobytes() for key, tensor in load_file(project.path(name)).items()}


@pytest.mark.parametrize("change", NOTHING.values(), ids=NOTHING)
def test_nothing_is_done_again(project, change):
    before = project.sha()
    change(project)
    again = project.build()
    assert again.ran == {}
    assert project.sha() == before


@pytest.mark.parametrize(("change", "ran"), SAME_LORA.values(), ids=SAME_LORA)
def test_the_lora_stays_as_it_was(project, change, ran):
    before = weights(project)
    change(project)
    assert project.build().ran == ran
    assert weights(project) == before
    assert project.build().ran == {}


@pytest.mark.parametrize(("change", "ran"), OTHER_LORA.values(), ids=OTHER_LORA)
def test_exactly_what_the_change_calls_for_is_done(project, change, ran):
    before = weights(project)
    change(project)
    assert project.build().ran == ran
    assert weights(project) != before
    assert project.build().ran == {}


@pytest.mark.parametrize("change", OTHER_WORDS.values(), ids=OTHER_WORDS)
def test_words_about_the_lora_are_packed_again(project, change):
    before, held = weights(project), project.sha()
    change(project)
    assert project.build().ran == SAID
    assert weights(project) == before
    assert project.sha() != held


def test_a_new_name_packs_the_same_weights_under_it(project):
    before = weights(project)
    project.write("name: tiny", "name: other")
    assert project.build().ran == SAID
    assert weights(project, "out/other.safetensors") == before


@pytest.mark.parametrize("name", ["sample prompt", "one more prompt", "samples at every epoch"])
def test_what_is_drawn_is_no_part_of_the_file(project, name):
    before = project.sha()
    SAME_LORA[name][0](project)
    project.build()
    assert project.sha() == before


def test_a_tagger_with_the_same_answers_ends_at_the_captions(project):
    before = project.sha()
    surer(project)
    assert project.build().ran == {"tag": 7, "caption": 7}
    assert project.sha() == before


def test_a_frozen_text_encoder_is_run_once_a_text_and_again_when_it_is_replaced(project):
    project.write("training: {", "training: {train: unet, ")
    texts = 6 + 1 + 1  # captions, prior prompt, the empty one
    assert project.build().ran == {"text": texts} | LEARNED
    nudge("text_encoder")(project)
    assert project.build().ran == {"text": texts, "latents": PRIORS} | LEARNED | {"sample": 2}


def test_the_manifest_follows_a_rename(project):
    def rows():
        lines = project.path("lora.manifest.tsv").read_text("utf-8").splitlines()
        return dict(line.split("\t", 1) for line in lines[1:])

    before, lock = rows(), project.path("lora.lock").read_bytes()
    move("dataset/plain/c.png", "dataset/plain/zz.png")(project)
    project.build()
    assert rows() == {name.replace("/c.", "/zz."): row for name, row in before.items()}
    assert project.path("lora.lock").read_bytes() == lock


def test_of_two_equal_pictures_the_one_with_words_beside_it_is_used_whatever_they_are_called(project):
    project.path("dataset/plain/a_again.txt").write_text("by hand", "utf-8")
    assert project.build().ran == {"caption": 1, "text": 1} | LEARNED
    before = project.sha()
    for ending in ("png", "txt"):
        move(f"dataset/plain/a_again.{ending}", f"dataset/plain/0.{ending}")(project)
    assert project.build().ran == {}
    assert project.sha() == before


def test_a_change_that_is_taken_back_costs_nothing(project):
    before = project.sha()
    project.write("dim: 2", "dim: 3")
    project.build()
    project.write("dim: 3", "dim: 2")
    assert project.build().ran == {}
    assert project.sha() == before


def padded(path):
    """The same picture in a file of one size: what follows a PNG's end is never read."""
    path.write_bytes(path.read_bytes().ljust(20_000, b"\0"))


def test_a_change_that_keeps_size_and_time_is_seen(project):
    path = project.path("dataset/plain/c.png")
    padded(path)
    assert project.build().ran == {"scan": 1}
    stamp = path.stat()
    paint("plain/c", (61, 201, 41))(project)
    padded(path)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert path.stat().st_size == stamp.st_size
    assert project.build().ran == PICTURE | LEARNED


def test_two_concepts_may_share_a_folder(project):
    project.write("images: {", "  more: {folder: dataset/cape, triggers: [zorbl]}\nimages: {")
    assert project.build().ran == {"caption": 3, "balance": 1, "text": 3} | LEARNED
    images = project.run("status", "--json").said[0]["images"]
    shared = {(image["path"], image["concept"]) for image in images if "/cape/" in image["path"]}
    assert len(shared) == 6


def test_the_report_of_two_builds_is_the_same_page(project):
    page = project.path("out/report.html").read_bytes()
    shutil.rmtree(project.path("out"))
    assert project.build().ran == {}
    assert project.path("out/report.html").read_bytes() == page


def test_the_answer_names_what_ran_and_what_came_out(project):
    paint("plain/c", (61, 201, 41))(project)
    said = project.build().said
    done = said[-1]
    assert done["event"] == "done"
    assert done["ok"] is True
    assert done["stages"]["tag"] | {"seconds": 0} == {"ran": 1, "reused": 7, "seconds": 0}
    assert {entry["path"]: entry["sha256"] for entry in done["outputs"]}[small.LORA] == project.sha()
    reasons = next(event["reasons"] for event in said if event["event"] == "stage" and event["stage"] == "tag")
    assert [entry["item"] for entry in reasons] == ["dataset/plain/c.png"]
    assert re.fullmatch("pixels b3:[0-9a-f]{6}… → b3:[0-9a-f]{6}…", reasons[0]["why"])
    assert json.dumps(done)
