import light

from lorabuild.graph.likeness import likeness, look_item, together


def test_pictures_together_are_the_same_in_any_order():
    assert together(["b", "a", "b"]).key == together(["a", "b"]).key != together(["a"]).key
    assert look_item("a").key != look_item("b").key


def test_what_was_compared_is_found_again(project):
    with light.viewed(project) as view:
        assert likeness(view, ["a", "b"]) is None
        with view.store.writer("likeness") as outputs:
            outputs.done(together(["a", "b"]), facts={"near": [["a", "b", 0.0]]})
        assert likeness(view, ["b", "a"]) == {"near": [["a", "b", 0.0]]}
