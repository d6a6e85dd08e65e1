import pytest

from lorabuild.publish import sheet


def entry(prompt, epoch, weight=1.0, **more):
    name = f"{prompt} {epoch} {weight} {more.get('step', '')}{''.join(more.get('apart', ()))}"
    return {"prompt": prompt, "epoch": epoch, "weight": weight if epoch else 0.0, "picture": name, **more}


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        ([entry("a", 1), entry("a", 0)], ["without LoRA", "epoch 1"]),
        ([entry("a", 1), entry("a", 1, 0.5)], ["epoch 1, weight 0.5", "epoch 1, weight 1"]),
        ([entry("a", 2), entry("a", 2, step=9), entry("a", 1, step=4)], ["step 4", "step 9", "epoch 2"]),
        ([entry("a", 2, finished=[]), entry("a", 2)], ["epoch 2", "epoch 2, finished"]),
    ],
)
def test_columns_are_states_and_name_the_weight_where_there_are_several(pictures, said):
    assert sheet.sheet(pictures).columns == said


def test_a_row_for_each_prompt_and_each_seed():
    seeds = [["seed 1"], ["seed 2"]]
    pictures = [entry("a", epoch, apart=seed) for seed in seeds for epoch in (0, 1)] + [entry("b", 1, apart=["cfg 2"])]
    made = sheet.sheet(pictures)
    assert made.rows == ["a · seed 1", "a · seed 2", "b"]
    assert made.cells[1] == [entry("a", 0, apart=["seed 2"])["picture"], entry("a", 1, apart=["seed 2"])["picture"]]
    assert made.cells[2][0] is None


def test_shipped_are_pictures_of_the_epochs_end_at_the_weight_that_is_recommended():
    pictures = [entry("a", 1, 0.5), entry("a", 2, 1.0, step=9), entry("a", 2, 0.5), entry("a", 2, 1.0), entry("b", 2)]
    assert sheet.shipped(pictures, 2, 1.0) == [pictures[3], pictures[4]]
    assert sheet.shipped(pictures, 3, 1.0) == []
    assert sheet.shipped([*pictures, made := entry("a", 2, 0.8, finished=[])], 2, 1.0) == [made]
