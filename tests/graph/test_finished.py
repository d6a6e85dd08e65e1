"""lorabuild.graph.finished: what is handed out is drawn as it is handed out."""

import light

from lorabuild.graph import drawing
from lorabuild.graph.products import _pictures

STEPS = [{"rebase": {"from": 0.5, "to": 0.8}}, {"resize": 4}]


def drawn(root):
    with light.viewed(root) as view:
        return {name: one for name, one in light.items(view, "sample").items() if name.startswith(drawing.FINISHED)}


def test_the_epoch_that_is_handed_out_is_drawn_once_a_prompt_at_the_weight_that_is_meant(project):
    light.finished(project)
    light.write(project, finish=STEPS)
    redone = light.redone(project)
    assert redone["sample"] == [f"handed out · {prompt}" for prompt in ("zorbl", "zorbl, zorbl_cape")]
    assert not {"latents", "text", "train"} & {stage for stage, items in redone.items() if items}
    one = drawn(project)["handed out · zorbl"]
    assert (one.reads["epoch"], one.reads["weight"], one.reads["finished"]) == (2, 0.8, [])
    assert one.parts["finish.1.resize.dim"] == 4
    light.write(project, finish=[*STEPS[:1], {"resize": 8}])
    assert drawn(project)["handed out · zorbl"].key != one.key


def test_they_wait_for_the_training(project):
    light.write(project, finish=STEPS)
    light.built(project)
    with light.viewed(project) as view:
        assert sum(name.startswith(drawing.FINISHED) for name in view.step("sample").waiting) == 2


def test_the_package_knows_them_apart(project):
    light.write(project, finish=STEPS)
    light.finished(project)
    with light.viewed(project) as view:
        pictures = _pictures(view)
    assert [("finished" in entry, entry["epoch"]) for entry in pictures][-2:] == [(True, 2), (True, 2)]
    assert sum("finished" in entry for entry in pictures) == 2
