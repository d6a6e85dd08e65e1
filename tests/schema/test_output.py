import pytest
from pydantic import ValidationError

from lorabuild.schema.output import Output


@pytest.mark.parametrize(
    ("said", "meant"),
    [("all", ("all",)), ("none", ()), ([], ()), (3, ("3",)), ([2, 4], ("2", "4")), (["all"], ("all",))],
)
def test_epochs_beside_it_may_be_said_in_every_form(said, meant):
    assert Output.model_validate({"epochs": said}).epochs == meant


@pytest.mark.parametrize("said", ["last", 0, -1, [1.5], [True], {"a": 1}])
def test_what_is_no_epoch_is_refused(said):
    with pytest.raises(ValidationError):
        Output.model_validate({"epochs": said})


@pytest.mark.parametrize(("said", "meant"), [(6, "6"), ("last", "last"), ("auto", "auto")])
def test_the_epoch_that_is_handed_out(said, meant):
    assert Output.model_validate({"epoch": said}).epoch == meant
