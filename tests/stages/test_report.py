import json
from pathlib import Path

import numpy as np
import pytest
from kept import Kept
from PIL import Image

from lorabuild.core.events import silent
from lorabuild.core.item import Item
from lorabuild.evaluate import picture
from lorabuild.images import decode
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site
from lorabuild.stages import report

BUILD = json.loads((Path(__file__).parents[1] / "data" / "finished_build.json").read_text("utf-8"))
ROWS = [{"step": step, "epoch": 1 + step // 5, "loss": 1 / step, "lr": 1e-3} for step in range(1, 16)]
LOG = "\n".join(json.dumps(row) for row in ROWS)


@pytest.fixture
def site(tmp_path):
    return Site(Project.model_validate(BUILD["project"]), tmp_path)


@pytest.fixture
def finished(site, tmp_path):
    """A store and the reads of a build whose images are on disk."""
    outputs = Kept()
    images = []
    for number, image in enumerate(BUILD["reads"]["images"]):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (image["width"], image["height"]), (20 * number, 90, 120)).save(path)
        pixels = decode.prepared(path, site.project.images).pixels
        images.append({**image, "path": str(path), "pixels": pixels})
    drawn = [outputs.write(picture.png(np.full((64, 64, 3), 60 * epoch, np.uint8))) for epoch in range(5)]
    pictures = [
        {"prompt": "zorbl, forest", "epoch": epoch, "weight": float(epoch > 0), "picture": digest}
        for epoch, digest in enumerate(drawn)
    ]
    return outputs, {**BUILD["reads"], "images": images, "pictures": pictures, "log": outputs.write(LOG.encode())}


def make(site, outputs, reads):
    report.run([Item("report", "b3:0", reads=reads)], site, outputs, silent)
    return outputs


def test_the_page_is_one_small_file_with_every_picture(site, finished):
    outputs, reads = finished
    names, line = [entry["picture"] for entry in reads["pictures"]], [["", False]]
    cells = [["zorbl", name] for name in (*names[:2], None)]
    heads = {"axes": ["seed"], "columns": line * 3, "rows": line, "pages": line}
    grid = {"name": "seed", "file": "grid/seed.html", "fixed": [], "cells": cells, **heads}
    page = make(site, outputs, {**reads, "grids": [grid]}).made("report", "report.html").decode()
    assert page.count("<img ") == 12 + 5 + 2 + 2
    assert "smoothed loss from" in page
    assert "Which triggers stand together" in page
    assert len(page) < 500_000


def test_a_file_that_changed_since_the_plan_leaves_the_page_undone(site, finished):
    outputs, reads = finished
    Image.new("RGB", (64, 64), (1, 2, 3)).save(reads["images"][0]["path"])
    assert not make(site, outputs, reads).finished


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"no picture")])
def test_a_file_that_went_away_leaves_the_page_undone(site, finished, spoil):
    outputs, reads = finished
    spoil(Path(reads["images"][0]["path"]))
    assert not make(site, outputs, reads).finished


def test_a_build_without_a_log_has_a_page_without_a_curve(site, finished):
    outputs, reads = finished
    page = make(site, outputs, {**reads, "log": None}).made("report", "report.html").decode()
    assert "Loss curve" not in page


def test_a_large_dataset_shows_an_even_part_of_each_concept():
    images = [{"concept": "big", "id": number} for number in range(100)] + [{"concept": "small", "id": 0}]
    shown = report.chosen(images, 10)
    assert [image["concept"] for image in shown].count("big") == 9
    assert [image["concept"] for image in shown].count("small") == 1
    assert len(report.chosen(images, 1000)) == 101


def test_of_many_pictures_each_is_smaller():
    assert [report._side(320, count) for count in (1, 96, 97)] == [320, 320, 224]
