"""lorabuild.stages.judging: what it measures is proved in tests/graph/test_pick.py; here, what it leaves undone."""

from types import SimpleNamespace

from PIL import Image

from lorabuild.core.item import Item
from lorabuild.images import decode
from lorabuild.schema.images import Images
from lorabuild.stages import judging

SITE = SimpleNamespace(project=SimpleNamespace(images=Images()))


def loaded(path, pixels):
    nothing = {word: [] for word in ("drawn", "plain", "free", "free_plain")}
    known = {}
    reads = {"size": [16, 8], "images": [[str(path), pixels]], **nothing}
    return judging._load(Item("a", "b3:a", {}, reads), SITE, None, known), known


def test_a_training_image_that_changed_leaves_the_item_undone(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (20, 20), "red").save(path)
    pixels = decode.prepared(path, Images()).pixels
    names, known = loaded(path, pixels)
    assert names == [pixels]
    assert known[pixels].shape == (8, 16, 3)
    assert loaded(path, "b3:other")[0] is None
    assert loaded(tmp_path / "gone.png", pixels)[0] is None
