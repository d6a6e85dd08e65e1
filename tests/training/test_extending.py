import pytest
from tiny_training import Trained, settings

from lorabuild.training.extending import difference, take_over


def told(trained, **facts):
    """What planning hands on of a training, and its blobs."""
    blobs = {name: trained.state.checkpoint(name) for name in trained.state.files} | {"state": trained.state.whole()}
    outputs = {name: name for name in blobs}
    return {"outputs": outputs, "planned": 2, "steps": trained.total, "record": {}, **facts}, blobs.__getitem__


WORDS = {"schedule": {"type": "constant", "warmup": 3}, "ema": {"decay": 0.9}, "save_every": 3, "validation": {}}


@pytest.mark.parametrize("cap", [None, 1])
def test_going_on_gives_what_training_it_all_gives(tmp_path, cap):
    training = settings(**WORDS, keep_checkpoints=cap)
    short = Trained(tmp_path / "short", training, epochs=2, held=(1, 4))
    whole = Trained(tmp_path / "whole", training, epochs=4, held=(1, 4))
    former, read = told(short)
    (tmp_path / "long").mkdir()
    assert take_over(tmp_path / "long", whole.course, former, {}, read) == ""
    longer = Trained(tmp_path / "long", training, epochs=4, held=(1, 4))
    assert longer.resumed_at == short.total
    assert longer.state.files == whole.state.files
    assert (longer.log, longer.state.whole()) == (whole.log, whole.state.whole())


def test_another_machine_begins_anew(tmp_path):
    trained = Trained(tmp_path / "short", settings(), epochs=1)
    former, read = told(trained)
    assert "another kind of machine" in take_over(tmp_path, trained.course, former, {"device": "cuda"}, read)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"schedule": {"type": "constant"}}, ""),
        ({"schedule": {"type": "constant", "warmup": 5}}, ""),
        ({"schedule": {"type": "constant", "warmup": 0.1}}, "schedule of 30 steps differs from that of 20 from step 2"),
        ({"schedule": {"type": "cosine"}}, "the cosine schedule of 30 steps differs from that of 20 from step 2 on"),
        ({"schedule": {"type": "constant"}, "text_encoder_end": 4}, ""),
        ({"schedule": {"type": "constant"}, "text_encoder_end": 25}, ""),
        ({"schedule": {"type": "constant"}, "text_encoder_end": 0.5}, "text encoders stop"),
        ({"schedule": {"type": "constant"}, "token_warmup": {"steps": 0.5}}, "captions grow"),
        ({"schedule": {"type": "constant"}, "token_warmup": {"steps": 12}}, ""),
    ],
)
def test_why_earlier_steps_would_have_been_others(words, said):
    found = difference(settings(**words), 20, 30, 20)
    assert said in found
    assert bool(said) == bool(found)
