from collections import Counter

import light
from hypothesis import given
from hypothesis import strategies as st

from lorabuild.graph import balancing
from lorabuild.graph.prior import chosen, prior_pictures


def test_words_without_choices_stay():
    assert chosen("1creature, round_body", 0, 5) == "1creature, round_body"


def test_an_empty_choice_leaves_no_comma():
    prompts = {chosen("a, {hat|}, b", 0, index) for index in range(40)}
    assert prompts == {"a, hat, b", "a, b"}


def test_every_choice_comes_up_about_equally_often():
    counts = Counter(chosen("{red|green|blue}", 1, index) for index in range(900))
    assert set(counts) == {"red", "green", "blue"}
    assert min(counts.values()) > 230


def test_places_in_one_prompt_are_chosen_apart():
    assert len({chosen("{a|b} {a|b}", 0, index) for index in range(40)}) == 4


@given(st.integers(0, 2**31), st.integers(0, 10**6))
def test_the_same_seed_and_index_give_the_same_words(seed, index):
    prompt = "{a|b|c}, x, {d|e}"
    assert chosen(prompt, seed, index) == chosen(prompt, seed, index)


def pictures(root, *overrides, **words):
    light.write(root, regularization={"generate": {"count": 3, "seed": 4, **words}})
    with light.viewed(root, *overrides) as view:
        return list(prior_pictures(view))


def test_no_regularization_means_no_prior_pictures(project):
    with light.viewed(project) as view:
        assert list(prior_pictures(view)) == []


def test_each_prior_picture_has_its_own_seed_and_counts_from_one(project):
    found = pictures(project)
    assert [item.id for item in found] == ["regularization/001", "regularization/002", "regularization/003"]
    assert len({item.reads["seed"] for item in found}) == len({item.key for item in found}) == 3
    assert all(0 <= item.reads["seed"] < 2**32 for item in found)


def test_without_prompts_the_classes_of_the_triggers_are_drawn(project):
    assert {item.reads["prompt"] for item in pictures(project)} == {"creature"}


def test_prompts_are_taken_in_turn(project):
    found = pictures(project, prompts=["one", "two"])
    assert [item.reads["prompt"] for item in found] == ["one", "two", "one"]


def test_the_key_holds_everything_that_is_drawn_with_and_the_count_is_not_in_it(project):
    few = pictures(project)
    parts = few[0].parts
    assert {f"base.{part}" for part in ("unet", "text_encoder", "tokenizer", "scheduler", "vae")} <= set(parts)
    asked = {f"regularization.{word}" for word in ("prompt", "negative", "seed", "steps", "cfg", "size")}
    assert {"base.clip_skip"} | asked <= set(parts)
    more = pictures(project, count=5)
    assert [item.key for item in more[:3]] == [item.key for item in few]
    assert few[0].key != pictures(project, cfg=3)[0].key


def test_an_automatic_count_is_the_looks_of_an_epoch(project):
    few = pictures(project, count=2)
    found = pictures(project, count="auto")
    with light.viewed(project) as view:
        table = balancing.table(view)
    assert len(found) == table.regularization_per_epoch == sum(row.repeats * row.images for row in table.concepts)
    assert len(found) > 3
    assert [one.key for one in found[:2]] == [one.key for one in few]  # more looks draw only those that are lacking
    more = pictures(project, "budget.steps=96", count="auto")
    assert {one.key for one in found} < {one.key for one in more}


def planted(root, *overrides, **words):
    """The prior pictures of the project once its captions are known."""
    light.write(root, regularization=words)
    light.built(root, *overrides)
    with light.viewed(root, *overrides) as view:
        return {item.id: item for item in prior_pictures(view)}, light.items(view, "latents"), view.step("text").items


def test_one_a_training_image_with_its_caption_and_the_class_word(project):
    with light.viewed(project, 'regularization={"generate": {"per_image": true}}') as view:
        assert len([name for name in view.step("latents").waiting if name.startswith("regularization of")]) == 5
    found, latents, texts = planted(project, generate={"per_image": True})
    prompts = {name.removeprefix("regularization of data/"): item.reads["prompt"] for name, item in found.items()}
    assert prompts == {
        "plain/a.png": "creature, hat",
        "plain/b.png": "creature",
        "plain/c.png": "creature, bow",
        "cape/e.png": "creature, a creature in a cape",
    }
    assert found["regularization of data/cape/e.png"].reads["size"] == [128, 32]
    assert found.keys() <= latents.keys()
    assert {item.reads["prompt"] for item in found.values()} <= {item.reads["text"] for item in texts}
    assert len({item.reads["seed"] for item in found.values()}) == 4


def test_adding_an_image_draws_one_picture_more(project):
    before, *_ = planted(project, generate={"per_image": True})
    light.picture(project / "data/plain/new.png", "yellow")
    after, *_ = planted(project, generate={"per_image": True})
    assert {item.key for item in before.values()} < {item.key for item in after.values()}
    assert len(after) == len(before) + 1


def own(root):
    light.picture(root / "reg/one.png", "purple", (96, 48))
    light.picture(root / "reg/two.png", "orange")
    (root / "reg/one.txt").write_text("a creature, grass", "utf-8")
    (root / "reg/two.tags").write_text("1creature, tree", "utf-8")
    return planted(root, folder="reg")


def test_own_pictures_are_encoded_and_read_with_the_words_beside_them(project):
    drawn, latents, texts = own(project)
    assert not drawn
    assert {"reg/one.png", "reg/two.png"} <= latents.keys()
    assert {"a creature, grass", "1creature, tree"} <= {item.reads["text"] for item in texts}
    with light.viewed(project) as view:
        light.plant(view, "latents", "text")
        records = {record["id"]: record for record in light.items(view, "train")["train"].reads["records"]}
        assert "images.regularization" in light.items(view, "train")["train"].parts
    one = records["reg/one.png"]
    assert (one["prior"], one["concept"], one["repeats"]) == (True, "", 1)
    assert one["size"] == latents["reg/one.png"].reads["bucket"]


def test_own_pictures_are_no_training_images(project):
    from lorabuild.graph.balancing import request
    from lorabuild.graph.members import members, priors
    from lorabuild.graph.status import images

    own(project)
    with light.viewed(project) as view:
        assert [member.path for member in priors(view)] == ["reg/one.png", "reg/two.png"]
        assert not {"reg/one.png", "reg/two.png"} & {member.path for member in members(view)}
        assert not {"reg/one.png", "reg/two.png"} & {image["path"] for image in images(view)}
        asked = request(view)
        assert asked.prior is None
        assert sum(count for *_, count in asked.priors) == 2


def test_a_changed_own_picture_is_one_picture_s_work(project):
    own(project)
    with light.viewed(project) as view:
        light.plant(view, "latents", "text")
    light.picture(project / "reg/two.png", "pink")
    light.built(project)
    assert light.redone(project)["latents"] == ["reg/two.png"]
