import io
import json
import os
import struct
import zipfile
import zlib

import light
import pytest
from PIL import Image

from lorabuild.core.nullindex import Seen
from lorabuild.core.store import Store
from lorabuild.graph import balancing, lock
from lorabuild.graph.exporting import original, reading
from lorabuild.graph.forecast import step_reasons
from lorabuild.graph.inventory import take
from lorabuild.graph.manifest import rows
from lorabuild.graph.named import inputs, wanted
from lorabuild.graph.session import viewing
from lorabuild.graph.sources import of_source
from lorabuild.graph.status import images
from lorabuild.graph.sweep import Limits, gc
from lorabuild.schema import source_places

SIZE = (64, 64)


def png(colour):
    sink = io.BytesIO()
    Image.new("RGB", SIZE, colour).save(sink, "PNG")
    return sink.getvalue()


@pytest.fixture
def raw(project):
    """A folder beside the project."""
    folder = project.parent / "raw"
    folder.mkdir()
    return folder


def zipped(path, **entries):
    with zipfile.ZipFile(path, "w") as made:
        for name, data in entries.items():
            made.writestr(name.replace("__", "."), data)
    return path


def fed(project, *sources, **sections):
    """The concept ``misc`` has no folder of its own."""
    concepts = light.SETTINGS["concepts"] | {"misc": {"triggers": ["zorbl"]}}
    light.write(project, **({"concepts": concepts, "sources": [{"into": "misc", **one} for one in sources]} | sections))


def held(project):
    with light.viewed(project) as view:
        return view.inventory


def told(project):
    """Picture → caption of what the sources gave."""
    with light.viewed(project) as view:
        return {row.path: row.caption for row in rows(view) if row.path not in light_paths()}


def light_paths():
    return {f"data/{name}.png" for name in light.COLOURS}


def test_an_archive_gives_pictures_with_their_texts(project, raw):
    zipped(
        raw / "fanart.zip", a__png=png("teal"), a__tags="1creature, hat", b__png=png("gold"), b__tags="1creature, bow"
    )
    fed(project, {"path": "../raw/fanart.zip"})
    light.built(project)
    assert told(project) == {"fanart.zip/a.png": "zorbl, hat", "fanart.zip/b.png": "zorbl, bow"}
    assert sorted(path.name for path in raw.iterdir()) == ["fanart.zip"]


def test_a_changed_archive_redoes_what_changed_in_it(project, raw):
    zipped(raw / "fanart.zip", a__png=png("teal"), b__png=png("gold"))
    fed(project, {"path": "../raw/fanart.zip"})
    light.built(project)
    assert "scan" not in light.redone(project)
    zipped(raw / "fanart.zip", a__png=png("teal"), c__png=png("pink"))
    done, _ = light.built(project)
    assert [done["stages"][stage]["ran"] for stage in ("scan", "prepare")] == [1, 1]
    assert held(project).members["misc"] == ("fanart.zip/a.png", "fanart.zip/c.png")


def test_looking_at_a_project_writes_nothing_and_sees_what_is_in_an_archive(project, raw):
    zipped(raw / "fanart.zip", a__png=png("teal"))
    fed(project, {"path": "../raw/fanart.zip"})
    with viewing(light.opened(project)) as view:
        assert view.inventory.members["misc"] == ("fanart.zip/a.png",)
        assert [item.id for item in view.step("scan").todo if "zip" in item.id] == ["fanart.zip/a.png"]
    assert not (project / ".lorabuild").exists()


def test_frames_wait_for_the_build(project, raw):
    looks = [Image.new("RGB", SIZE, colour) for colour in ("teal", "gold", "pink")]
    looks[0].save(raw / "dance.gif", save_all=True, append_images=looks[1:], duration=100)
    fed(project, {"path": "../raw/dance.gif", "frames": "every 2"})
    with viewing(light.opened(project)) as view:
        assert list(view.step("scan").waiting) == ["dance.gif"]
        reasons = dict(step_reasons(view, view.step("scan")))
        assert reasons["dance.gif"] == ["its frames are taken by the build"]
    light.built(project)
    assert held(project).members["misc"] == ("dance.gif#000000", "dance.gif#000002")
    with viewing(light.opened(project)) as view:
        assert view.step("scan").clean


