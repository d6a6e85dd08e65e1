import pytest

from lorabuild.schema.describe import json_schema
from lorabuild.schema.run import Run


@pytest.mark.parametrize(
    ("written", "meant"), [(True, "always"), (False, "never"), ("auto", "auto"), ("always", "always")]
)
def test_true_and_false_are_words_for_checkpointing(written, meant):
    assert Run(gradient_checkpointing=written).gradient_checkpointing == meant
    assert Run().gradient_checkpointing == "auto"


def test_an_editor_lets_both_forms_pass():
    forms = json_schema()["$defs"]["Training"]["properties"]["gradient_checkpointing"]["anyOf"]
    assert {"type": "boolean"} in forms


def test_everything_that_costs_something_is_off_until_it_is_written():
    plain = Run()
    assert (plain.ema, plain.validation, plain.early_stop, plain.save_every, plain.keep_checkpoints) == (None,) * 5
    assert (plain.on_change, plain.max_norm, plain.log.tensorboard) == ("restart", None, False)
