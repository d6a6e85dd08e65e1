from pathlib import Path

from lorabuild.graph.imagefile import ImageFile


def test_an_image_is_called_after_its_file_and_a_part_of_it_after_both():
    whole = ImageFile("fanart.zip/a.png", Path("/store/a.png"), "b3:1")
    part = ImageFile("fanart.zip/a.png [box 1]", Path("/store/a.png"), "b3:1", part="box 1")
    assert whole.source == part.source == "fanart.zip/a.png"
