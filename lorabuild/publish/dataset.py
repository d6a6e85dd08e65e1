"""What the metadata says of the images: folders, tags, buckets, in the forms that existing tools read.

Nothing depends on the order of the images: a renamed file must not change a byte.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from lorabuild.publish.facts import once

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lorabuild.publish.facts import Prior, Run, TrainedImage
    from lorabuild.schema.project import Project

TagTable = dict[str, dict[str, int]]


def folder(concept: str, repeats: int) -> str:
    """The name by which readers know a concept: ``10_zorbl``, as a folder of the standard trainer is called."""
    return f"{repeats}_{concept}"


def words(run: Run) -> dict[str, str]:
    """Every ``ss_`` word about images except the tag table."""
    looks = sum(image.repeats for image in run.images)
    prior_looks = sum(prior.repeats for prior in run.priors)
    batches = {} if run.batches is None else {"ss_num_batches_per_epoch": str(run.batches)}
    return {
        **batches,
        "ss_num_train_images": str(looks),
        "ss_num_reg_images": str(prior_looks),
        "ss_dataset_dirs": json.dumps(_folders(run.images), ensure_ascii=False),
        "ss_reg_dataset_dirs": json.dumps(_prior_folders(run.priors)),
        "ss_bucket_info": json.dumps(bucket_info(run)),
        "ss_min_bucket_reso": str(run.buckets[0]),
        "ss_max_bucket_reso": str(run.buckets[1]),
    }


def resolutions(project: Project, run: Run) -> dict[str, str]:
    """``ss_resolution``; of several ``ss_datasets`` in its place, one for each, as the standard trainer says them."""
    found = {one.resolution for one in run.images} | {one.resolution for one in run.priors}
    sides = sorted(found - {0}) or [project.images.resolution]
    if len(sides) == 1:
        return {"ss_resolution": f"({sides[0]}, {sides[0]})"}
    return {"ss_datasets": json.dumps([_dataset(project, run, side) for side in sides], ensure_ascii=False)}


def _dataset(project: Project, run: Run, side: int) -> dict[str, object]:
    """What is trained in one resolution; what holds for all of them, and the tag table, stand in words of their own."""
    images = tuple(image for image in run.images if image.resolution == side)
    priors = tuple(prior for prior in run.priors if prior.resolution == side)
    folders = [(_folders(images), False), (_prior_folders(priors), True)]
    return {
        "is_dreambooth": True,
        "batch_size_per_device": project.training.batch,
        "num_train_images": sum(image.repeats for image in images),
        "num_reg_images": sum(prior.repeats for prior in priors),
        "resolution": [side, side],
        "enable_bucket": True,
        "bucket_info": bucket_info(replace(run, images=images, priors=priors)),
        "subsets": [
            {"image_dir": name, "img_count": said["img_count"], "num_repeats": said["n_repeats"], "is_reg": regular}
            for found, regular in folders
            for name, said in found.items()
        ],
    }


def _folders(images: Sequence[TrainedImage]) -> dict[str, dict[str, int]]:
    """Pictures by concept and repeats; an image counts in each of its resolutions, as it is looked at in each."""
    counts = Counter((image.concept, image.repeats) for image in images)
    return {
        folder(concept, repeats): {"n_repeats": repeats, "img_count": count}
        for (concept, repeats), count in sorted(counts.items())
    }


def _prior_folders(priors: Sequence[Prior]) -> dict[str, dict[str, int]]:
    counts = Counter(prior.repeats for prior in priors)
    return {
        folder("prior", repeats): {"n_repeats": repeats, "img_count": count}
        for repeats, count in sorted(counts.items())
    }


def bucket_info(run: Run) -> dict[str, object]:
    """Looks per bucket, smallest first, and the mean difference of width/height that fitting to buckets caused."""
    looks = Counter[tuple[int, int]]()
    for image in run.images:
        looks[image.bucket] += image.repeats
    for prior in run.priors:
        looks[prior.bucket] += prior.repeats
    found = enumerate(sorted(looks.items()))
    buckets = {str(number): {"resolution": [*size], "count": count} for number, (size, count) in found}
    errors = [abs(image.bucket[0] / image.bucket[1] - image.width / image.height) for image in run.images]
    errors += [0.0] * len(run.priors)
    return {"buckets": buckets, "mean_img_ar_error": math.fsum(errors) / len(errors) if errors else 0.0}


def tag_table(images: Sequence[TrainedImage]) -> TagTable:
    """Concept folder → tag → images that carry it, most frequent first. Tags are the captions' parts between commas."""
    table: dict[str, Counter[str]] = {}
    for image in once(images):
        tags = {tag for part in image.caption.replace("\n", ",").split(",") if (tag := part.strip())}
        table.setdefault(folder(image.concept, image.repeats), Counter()).update(tags)
    return {name: dict(sorted(tags.items(), key=_frequent_first)) for name, tags in sorted(table.items())}


def trim(table: Mapping[str, Mapping[str, int]], keep: int) -> TagTable:
    """The ``keep`` most frequent entries of all folders together; ties go by folder, then tag."""
    entries = sorted((-count, name, tag) for name, tags in table.items() for tag, count in tags.items())
    kept: TagTable = {name: {} for name in table}
    for count, name, tag in entries[:keep]:
        kept[name][tag] = -count
    return kept


def entries(table: Mapping[str, Mapping[str, int]]) -> int:
    """How many tags the table lists."""
    return sum(len(tags) for tags in table.values())


def _frequent_first(entry: tuple[str, int]) -> tuple[int, str]:
    return -entry[1], entry[0]
