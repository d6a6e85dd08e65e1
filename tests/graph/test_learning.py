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
    assert (cape["concept"], cape["prior"], cape["repeats"], cape["hidden"]) == ("cape", False, 6, None)
    assert cape["latents"].startswith("b3:")
    assert cape["tokens"].startswith("b3:")
    assert cape["size"][0] > cape["size"][1]
    assert item.reads["key"] == item.key
    assert item.reads["epochs"] == 2
    assert set(item.reads["empty"]) == {"tokens", "hidden"}


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
