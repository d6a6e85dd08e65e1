"""spandrel needs torchvision, which is not everywhere: what stands in for it here knows one small kind of model."""

import sys
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lorabuild.core.errors import ProjectError, StageError
from lorabuild.images import restoring


class Net(torch.nn.Module):
    """Every pixel becomes a square of ``scale``, times ``gain``; a hole is grey."""

    def __init__(self, tensors):
        super().__init__()
        self.scale, self.gain = int(tensors["scale"]), tensors["gain"]

    def forward(self, image, mask=None):
        made = image.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3) * self.gain
        return made if mask is None else image * (1 - mask) + 0.5 * mask


class Loader:
    def __init__(self, device):
        assert device == "cpu"

    def load_from_state_dict(self, tensors):
        if "scale" not in tensors:
            raise ValueError("unknown kind")
        net = Net(tensors)
        return type("Opened", (), {"model": net, "scale": net.scale, "__call__": lambda _, *shown: net(*shown)})()


@pytest.fixture(autouse=True)
def spandrel(monkeypatch):
    restoring._opened.cache_clear()
    monkeypatch.setitem(sys.modules, "spandrel", SimpleNamespace(ModelLoader=Loader))
    yield
    restoring._opened.cache_clear()


def model(folder, scale, gain=1.0, name="m.safetensors"):
    tensors = {"scale": torch.tensor(scale), "gain": torch.tensor(gain)}
    save_file(tensors, folder / name) if name.endswith(".safetensors") else torch.save(tensors, folder / name)
    return str(folder / name)


def picture(width=40, height=30):
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")


def test_a_model_is_applied_tile_by_tile_without_seams(tmp_path, monkeypatch):
    path, image = model(tmp_path, 2), picture(70, 50)
    whole = restoring._through(path, image)
    monkeypatch.setattr(restoring, "TILE", 16)
    monkeypatch.setattr(restoring, "BESIDE", 4)
    assert restoring._through(path, image).tobytes() == whole.tobytes()
    assert whole.resize(image.size, Image.Resampling.BOX).tobytes() == image.tobytes()


def test_it_enlarges_until_the_size_is_reached_and_no_further(tmp_path):
    assert restoring.enlarged(picture(40, 30), model(tmp_path, 2), (150, 112)).size == (150, 112)


def test_a_checkpoint_is_read_as_tensors_alone(tmp_path):
    path = model(tmp_path, 1, 0.5, "m.pth")
    assert restoring.restored(Image.new("RGB", (8, 8), (200, 100, 50)), path).getpixel((0, 0)) == (100, 50, 25)


class Hostile:
    def __reduce__(self):
        return print, ("run",)


def test_a_file_that_would_run_something_is_refused(tmp_path, capsys):
    torch.save({"a": Hostile()}, tmp_path / "bad.pth")
    with pytest.raises(ProjectError, match="can't be opened"):
        restoring.restored(picture(), str(tmp_path / "bad.pth"))
    assert not capsys.readouterr().out


def test_only_the_hole_is_painted(tmp_path):
    hole = Image.new("L", (40, 30), 0)
    hole.paste(255, (10, 10, 20, 20))
    image = Image.new("RGB", (40, 30), "#ff0000")
    found = restoring.inpainted(image, hole, model(tmp_path, 1))
    assert found.getpixel((15, 15)) == (128, 128, 128)
    assert found.getpixel((9, 9)) == (255, 0, 0)


def test_a_model_in_the_wrong_place_is_named(tmp_path):
    with pytest.raises(ProjectError, match="enlarges pictures 2 times"):
        restoring.restored(picture(), model(tmp_path, 2))
    with pytest.raises(ProjectError, match="does not enlarge"):
        restoring.enlarged(picture(), model(tmp_path, 1, name="n.safetensors"), (80, 60))


def test_a_model_of_another_kind_and_one_that_fails_are_named(tmp_path):
    save_file({"other": torch.zeros(1)}, tmp_path / "o.safetensors")
    with pytest.raises(ProjectError, match="unknown kind"):
        restoring.restored(picture(), str(tmp_path / "o.safetensors"))
    with pytest.raises(StageError, match="fails"):
        restoring._guarded("m", lambda: torch.zeros(2) @ torch.zeros(3))


def test_without_the_library_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(ProjectError, match="missing") as raised:
        restoring.restored(picture(), model(tmp_path, 1))
    assert "lorabuild[upscale]" in raised.value.next_step
