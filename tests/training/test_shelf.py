import torch
from safetensors.torch import save

from lorabuild.training.shelf import Shelf


def shelf(room):
    blobs = {name: save({"latents": torch.full((4, 2, 2), float(place))}) for place, name in enumerate("abc")}
    asked = []

    def read(digest):
        asked.append(digest)
        return blobs[digest]

    return Shelf(read, room), asked


def test_read_once_when_it_fits():
    kept, asked = shelf(1000)
    for name in "abcabc":
        kept.tensors(name)
    assert asked == list("abc")
    assert kept.used == 3 * 4 * 2 * 2 * 4
    assert kept.tensors("c")["latents"].mean() == 2


def test_memory_is_bounded():
    kept, asked = shelf(2 * 64)
    for name in "abcabc":
        assert kept.tensors(name)["latents"].shape == (4, 2, 2)
    assert asked == list("abcc")
    assert kept.used == 2 * 64
