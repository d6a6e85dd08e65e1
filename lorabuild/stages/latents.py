"""``latents``: every training image through the VAE, once per bucket size; prior pictures drawn by the base model.

An image's VAE sample is counted from its item's key, and every pass has one fixed, padded shape: encoding one image
later gives the bytes of encoding all.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import StageError
from lorabuild.core.events import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from lorabuild.core.events import Emit
    from lorabuild.core.item import Item, Outputs
    from lorabuild.images.looked import Chances, Looked
    from lorabuild.models.device import Rows
    from lorabuild.models.family import Model
    from lorabuild.schema.images import Images
    from lorabuild.schema.site import Site
    from lorabuild.training.batches import Record
    from lorabuild.training.live import Live, Shown

VERSION = 1


def run(inputs: Sequence[Item], site: Site, outputs: Outputs, emit: Emit) -> None:
    """Encode images by bucket, then draw prior pictures. An image that changed since the plan is left undone."""
    from lorabuild.models import device, family, source

    images = [item for item in inputs if not item.reads.get("prior")]
    priors = [item for item in inputs if item.reads.get("prior")]
    settings = site.project.device
    chosen = device.pick(settings)
    parts = family.PARTS if priors else frozenset({"vae"})
    model = family.load(source.locate(site), site.project.base, parts, chosen, device.FULL)
    rows = device.Rows(chosen, device.FULL, settings.batch)
    bench = _Bench(model, site, outputs, emit, rows, total=len(inputs))
    bench.encode(sorted(images, key=_bucket))
    for _, members in _by(priors, "size", "steps", "cfg"):
        bench.draw(members)


@dataclass
class _Bench:
    """The model and the doors of one run, and how far it is."""

    model: Model
    site: Site
    outputs: Outputs
    emit: Emit
    rows: Rows
    total: int
    done: int = field(default=0)

    def encode(self, items: Sequence[Item]) -> None:
        """Images in the order of their buckets, a fixed number a pass; they are read ahead while the VAE works."""
        counts = {bucket: self.rows.of(bucket[0] * bucket[1]) for bucket in map(_bucket, items)}
        for bucket, pictures in groupby(self._pictures(items, max(counts.values(), default=1)), key=_bucket_of):
            while batch := list(islice(pictures, counts[bucket])):
                self.rows.each(batch, bucket[0] * bucket[1], partial(self._encode, bucket=bucket), self._say)

    def _say(self, text: str) -> None:
        self.emit(Event("note", "latents", {"code": "memory", "item": "latents", "text": text}))

    def _pictures(self, items: Sequence[Item], batch: int) -> Iterator[tuple[Item, Looked]]:
        """Decoded and fitted images; what changed is passed over, what can't be read any more is set aside."""
        from lorabuild.images.decode import UnreadableError
        from lorabuild.images.pool import in_order, plain

        work = partial(_read, settings=plain(self.site.project.images))
        for item, picture in in_order(work, items, self.site.project.device.threads, batch, self.emit, "latents"):
            if isinstance(picture, UnreadableError):
                self.outputs.aside(item, picture.what)
            elif picture is not None:
                yield item, picture

    def _encode(self, batch: Sequence[tuple[Item, Looked]], bucket: tuple[int, int]) -> None:
        from lorabuild.models.tensors import pack, stacked

        items, flip = [item for item, _ in batch], self.site.project.images.flip
        pixels, count = [seen.pixels for _, seen in batch], self.rows.of(bucket[0] * bucket[1])
        images = stacked(pixels + pixels[-1:] * (count - len(batch)))
        latents = {"latents": self._passed(images, items, bucket, "vae")}
        if flip:
            latents["latents_flipped"] = self._passed(images.flip(2), items, bucket, "vae flipped")
        for place, (item, seen) in enumerate(batch):
            made = {name: rows[place] for name, rows in latents.items()}
            if seen.mask is not None:
                made["mask"] = mask_tensor(seen.mask, self.model.vae_factor)
                made |= {"mask_flipped": made["mask"].flip(2)} if flip else {}
            self._finish(item, {"latents": pack(made)})

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
        width, height = items[0].reads["size"]
        self.rows.each(items, width * height, self._draw, self._say)

    def _draw(self, group: Sequence[Item]) -> None:
        from lorabuild.evaluate.picture import png
        from lorabuild.models.tensors import pack

        first = group[0].reads
        latents = self.model.sample_latents(
            [item.reads["prompt"] for item in group],
            negatives=[item.reads["negative"] for item in group],
            seeds=[item.reads["seed"] for item in group],
            steps=first["steps"],
            cfg=first["cfg"],
            width=first["size"][0],
            height=first["size"][1],
            batch=self.rows.batch,
        )
        pictures = self.model.decode(latents, self.rows.batch)
        for item, drawn, picture in zip(group, latents, pictures, strict=True):
            made = {"latents": pack({"latents": drawn}), "picture": png(picture.numpy())}
            self._finish(item, made, prompt=item.reads["prompt"])

    def _finish(self, item: Item, made: Mapping[str, bytes], **facts: Any) -> None:
        stored = {name: self.outputs.write(data) for name, data in made.items()}
        self.outputs.done(item, stored, facts=facts, record=self.rows.record)
        self.done += 1
        self.emit(Event("progress", "latents", {"done": self.done, "total": self.total, "unit": "images"}))


