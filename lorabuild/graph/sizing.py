"""The bucket sizes that a project could use, as its words alone say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.balance.buckets import NeverEnlarging, Sizes, sizes_for

if TYPE_CHECKING:
    from lorabuild.graph.view import View


def all_sizes(view: View, resolution: int) -> Sizes:
    """Every bucket of a resolution; of these ``few`` leaves some."""
    buckets, factor = view.project.images.buckets, view.inventory.base.vae_factor
    found = sizes_for(resolution, factor, step=buckets.step, smallest=buckets.min, largest=buckets.max)
    return NeverEnlarging(found) if buckets.upscale == "never" else found
