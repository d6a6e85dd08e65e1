from lorabuild.balance.exposure import exposure


def test_a_shared_trigger_is_trained_by_every_concept_that_carries_it():
    carries = {"plain": ["zorbl"], "cape": ["zorbl", "cape"], "misc": []}
    seen = exposure({"plain": 300, "cape": 100, "misc": 50}, carries, ["zorbl", "cape", "idle"])
    assert seen == {"zorbl": 400, "cape": 100, "idle": 0}


def test_a_trigger_named_twice_counts_once():
    assert exposure({"plain": 300}, {"plain": ["zorbl", "zorbl"]}, ["zorbl"]) == {"zorbl": 300}
