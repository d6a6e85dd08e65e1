from collections import Counter

import pytest
import torch

from lorabuild.training import randomness
from lorabuild.training.batches import Look, Record
from lorabuild.training.live import Live, Shown


def look(name="a", visit=0):
    sizes = (70.0, 80.0, 0.0, 4.0, 16.0, 16.0)
    return Look(Record(name, "", (), f"p{name}", "plain", 1, False, (16, 16), sizes), visit)


class Camera:
    """Pictures whose first pixel tells the look's chances; it remembers what was asked."""

    def __init__(self, corner=None, mask=False):
        self.asked, self.corner, self.mask = [], corner, mask

    def __call__(self, record, chances):
        self.asked.append((record.id, tuple(chances)))
        pixels = torch.zeros(16, 16, 3, dtype=torch.uint8)
        pixels[0, 0] = int(chances[0] * 256)
        mask = torch.arange(4.0).reshape(1, 2, 2) if self.mask else None
        return Shown(pixels, mask, self.corner)


def encode(images, noise):
    return images.permute(0, 3, 1, 2).float()[:, :, ::8, ::8].sum(1, keepdim=True).expand_as(noise) + noise


def made(camera, **words):
    return Live(camera, encode, channels=4, factor=8, seed=3, flip=False, **words)


def test_noise_and_chances_are_counted_from_the_look():
    camera = Camera()
    rows = made(camera)([look("a"), look("b")])
    noise = randomness.noise(3, [look("a"), look("b")], (4, 2, 2), "vae")
    first = [int(chances[0] * 256) for _, chances in camera.asked]
    assert torch.equal(rows[0]["latents"][:, 1, 1], noise[0][:, 1, 1])
    assert torch.equal(rows[1]["latents"][:, 0, 0], noise[1][:, 0, 0] + 3 * first[1])
    assert len({chances for _, chances in camera.asked}) == 2
    assert all(len(chances) == 5 and all(0 <= one < 1 for one in chances) for _, chances in camera.asked)


def test_a_batch_is_made_once_whoever_asks():
    camera = Camera()
    source, batch = made(camera), [look("a"), look("b")]
    assert source(batch) is source(list(batch))
    assert len(camera.asked) == 2
    source([look("a", 1), look("b")])
    assert len(camera.asked) == 4


@pytest.mark.parametrize("together", [False, True])
def test_batch_mates_change_nothing(together):
    alone, both = made(Camera())([look("b")]), made(Camera(), together=together)([look("a"), look("b")])
    assert torch.equal(alone[0]["latents"], both[1]["latents"])


def test_a_random_crop_is_told_where_it_is():
    assert made(Camera())([look()])[0]["sizes"].tolist() == [70, 80, 0, 4, 16, 16]
    assert made(Camera(corner=(9, 2)))([look()])[0]["sizes"].tolist() == [70, 80, 2, 9, 16, 16]


def test_a_mirrored_look_has_a_mirrored_mask():
    source = Live(Camera(mask=True), encode, channels=4, factor=8, seed=3, flip=True)
    rows = [source([look(visit=visit)])[0]["mask"].flatten().tolist() for visit in range(60)]
    counts = Counter(map(tuple, rows))
    assert set(counts) == {(0, 1, 2, 3), (1, 0, 3, 2)}
    assert min(counts.values()) > 15
