import importlib.util
import json
import shutil

import pytest
import tiny_captioner
import torch
from PIL import Image

from lorabuild.core.errors import ProjectError, StageError
from lorabuild.schema.taggers import Prose
from lorabuild.taggers import prose

PICTURES = [Image.new("RGB", (20, 30), name) for name in ("red", "blue", "white")]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A captioner of each kind."""
    folder = tmp_path_factory.mktemp("captioners")
    for name in ("llava", "blip2", "florence2"):
        getattr(tiny_captioner, name)(folder / name)
    return folder


def settings(models, name, **words):
    return Prose(model=str(models / name), **{"beams": 2, "min_tokens": 4, "max_tokens": 9, **words})


def written(models, site, name, **words):
    return [
        scores[0].tag if scores else "" for scores in prose.load(settings(models, name, **words), site, 1).tag(PICTURES)
    ]


@pytest.mark.parametrize(("name", "prompt"), [("llava", "describe"), ("blip2", ""), ("florence2", "<CAPTION>")])
def test_a_sentence_of_every_kind_of_captioner(models, site, name, prompt):
    tagger = prose.load(settings(models, name, prompt=prompt), site, 1)
    found = tagger.tag(PICTURES)
    for (score,) in found:
        assert score[1:] == (1.0, "prose", 0)
        assert set(score.tag.split()) <= set(tiny_captioner.WORDS)
    assert tagger.tag(PICTURES[::-1])[::-1] == found
    assert prose.load(settings(models, name, prompt=prompt), site, 1).tag(PICTURES) == found
    assert tagger.record["dtype"] == "float32"
    assert tagger.record["versions"]["transformers"]


def test_what_is_written_depends_on_the_picture_and_not_on_chance(models, site):
    torch.manual_seed(1)
    first = written(models, site, "llava", prompt="describe this image")
    torch.manual_seed(2)
    assert written(models, site, "llava", prompt="describe this image") == first
    assert len(set(first)) > 1


def test_length_and_beams_are_heard(models, site):
    assert {len(text.split()) for text in written(models, site, "blip2", min_tokens=6, max_tokens=6)} == {5}
    few = written(models, site, "llava", prompt="describe", beams=1, max_tokens=12)
    assert few != written(models, site, "llava", prompt="describe", beams=6, max_tokens=12)


@pytest.mark.parametrize(
    ("name", "prompt"), [("llava", "describe"), ("blip2", ""), ("blip2", "a creature"), ("florence2", "<CAPTION>")]
)
def test_an_answer_that_the_limit_cuts_ends_with_a_whole_sentence(models, site, monkeypatch, name, prompt):
    tagger = prose.load(settings(models, name, prompt=prompt, min_tokens=5, max_tokens=5), site, 1)
    found = iter(("a hat. the red", "a hat and the"))
    monkeypatch.setattr(tagger._processor, "decode", lambda *_, **__: next(found))
    (sentence,), (words,) = tagger.tag(PICTURES[:2])
    assert (sentence.tag, words.tag) == ("a hat.", "a hat and")


def test_an_answer_that_the_model_has_ended_is_kept(models, site):
    tagger = prose.load(settings(models, "blip2", max_tokens=3), site, 1)
    image, begin, end = 4, 1, 2
    assert not tagger._is_cut([image, image, begin, 7, 8])
    assert not tagger._is_cut([image, image, begin, 7, 8, end])
    assert tagger._is_cut([image, image, begin, 7, 8, 9])
    tagger._model.generation_config.eos_token_id = [9, 10]
    assert not tagger._is_cut([image, image, begin, 7, 8, 9])


def test_the_prompt_is_no_part_of_the_sentence(models, site):
    assert not any(text.startswith("a creature") for text in written(models, site, "blip2", prompt="a creature"))


class Stub:
    """A processor with a chat's template."""

    def __init__(self, template):
        self.chat_template = template

    def apply_chat_template(self, turns, *, add_generation_prompt, tokenize):
        from jinja2 import Template

        assert not tokenize
        return Template(self.chat_template).render(
            messages=turns, bos_token="<s>", add_generation_prompt=add_generation_prompt
        )


def test_the_question_goes_through_the_models_template():
    told = prose.asked(Stub(tiny_captioner.CHAT), "describe", "be brief")
    assert told == "<s>system: be brief user: <image> describe assistant:"


def test_a_template_for_plain_text_gets_plain_text():
    assert prose.asked(Stub(tiny_captioner.PLAIN_CHAT), "describe", "be brief") == "<s>be brief <image> describe "


@pytest.mark.parametrize("words", ["turn.content.split()", "turn.content + ''"])
def test_a_template_that_can_not_read_a_list_gets_plain_text(words):
    template = f"{{% for turn in messages %}}{{{{ {words} }}}} {{% endfor %}}"
    assert "describe" in prose.asked(Stub(template), "describe", "")


def test_a_template_that_refuses_is_a_project_error():
    with pytest.raises(ProjectError, match=r"can't take the question: .*no_such_word") as caught:
        prose.asked(Stub("{{ no_such_word.of_it }}"), "describe", "be brief")
    assert "system" in caught.value.next_step


def test_only_the_given_beginning_is_taken_off():
    assert prose._answer("A red hat", "a") == "red hat"
    assert prose._answer("an owl", "a") == "an owl"
    assert prose._answer("Question: what? Answer:an owl", "question: what? answer:") == "an owl"
    assert prose._answer("an owl", "") == "an owl"


def test_without_a_template_the_prompt_is_taken_as_it_is():
    assert prose.asked(Stub(None), "<CAPTION>", "") == "<CAPTION>"


