import pytest
from pydantic import ValidationError

from lorabuild.schema.caption_forms import CaptionForms
from lorabuild.schema.consumed import consumed


def test_captions_are_left_alone_by_default():
    plain = CaptionForms()
    assert (plain.caption_shuffle, plain.tag_dropout, plain.token_warmup.steps, plain.keep_tokens) == (
        False,
        0,
        0,
        None,
    )


@pytest.mark.parametrize(
    "words",
    [
        {"tag_dropout": 1.1},
        {"keep_tokens": -1},
        {"keep_separator": ""},
        {"caption_variants": 0},
        {"token_warmup": 3},
        {"caption_prefix": ""},
        {"secondary_separator": ""},
    ],
)
def test_what_has_no_meaning_is_refused(words):
    with pytest.raises(ValidationError):
        CaptionForms.model_validate(words)


def test_words_that_came_later_say_nothing_until_they_are_written():
    later = {"caption_prefix", "caption_suffix", "secondary_separator", "wildcards"}
    assert not later & consumed(CaptionForms(), "").keys()
    assert consumed(CaptionForms(wildcards=True), "")["wildcards"] is True
