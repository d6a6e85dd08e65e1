import light

from lorabuild.graph import balancing


def test_the_twin_is_not_counted(project):
    light.built(project)
    with light.viewed(project) as view:
        rows = {row.name: row for row in balancing.table(view).concepts}
        assert {name: (row.images, row.repeats) for name, row in rows.items()} == {"plain": (3, 2), "cape": (1, 6)}


def test_before_anything_is_built_the_sizes_come_from_the_headers(project):
    with light.viewed(project) as view:
        request = balancing.request(view)
    buckets = {concept.name: concept.buckets for concept in request.concepts}
    ((width, height, count),) = buckets["cape"]
    assert width > height
    assert count == 1
    assert buckets["plain"] == ((64, 64, 4),)  # twins are found when pixels are known


def test_the_balance_stage_and_the_plan_say_the_same(project):
    light.built(project)
    with light.viewed(project) as view:
        assert view.made("balance")["balance"].facts == balancing.table(view).as_dict()


def test_the_request_holds_what_the_balance_reads(project):
    with light.viewed(project, "training.batch=2", "concepts.cape.weight=2.5", "concepts.plain.repeats=7") as view:
        asked = balancing.request(view)
    assert (asked.steps, asked.epochs, asked.batch, asked.prior) == (24, 2, 2, None)
    assert asked.triggers == {"zorbl": "character", "zorbl_cape": "outfit"}
    assert [(concept.weight, concept.repeats) for concept in asked.concepts] == [(1.0, 7), (2.5, None)]


def test_regularization_asks_for_square_priors(project):
    light.write(project, regularization={"generate": {"count": 2}})
    with light.viewed(project) as view:
        assert balancing.request(view).prior == (64, 64)


def test_the_buckets_follow_the_words(project):
    with light.viewed(project, "images.resolution=128") as view:
        sizes = set(balancing.sizes(view))
    assert (128, 128) in sizes
    assert all(side % 8 == 0 for size in sizes for side in size)
