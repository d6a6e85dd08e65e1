import light
import pytest

BEFORE = ("latents", "text")


def ready(root, **sections):
    light.write(root, **sections)
    light.built(root)
    with light.viewed(root) as view:
        light.plant(view, *BEFORE)
    return root


def trained(root, *overrides):
    with light.viewed(root, *overrides) as view:
        return light.items(view, "train")["train"]


def test_training_waits_for_latents_and_texts(project):
    light.built(project)
    with light.viewed(project) as view:
        assert list(view.step("train").waiting) == ["train"]
        light.plant(view, *BEFORE)
        assert view.again("train").waiting == {}


def test_each_picture_is_a_record_with_its_cached_tensors(project):
    ready(project)
    item = trained(project)
    records = {record["id"]: record for record in item.reads["records"]}
    assert set(records) == {f"data/{name}.png" for name in ("plain/a", "plain/b", "plain/c", "cape/e")}
    cape = records["data/cape/e.png"]
    assert (cape["concept"], cape["prior"], cape["repeats"], cape["early"]) == ("cape", False, 6, 0)
    assert cape["latents"].startswith("b3:")
    ((tokens, hidden),) = cape["texts"]
    assert (tokens[:3], hidden) == ("b3:", None)
    assert cape["size"][0] > cape["size"][1]
    assert item.reads["key"] == item.key
    assert item.reads["epochs"] == 2
    assert item.reads["empty"] == [tokens, None]
    assert cape["file"] is None


def test_sizes_are_told_as_the_standard_trainer_tells_them(project):
    ready(project)
    cape = {record["id"]: record for record in trained(project).reads["records"]}["data/cape/e.png"]
    width, height = cape["size"]
    assert cape["sizes"] == [32, 128, (height - width / 4) // 2, 0, height, width]


def test_prior_pictures_are_records_of_no_concept(project):
    ready(project, regularization={"generate": {"count": 2}})
    item = trained(project)
    priors = [record for record in item.reads["records"] if record["prior"]]
    assert [(record["concept"], record["repeats"], record["size"]) for record in priors] == [("", 1, [64, 64])] * 2
    assert "images.regularization" in item.parts
    assert item.parts["regularization.prior_loss_weight"] == 1.0


@pytest.mark.parametrize(
    "override",
    [
        "training.optimizer.lr=0.5",
        "training.seed=7",
        "training.batch=3",
        "network.dim=3",
        "budget.epochs=3",
        "base.clip_skip=2",
    ],
)
def test_what_changes_what_is_learned_is_in_the_key(project, override):
    ready(project)
    before = trained(project)
    light.built(project, override)
    with light.viewed(project, override) as view:
        light.plant(view, *BEFORE)
    assert trained(project, override).key != before.key


@pytest.mark.parametrize("override", ["device.threads=2", "output.author=me", "samples.seed=3", "name=other"])
def test_what_does_not_is_not(project, override):
    ready(project)
    assert trained(project).key == trained(project, override).key


def test_names_and_order_of_the_pictures_are_not_in_the_key(project):
    ready(project)
    before = trained(project)
    for ending in ("png", "tags"):
        (project / f"data/plain/a.{ending}").rename(project / f"data/plain/z.{ending}")
    light.built(project)
    after = trained(project)
    assert after.key == before.key
    assert [record["id"] for record in after.reads["records"]] != [record["id"] for record in before.reads["records"]]


def test_another_caption_names_its_concept_in_the_reason(project):
    ready(project)
    before = trained(project)
    (project / "data/cape/e.txt").write_text("another text", "utf-8")
    ready(project)
    after = trained(project)
    assert {name for name in before.parts if before.parts[name] != after.parts[name]} == {"images.cape"}


def test_an_optimizer_of_the_project_s_own_is_part_of_the_key(project):
    source = project / "own_optimizer.py"
    source.write_text("raise SystemExit", "utf-8")
    ready(project, training={"optimizer": {"type": "custom", "class": "own_optimizer.Descent"}})
    first = trained(project)
    source.write_text("raise SystemExit  # again", "utf-8")
    second = trained(project)
    installed = trained(project, "training.optimizer.class=torch.optim.RAdam")
    assert len({first.key, second.key, installed.key}) == 3
    assert "training.optimizer.code" in first.parts
    assert "training.optimizer.code" not in installed.parts


SHUFFLED = ("training.caption_shuffle=true", "training.caption_variants=3")


def shuffled(root, *overrides):
    light.built(root, *SHUFFLED, *overrides)
    with light.viewed(root, *SHUFFLED, *overrides) as view:
        light.plant(view, *BEFORE)
        texts = {item.reads["text"] for item in view.step("text").items}
        return texts, {record["id"]: record for record in view.step("train").items[0].reads["records"]}


def write_by_hand(root, words):
    (root / "data/cape/e.txt").write_text(words, "utf-8")


def test_a_shuffled_caption_has_several_counted_forms(project):
    write_by_hand(project, "zorbl, zorbl_cape, a, b, c, d")
    texts, records = shuffled(project)
    cape = [text for text in texts if text.startswith("zorbl, zorbl_cape, ")]
    assert len(cape) == 3
    assert all(sorted(text.split(", ")) == ["a", "b", "c", "d", "zorbl", "zorbl_cape"] for text in cape)
    assert len(records["data/cape/e.png"]["texts"]) == 3
    assert [len(records[f"data/plain/{name}.png"]["texts"]) for name in "ab"] == [1, 1]
    before = {text for text in texts if "a" in text.split(", ")}
    assert shuffled(project, "training.seed=5")[0] & before != before


def test_a_warm_up_adds_a_form_for_each_number_of_tags(project):
    write_by_hand(project, "zorbl, zorbl_cape, a, b, c, d")
    texts, records = shuffled(project, "training.token_warmup.steps=0.5", "training.caption_shuffle=false")
    assert {text for text in texts if "a" in text.split(", ")} == {
        f"zorbl, zorbl_cape, {tags}" for tags in ("a", "a, b", "a, b, c", "a, b, c, d")
    }
    assert records["data/cape/e.png"]["early"] == 3


def test_without_a_cache_records_tell_where_to_read_their_pictures(project):
    ready(project)
    before = trained(project)
    with light.viewed(project, "images.cache=false") as view:
        assert light.items(view, "latents") == {}
        item = light.items(view, "train")["train"]
    records = {record["id"]: record for record in item.reads["records"]}
    assert set(records) == {record["id"] for record in before.reads["records"]}
    cape = records["data/cape/e.png"]
    assert (cape["latents"], cape["file"]) == ("", {"path": str(project / "data/cape/e.png")})
    assert item.key != before.key
    for override in ("images.color_augment=true", "images.random_crop=true", "images.flip=true"):
        assert trained(project, "images.cache=false", override).key != item.key
