"""A project, and one event of every kind as its build emits them."""

from lorabuild.core.events import Event
from lorabuild.schema.project import Project

PROJECT = Project.model_validate({"name": "tiny", "base": {"model": "b"}, "concepts": {"a": {"folder": "a"}}})
TABLE = {
    "concepts": [
        {"name": "plain", "images": 12, "repeats": 2, "per_epoch": 24, "share": 24.5},
        {"name": "a_longer_name", "images": 1, "repeats": 24, "per_epoch": 24, "share": 24.5},
    ],
    "triggers": [{"name": "zorbl", "per_epoch": 48, "total": 96}],
    "steps": {"image": 192, "optimizer": 32, "epochs": 2},
    "regularization_per_epoch": 48,
    "warnings": [],
}
STAGE = Event("stage", "tag", {"total": 20, "todo": 3, "reasons": [{"item": "a.png", "why": "new"}] * 3})
PROGRESS = Event("progress", "tag", {"done": 1, "total": 3, "unit": "images"})
STAGE_DONE = Event("stage_done", "tag", {"ran": 3, "reused": 17, "seconds": 2.25})
ASIDE = Event("aside", "scan", {"item": "bad [1].png", "problem": "it is no picture"})
WARNING = Event("warning", "balance", {"code": "duplicate", "item": "d.png", "text": "d.png is a.png"})
NOTE = Event("note", data={"code": "busy", "text": "another build is running"})
WROTE = Event("note", "report", {"code": "wrote", "item": "out/x", "text": "wrote out/x"})
TOLD = Event("table", "balance", TABLE)
DONE = Event(
    "done",
    data={
        "ok": True,
        "seconds": 62.0,
        "stages": {"tag": {"ran": 3, "reused": 17, "seconds": 2.25}, "report": {"ran": 1, "reused": 0, "seconds": 1.0}},
        "outputs": [{"path": "out/tiny.safetensors", "sha256": "1"}, {"path": "out/report.html", "sha256": "2"}],
        "aside": [{"item": "bad [1].png", "stage": "scan", "problem": "it is no picture"}],
    },
)
EVERY = (STAGE, PROGRESS, STAGE_DONE, ASIDE, WARNING, NOTE, WROTE, TOLD, DONE)


class Clock:
    """Seconds that a test turns on by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now
