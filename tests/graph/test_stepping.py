from pathlib import Path
from types import SimpleNamespace

import pytest

from lorabuild.graph import stepping
from lorabuild.graph.imagefile import ImageFile
from lorabuild.graph.sources import Given
from lorabuild.schema.project import Project
from lorabuild.schema.site import Site

ROOT = Path("/p")


class Known:
    """A view of two concepts, of which ``cape`` has steps of its own."""

    def __init__(self, models=None, cape=None, **images):
        concepts = {"plain": {"folder": "plain"}, "cape": {"folder": "cape", "images": cape}}
        settings = {"name": "t", "base": {"model": "base"}, "concepts": concepts, "images": images}
        self.project = Project.model_validate(settings)
        self.site = Site(self.project, ROOT)
        base = SimpleNamespace(vae_factor=8)
        members = {"plain": ("plain/a.png",), "cape": ("cape/b.png",)}
        self.inventory = SimpleNamespace(members=members, base=base, step_models=models or {}, sources=Given())
        self.known = {}

    def derived(self, name, work_out):
        return self.known.setdefault(name, work_out(self))


def image(name="plain/a.png", **sides):
    return ImageFile(name, ROOT / name, "b3:file", sides=sides)


def only(view, file):
    (found,) = stepping.pictures(view, file)
    return found


def test_an_image_without_steps_is_as_it_was():
    file = image()
    assert stepping.pictures(Known(), file) == [file]


def test_the_nearer_level_says_what_is_done():
    view = Known(trim=0.1, cape={"trim": 0.2}, **{"for": [{"match": "**/b.*", "pad": "square"}]})
    assert only(view, image()).steps[0] == {"images.trim": 0.1}
    assert only(view, image("cape/b.png")).steps[0] == {"images.trim": 0.2, "images.pad": "square"}
    off = Known(trim=0.1, cape={"trim": 0})
    assert only(off, image("cape/b.png")).steps is None


def test_models_stand_in_keys_by_their_bytes():
    view = Known({"m.pth": "b3:model"}, restore="m.pth")
    parts, reads = only(view, image()).steps
    assert parts == {"images.restore": "b3:model"}
    assert reads == {"restore": str(view.site.path("m.pth"))}


def test_what_depends_on_buckets_reads_them():
    parts, reads = only(Known(pad="bucket"), image()).steps
    assert parts["images.buckets"] == reads["sizes"]
    assert [512, 512] in reads["sizes"]
    larger = Known(pad="bucket", cape={"more_resolutions": [768]})
    assert only(larger, image()).steps[0] == parts
    assert [768, 768] in only(larger, image("cape/b.png")).steps[1]["sizes"]


def test_what_is_erased_is_read_where_it_is_marked(tmp_path):
    view = Known(erase="fill")
    assert only(view, image()).steps == ({}, {})
    parts, reads = only(Known(erase="fill"), image(erase=(tmp_path / "a.erase.png", "b3:mark"))).steps
    assert parts == {"images.erase": "fill", "images.erase.png": "b3:mark", "fill": 2}
    assert reads["mark"] == [str(tmp_path / "a.erase.png"), "b3:mark"]


def test_several_boxes_give_several_pictures(tmp_path):
    side = tmp_path / "a.crop.json"
    side.write_text("[[0, 0, 9, 9], [5, 5, 20, 20]]")
    file = image(crop=(side, "b3:side"))
    found = stepping.pictures(Known(crop=["whole", "boxes"]), file)
    assert [one.path for one in found] == [f"plain/a.png [{part}]" for part in ("whole", "box 1", "box 2")]
    assert {one.source for one in found} == {"plain/a.png"}
    assert found[2].steps[0] == {"images.crop": ["box", 5, 5, 20, 20]}
    side.write_text("[[0, 0, 9, 9]]")
    assert only(Known(crop=["boxes"]), file).path == "plain/a.png"
    side.write_text("[[0, 0, 9]]")
    assert only(Known(crop=["boxes"]), file).steps[1]["cut"][0] == "broken"


def test_an_image_without_boxes_stays_whole():
    assert only(Known(crop=["boxes"]), image()).path == "plain/a.png"


def test_a_person_is_given_or_looked_for(tmp_path):
    side = tmp_path / "a.crop.json"
    side.write_text('{"person": [1, 2, 30, 90]}')
    view = Known({"p.onnx": "b3:p"}, crop=["portrait", "3:2"], detector="p.onnx")
    portrait, shape = stepping.pictures(view, image(crop=(side, "b3:side")))
    assert portrait.steps[0] == {"images.crop": ["person", "portrait", [1, 2, 30, 90]]}
    assert shape.steps[0] == {"images.crop": ["shape", 3, 2]}
    looked = stepping.pictures(Known({"p.onnx": "b3:p"}, crop=["portrait"], detector="p.onnx"), image())[0]
    assert looked.steps[0]["images.detector"] == "b3:p"


@pytest.mark.parametrize(
    ("images", "words"),
    [({}, ()), ({"crop": "boxes"}, ("crop",)), ({"crop": "3:2"}, ()), ({"erase": "fill"}, ("erase",))],
)
def test_files_beside_images_are_looked_for_where_they_are_read(images, words):
    assert stepping.besides(Known(**images).project) == words


def test_all_models_are_named_once():
    view = Known(restore="a.pth", upscale="b.pth", cape={"restore": "a.pth", "erase": "fill"})
    assert list(stepping.model_files(view.site)) == ["a.pth", "b.pth"]
