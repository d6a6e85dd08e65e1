import json

import pytest

from lorabuild.schema.consumed import consumed
from lorabuild.schema.samples import SAMPLERS, Prompt, Samples


def test_plain_prompts_are_in_keys_as_they_always_were(project):
    def told(prompts):
        samples = project(f"samples: {{prompts: {prompts}}}\n").project.samples
        return {name: value for name, value in consumed(samples, "samples").items() if "prompts" in name}

    assert told("[a, {prompt: b}]") == {"samples.prompts": ["a", "b"]}
    line = {"samples.prompts.0": "a", "samples.prompts.1.prompt": "b", "samples.prompts.1.width": 64}
    assert told("[a, b --w 64]") == told("[a, {prompt: b, width: 64}]") == line
    usual = consumed(project().project.samples, "samples")
    assert not {"samples.seeds", "samples.weights", "samples.sampler", "samples.file", "samples.during"} & set(usual)


def test_every_sampler_may_be_said_in_both_ways(project):
    for name in SAMPLERS:
        (prompt,) = project(f"samples: {{prompts: [a --ss {name}], sampler: {name}}}\n").project.samples.prompts
        assert prompt.sampler == name


@pytest.mark.parametrize("written", ["a --w 64 --n b", {"prompt": "a", "width": 64, "negative": "b"}])
def test_a_line_and_a_map_are_one_prompt_which_can_be_read_again(written):
    read = Samples.model_validate_json(json.dumps({"prompts": [written]}), strict=True)
    assert read.prompts == (Prompt(prompt="a", width=64, negative="b"),)
    assert Samples.model_validate_json(read.model_dump_json(), strict=True) == read


def test_a_map_says_its_prompt_to_the_letter(project):
    (prompt,) = project("samples: {prompts: [{prompt: a --w 64}]}\n").project.samples.prompts
    assert (prompt.prompt, prompt.width) == ("a --w 64", None)


@pytest.mark.parametrize(("written", "read"), [("50", "50"), ("epoch", "epoch"), ("end", "end")])
def test_when_they_are_drawn(project, written, read):
    assert project(f"samples: {{every: {written}}}\n").project.samples.every == read
