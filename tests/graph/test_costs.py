import light

from lorabuild.graph import costs
from lorabuild.graph.forecast import forecast
from lorabuild.schema.families import FACTS


def told(root, code, *overrides):
    with light.viewed(root, *overrides) as view:
        return [entry["text"] for entry in forecast(view)["warnings"] if entry["code"] == code]


def test_a_usual_project_costs_nothing_special(project):
    assert not told(project, "no-cache")
    assert not told(project, "caption-forms")


def test_a_plan_without_a_cache_says_how_often_the_vae_works(project):
    light.built(project)
    assert told(project, "no-cache", "images.cache=false") == [
        "training encodes 24 times what a cache would encode once (4 images); keep the cache where nothing needs it off"
    ]


SHUFFLED = "training.caption_shuffle=true", "training.caption_variants=3", "training.keep_tokens=0"


def test_a_plan_counts_the_forms_of_captions_where_they_are_many(project, monkeypatch):
    assert not told(project, "caption-forms", *SHUFFLED, "training.train=unet")
    monkeypatch.setattr(costs, "ENCODED", 6)
    monkeypatch.setattr(costs, "TOKENIZED", 7)
    assert told(project, "caption-forms", *SHUFFLED) == [
        "5 captions have up to 15 forms, and each is a text that is tokenized once; fewer would do"
    ]
    light.built(project, *SHUFFLED)
    assert not told(project, "caption-forms", *SHUFFLED)
    assert told(project, "caption-forms", *SHUFFLED, "training.train=unet") == [
        "4 captions have 10 forms, and each is a text that is tokenized and encoded once; fewer would do"
    ]


def test_a_plan_says_that_no_image_has_a_mask(project):
    assert not told(project, "no-mask", "images.masks=side")
    light.built(project, "images.masks=side")
    (said,) = told(project, "no-mask", "images.masks=side")
    assert said.startswith("no image has one, such as `name.mask.png` beside `name.png`")
    assert said.endswith("; add masks, or take the word away")
    assert not told(project, "no-mask")


def test_a_plan_names_a_rate_that_no_text_encoder_has(project, monkeypatch):
    (said,) = told(project, "idle-word", "training.text_encoder_2_lr=0.001")
    assert said.startswith("sd15 has one text encoder")
    monkeypatch.setattr(costs, "FACTS", {"sd15": FACTS["sdxl"]})
    assert not told(project, "idle-word", "training.text_encoder_2_lr=0.001")
