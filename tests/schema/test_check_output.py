import pytest

from lorabuild.schema.check_output import output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["output.epochs=[2, 9]"], "no epoch 9: the training has 8"),
        (["output.epochs=[2, 8]", "training.keep_checkpoints=3"], "no epoch 2: only 6 to 8 are kept"),
    ],
)
def test_an_epoch_that_no_training_leaves_is_refused(project, words, said):
    (found,) = output(project(overrides=["budget.epochs=8", *words]))
    assert said in found.what
    assert "output.epochs" in found.where


@pytest.mark.parametrize("epochs", ["all", "none", "[1, 8]", "3"])
def test_those_that_it_leaves_are_not(project, epochs):
    assert list(output(project(overrides=["budget.epochs=8", f"output.epochs={epochs}"]))) == []


def test_epochs_are_written_as_people_write_them(project):
    said = {
        text: project(overrides=[f"output.epochs={text}"]).project.output.epochs for text in ("all", "[2, 4]", "none")
    }
    assert said == {"all": ("all",), "[2, 4]": ("2", "4"), "none": ()}