def _by(items: Iterable[Item], *names: str) -> Iterator[tuple[Any, list[Item]]]:
    """Items that agree in these words of what they read; the single word's value, or all of them, as tuples."""

    def value(item: Item) -> Any:
        found = tuple(tuple(read) if isinstance(read := item.reads[name], (list, tuple)) else read for name in names)
        return found[0] if len(found) == 1 else found

    for found, group in groupby(sorted(items, key=value), key=value):
        yield found, list(group)


def _bucket(item: Item) -> tuple[int, int]:
    width, height = item.reads["bucket"]
    return width, height


def _bucket_of(read: tuple[Item, Looked]) -> tuple[int, int]:
    return _bucket(read[0])


def _read(item: Item, settings: Images) -> Looked | None:
    """An image as it goes into its latents."""
    from lorabuild.images.looked import Chances

    return _picture(item.reads, settings, Chances())


def _picture(reads: Mapping[str, Any], settings: Images, chances: Chances) -> Looked | None:
    """The training image and its mask at its bucket's size; None when a file is no longer what the plan saw."""
    from lorabuild.images import masks
    from lorabuild.images.decode import UnreadableError, prepared
    from lorabuild.images.looked import looked

    try:
        found = prepared(reads["path"], settings, reads.get("moves", ""))
        mask, side = None, reads.get("side")
        if reads.get("mask"):
            mask = masks.of_file(Path(side).read_bytes(), found, side) if side else masks.of_alpha(found)
    except (OSError, UnreadableError):
        return None
    if found.pixels != reads["pixels"] or (mask.pixels if mask else None) != reads.get("mask"):
        return None
    width, height = reads["bucket"]
    return looked(found.image, mask.image if mask else None, (width, height), chances)


def mask_tensor(mask: NDArray[np.uint8], factor: int) -> Tensor:
    """A mask [H, W] as float32 [1, h, w] at the size of the latents."""
    from lorabuild.images.masks import averaged
    from lorabuild.models.tensors import stacked

    return stacked([averaged(mask, factor)])[0]


def live(site: Site, model: Model) -> Live:
    """Pictures for a training that caches none: each look decodes its picture and encodes it with the model's VAE."""
    from lorabuild.images.pool import MOST_WORKERS
    from lorabuild.training.live import Live

    show = partial(_shown, settings=site.project.images, factor=model.vae_factor)
    return Live(
        show,
        model.encode_images,
        channels=model.latent_channels,
        factor=model.vae_factor,
        seed=site.project.training.seed,
        flip=site.project.images.flip,
        together=model.device.type != "cpu",
        threads=min(site.project.device.threads or os.cpu_count() or 1, MOST_WORKERS),
    )


def _shown(record: Record, chances: Sequence[float], settings: Images, factor: int) -> Shown:
    """A record's picture as one look sees it. Raises ``StageError`` where it changed while it was trained on."""
    from lorabuild.images.looked import Chances
    from lorabuild.models.tensors import stacked
    from lorabuild.training.live import Shown

    across, down, *colour = chances
    asked = Chances(
        (across, down) if settings.random_crop else None,
        (colour[0], colour[1], colour[2]) if settings.color_augment else None,
    )
    assert record.file is not None, "a picture without latents has its file"
    reads = {"pixels": record.pixels, "bucket": record.size, **record.file._asdict()}
    seen = _picture(reads, settings, asked)
    if seen is None:
        raise StageError(f"{record.id} changed while it was trained on", next_step="run `lorabuild` again")
    mask = None if seen.mask is None else mask_tensor(seen.mask, factor)
    return Shown(stacked([seen.pixels])[0], mask, seen.corner)
