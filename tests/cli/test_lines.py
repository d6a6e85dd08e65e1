from pathlib import Path

import events
import pytest

from lorabuild.cli import lines


def why(*causes):
    return [{"item": f"{number}.png", "why": cause} for number, cause in enumerate(causes)]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (89.4, "89 s"),
        (89.6, "1 min 30 s"),
        (185, "3 min 05 s"),
        (3600, "1 h 00 min"),
        (7860, "2 h 11 min"),
    ],
)
def test_spans_of_time(seconds, text):
    assert lines.span(seconds) == text


def test_a_short_time_is_not_worth_saying():
    assert lines.took(0.04) == ""
    assert lines.took(2) == "2.0 s"


def test_one_reason_is_told_with_its_item_many_are_counted():
    assert lines.reason(why("pixels changed")) == "0.png: pixels changed"
    assert lines.reason(why("new")) == "new"
    assert lines.reason([{"item": "train", "why": "lr 1 → 2"}]) == "lr 1 → 2"
    assert lines.reason(why("new", "new")) == "new"
    assert lines.reason(why("a", "b", "b")) == "b (2×); a (1×)"
    assert lines.reason(why("a", "b", "b", "c", "c", "c")) == "c (3×); b (2×); and 1 other reason"
    assert lines.reason([]) == ""


def test_a_long_reason_is_cut():
    assert len(lines.reason(why("x" * 300, "y"))) == 160
    assert lines.reason(why("x" * 300, "y")).endswith("…")


def test_progress_says_what_matters_most_first():
    data = {"done": 120, "total": 400, "unit": "steps", "loss": 0.5, "loss_mean": 0.08123, "left": 160.0, "rate": 3.14}
    assert lines.progress(data) == "120/400 steps, loss 0.0812, 2 min 40 s left, 3.1 a second"
    assert lines.progress({"done": 1, "total": 3, "rate": 0.25, "left": 8}) == "1/3, 8.0 s left, 4.0 s each"
    assert lines.progress({"done": 3, "total": 3, "unit": "images", "left": 0.0}) == "3/3 images"
    assert lines.progress({"done": 1, "total": 2, "loss": 0.5}) == "1/2, loss 0.5000"


def test_outcomes():
    assert lines.outcome({"ran": 0, "reused": 9}) == "up to date"
    assert lines.outcome({"ran": 3, "reused": 17}) == "3 done, 17 reused"
    assert lines.outcome({"ran": 3, "reused": 0}) == "3 done"
    assert lines.outcome({"ran": 1, "reused": 0}) == "done"


def test_the_table_stands_in_columns():
    head, plain, longer, trigger, steps = lines.table_lines(events.TABLE)
    assert len(head) == len(plain) == len(longer)
    assert plain.split() == ["plain", "12", "2", "24", "24.5"]
    assert trigger == "  zorbl is seen 48 times an epoch, 96 in all"
    assert steps == "  192 image steps (96 training, 96 regularization) = 32 optimizer steps in 2 epochs"


def test_one_of_anything_is_singular():
    data = {"steps": {"image": 1, "optimizer": 1, "epochs": 1}}
    assert lines.steps(data) == "1 image step = 1 optimizer step in 1 epoch"


def test_the_end_says_where_to_look_from_here():
    said = lines.closing(events.DONE.data, events.PROJECT, Path("there"))
    assert said == [
        "built in 62 s, 1 file set aside",
        f"  the LoRA    {Path('there/out/tiny.safetensors')}",
        f"  look at it  {Path('there/out/report.html')}",
    ]


def test_the_end_of_a_build_up_to_a_stage_and_of_one_with_nothing_to_do():
    stages = {"scan": {"ran": 0}, "tag": {"ran": 2}}
    assert lines.closing({"seconds": 1.0, "stages": stages, "outputs": []}, events.PROJECT, Path()) == [
        "built up to tag in 1.0 s"
    ]
    assert lines.closing({"seconds": 1.0, "stages": {"scan": {"ran": 0}}, "outputs": []}, events.PROJECT, Path()) == [
        "tiny is up to date – nothing to do"
    ]


def test_control_characters_in_a_name_stay_out_of_the_terminal():
    name = "a\x1b[31m\n.png"
    assert lines.set_aside({"item": name, "problem": "empty"}) == r"a\x1b[31m\n.png – empty"
    assert lines.reason([{"item": name, "why": "pixels changed"}]) == r"a\x1b[31m\n.png: pixels changed"
    assert "\x1b" not in lines.warning({"item": name, "text": f"{name} twice", "code": "duplicate"})


def test_a_warning_names_what_it_is_about_and_its_variant():
    found = {"item": "a", "text": "10 images are more than its share", "code": "over-share"}
    assert lines.warned(found) == "a: 10 images are more than its share"
    assert lines.warned(found | {"variant": "small"}) == "small: a: 10 images are more than its share"
    assert lines.warned(found | {"text": "10 images of a can teach it"}) == "10 images of a can teach it"


@pytest.mark.parametrize(
    ("loss", "text"), [(0.08123, "0.0812"), (0.0, "0.0000"), (3.14e-5, "3.1e-05"), (float("nan"), "nan")]
)
def test_a_small_loss_keeps_its_digits(loss, text):
    assert lines.lost(loss) == f"loss {text}"


def test_long_lines_are_broken_between_words_on_a_terminal_only(monkeypatch):
    text = ["short", "  warning: a/pal.png is transparent and becomes white", "x" * 50]
    assert lines.fitted(text) == text
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    assert lines.fitted(text) == [
        "short",
        "  warning: a/pal.png is transparent and",
        "    becomes white",
        "x" * 50,
    ]


def test_what_a_concept_s_line_does_not_say_stands_below():
    plain = {"name": "a", "images": 20, "repeats": 6, "per_epoch": 110, "share": 112.0}
    assert lines.apart(plain) == []
    some = [
        {"images": 1, "repeats": 3, "weight": 0.5, "fixed": False},
        {"images": 4, "repeats": 2, "weight": 1, "fixed": True},
    ]
    assert lines.apart(plain | {"pictures": 40, "apart": some}) == [
        "a: 20 images in several resolutions, 40 in all: each is repeated",
        "a: 1 of 20 images × 3, by weight 0.5",
        "a: 4 of 20 images × 2, as said",
    ]


def test_buckets_of_several_resolutions():
    row = {"size": [64, 64], "images": 3, "enlarged": 0, "cropped": 0.0}
    found = lines.bucket_lines({"buckets": [row | {"resolution": 64}, row | {"size": [128, 128], "resolution": 128}]})
    assert [line.split()[-1] for line in found] == ["resolution", "64", "128"]
