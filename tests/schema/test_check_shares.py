import pytest

from lorabuild.schema.check_shares import shares

SECOND = {"concepts.cape": "{folder: dataset/cape, triggers: [zorbl]}"}


def found(project, *words):
    second = [f"{word}={value}" for word, value in SECOND.items()]
    return list(shares(project(overrides=[*second, *words])))


@pytest.mark.parametrize(
    ("words", "said", "next_step"),
    [
        (["concepts.cape.rest_of=plaim"], "no concept `plaim`", "did you mean `plain`?"),
        (["concepts.cape.rest_of=plain", "concepts.plain.share=0.5"], "different folders", "leave `rest_of` out"),
        (
            ["concepts.cape.rest_of=plain", "concepts.cape.folder=dataset/plain"],
            "nothing is left",
            "below 1 in `plain`",
        ),
        (["concepts.plain.rest_of=plain", "concepts.plain.share=0.5"], "waits for what it leaves", "leave one"),
        (
            [
                *("concepts.cape.rest_of=plain", "concepts.cape.folder=dataset/plain", "concepts.plain.share=0.5"),
                *("concepts.plain.rest_of=cape", "concepts.cape.share=0.5"),
            ],
            "waits for what it leaves",
            "leave one",
        ),
    ],
)
def test_a_rest_that_leads_nowhere_is_refused(project, words, said, next_step):
    problems = found(project, *words)
    assert problems
    assert said in problems[0].what
    assert next_step in problems[0].next_step


@pytest.mark.parametrize(
    "words",
    [
        ["concepts.cape.share=0.5"],
        ["concepts.plain.share=0.5", "concepts.cape.folder=dataset/plain"],
        ["concepts.plain.share=0.5", "concepts.cape.folder=dataset/../dataset/plain", "concepts.cape.rest_of=plain"],
    ],
)
def test_shares_that_fit_together_are_not(project, words):
    assert found(project, *words) == []
