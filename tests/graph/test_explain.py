from lorabuild.graph.explain import reasons, shown

B3 = "b3:" + "0123456789ab" * 5 + "0123"


def test_a_new_item_is_new():
    assert reasons(None, {"a": 1}, had_result=False) == ["new"]
    assert reasons(None, {"a": 1}, had_result=False, thing="file") == ["new file"]


def test_a_lost_result_is_told_before_anything_else():
    assert reasons({"a": 1}, {"a": 2}, had_result=True) == ["result missing from the store"]


def test_a_changed_number_is_shown_then_and_now():
    then, now = {"captions.threshold": 0.35, "x": 1}, {"captions.threshold": 0.4, "x": 1}
    assert reasons(then, now, had_result=False) == ["captions.threshold 0.35 → 0.4"]


def test_nested_parts_are_named_with_dots_and_new_and_gone_are_told_apart():
    then, now = {"a": {"b": 1, "old": 2}}, {"a": {"b": 3, "new": 4}}
    assert reasons(then, now, had_result=False) == ["a.b 1 → 3", "a.new: new, 4", "a.old: gone, was 2"]


def test_digests_are_shortened_and_long_values_cut():
    assert shown(B3) == "b3:012345…"
    assert len(shown("x" * 500)) == 120
    assert shown(None) == "none"
    assert [shown([]), shown(""), shown({})] == ["empty"] * 3
    assert shown([B3, 1]) == "b3:012345…, 1"


def test_a_changed_digest_is_shown_then_and_now():
    other = B3.replace("0", "f")
    assert reasons({"pixels": B3}, {"pixels": other}, had_result=False) == ["pixels b3:012345… → b3:f12345…"]
    assert reasons({"text": None}, {"text": B3}, had_result=False) == ["text none → b3:012345…"]


def test_equal_parts_without_a_result_mean_that_it_was_lost():
    assert reasons({"a": 1}, {"a": 1}, had_result=False) == ["result missing from the store"]


def test_lists_and_mappings_are_written_out():
    assert shown({"name": "x", "empty": ()}) == "name x"


def test_another_type_comes_first_and_words_that_stay_unset_are_left_out():
    then = {"network": {"alpha": 8, "type": "lora"}, "z": {"old": None}}
    now = {"network": {"alpha": 4, "type": "loha", "blocks": None}, "z": {}}
    assert reasons(then, now, had_result=False) == ["network.type lora → loha", "network.alpha 8 → 4"]
    assert reasons({}, {"blocks": None}, had_result=False) == ["blocks: new, none"]
