import threading

import pytest
import torch

from lorabuild.core.ahead import ahead
from lorabuild.core.errors import StageError
from lorabuild.schema.training import Training
from lorabuild.training.device import dtype, imitated, kernels, open_device, same_bits, thread_begin

CPU, CUDA, MPS = (torch.device(kind) for kind in ("cpu", "cuda", "mps"))


def test_one_training_does_not_colour_the_next():
    first = open_device(CPU, "bf16")
    assert first.mixed_precision == "bf16"
    second = open_device(CPU, "fp32")
    assert (second.mixed_precision, second.device.type, second.gradient_accumulation_steps) == ("no", "cpu", 1)


@pytest.mark.parametrize(("precision", "expected"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_arithmetic(precision, expected):
    layer, device = torch.nn.Linear(2, 2), open_device(CPU, precision)
    with device.autocast():
        assert layer(torch.ones(1, 2)).dtype == expected
    assert dtype(Training(precision=precision)) == expected


def test_missing_bf16_is_said(monkeypatch):
    def refuse(**_kinds):
        raise ValueError("bf16 mixed precision requires a supported device.")

    monkeypatch.setattr("lorabuild.training.device.Accelerator", refuse)
    with pytest.raises(StageError, match="no bf16 arithmetic") as caught:
        open_device(CPU, "bf16")
    assert "fp32" in caught.value.next_step


@pytest.mark.parametrize(("own", "said"), [(True, ""), (False, "this GPU has no bf16 and imitates it slowly")])
def test_a_gpu_that_imitates_bf16_is_said(monkeypatch, own, said):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: own or including_emulation)
    assert imitated(CUDA, "bf16").startswith(said) is True
    assert bool(imitated(CUDA, "bf16")) is not own
    assert {imitated(CUDA, "fp16"), imitated(CUDA, "fp32"), imitated(CPU, "bf16"), imitated(MPS, "bf16")} == {""}


def test_threads_work_on_the_gpu_that_was_taken(monkeypatch):
    taken = threading.local()  # as CUDA keeps it
    taken.number = 3
    monkeypatch.setattr(torch.cuda, "current_device", lambda: getattr(taken, "number", 0))
    monkeypatch.setattr(torch.cuda, "set_device", lambda number: setattr(taken, "number", number))

    def where(_):
        return torch.cuda.current_device()

    assert dict(ahead(where, range(3), begin=thread_begin(CUDA))) == {0: 3, 1: 3, 2: 3}
    assert dict(ahead(where, range(3), begin=thread_begin(CPU))) == {0: 0, 1: 0, 2: 0}


def flags():
    """What decides which kernels torch takes; setting them needs no GPU."""
    cudnn = torch.backends.cudnn
    return {
        "algorithms": torch.are_deterministic_algorithms_enabled(),
        "only warned": torch.is_deterministic_algorithms_warn_only_enabled(),
        "cudnn": cudnn.deterministic,
        "tried out": cudnn.benchmark,
        "memory is filled": torch.utils.deterministic.fill_uninitialized_memory,
    }


def test_on_cuda_only_kernels_that_give_the_same_bits_are_taken_and_all_is_put_back():
    before = flags()
    with kernels(CUDA, deterministic=True):
        assert flags() == {
            "algorithms": True,
            "only warned": False,  # with a warning alone the backward of attention is another each time
            "cudnn": True,
            "tried out": False,
            "memory is filled": False,
        }
    assert flags() == before


def test_on_cuda_the_fastest_kernels_are_taken_where_that_is_wished():
    torch.use_deterministic_algorithms(mode=True, warn_only=True)  # as the stages before have left it
    before = flags()
    try:
        with kernels(CUDA, deterministic=False):
            assert not flags()["algorithms"]
            assert not flags()["cudnn"]
            assert flags()["tried out"]
        assert flags() == before
    finally:
        torch.use_deterministic_algorithms(mode=False)


@pytest.mark.parametrize("deterministic", [True, False])
def test_on_a_cpu_nothing_is_changed(deterministic):
    before = flags()
    with kernels(CPU, deterministic=deterministic):
        assert flags() == before
    assert flags() == before


def test_an_operation_without_such_a_kernel_says_what_to_write():
    before = flags()
    with (
        pytest.raises(StageError, match="put_ does not have a deterministic") as caught,
        kernels(CUDA, deterministic=True),
    ):
        torch.zeros(3).put_(torch.tensor([0]), torch.ones(1))
    assert caught.value.where == "training.deterministic"
    assert "deterministic: false" in caught.value.next_step
    assert flags() == before


def test_another_error_stays_what_it_is():
    with pytest.raises(RuntimeError, match="other"), kernels(CUDA, deterministic=True):
        raise RuntimeError("other")
    with pytest.raises(RuntimeError, match="deterministic"), kernels(CUDA, deterministic=False):
        raise RuntimeError("deterministic")


def test_same_bits_are_promised_of_what_is_known():
    assert same_bits(CPU, Training(deterministic=False))
    assert same_bits(CUDA, Training())
    assert not same_bits(CUDA, Training(deterministic=False))
    assert not same_bits(CUDA, Training(compile=True))
    assert same_bits(CPU, Training(compile=True))
    assert not same_bits(MPS, Training())
