"""``training.loss``: the distance between what the model answers and what it should."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lorabuild.schema.section import Section

SCHEDULE = (
    "How the threshold falls from clean to noisy timesteps: `snr` from 1 to c, `exponential` from scale to c × scale, "
    "`constant` is c × scale."
)
THRESHOLD = "Threshold between square and straight: smaller forgives outliers more."
SCALE = "Factor on the threshold; `schedule: snr` takes no notice of it."


class L2(Section):
    """Mean squared error."""

    type: Literal["l2"] = "l2"


class L1(Section):
    """Mean absolute error: forgives outliers, and blurs."""

    type: Literal["l1"] = "l1"


class Huber(Section):
    """Square near zero, straight far off: the pseudo-Huber loss, scaled as the squared error (Khrapov et al. 2024)."""

    type: Literal["huber"] = "huber"
    schedule: Literal["snr", "exponential", "constant"] = Field("snr", description=SCHEDULE)
    c: float = Field(0.1, gt=0, le=1, description=THRESHOLD)
    scale: float = Field(1.0, gt=0, description=SCALE)


class SmoothL1(Section):
    """As Huber, scaled as the absolute error."""

    type: Literal["smooth_l1"] = "smooth_l1"
    schedule: Literal["snr", "exponential", "constant"] = Field("snr", description=SCHEDULE)
    c: float = Field(0.1, gt=0, le=1, description=THRESHOLD)
    scale: float = Field(1.0, gt=0, description=SCALE)


class LogCosh(Section):
    """The logarithm of the hyperbolic cosine of the error: square near zero, straight far off (Chen et al. 2019)."""

    type: Literal["log_cosh"] = "log_cosh"


Loss = Annotated[L2 | L1 | Huber | SmoothL1 | LogCosh, Field(discriminator="type")]
