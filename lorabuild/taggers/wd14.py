"""WD14-family taggers: an ONNX model in SmilingWolf's layout, ``model.onnx`` with ``selected_tags.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError, StageError
from lorabuild.taggers import location
from lorabuild.taggers.tagger import FLOOR, Score, Untagged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from lorabuild.schema.site import Site
    from lorabuild.schema.taggers import Wd14
    from lorabuild.taggers.tagger import Category

READS = "pixels"
MODEL, TABLE = "model.onnx", "selected_tags.csv"
_SIDE = 448  # pixels, where a model leaves its size open: that of every model of the family
_GET_AGAIN = "get model.onnx and selected_tags.csv again, both from the same place"


def digests(settings: Wd14, site: Site) -> dict[str, Path]:
    """The model, its table, and weights that the model keeps beside it; all on this machine."""
    found = location.locate(settings.model, (MODEL, TABLE), site)
    beside = sorted(path for path in found[MODEL].parent.glob(f"{MODEL}?*") if path.suffix in {".data", ".onnx_data"})
    return found | {path.name: path for path in beside}


def fetch(settings: Wd14, site: Site) -> None:
    """Download what isn't here yet. Raises ProjectError when that fails."""
    location.fetch(settings.model, (MODEL, TABLE), site)


def costs(settings: Wd14, site: Site) -> list[tuple[str, int, bool]]:
    """Name, bytes, and whether it is here, of each of its files on the hub. Goes online; raises ProjectError."""
    return location.costs(settings.model, (MODEL, TABLE), site)


def key_settings(_settings: Wd14) -> dict[str, Any]:
    """Nothing: the model is in the key by its digests, and thresholds are applied to the scores later."""
    return {}


def load(settings: Wd14, site: Site, threads: int) -> Wd14Tagger:
    """Open the model. Raises ProjectError when it is missing, damaged, or not of this layout."""
    from lorabuild.taggers import selected_tags

    found = location.locate(settings.model, (MODEL, TABLE), site)
    device, table = site.project.device, selected_tags.read(found[TABLE])
    return Wd14Tagger(_open(found[MODEL], device.type, threads), table, device.batch, threads)


