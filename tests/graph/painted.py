"""Drawing without a model: every picture is a square in a colour of its own, and what was drawn is noted."""

import io
from zlib import crc32

from PIL import Image

from lorabuild.core.events import Event
from lorabuild.stages import sample


def square(key, size=(64, 64)):
    buffer = io.BytesIO()
    colour = crc32(key.encode())
    Image.new("RGB", size, (colour & 255, colour >> 8 & 255, colour >> 16 & 255)).save(buffer, "PNG")
    return buffer.getvalue()


class Painter:
    """``drawn``: what each picture was of, in order; ``loaded``: the base models that were opened for it."""

    def __init__(self, monkeypatch):
        self.drawn, self.loaded = [], []
        monkeypatch.setattr(sample, "easel", self.easel)
        monkeypatch.setattr(sample, "draw", self.draw)

    def easel(self, site):
        self.loaded.append(site.project.base.model)
        return site.project.base.model

    def draw(self, easel, inputs, site, outputs, emit):
        assert easel == site.project.base.model
        for done, item in enumerate(inputs, 1):
            self.drawn.append(dict(item.reads))
            outputs.done(item, {"picture": outputs.write(square(item.key, item.reads["size"]))})
            emit(Event("progress", "sample", {"done": done, "total": len(inputs), "unit": "pictures"}))
