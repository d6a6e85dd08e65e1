"""``latents``: every training image through the VAE, once per bucket size; prior pictures drawn by the base model.

An image's VAE sample is counted from its item's key, and every pass has one fixed, padded shape: encoding one image
later gives the bytes of encoding all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from lorabuild.core.events import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from lorabuild.core.events import Emit
    from lorabuild.core.item import Item, Outputs
    from lorabuild.models.family import Model
    from lorabuild.schema.site import Site

VERSION = 1
PRIOR_PARTS = ("unet", "text_encoder", "tokenizer", "scheduler")


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Encode images by bucket, then draw prior pictures. An image that changed since the plan is left undone."""
    from lorabuild.models import device, family, source

    images = [item for item in inputs if not item.reads.get("prior")]
    priors = [item for item in inputs if item.reads.get("prior")]
    settings = site.project.device
    chosen = device.pick(settings)
    parts = ("vae", *PRIOR_PARTS) if priors else ("vae",)
    model = family.load(source.locate(site), site.project.base, parts, chosen, device.FULL)
    record = device.record(chosen, device.FULL, settings.batch)
    bench = _Bench(model, site, outputs, emit, record, total=len(inputs))
    for bucket, members in _by(images, "bucket"):
        bench.encode(bucket, members)
    for _, members in _by(priors, "size", "steps", "cfg"):
        bench.draw(members)


@dataclass
class _Bench:
    """The model and the doors of one run, and how far it is."""

    model: Model
    site: Site
    outputs: Outputs
    emit: Emit
    record: Mapping[str, Any]
    total: int
    done: int = field(default=0)

    def encode(self, bucket: tuple[int, int], items: Sequence[Item]) -> None:
        """Images of one bucket, a fixed number a pass."""
        from lorabuild.models.device import rows

        count = rows(self.model.device, bucket[0] * bucket[1], self.site.project.device.batch)
        pictures = _pictures(items, self.site)
        while batch := list(islice(pictures, count)):
            self._encode(batch, bucket, count)

    def _encode(self, batch: Sequence[tuple[Item, NDArray[np.uint8]]], bucket: tuple[int, int], count: int) -> None:
        from lorabuild.models.tensors import pack, stacked

        items = [item for item, _ in batch]
        images = stacked([picture for _, picture in batch] + [batch[-1][1]] * (count - len(batch)))
        latents = {"latents": self._passed(images, items, bucket, "vae")}
        if self.site.project.images.flip:
            latents["latents_flipped"] = self._passed(images.flip(2), items, bucket, "vae flipped")
        for place, item in enumerate(items):
            self._finish(item, {"latents": pack({name: rows[place] for name, rows in latents.items()})})

    def _passed(self, images: Any, items: Sequence[Item], bucket: tuple[int, int], purpose: str) -> Any:
        """Latents [count, C, h, w] of uint8 images [count, H, W, 3], each with the noise that its key counts."""
        from lorabuild.models.device import padded
        from lorabuild.models.tensors import noise, stacked

        factor = self.model.vae_factor
        shape = (self.model.latent_channels, bucket[1] // factor, bucket[0] // factor)
        drawn = [noise(shape, purpose, item.key) for item in items]
        group, _ = next(padded(drawn, len(images)))
        return self.model.encode_images(images, stacked(group))

    def draw(self, items: Sequence[Item]) -> None:
        """Prior pictures of one size, drawn as samples are; what is trained on are the latents that were drawn."""
        from lorabuild.evaluate.picture import png
        from lorabuild.models.device import rows
        from lorabuild.models.tensors import pack

        first = items[0].reads
        (width, height), batch = first["size"], self.site.project.device.batch
        count = rows(self.model.device, width * height, batch)
        for start in range(0, len(items), count):
            group = items[start : start + count]
            latents = self.model.sample_latents(
                [item.reads["prompt"] for item in group],
                negatives=[item.reads["negative"] for item in group],
                seeds=[item.reads["seed"] for item in group],
                steps=first["steps"],
                cfg=first["cfg"],
                width=width,
                height=height,
                batch=batch,
            )
            pictures = self.model.decode(latents, batch)
            for item, drawn, picture in zip(group, latents, pictures, strict=True):
                made = {"latents": pack({"latents": drawn}), "picture": png(picture.numpy())}
                self._finish(item, made, prompt=item.reads["prompt"])

    def _finish(self, item: Item, made: Mapping[str, bytes], **facts: Any) -> None:
        stored = {name: self.outputs.write(data) for name, data in made.items()}
        self.outputs.done(item, stored, facts=facts, record=self.record)
        self.done += 1
        self.emit(Event("progress", "latents", {"done": self.done, "total": self.total, "unit": "images"}))


def _by(items: Iterable[Item], *names: str) -> Iterator[tuple[Any, list[Item]]]:
    """Items that agree in these words of what they read; the single word's value, or all of them, as tuples."""

    def value(item: Item) -> Any:
        found = tuple(tuple(read) if isinstance(read := item.reads[name], (list, tuple)) else read for name in names)
        return found[0] if len(found) == 1 else found

    for found, group in groupby(sorted(items, key=value), key=value):
        yield found, list(group)


def _pictures(items: Sequence[Item], site: Site) -> Iterator[tuple[Item, NDArray[np.uint8]]]:
    """Decoded and fitted images, read ahead by threads while the VAE works; those that changed are passed over."""
    from functools import partial

    from lorabuild.images.pool import in_order

    for item, picture in in_order(partial(_picture, site=site), items, site.project.device.threads):
        if picture is not None:
            yield item, picture


def _picture(item: Item, site: Site) -> NDArray[np.uint8] | None:
    """The training image [H, W, 3] at its bucket's size; None when the file is no longer what the plan saw."""
    from lorabuild.images.decode import UnreadableError, prepared
    from lorabuild.images.fit import fit

    try:
        found = prepared(item.reads["path"], site.project.images)
    except (OSError, UnreadableError):
        return None
    width, height = item.reads["bucket"]
    return fit(found.image, (width, height)) if found.pixels == item.reads["pixels"] else None
