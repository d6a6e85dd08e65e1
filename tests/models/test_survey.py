import json
import runpy

import pytest
import torch

from lorabuild.models import survey as surveys
from lorabuild.models.survey import survey


def test_what_torch_finds_is_printed_for_doctor(capsys):
    runpy.run_path(surveys.__file__, run_name="__main__")
    found = json.loads(capsys.readouterr().out)
    assert found == survey()
    assert found["torch"] == torch.__version__
    assert len(found["devices"]) == torch.cuda.device_count() + torch.backends.mps.is_available()


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: f"GPU {number}")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda number: (5, 8 + number))


@pytest.mark.usefixtures("two_gpus")
def test_every_gpu_is_named_with_its_memory():
    assert survey()["devices"][:2] == [
        {"kind": "cuda", "name": "GPU 0", "total": 8, "free": 5},
        {"kind": "cuda", "name": "GPU 1", "total": 9, "free": 5},
    ]


def test_an_apple_gpu_is_named_with_its_memory(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 100)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 30)
    assert survey()["devices"][-1] == {"kind": "mps", "name": "Apple GPU", "total": 100, "free": 70}
