import re
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lorabuild.publish import model_card
from lorabuild.schema.project import Project

PICTURES = {
    "zorbl.png": {"prompt": "zorbl, forest", "negative": "blurry"},
    "zorbl-sample-2.png": {"prompt": "zorbl, zorbl_cape, night"},
}
NAMES = ["zorbl.safetensors", "zorbl.json", "zorbl.png", "zorbl-grid.png", "zorbl.civitai.info", "zorbl-sample-2.png"]
MARKDOWN = MarkdownIt("commonmark").enable("table")


def page(project, run, pictures=PICTURES, names=NAMES, beside=()):
    return model_card.card(project, run, pictures, model_card.files(project, run, beside, names)).decode()


def front(text):
    return yaml.safe_load(text.split("---\n")[1])


def body(text):
    return text.split("---\n", 2)[2]


def changed(build, **sections):
    return Project.model_validate({**build["project"], **sections})


def test_the_front_matter_says_what_the_hub_asks_for(project, run):
    words = front(page(project, replace(run, base=replace(run.base, hub="owner/base"))))
    assert words["license"] == "cc-by-4.0"
    assert (words["base_model"], words["base_model_relation"]) == ("owner/base", "adapter")
    assert words["tags"] == ["text-to-image", "stable-diffusion", "lora", "diffusers", "template:sd-lora"]
    assert words["instance_prompt"] == "zorbl"
    assert words["widget"] == [
        {"text": "zorbl, forest", "parameters": {"negative_prompt": "blurry"}, "output": {"url": "zorbl.png"}},
        {"text": "zorbl, zorbl_cape, night", "output": {"url": "zorbl-sample-2.png"}},
    ]


def test_pictures_say_whether_they_are_of_the_file_itself(project, run):
    done = replace(run, done=("resize: {dim: 2}",))
    finished = {name: {**drawn, "finished": []} for name, drawn in PICTURES.items()}
    assert "as it was trained, before `resize: {dim: 2}`" in page(project, done)
    assert "The last column is the file itself" in page(project, done, finished)


@given(st.text(max_size=40))
def test_any_prompt_is_read_back_as_it_was(text):
    assert yaml.safe_load(f"a: {model_card._flow({'text': text})}") == {"a": {"text": text}}


def test_the_hub_takes_the_front_matter(project, run):
    from huggingface_hub import ModelCard

    card = ModelCard(page(project, run))
    assert card.data.license == "cc-by-4.0"
    assert card.data.pipeline_tag == "text-to-image"


def test_a_base_that_is_not_of_the_hub_is_named_and_not_linked(project, run):
    text = page(project, run)
    assert "base_model" not in front(text)
    assert "| base model | base, of the kind of SD 1.5 |" in text
    assert "`base` stands for your copy of the base model" in text


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (None, {}),
        ("MIT", {"license": "mit"}),
        ("Fair AI Public", {"license": "other", "license_name": "fair-ai-public"}),
    ],
)
def test_a_licence_that_the_hub_does_not_know_is_another_one(build, run, said, words):
    found = front(page(changed(build, output={"license": said}), run))
    assert {name: value for name, value in found.items() if name.startswith("license")} == words


def test_a_person_reads_triggers_weight_and_lines_to_copy(project, run):
    text = body(page(project, run))
    assert "# Zorbl, the teal creature" in text
    assert "| cape | `zorbl, zorbl_cape` |" in text
    assert "<lora:zorbl:1> zorbl, forest" in text
    assert "Weight **1**" in text
    assert "`zorbl.json`" in text
    script = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    compile(script, "card", "exec")
    assert "load_lora_weights('.', weight_name=\"zorbl.safetensors\")" in script


def test_no_path_of_this_machine_is_on_it(build, run):
    text = page(changed(build, base={"model": "/home/me/models/base"}, output={"folder": "/home/me/loras"}), run)
    assert "/home" not in text


def test_what_diffusers_can_not_load_is_not_offered_to_it(project, run):
    text = page(project, replace(run, clients=("diffusers can't load lokr files: it refuses them",)))
    assert "diffusers" not in front(text)["tags"]
    assert "library_name" not in front(text)
    assert "```python" not in text
    assert "refuses them" in text


def test_epochs_beside_it_are_told(project, run):
    text = page(project, run, names=[*NAMES, "zorbl-000002.safetensors"], beside=[{"epoch": 2, "steps": 48}])
    assert "* `zorbl-000002.safetensors` – epoch 2, 48 optimizer steps" in text


def test_without_pictures_there_is_no_gallery(project, run):
    text = page(project, run, {}, ["zorbl.safetensors"])
    assert "Gallery" not in text
    assert "![" not in text
    assert "widget" not in front(text)


def test_a_slider_s_card_says_what_it_moves(build, run):
    target = {"target": "creature", "positive": "big", "negative": "small"}
    settings = {"kind": "slider", "slider": {"targets": [target]}, "name": "size", "base": {"model": "base"}}
    text = page(
        Project.model_validate(settings), replace(run, images=(), clients=()), {}, ["size.safetensors", "size.png"]
    )
    assert "## What it moves" in text
    assert "0 is the base model" in text
    assert "| images | none: a slider |" in text
    assert front(text)["instance_prompt"] == "creature"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
def test_text_means_only_itself(text):
    (_, inline, _) = MARKDOWN.parse(f"x {model_card.plain(text)} y")
    shown = "".join(token.content for token in inline.children)
    assert "".join(shown.split()) == "".join(f"x{text}y".split())


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="|"), min_size=1, max_size=40))
def test_code_stays_code(text):
    text = " ".join(text.split()) or "x"
    (_, inline, _) = MARKDOWN.parse(f"x {model_card.code(text)} y")
    assert [token.content for token in inline.children if token.type == "code_inline"] == [text]


@pytest.mark.parametrize("text", ["a", "```", "a\n````\nb"])
def test_a_block_ends_where_it_should(text):
    (token,) = MARKDOWN.parse(model_card.block(text, "python"))
    assert (token.type, token.info, token.content) == ("fence", "python", f"{text}\n")
