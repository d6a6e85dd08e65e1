import pytest

from lorabuild.schema.check_taggers import taggers
from lorabuild.schema.load import parse

GOOD = "name: a\nbase: {model: base}\nconcepts: {plain: {folder: dataset}}\n"


def found(tmp_path, tagger, more="style: tags+prose"):
    return list(taggers(parse(f"{GOOD}captions: {{tagger: {tagger}, {more}}}\n", tmp_path)))


def test_an_answer_is_no_longer_than_it_may_be(tmp_path):
    (problem,) = found(tmp_path, "{type: prose, min_tokens: 60, max_tokens: 50}")
    assert problem.where == "lora.yaml:4:34 captions.tagger.min_tokens"
    assert "at least 60 tokens and at most 50" in problem.what
    assert problem.next_step == "write `max_tokens: 60` or more"


def test_also_in_a_part(tmp_path):
    (problem,) = found(tmp_path, "{type: merged, of: [{type: sidecar}, {type: prose, min_tokens: 60, max_tokens: 50}]}")
    assert problem.where.endswith("captions.tagger.of.1.min_tokens")


def test_one_file_beside_an_image_is_read_by_one_tagger(tmp_path):
    (problem,) = found(tmp_path, "{type: merged, of: [{type: sidecar}, {type: sidecar, extension: .tags}]}")
    assert "two taggers read files" in problem.what


def test_sentences_alone_must_be_in_some_caption(tmp_path):
    (problem,) = found(tmp_path, "{type: prose}", "style: tags")
    assert problem.where == "lora.yaml:4:12 captions.tagger"
    assert "no caption takes them" in problem.what
    assert problem.next_step == "write `style: prose` beside `tagger`"
    assert len(found(tmp_path, "{type: merged, of: [{type: prose}]}", "drop: [a]")) == 1
    assert not found(tmp_path, "{type: merged, of: [{type: wd14}, {type: prose}]}", "drop: [a]")
    assert not found(tmp_path, "{type: prose}", "for: [{match: a/*, style: prose}]")


@pytest.mark.parametrize(
    "tagger", ["{type: wd14}", "{type: prose}", "{type: prose, min_tokens: 9, max_tokens: 9}", "{type: sidecar}"]
)
def test_nothing_is_wrong(tmp_path, tagger):
    assert found(tmp_path, tagger) == []