def test_a_chat_needs_a_question(models, site):
    with pytest.raises(ProjectError, match="nothing is asked") as caught:
        prose.load(settings(models, "llava"), site, 1)
    assert "prompt" in caught.value.where


def test_a_prompt_that_the_model_can_not_take_is_a_stage_error(models, site):
    with pytest.raises(StageError, match="the captioner fails") as caught:
        written(models, site, "florence2", prompt="<CAPTION> of this")
    assert "model's card" in caught.value.next_step


def test_a_model_with_code_of_its_own_or_of_another_kind_is_refused(models, site, tmp_path):
    folder = shutil.copytree(models / "blip2", tmp_path / "other")
    (folder / "config.json").write_text('{"model_type": "its_own", "auto_map": {"AutoConfig": "code.Config"}}')
    (folder / "code.py").write_text("raise AssertionError")
    with pytest.raises(ProjectError, match="can't be opened") as caught:
        prose.load(Prose(model="other"), site, 1)
    assert "without code of its own" in caught.value.next_step


def test_a_pickle_is_no_model(models, site, tmp_path):
    folder = shutil.copytree(models / "blip2", tmp_path / "other")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ProjectError, match=r"has no \*\.safetensors"):
        prose.digests(Prose(model="other"), site)


def test_a_part_that_the_index_names_is_missed(models, site, tmp_path):
    folder = shutil.copytree(models / "blip2", tmp_path / "other")
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-2-of-2.safetensors"}}')
    with pytest.raises(ProjectError, match=r"has no model-2-of-2\.safetensors"):
        prose.digests(Prose(model="other"), site)


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="torchvision is here")
def test_a_package_that_is_missing_is_said_clearly(qwen, site, tmp_path):
    folder = shutil.copytree(qwen / "Qwen2VL", tmp_path / "other")
    (folder / "preprocessor_config.json").write_text('{"image_processor_type": "Llama4ImageProcessor"}')
    with pytest.raises(ProjectError, match="orchvision") as caught:
        prose.load(Prose(model="other", prompt="describe"), site, 1)
    assert "pip install" in caught.value.next_step


@pytest.fixture(scope="module")
def qwen(tmp_path_factory):
    """Models whose processors have a part for videos, which wants torchvision."""
    folder = tmp_path_factory.mktemp("qwen")
    for kind in ("Qwen2VL", "Qwen2_5_VL", "Qwen3VL"):
        tiny_captioner.qwen_vl(folder / kind, kind)
    return folder


@pytest.mark.parametrize("kind", ["Qwen2VL", "Qwen2_5_VL", "Qwen3VL"])
def test_pictures_need_no_part_for_videos(qwen, site, kind):
    asked = settings(qwen, kind, prompt="What is this?", system="Be brief.")
    tagger = prose.load(asked, site, 1)
    (shown,) = tagger._shown(Image.new("RGB", (64, 16))).input_ids  # 4 times 1 squares of 16 pixels
    assert tagger._processor.decode(shown) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        f"<|im_start|>user\n<|vision_start|>{'<|image_pad|>' * 4}<|vision_end|>What is this?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    found = tagger.tag(PICTURES)
    assert tagger.tag(PICTURES[::-1])[::-1] == found == prose.load(asked, site, 1).tag(PICTURES)
    words = [score.tag for (score,) in found]
    assert len(set(words)) > 1
    assert all(4 <= len(text.replace(" ", "")) <= 9 for text in words)
    greedy = written(qwen, site, kind, prompt="What is this?", system="Be brief.", beams=1)
    assert greedy != words


def test_large_pictures_are_shown_smaller(qwen, site, tmp_path):
    folder = shutil.copytree(qwen / "Qwen2VL", tmp_path / "other")
    words = json.loads((folder / "preprocessor_config.json").read_text()) | {"max_pixels": 12845056}
    (folder / "preprocessor_config.json").write_text(json.dumps(words))
    squares = {}  # of 16 pixels
    for most in (1024, 4096, 1 << 20):
        tagger = prose.load(Prose(model="other", prompt="describe", max_pixels=most), site, 1)
        squares[most] = int(tagger._shown(Image.new("RGB", (128, 64))).image_grid_thw.prod()) // 4
    assert squares == {1024: 2, 4096: 10, 1 << 20: 32}


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="torchvision is here")
def test_the_part_for_videos_may_stand_anywhere(tmp_path):
    words = {"config": {"model_type": "llava_next_video"}, "processor_config": {"patch_size": 8}}
    words["preprocessor_config"] = {"image_processor_type": "LlavaNextImageProcessor"}
    words["video_preprocessor_config"] = {"video_processor_type": "LlavaNextVideoVideoProcessor"}
    for name, content in words.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "chat_template.jinja").write_text(tiny_captioner.CHAT)
    tiny_captioner.tokenizer(image_token="<image>", video_token="<unk>").save_pretrained(tmp_path)
    made = prose._processor(str(tmp_path), {"local_files_only": True, "trust_remote_code": False})
    assert made.get_attributes()[0] == "video_processor"
    assert [made.video_processor, made.patch_size, made.chat_template] == [None, 8, tiny_captioner.CHAT]
    assert "LlavaNext" in type(made.image_processor).__name__
    assert made.tokenizer.image_token == "<image>"


def test_every_word_of_the_question_is_in_the_key():
    assert set(prose.key_settings(Prose())) == {
        f"captions.tagger.{word}" for word in Prose.model_fields if word not in {"type", "model"}
    }
