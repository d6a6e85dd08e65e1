import light
import pytest

from lorabuild.core.errors import StageError
from lorabuild.core.events import Event
from lorabuild.graph.along import Along
from lorabuild.stages import sample


@pytest.fixture
def trains(project, monkeypatch):
    """A project that is about to be trained, and what the sample stage is asked to draw: (id, bytes of its LoRA)."""
    asked = []

    def run(items, _site, outputs, emit):
        for item in items:
            lora = item.reads["lora"]
            asked.append((item.id, lora and outputs.read(lora)))
            outputs.done(item, {"picture": outputs.write(item.id.encode())})
            emit(Event("picture", "sample", {"item": item.id}))
            emit(Event("progress", "sample", {"done": 1, "total": 1}))

    monkeypatch.setattr(sample, "run", run)
    light.built(project)
    return project, asked


def comes(sink, folder, name):
    path = folder / f"{name}.safetensors"
    path.write_bytes(name.encode())
    sink(Event("checkpoint", "train", {"name": name, "path": str(path)}))


def test_each_checkpoint_draws_its_own_pictures_and_the_first_those_of_the_base(trains):
    project, asked = trains
    said = []
    with light.viewed(project, "samples.during=true") as view:
        light.plant(view, "latents", "text")
        sink = Along(view, said.append)
        comes(sink, project, "epoch-0001")
        first = [*asked]
        comes(sink, project, "epoch-0001")
        comes(sink, project, "step-00000003")
        assert asked == first
        comes(sink, project, "epoch-0002")
        prompts = ("zorbl", "zorbl, zorbl_cape")
        base = {(f"without LoRA · {prompt}", None) for prompt in prompts}
        assert {*first} == base | {(f"epoch 1 · {prompt}", b"epoch-0001") for prompt in prompts}
        assert [lora for _, lora in asked[4:]] == [b"epoch-0002"] * 2
        light.plant(view, "train")
        assert view.again("sample").clean
    assert [event.kind for event in said].count("picture") == 6
    assert "progress" not in {event.kind for event in said}


def test_nothing_is_drawn_unless_that_is_asked(trains):
    project, asked = trains
    with light.viewed(project) as view:
        light.plant(view, "latents", "text")
        comes(Along(view, lambda _: None), project, "epoch-0001")
    assert asked == []


@pytest.mark.parametrize(
    ("error", "why"),
    [(StageError("no room"), "no room"), (MemoryError(), "the memory ran out")],
    ids=["room", "memory"],
)
def test_after_a_failure_the_training_goes_on_alone(trains, monkeypatch, error, why):
    project, asked = trains
    said = []

    def fail(*_):
        asked.append("tried")
        raise error

    monkeypatch.setattr(sample, "run", fail)
    with light.viewed(project, "samples.during=true") as view:
        light.plant(view, "latents", "text")
        sink = Along(view, said.append)
        comes(sink, project, "epoch-0001")
        comes(sink, project, "epoch-0002")
    assert asked == ["tried"]
    assert [event.data["text"] for event in said if event.kind == "note"] == [
        f"pictures can't be drawn while it trains, so they are drawn after it: {why}"
    ]