def test_a_folder_and_a_glob_elsewhere(project, raw):
    light.picture(raw / "deep/a.png", "teal")
    light.picture(raw / "b.png", "gold")
    (raw / "b.tags").write_text("1creature, bow")
    (raw / "notes.txt").write_text("x")
    zipped(raw / "c.zip", d__png=png("pink"))
    fed(project, {"path": "../raw"})
    assert held(project).members["misc"] == ("raw/b.png", "raw/deep/a.png")
    fed(project, {"path": "../raw/**/*.png"}, {"path": "../raw/*.zip"})
    assert held(project).members["misc"] == ("raw/b.png", "raw/c.zip/d.png", "raw/deep/a.png")
    light.built(project)
    assert told(project)["raw/b.png"] == "zorbl, bow"


def test_links_that_lead_out_are_named(project, raw):
    outside = light.picture(project.parent / "outside.png", "teal")
    (raw / "a.png").symlink_to(outside)
    for path in ("../raw", "../raw/*.png"):
        fed(project, {"path": path})
        found = held(project)
        assert found.refused == {"raw/a.png": "is a link that leads outside"}
        assert found.members["misc"] == ()


def test_what_lies_in_the_project_is_called_as_always_and_may_be_in_two_concepts(project):
    fed(project, {"path": "data/cape"}, {"path": "data/plain/b.png", "into": "cape"})
    with viewing(light.opened(project)) as view:
        assert list(view.step("scan").waiting) == ["data/plain/b.png"]  # perhaps it moves
    found = held(project)
    assert found.members["misc"] == ("data/cape/e.png",)
    assert found.members["cape"] == ("data/cape/e.png", "data/plain/b.png")
    assert found.files["data/cape/e.png"].text
    assert found.files["data/plain/b.png"].tags
    light.built(project)
    with light.viewed(project) as view:
        assert {"data/cape/e.png (misc)", "data/cape/e.png (cape)"} <= {item.id for item in view.step("caption").items}


def test_names_that_would_be_the_same_get_a_number(project, raw):
    for folder, colour in (("one", "teal"), ("two", "gold")):
        (raw / folder).mkdir()
        zipped(raw / folder / "a.zip", a__png=png(colour))
    fed(project, {"path": "../raw/one/a.zip"}, {"path": "../raw/two/a.zip"})
    assert held(project).members["misc"] == ("a.zip/a.png", "a.zip/a.png (2)")


