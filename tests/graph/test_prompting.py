from collections import Counter

import light
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.graph.prompting import chosen, expanded, prompts


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("zorbl, forest", ["zorbl, forest"]),
        ("{trigger}, forest", ["zorbl, forest", "cape, forest"]),
        ("{triggers}, forest", ["zorbl, cape, forest"]),
        ("{trigger} beside {triggers}", ["zorbl beside zorbl, cape", "cape beside zorbl, cape"]),
        ("{word} ((tag:1.2))", ["{word} ((tag:1.2))"]),
    ],
)
def test_triggers_are_put_in(prompt, found):
    assert expanded(prompt, ["zorbl", "cape"]) == found


def test_a_choice_is_counted_by_prompt_and_seed():
    assert chosen("a, {red|green} hat", 3) in ("a, red hat", "a, green hat")
    assert chosen("a, {red|green} hat", 3) == chosen("a, {red|green} hat", 3)
    counts = Counter(chosen("{red|green|blue}", seed) for seed in range(900))
    assert set(counts) == {"red", "green", "blue"}
    assert min(counts.values()) > 230
    assert len({chosen("{a|b} {a|b}", seed) for seed in range(40)}) == 4


def test_an_empty_choice_leaves_no_comma_and_other_prompts_stay_to_the_letter():
    assert {chosen("a, {hat|}, b", seed) for seed in range(40)} == {"a, hat, b", "a, b"}
    assert chosen("a,, {b} ,c", 0) == "a,, {b} ,c"


@given(st.text(), st.integers(0, 2**32))
def test_nothing_is_left_to_choose(prompt, seed):
    drawn = chosen(prompt, seed)
    assert chosen(drawn, seed) in (drawn, chosen(drawn, seed))
    if "|" not in prompt:
        assert drawn == prompt


def test_prompts_of_lora_yaml_come_before_those_of_the_file(project):
    (project / "more.txt").write_text("c --d 7\n", "utf-8")
    light.write(project, samples={"prompts": ["a", {"prompt": "b --w 8", "cfg": 2}], "file": "more.txt"})
    found = list(prompts(light.opened(project).site))
    assert found == [{"prompt": "a"}, {"prompt": "b --w 8", "cfg": 2.0}, {"prompt": "c", "seed": 7}]
