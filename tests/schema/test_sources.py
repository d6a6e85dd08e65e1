import pytest
from pydantic import ValidationError

from lorabuild.schema.consumed import consumed
from lorabuild.schema.project import Project
from lorabuild.schema.sources import Source

PLAIN = {"name": "t", "base": {"model": "b"}, "concepts": {"a": {"folder": "a"}}}


@pytest.mark.parametrize("frames", ["all", "scenes", "every 12"])
def test_frames(frames):
    assert Source(path="a.gif", into="a", frames=frames).frames == frames


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("frames", "every 0"),
        ("frames", "first"),
        ("every", "2"),
        ("every", "frame 2"),
        ("from", "-1s"),
        ("to", "frame x"),
        ("alike", 2),
    ],
)
def test_what_is_no_moment(word, text):
    with pytest.raises(ValidationError):
        Source.model_validate({"path": "a.mkv", "into": "a", word: text})


def test_without_sources_no_setting_is_there_and_each_word_counts():
    assert not [name for name in consumed(Project.model_validate(PLAIN), "") if name.startswith("sources")]
    said = {"path": "a.mkv", "into": "a", "every": "2s", "from": "frame 2", "to": "1:30", "alike": 0.0}
    project = Project.model_validate(PLAIN | {"sources": [said]})
    assert {name: value for name, value in consumed(project, "").items() if name.startswith("sources")} == {
        f"sources.0.{word}": value for word, value in said.items()
    }
