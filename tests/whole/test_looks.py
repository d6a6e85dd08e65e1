"""What a look may see of an image and read of its caption, built for real: masks, crops, colours, forms, priors."""

import numpy as np
import pytest
import small
from PIL import Image

SETTINGS = {
    "masks and captions in several forms": (
        ("images: {resolution: 64}", "images: {resolution: 64, masks: side, flip: true}"),
        ("batch: 4,", "batch: 4, caption_shuffle: true, tag_dropout: 0.2, token_warmup: {steps: 0.5}, train: unet,"),
    ),
    "no cache": (
        (
            "images: {resolution: 64}",
            "images: {resolution: 64, masks: alpha, cache: false, color_augment: true, random_crop: true, flip: true}",
        ),
    ),
    "priors of each image": (("count: 2, steps: 2, prompts: [creature]", "per_image: true, steps: 2"),),
    "priors of one's own": (("{generate: {count: 2, steps: 2, prompts: [creature]}}", "{folder: regular}"),),
}


def made(root, models, changes):
    """The small project with masks, pictures for regularization, and other settings."""
    project = small.make(root, models)
    for old, new in changes:
        project.write(old, new)
    half = np.zeros((64, 64), np.uint8)
    half[:, 20:] = 255
    Image.fromarray(half).save(project.path("dataset/plain/a.mask.png"))
    project.path("regular").mkdir()
    for number, size in enumerate([(64, 64), (120, 40)]):
        small.picture((90, 30 * number, 90), size).save(project.path(f"regular/{number}.png"))
        project.path(f"regular/{number}.txt").write_text(f"creature {number}", "utf-8")
    return project


@pytest.mark.parametrize("changes", SETTINGS.values(), ids=SETTINGS)
def test_it_builds_is_clean_and_gives_the_same_bytes_again(tmp_path, models, changes):
    first, second = (made(tmp_path / name, models, changes) for name in ("first", "second"))
    built = first.build()
    assert built.code == 0, built.text
    assert first.run("plan").code == 0
    assert first.build().ran == {}
    assert second.build().code == 0
    assert first.sha() == second.sha()
