import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from kept import Kept

from lorabuild.core.item import Item
from lorabuild.evaluate import picture
from lorabuild.models import family, source
from lorabuild.networks import attach
from lorabuild.schema.blocks import LONG, ids
from lorabuild.schema.finish import step
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site
from lorabuild.stages import sample

sys.path.insert(0, str(Path(__file__).parents[1]))

READS = {"negative": "", "seed": 3, "steps": 2, "cfg": 4.0, "size": [32, 32], "lora": None, "weight": 1.0, "epoch": 0}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    import tiny_sd15

    folder = tmp_path_factory.mktemp("sample")
    tiny_sd15.make(folder / "base")
    settings = {"name": "zorbl", "base": {"model": "base"}, "concepts": {"plain": {"folder": "plain"}}}
    network = {"network": {"type": "locon", "dim": 2, "alpha": 2, "conv_dim": 2, "conv_alpha": 2}}
    return Site(Project.model_validate({**settings, **network, "device": {"type": "cpu", "threads": 1}}), folder)


@pytest.fixture(scope="module")
def state(site):
    """A LoRA that visibly changes the pictures."""
    project = site.project
    model = family.load(source.locate(site), project.base, {"unet", "text_encoder"}, torch.device("cpu"), torch.float32)
    adapter = attach.attach(model.layers({"unet", "text_encoder"}, convolutions=True), project.network, 0)
    generator = torch.Generator().manual_seed(0)
    return safetensors.torch.save(
        {
            name: torch.randn(tensor.shape, generator=generator) if name.endswith("up.weight") else tensor
            for name, tensor in adapter.state().items()
        }
    )


def draw(site, outputs, *wanted):
    items = [Item(str(number), f"b3:{number}", reads={**READS, **reads}) for number, reads in enumerate(wanted)]
    events = []
    sample.run(items, site, outputs, events.append)
    assert set(outputs.finished) == {item.id for item in items}
    assert events[-1].data["done"] == events[-1].data["total"] == len(items)
    return [outputs.made(item.id, "picture") for item in items]


def test_pictures_with_and_without_the_lora(site, state):
    outputs = Kept()
    lora = outputs.write(state)
    plain, worn, none, again = draw(
        site,
        outputs,
        {"prompt": "zorbl"},
        {"prompt": "zorbl", "lora": lora, "epoch": 1},
        {"prompt": "zorbl", "lora": lora, "epoch": 1, "weight": 0.0},
        {"prompt": "zorbl", "lora": None, "weight": 0.0},
    )
    assert plain == none == again, "weight 0 is exactly the base"
    assert plain != worn
    assert np.asarray(picture.decode(worn)).shape == (32, 32, 3)
    assert outputs.records["0"]["device"] == "cpu"


def test_a_picture_does_not_depend_on_its_neighbours(site, state):
    outputs = Kept()
    lora = outputs.write(state)
    wanted = [{"prompt": f"zorbl {number}", "lora": lora, "seed": number} for number in range(6)]
    together = draw(site, outputs, *wanted)
    assert draw(site, outputs, *reversed(wanted)) == together[::-1]
    alone = Kept()
    alone.write(state)
    assert draw(site, alone, wanted[2]) == [together[2]]


def test_sizes_and_weights_may_differ_within_a_run(site, state):
    outputs = Kept()
    lora = outputs.write(state)
    half, full, wide = draw(
        site,
        outputs,
        {"prompt": "zorbl", "lora": lora, "weight": 0.5},
        {"prompt": "zorbl", "lora": lora, "weight": 1.0},
        {"prompt": "zorbl", "lora": lora, "size": [64, 32]},
    )
    assert half != full
    assert picture.decode(wide).size == (64, 32)


def test_blocks_and_samplers_change_a_picture_and_its_event_tells_of_it(site, state):
    outputs = Kept()
    lora = outputs.write(state)
    worn = {"prompt": "zorbl", "lora": lora}
    off = dict.fromkeys(ids(LONG), 0.0)
    plain, all_of_it, whole, half, none, other = draw(
        site,
        outputs,
        {"prompt": "zorbl", "weight": 0.0},
        worn,
        {**worn, "blocks": {"M00": 1.0}},
        {**worn, "blocks": {"OUT": 0.5}},
        {**worn, "blocks": off},
        {**worn, "sampler": "euler_a"},
    )
    assert plain == none
    assert whole == all_of_it
    assert len({plain, whole, half, other}) == 4


def test_a_finished_lora_is_drawn_as_it_is_handed_out(site, state):
    steps = (step("rebase", {"from": 0.5}), step("resize", 64))
    done, outputs = Site(site.project.model_copy(update={"finish": steps}), site.root), Kept()
    lora = outputs.write(state)
    whole = {"prompt": "zorbl", "lora": lora, "epoch": 1}
    half, full, finished = draw(done, outputs, {**whole, "weight": 0.5}, whole, {**whole, "finished": []})
    assert finished == half != full


def test_every_picture_is_told_with_its_digest(site):
    outputs, events = Kept(), []
    item = Item("one", "b3:1", reads={**READS, "prompt": "zorbl", "epoch": 2})
    sample.run([item], site, outputs, events.append)
    assert [event.kind for event in events] == ["picture", "progress"]
    told = {"prompt": "zorbl", "epoch": 2, "weight": 1.0, "seed": 3}
    assert events[0].data == {"item": "one", "picture": outputs.finished["one"]["picture"], **told}


def test_groups_keep_the_order_in_which_they_begin():
    items = [Item(str(n), "", reads={"size": [n % 2, 1]}) for n in range(4)]
    groups = list(sample.alike(items, "size"))
    assert [key for key, _ in groups] == [((0, 1),), ((1, 1),)]
    assert [[item.id for item in group] for _, group in groups] == [["0", "2"], ["1", "3"]]
