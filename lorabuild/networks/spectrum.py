"""Singular values of a difference, and how many of them are kept.

A low-rank product is never built: its singular values are those of a small core (QR on both sides). Of a whole matrix
those of its smaller side are taken (the eigenvalues of A Aᵀ in float64). Both are exact to about 1e-8 of the largest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from torch import Tensor

NOTHING = 1e-7
"""Singular values below this share of the largest are rounding."""


class Limits(NamedTuple):
    """How much of a difference is kept; of several limits the tightest holds.

    Attributes:
        dim: most ranks of linear layers and 1×1 convolutions.
        conv_dim: most ranks of larger kernels; as ``dim`` where it isn't given.
        energy: share of the squared norm that stays at least, above 0 and up to 1.
        ratio: singular values below the largest / ratio are left out.
    """

    dim: int | None = None
    conv_dim: int | None = None
    energy: float | None = None
    ratio: float | None = None

    def kept(self, values: Tensor, *, kernel: bool) -> int:
        """How many of these singular values [k], largest first, stay: at least one."""
        counts = [len(values)]
        most = self.conv_dim if kernel and self.conv_dim else self.dim
        if most:
            counts.append(most)
        if self.energy is not None:
            counts.append(_holding(values, self.energy))
        if self.ratio is not None:
            counts.append(int((values * self.ratio >= values[0]).sum()))
        return max(1, min(counts))


class Spectrum(NamedTuple):
    """A matrix [o, n] as left [o, k] · values [k] · right [k, n], largest first, float64."""

    left: Tensor
    values: Tensor
    right: Tensor

    def halves(self, kept: int) -> tuple[Tensor, Tensor]:
        """``up`` [o, r] and ``down`` [r, n] of the first values; each carries half, which suits fp16."""
        root = self.values[:kept].sqrt()
        return self.left[:, :kept] * root, root[:, None] * self.right[:kept]

    def shown(self) -> Spectrum:
        """Without values that are rounding; at least one is left."""
        above = max(1, int((self.values > NOTHING * self.values[0]).sum()))
        return Spectrum(self.left[:, :above], self.values[:above], self.right[:above])


def of_product(up: Tensor, down: Tensor) -> Spectrum:
    """Of up [o, r] · down [r, n]; the whole matrix is taken where r is no narrower than it."""
    if len(down) >= min(len(up), down.shape[1]):
        return of_matrix(up.double() @ down.double())
    first, core = torch.linalg.qr(up.double())
    second, other = torch.linalg.qr(down.double().t())
    left, values, right = torch.linalg.svd(core @ other.t())
    return Spectrum(first @ left, values, right @ second.t())


def of_matrix(matrix: Tensor) -> Spectrum:
    """Of a matrix [o, n]."""
    matrix = matrix.double()
    if len(matrix) > matrix.shape[1]:
        turned = of_matrix(matrix.t())
        return Spectrum(turned.right.t(), turned.values, turned.left.t())
    found, vectors = torch.linalg.eigh(matrix @ matrix.t())
    left, values = vectors.flip(1), found.flip(0).clamp(min=0).sqrt()
    right = (left.t() @ matrix) / values.clamp(min=torch.finfo(torch.float64).tiny)[:, None]
    return Spectrum(left, values, right)


def _holding(values: Tensor, energy: float) -> int:
    """The fewest values whose squares sum up to this share."""
    sums = values.double().square().cumsum(0)
    # an eps less: a share of 1 must not ask for more than there is
    return int((sums < sums[-1] * energy * (1 - 1e-12)).sum()) + 1
