import pytest
import torch

from lorabuild.core.errors import ProjectError
from lorabuild.core.record import machine
from lorabuild.models import device
from lorabuild.schema.device import Device


def test_threads_are_pinned():
    assert device.pick(Device(type="cpu", threads=1)) == torch.device("cpu")
    assert torch.get_num_threads() == 1
    assert 1 <= device.threads(Device()) <= device.MOST_THREADS


def test_auto_takes_what_there_is():
    assert device.pick(Device(threads=1)).type == device.best()
    assert not device.available("abacus")


def test_device_that_is_not_there_says_what_to_write():
    missing = next(kind for kind in ("mps", "cuda") if not device.available(kind))
    with pytest.raises(ProjectError, match=missing) as caught:
        device.pick(Device(type=missing, threads=1))
    assert "type: auto" in caught.value.next_step


def test_rows_of_a_cpu_follow_from_the_size_alone():
    cpu = torch.device("cpu")
    assert device.rows(cpu, 64 * 64, 1) == device.rows(cpu, 64 * 64, 32) == 4
    assert device.rows(cpu, 256 * 256) == device.rows(cpu, 1024 * 1024) == 1
    assert device.rows(torch.device("cuda"), 512 * 512, 16) == 16


class Gpu:
    """A GPU that holds so many pictures at once."""

    def __init__(self, most, batch=8):
        self.most, self.did, self.said = most, [], []
        self.rows = device.Rows(torch.device("meta"), torch.float32, batch)
        self.asked = []

    def each(self, count):
        self.rows.each(range(count), 64 * 64, self.do, self.said.append)
        return self.did

    def do(self, group):
        self.asked.append(len(group))
        if len(group) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.did += group


def test_a_gpu_that_is_too_small_takes_fewer_pictures_at_once_and_says_so_in_the_record():
    gpu = Gpu(most=3)
    assert gpu.each(7) == [*range(7)]
    assert gpu.asked == [7, 4, 2, 2, 2, 1]
    assert gpu.rows.record["batch"] == gpu.rows.of(64 * 64) == 2
    assert gpu.said[0] == "8 pictures at once don't fit into memory; they go 4 at once"
    assert len(gpu.said) == 2


def test_where_not_even_one_fits_that_is_the_end():
    gpu, cpu = Gpu(most=0), Gpu(most=0)
    with pytest.raises(torch.OutOfMemoryError):
        gpu.each(3)
    assert gpu.asked == [3, 3, 2, 1]
    cpu.rows = device.Rows(torch.device("cpu"), torch.float32, 8)
    with pytest.raises(torch.OutOfMemoryError):
        cpu.each(3)
    assert cpu.asked == [3]  # its number isn't for choosing


def test_groups_are_filled_up():
    assert list(device.padded([1, 2, 3, 4, 5], 3)) == [([1, 2, 3], 3), ([4, 5, 5], 2)]
    assert list(device.padded([], 3)) == []


def test_record_names_what_the_bytes_depend_on():
    made = device.record(torch.device("cpu"), torch.float32)
    assert made["device"] == "cpu"
    assert made["dtype"] == "float32"
    assert made["threads"] == torch.get_num_threads()
    assert {"torch", "diffusers", "transformers", "cpu"} <= set(made)
    assert made["machine"] == machine()  # another processor, or another system's torch, may round otherwise


def test_samples_are_drawn_in_half_precision_on_cuda_alone():
    assert device.drawing(torch.device("cuda")) == torch.float16
    assert device.drawing(torch.device("mps")) == device.drawing(torch.device("cpu")) == device.FULL


def test_what_is_picked_apart_is_as_before_afterwards():
    before = torch.get_num_threads(), torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    with device.apart():
        torch.set_num_threads(before[0] + 1)
        torch.use_deterministic_algorithms(mode=True, warn_only=True)
        torch.backends.cudnn.deterministic = not before[1]
    assert (torch.get_num_threads(), torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark) == before
    assert not torch.are_deterministic_algorithms_enabled()


def test_kernels_lie_channels_last_on_cuda_alone():
    assert device.layout(torch.device("cuda")) == torch.channels_last
    assert device.layout(torch.device("cpu")) == device.layout(torch.device("mps")) == torch.preserve_format
