from lorabuild.graph.explain import reasons, shown

B3 = "b3:" + "0123456789ab" * 5 + "0123"


def test_a_new_item_is_new():
    assert reasons(None, {"a": 1}, had_result=False) == ["new"]


def test_a_lost_result_is_told_before_anything_else():
    assert reasons({"a": 1}, {"a": 2}, had_result=True) == ["result missing from the store"]


def test_a_changed_number_is_shown_then_and_now():
    then, now = {"captions.threshold": 0.35, "x": 1}, {"captions.threshold": 0.4, "x": 1}
    assert reasons(then, now, had_result=False) == ["captions.threshold 0.35 → 0.4"]


def test_nested_parts_are_named_with_dots_and_new_and_gone_are_told_apart():
    then, now = {"a": {"b": 1, "old": 2}}, {"a": {"b": 3, "new": 4}}
    assert reasons(then, now, had_result=False) == ["a.b 1 → 3", "a.new: new, 4", "a.old: gone, was 2"]


def test_digests_are_shortened_and_long_values_cut():
    assert shown(B3) == "b3:0123456789ab…"
    assert len(shown("x" * 500)) == 120
    assert shown(None) == "none"
    assert shown([B3, 1]) == "b3:0123456789ab…, 1"
