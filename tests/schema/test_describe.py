"""lorabuild.schema.describe: the reference page and the JSON Schema."""

import json
import re
from pathlib import Path

from lorabuild.schema.describe import json_schema, reference
from lorabuild.schema.document import read
from lorabuild.schema.load import parse
from lorabuild.schema.project import Project
from lorabuild.schema.words import words

PAGE = Path(__file__).parents[2] / "docs/lora-yaml.md"


def test_the_committed_page_is_the_generated_one():
    assert PAGE.read_text("utf-8") == reference(), "run: lorabuild schema --markdown > docs/lora-yaml.md"


def test_every_word_stands_on_the_page():
    page = reference()
    for word in words(Project):
        assert f"| `{word.name}` |" in page
        assert not word.field.description or word.field.description.replace("|", "\\|") in page


def test_every_row_has_its_five_cells():
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}
    again = "captions.tagger.of."  # the parts of a merged tagger are taggers: their tables stand there already
    places = {(word.dotted, word.variant) for word in words(Project) if not word.dotted.startswith(again)}
    assert len(rows) == len(places)


def test_the_smallest_project_on_the_page_loads(tmp_path):
    smallest = re.findall(r"```yaml\n(.*?)```", reference(), re.DOTALL)
    assert len(smallest) == 1
    assert parse(smallest[0], tmp_path).project.name == "zorbl"


def test_examples_on_the_page_are_yaml():
    examples = re.findall(r"\| `([^`]*)` \|$", reference(), re.MULTILINE)
    assert examples
    assert [example for example in examples if read(example.replace("\\|", "|"), "x").problems] == []


def test_the_schema_is_for_editors():
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert schema["required"] == ["name", "base"]
    assert (schema["then"], schema["else"]) == ({"required": ["slider"]}, {"required": ["concepts"]})
    assert schema["additionalProperties"] is False
    assert "class" in schema["$defs"]["Trigger"]["properties"]


def test_the_usual_type_need_not_be_written():
    definitions = json_schema()["$defs"]
    assert "type" not in definitions["AdamW"].get("required", [])
    assert "type" in definitions["Prodigy"]["required"]
    assert "type" in definitions["Wd14"]["required"]
    assert "type" not in definitions["L2"].get("required", [])