class Wd14Tagger:
    """An open session. On a CPU pictures go one by one: no slower (measured), and no neighbour can change a bit.

    A GPU takes ``batch`` at once; a model with a fixed batch gets that many. What is missing of a batch is blank.
    """

    def __init__(self, session: Any, table: Sequence[tuple[str, Category]], batch: int, threads: int) -> None:
        self._session, self._table, self._threads = session, table, threads
        self._input, self._rows = session.get_inputs()[0], len(table)
        fixed, self._channels_first, self._side = _layout(self._input.shape)
        self._dtype = "float16" if self._input.type == "tensor(float16)" else "float32"
        self._output = _output(session.get_outputs(), self._rows)
        self._on_gpu = session.get_providers()[0] == "CUDAExecutionProvider"
        self.batch = fixed or (batch if self._on_gpu else 1)

    @property
    def record(self) -> Mapping[str, Any]:
        """Device, threads and versions; the batch where it may change the last bits."""
        from lorabuild.core.record import make_record

        device = "cuda" if self._on_gpu else "cpu"
        made = make_record(device, self._dtype, self._threads, ("onnxruntime", "numpy", "pillow"))
        return made | ({"batch": self.batch} if self.batch > 1 else {})

    def tag(self, images: Sequence[Image.Image]) -> list[list[Score] | Untagged]:
        """Scores of RGB pictures of any size."""
        return [
            scores
            for start in range(0, len(images), self.batch)
            for scores in self._tag_batch(images[start : start + self.batch])
        ]

    def _tag_batch(self, images: Sequence[Image.Image]) -> list[list[Score] | Untagged]:
        """At most ``batch`` pictures, in the one shape that this session ever sees."""
        import numpy as np

        from lorabuild.taggers.square import squared

        pixels = np.zeros((self.batch, self._side, self._side, 3), np.float32)
        problems: dict[int, Untagged] = {}
        for place, image in enumerate(images):
            try:
                pixels[place] = squared(image, self._side)
            except (OSError, ValueError) as error:
                problems[place] = Untagged(f"the picture can't be shown to the tagger: {error}")
        rows = self._run(pixels)
        return [problems.get(place) or self._scores(rows[place]) for place in range(len(images))]

    def _run(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """[batch, side, side, 3] → [batch, rows]. Raises StageError, ProjectError when the answer has another width."""
        import numpy as np

        if self._channels_first:
            pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        try:
            shown = {self._input.name: pixels.astype(self._dtype, copy=False)}
            (answer,) = self._session.run([self._output], shown)
        except Exception as error:  # onnxruntime's errors share no base class
            hint = "write a smaller device.batch, or give --device cpu" if self._on_gpu else _GET_AGAIN
            raise StageError(f"the tagger's model fails: {_first_line(error)}", next_step=hint) from error
        _check_width(answer.size // len(pixels), self._rows)
        found: NDArray[np.float64] = answer.reshape(len(pixels), self._rows).astype(np.float64)
        return found

    def _scores(self, row: NDArray[np.float64]) -> list[Score] | Untagged:
        """Everything that is not below ``FLOOR``, best first; equal ones in the order of the table."""
        import numpy as np

        if not np.isfinite(row).all():
            return Untagged("the tagger answered with something that is not a number")
        values = [round(float(value), 6) for value in row]
        scores = (Score(tag, value, kind) for (tag, kind), value in zip(self._table, values, strict=True))
        return sorted((score for score in scores if score.score >= FLOOR), key=lambda score: -score.score)


def _open(path: Path, device: str, threads: int) -> Any:
    """An onnxruntime session with pinned threads: on CUDA where the installed onnxruntime has it, else on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    have = onnxruntime.get_available_providers()
    wanted: list[Any] = ["CPUExecutionProvider"]
    if device in {"auto", "cuda"} and "CUDAExecutionProvider" in have:
        wanted.insert(0, ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}))
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=wanted)
    except Exception as error:  # onnxruntime's errors share no base class
        raise ProjectError(
            f"the tagger's model can't be opened: {_first_line(error)}", where=str(path), next_step=_GET_AGAIN
        ) from error


def _layout(shape: Sequence[Any]) -> tuple[int, bool, int]:
    """Fixed batch (0: free), channels first?, side in pixels. Raises ProjectError when no square picture fits."""
    if len(shape) == 4 and 3 in (shape[1], shape[3]):
        first = shape[3] != 3
        height, width = shape[2:] if first else shape[1:3]
        if height == width or not (isinstance(height, int) and isinstance(width, int)):
            fixed = shape[0] if isinstance(shape[0], int) else 0
            return fixed, first, next((size for size in (height, width) if isinstance(size, int)), _SIDE)
    raise ProjectError(
        f"the tagger's model takes {list(shape)}, not square pictures [batch, side, side, 3]",
        where=location.WHERE,
        next_step="give a tagger of the WD14 family",
    )


def _output(outputs: Sequence[Any], rows: int) -> str:
    """The output with a score for each row: models with embeddings have a second one. Raises ProjectError."""
    widths = {str(output.name): output.shape[-1] if output.shape else None for output in outputs}
    if fitting := [name for name, width in widths.items() if width == rows]:
        return fitting[0]
    name, width = next(iter(widths.items()))
    if isinstance(width, int):
        _check_width(width, rows)
    return name


def _check_width(width: int, rows: int) -> None:
    if width != rows:
        raise ProjectError(
            f"the tagger's model scores {width} tags, but {TABLE} has {rows} rows: they don't belong together",
            where=location.WHERE,
            next_step=_GET_AGAIN,
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
