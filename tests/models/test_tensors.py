import numpy as np
import torch

from lorabuild.models.tensors import noise, pack, stacked, unpack


def test_bytes_don_t_depend_on_the_order_of_names():
    a, b = torch.arange(6.0).view(2, 3), torch.tensor([1, 2])
    assert pack({"a": a, "b": b}) == pack({"b": b, "a": a})
    back = unpack(pack({"a": a.t(), "b": b}))
    assert torch.equal(back["a"], a.t())
    assert torch.equal(back["b"], b)


def test_bytes_don_t_depend_on_the_batch_that_a_row_was_in():
    batch = torch.randn(4, 2, 3)
    assert pack({"x": batch[2]}) == pack({"x": batch[2].clone()})


def test_noise_is_counted():
    assert torch.equal(noise((4, 3), "vae", "b3:1"), noise((4, 3), "vae", "b3:1"))
    assert not torch.equal(noise((4, 3), "vae", "b3:1"), noise((4, 3), "vae", "b3:2"))


def test_arrays_that_can_t_be_written_are_stacked():
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    picture.flags.writeable = False
    assert stacked([picture, picture]).shape == (2, 2, 2, 3)
    assert stacked([torch.zeros(2), torch.ones(2)]).tolist() == [[0, 0], [1, 1]]