def test_an_imagefolder(project, raw):
    light.picture(raw / "train/a.png", "teal")
    light.picture(raw / "train/b.png", "gold")
    lines = [
        {"file_name": "a.png", "text": "a hat"},
        {"file_name": "../../lora.yaml", "text": "x"},
        {"file_name": "c.png"},
    ]
    (raw / "train/metadata.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    fed(project, {"path": "../raw"})
    light.built(project)
    assert told(project) == {"raw/train/a.png": "zorbl, a hat", "raw/train/b.png": "zorbl"}
    assert held(project).refused.keys() == {"raw/train/metadata.jsonl:2", "raw/train/metadata.jsonl:3"}


def test_a_zipped_imagefolder(project, raw):
    zipped(raw / "set.zip", a__png=png("teal"), metadata__jsonl='{"file_name": "a.png", "text": "a hat"}')
    fed(project, {"path": "../raw/set.zip"})
    light.built(project)
    assert told(project) == {"set.zip/a.png": "zorbl, a hat"}


@pytest.mark.parametrize("name", ["list.csv", "list.jsonl"])
def test_a_list(project, raw, name):
    light.picture(raw / "pics/a.png", "teal")
    light.picture(project.parent / "far/b.png", "gold")
    rows = [("pics/a.png", "a hat"), ("../far/b.png", "a bow"), ("gone.png", ""), ("list.txt", "")]
    table = "path,caption\n" + "".join(f"{path},{text}\n" for path, text in rows)
    lines = "".join(json.dumps({"path": path, "caption": text}) + "\n" for path, text in rows)
    (raw / name).write_text(table if name.endswith("csv") else lines, "utf-8")
    fed(project, {"path": f"../raw/{name}"})
    light.built(project)
    assert told(project) == {f"{name}/pics/a.png": "zorbl, a hat", f"{name}/b.png": "zorbl, a bow"}
    assert sorted(held(project).refused.values()) == ["gone.png is not there", "list.txt is not there"]
    assert {project.parent / "far/b.png", raw / name} <= {path.resolve() for path in inputs(light.opened(project).site)}
    (raw / name).write_text(table.replace("a bow", "a coat") if name.endswith("csv") else lines.replace("bow", "coat"))
    light.built(project)
    assert told(project)[f"{name}/b.png"] == "zorbl, a coat"


def test_a_list_says_how_often_its_pictures_are_shown(project, raw):
    for name, colour in (("a", "teal"), ("b", "gold"), ("c", "pink")):
        light.picture(raw / f"{name}.png", colour)
    (raw / "list.csv").write_text("path,repeats,weight\na.png,3,\nb.png,0,\nc.png,,0.5\n")
    fed(project, {"path": "../raw/list.csv"})
    with light.viewed(project) as view:
        found = {one["path"]: one["repeats"] for one in images(view) if one["concept"] == "misc"}
        (row,) = [row for row in balancing.table(view).concepts if row.name == "misc"]
    assert found == {"list.csv/a.png": 3, "list.csv/c.png": row.apart[0].repeats}
    assert [(one.weight, one.fixed) for one in row.apart] == [(0.5, False), (1.0, True)]
    light.built(project)
    (raw / "list.csv").write_text("path,repeats,weight\na.png,0,\nb.png,1,\nc.png,,\n")
    with light.viewed(project) as view:
        found = {one["path"] for one in images(view) if one["concept"] == "misc"}
    assert found == {"list.csv/b.png", "list.csv/c.png"}
    with light.viewed(project, 'images.for=[{"match": "list.csv/*", "repeats": 2}]') as view:
        assert {one["repeats"] for one in images(view) if one["concept"] == "misc"} == {2}


def test_what_is_broken_is_set_aside_and_the_rest_is_built(project, raw):
    (raw / "broken.zip").write_bytes(b"PK\3\4 nothing")
    zipped(raw / "good.zip", a__png=png("teal"), bad__png=b"", **{"..__evil": b"x"})
    (raw / "b.gif").write_bytes(b"GIF89a")
    fed(project, {"path": "../raw/broken.zip"}, {"path": "../raw/good.zip"}, {"path": "../raw/b.gif"})
    done, _ = light.built(project)
    assert {entry["item"] for entry in done["aside"]} == {"broken.zip", "good.zip/bad.png", "b.gif"}
    assert told(project) == {"good.zip/a.png": "zorbl"}


def test_masks_in_an_archive(project, raw):
    mask = io.BytesIO()
    Image.new("L", SIZE, 128).save(mask, "PNG")
    zipped(raw / "a.zip", a__png=png("teal"), a__mask__png=mask.getvalue())
    fed(project, {"path": "../raw/a.zip"}, images={"resolution": 64, "masks": "side"})
    light.built(project)
    assert held(project).members["misc"] == ("a.zip/a.png",)
    with light.viewed(project) as view:
        assert view.made("prepare")["a.zip/a.png"].facts["mask"]


def test_the_lock_names_each_source_with_its_digest(project, raw):
    zipped(raw / "a.zip", a__png=png("teal"))
    light.picture(raw / "pics/b.png", "gold")
    fed(project, {"path": "../raw/a.zip"}, {"path": "../raw/pics"})
    light.built(project)

    def marks():
        with light.viewed(project) as view:
            return lock.lock_of(view, ("scan", "prepare", "tag", "caption", "balance"), {})["sources"]

    first = marks()
    assert {name: (one["into"], one["images"]) for name, one in first.items()} == {
        "a.zip": ("misc", 1),
        "pics": ("misc", 1),
    }
    light.picture(raw / "pics/b.png", "pink")
    second = marks()
    assert first["a.zip"] == second["a.zip"]
    assert first["pics"]["digest"] != second["pics"]["digest"]
    fed(project, sources=None, concepts=light.SETTINGS["concepts"])
    with light.viewed(project) as view:
        assert "sources" not in lock.lock_of(view, ("scan",), {})


def test_a_variable_names_the_place(project, raw, monkeypatch):
    zipped(raw / "a.zip", a__png=png("teal"))
    monkeypatch.setattr(source_places, "variable", {"RAW": os.fspath(raw)}.get)
    fed(project, {"path": "$RAW/a.zip"})
    assert held(project).members["misc"] == ("a.zip/a.png",)


def test_the_null_index_sees_every_source(project, raw):
    zipped(raw / "a.zip", a__png=png("teal"))
    light.picture(raw / "pics/b.png", "gold")
    (raw / "list.csv").write_text("path\npics/b.png\n")
    fed(project, {"path": "../raw/a.zip"}, {"path": "../raw/pics/*.png"}, {"path": "../raw/list.csv"})
    site, seen = light.opened(project).site, Seen(project)
    with Store(project / ".lorabuild") as store:
        take(site, store, seen=seen)
    places = {os.path.realpath(project / place) for place in [*seen.files, *seen.folders]}
    assert {os.fspath(path) for path in (raw / "a.zip", raw / "pics", raw / "list.csv")} <= places


def test_a_frame_has_the_ending_of_a_picture():
    assert of_source("ep01.mkv#000120").suffix == ".png"
    assert of_source("a#b/c.jpg").suffix == ".jpg"


def test_gc_leaves_what_the_sources_need(project, raw):
    zipped(raw / "a.zip", a__png=png("teal"))
    fed(project, {"path": "../raw/a.zip"})
    light.built(project)
    zipped(raw / "a.zip", a__png=png("pink"))
    light.built(project)
    assert len(list((project / ".lorabuild/sources").iterdir())) == 2
    gc(light.opened(project), Limits(grace=0), lambda _event: None)
    (left,) = (project / ".lorabuild/sources").iterdir()
    assert (left / "a.png").read_bytes() == png("pink")
    assert not light.redone(project).get("scan")


def test_a_watch_sees_a_changed_source(project, raw):
    zipped(raw / "a.zip", a__png=png("teal"))
    fed(project, {"path": "../raw/a.zip"}, {"path": "../raw/pics/*.png"})
    (raw / "pics").mkdir()
    found = {os.path.realpath(folder): names for folder, names in wanted([light.opened(project)]).items()}
    assert found[os.fspath(raw)] == {"a.zip"}
    assert found[os.fspath(raw / "pics")] is None


def test_whatever_lies_there_is_named_and_never_a_crash(project, raw):
    good = png("teal")
    head = struct.pack(">4sII", b"IHDR", 60000, 60000) + good[24:29]
    bomb = good[:12] + head + struct.pack(">I", zlib.crc32(head)) + good[33:]
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    bad = {
        "empty.png": b"",
        "cut.png": good[:60],
        "text.jpg": b"hello",
        "page.png": b"<!doctype html>",
        "photo.jpg": heic,
    }
    for name, data in {**bad, "bomb.png": bomb, "really_a_png.jpg": good}.items():
        (raw / name).write_bytes(data)
    (raw / "out.png").symlink_to(light.picture(project.parent / "outside.png", "gold"))
    (raw / "nowhere.png").symlink_to(raw / "gone.png")
    zipped(project.parent / "all.zip", **{name.replace(".", "__"): data for name, data in bad.items()})
    fed(project, {"path": "../raw"}, {"path": "../all.zip"})
    done, _ = light.built(project)
    told = {entry["item"]: entry["problem"] for entry in done["aside"]}
    names = {*bad, "bomb.png", "out.png", "nowhere.png"}
    assert told.keys() == {f"raw/{name}" for name in names} | {f"all.zip/{name}" for name in bad}
    words = {"empty": "0 bytes", "text": "not an image", "page": "web page", "photo": "HEIC", "bomb": "million pixels"}
    for stem, word in (words | {"cut": "cut off", "out": "leads outside", "nowhere": "leads nowhere"}).items():
        assert [why for name, why in told.items() if name.startswith(f"raw/{stem}.") and word in why], stem
    assert held(project).members["misc"].count("raw/really_a_png.jpg") == 1


def test_what_sources_give_is_exported(project, raw):
    zipped(raw / "a.zip", deep__png=png("teal"), deep__tags="1creature, hat")
    looks = [Image.new("RGB", SIZE, colour) for colour in ("gold", "pink")]
    looks[0].save(raw / "b.gif", save_all=True, append_images=looks[1:])
    fed(project, {"path": "../raw/a.zip"}, {"path": "../raw/b.gif"})
    light.built(project, targets=("caption",))
    with light.viewed(project) as view, reading(view) as found:
        assert sorted(row.name for row in found["misc"]) == ["a.zip-deep", "b.gif#000000", "b.gif#000001"]
        row = next(row for row in found["misc"] if row.name == "a.zip-deep")
        assert (row.ending, original(view, row)()) == (".png", png("teal"))
