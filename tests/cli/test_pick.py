"""lorabuild.cli.pick: the table and the sentences."""

from lorabuild.cli import pick
from lorabuild.evaluate.judge import Picked, Row

ROWS = (Row(1, 0.16, 0.07, 0.41, 0.2, None, 0.7), Row(2, 0.15, None, 0.58, 0.3, (0.5, 1.5), 0.9))
FOUND = Picked(ROWS, 2, 1.0, "good", ("Epoch 2.", "Weight 1."), "some pictures", 0.21, "the base's U-Net")


def test_the_picked_epoch_is_marked_and_a_lost_log_is_a_dash():
    head, first, second, *rest = pick._lines(FOUND, FOUND.as_dict())
    assert head.split() == ["epoch", "training", "validation", "likeness", "without", "trigger", "score"]
    assert first.split() == ["1", "0.0700", "0.1600", "0.41", "0.20", "0.700"]
    assert second.split() == ["→", "2", "–", "0.1500", "0.58", "0.30", "0.900"]
    assert "on some pictures; 0.2100 without the LoRA" in rest[0]
    assert "`output: {epoch: 2}`" in rest[-1]


def test_what_was_written_is_shown():
    lines = [*pick._lines(FOUND, FOUND.as_dict() | {"diff": ["+  epoch: 2"], "backup": "lora.yaml.bak"})]
    assert lines[-2:] == ["+  epoch: 2", "written; the old text is lora.yaml.bak"]
    assert [*pick._lines(FOUND, FOUND.as_dict() | {"diff": []})][-1] == "lora.yaml says so already"
