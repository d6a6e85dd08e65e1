import json

from hypothesis import given
from hypothesis import strategies as st

from lorabuild.balance.request import Concept, Request

sizes = st.tuples(st.integers(1, 4096), st.integers(1, 4096), st.integers(1, 999))
concepts = st.builds(
    Concept,
    name=st.text(min_size=1),
    triggers=st.lists(st.text()).map(tuple),
    buckets=st.lists(sizes).map(tuple),
    weight=st.floats(0.01, 10),
    repeats=st.none() | st.integers(1, 99),
    upscaled=st.integers(0, 9),
)
requests = st.builds(
    Request,
    concepts=st.lists(concepts, max_size=3).map(tuple),
    triggers=st.dictionaries(st.text(), st.sampled_from(["character", "outfit"])),
    steps=st.none() | st.integers(1, 9999),
    epochs=st.integers(1, 99),
    retro=st.booleans(),
    prior=st.none() | st.just((512, 512)),
)


@given(requests)
def test_a_request_survives_json(request):
    assert Request.from_dict(json.loads(json.dumps(request.as_dict()))) == request


def test_images_are_counted_over_buckets():
    assert Concept("a", buckets=((512, 512, 3), (384, 640, 4))).images == 7
    assert Concept("a").images == 0
