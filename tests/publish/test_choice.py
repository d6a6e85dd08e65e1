from filled import PICK, ROWS

from lorabuild.publish import choice


def test_nothing_was_picked():
    assert choice.choice(None) is None


def test_the_table_has_the_columns_that_are_known():
    found = choice.choice({**PICK, "rows": [*reversed(ROWS)]})
    assert found.columns == ("Score", "Validation loss", "Training loss", "Usable weights")
    assert found.rows[2] == (3, ("0.600", "0.1000", "0.2000", "0.5 to 1.25"))
    assert (found.epoch, found.weight, found.verdict) == (3, 0.8, "overtrained")
    assert (found.source, found.eye) == ("images held out", "CLIP")
    assert found.measures == ("Likeness", "Harshness")
    assert found.weights == ((0.8, ("50 %", "1.00"), False), (2.0, ("−40 %", "1.50"), True))
    assert found.why == ("Loss rises behind it.", "It looks alike.")


def test_what_is_missing_in_a_row_is_a_dash():
    rows = [{"epoch": 1, "score": None}, {"epoch": 2, "score": 0.51239}]
    found = choice.choice({"epoch": 2, "weight": None, "verdict": "good", "why": "One sentence.", "rows": rows})
    assert found.rows == ((1, ("–",)), (2, ("0.512",)))
    assert (found.weight, found.why) == (1.0, ("One sentence.",))
