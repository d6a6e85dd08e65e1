"""An optimizer of the project's own: it runs when a person trusted it, and changing it trains again."""

import pytest

OWN = """\
import torch
from beside import SCALE

class Descent(torch.optim.SGD):
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad.mul_(SCALE)
        super().step()
"""


@pytest.fixture
def own(fresh, tmp_path, monkeypatch):
    """A project that names code of its own, and a person who allowed nothing yet."""
    monkeypatch.setenv("LORABUILD_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("LORABUILD_CONSENT", raising=False)
    fresh.path("descent.py").write_text(OWN, "utf-8")
    fresh.path("beside.py").write_text("SCALE = 10.0\n", "utf-8")
    named = "optimizer: {type: custom, class: descent.Descent, lr: 1, arguments: {momentum: 0.9}}"
    fresh.write("optimizer: {lr: 1.0e-3}", named)
    return fresh


def test_it_runs_only_when_it_is_trusted(own, tmp_path):
    refused = own.build()
    assert refused.code == 2
    assert "lorabuild build --trust" in refused.text
    assert not own.path("out").exists()
    assert own.build("balance").code == 0
    assert own.build("--consent").code == 2
    done = own.build("--trust")
    assert done.code == 0, done.text
    assert done.ran["train"] == 1
    assert own.build().ran == {}
    assert not list(own.root.glob("**/__pycache__"))
    assert own.copy(tmp_path / "elsewhere").build("--rehash").code == 2  # there it was not trusted
    assert own.run("verify", "--stage", "train").code == 0


def test_changing_it_trains_again(own):
    assert own.build("--trust").code == 0
    before = own.sha()
    own.path("descent.py").write_text(OWN.replace("SCALE)", "SCALE / 2)"), "utf-8")
    again = own.build()
    assert (again.code, set(again.ran)) == (0, {"train", "sample", "package", "report"})
    assert own.sha() != before
