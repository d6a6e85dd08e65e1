"""A tagger's ONNX model: opened with pinned threads, shown pictures in one shape, its answer read by a table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lorabuild.core.errors import ProjectError, StageError
from lorabuild.taggers import location
from lorabuild.taggers.tagger import FLOOR, Score, Untagged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from lorabuild.schema.device import Device
    from lorabuild.taggers.tagger import Category

    Table = Sequence[tuple[str, Category]]
    Show = Callable[[Image.Image, int], NDArray[np.float32]]

_GET_AGAIN = "get the model and its table again, both from the same place"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a kind of tagger is shown, and what its answer means.

    Attributes:
        table: the file that names the columns of the answer.
        show: picture, side → float32 [side, side, 3].
        side: pixels, where a model leaves its size open.
        logits: the answer has yet to go through a sigmoid.
        refined: of several answers the second is the better one.
        spare: the answer may have more columns than the table names.
    """

    table: str
    show: Show
    side: int = 448
    logits: bool = False
    refined: bool = False
    spare: bool = False


def load(model: Path, table: Table, layout: Layout, device: Device, threads: int) -> OnnxTagger:
    """Open a model. Raises ProjectError when it is damaged, of another layout, or doesn't belong to its table."""
    return OnnxTagger(_open(model, device.type, threads), table, layout, device.batch, threads)


class OnnxTagger:
    """An open session. On a CPU pictures go one by one: no slower (measured), and no neighbour can change a bit.

    A GPU takes ``batch`` at once; a model with a fixed batch gets that many. What is missing of a batch is blank.
    """

    def __init__(self, session: Any, table: Table, layout: Layout, batch: int, threads: int) -> None:
        self._session, self._table, self._layout, self._threads = session, table, layout, threads
        self._input, self._rows = session.get_inputs()[0], len(table)
        fixed, self._channels_first, self._side = _shape(self._input.shape, layout.side)
        self._dtype = "float16" if self._input.type == "tensor(float16)" else "float32"
        self._output = _output(session.get_outputs(), self._rows, layout)
        self._on_gpu = session.get_providers()[0] == "CUDAExecutionProvider"
        self.batch = fixed or (batch if self._on_gpu else 1)

    @property
    def record(self) -> Mapping[str, Any]:
        """Device, threads and versions; the batch where it may change the last bits."""
        from lorabuild.core.record import make_record

        device = "cuda" if self._on_gpu else "cpu"
        made = make_record(device, self._dtype, self._threads, ("onnxruntime", "numpy", "pillow"))
        return made | ({"batch": self.batch} if self.batch > 1 else {})

    @property
    def show(self) -> Callable[[Image.Image], NDArray[np.float32] | Untagged]:
        """What the model sees of a picture, which ``tag`` takes as well; another process may do it."""
        return partial(_shown, show=self._layout.show, side=self._side)

    def tag(self, images: Sequence[Image.Image | NDArray[np.float32] | Untagged]) -> list[list[Score] | Untagged]:
        """Scores of RGB pictures of any size, or of what ``show`` made of them."""
        return [
            scores
            for start in range(0, len(images), self.batch)
            for scores in self._tag_batch(images[start : start + self.batch])
        ]

    def _tag_batch(
        self, images: Sequence[Image.Image | NDArray[np.float32] | Untagged]
    ) -> list[list[Score] | Untagged]:
        """At most ``batch`` pictures, in the one shape that this session ever sees."""
        import numpy as np

        pixels = np.zeros((self.batch, self._side, self._side, 3), np.float32)
        problems: dict[int, Untagged] = {}
        for place, image in enumerate(images):
            seen = image if isinstance(image, np.ndarray | Untagged) else self.show(image)
            if isinstance(seen, Untagged):
                problems[place] = seen
            else:
                pixels[place] = seen
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
        _check_width(answer.size // len(pixels), self._rows, self._layout)
        found: NDArray[np.float64] = answer.reshape(len(pixels), -1)[:, : self._rows].astype(np.float64)
        return 0.5 + 0.5 * np.tanh(found / 2) if self._layout.logits else found

    def _scores(self, row: NDArray[np.float64]) -> list[Score] | Untagged:
        """Everything that is not below ``FLOOR``, best first; equal ones in the order of the table."""
        import numpy as np

        if not np.isfinite(row).all():
            return Untagged("the tagger answered with something that is not a number")
        values = [round(float(value), 6) for value in row]
        scores = (Score(tag, value, kind) for (tag, kind), value in zip(self._table, values, strict=True) if tag)
        return sorted((score for score in scores if score.score >= FLOOR), key=lambda score: -score.score)


def _shown(image: Image.Image, show: Show, side: int) -> NDArray[np.float32] | Untagged:
    try:
        return show(image, side)
    except (OSError, ValueError) as error:
        return Untagged(f"the picture can't be shown to the tagger: {error}")


def _open(path: Path, device: str, threads: int) -> Any:
    """An onnxruntime session with pinned threads: on CUDA where the installed onnxruntime has it, else on the CPU."""
    with location.needed("onnxruntime"):
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


def _shape(shape: Sequence[Any], usual: int) -> tuple[int, bool, int]:
    """Fixed batch (0: free), channels first?, side in pixels. Raises ProjectError when no square picture fits."""
    if len(shape) == 4 and 3 in (shape[1], shape[3]):
        first = shape[3] != 3
        height, width = shape[2:] if first else shape[1:3]
        if height == width or not (isinstance(height, int) and isinstance(width, int)):
            fixed = shape[0] if isinstance(shape[0], int) else 0
            return fixed, first, next((size for size in (height, width) if isinstance(size, int)), usual)
    raise ProjectError(
        f"the tagger's model takes {list(shape)}, not square pictures [batch, side, side, 3]",
        where=location.WHERE,
        next_step="give a tagger of the kind that `type` names",
    )


def _output(outputs: Sequence[Any], rows: int, layout: Layout) -> str:
    """The output with a score for each row: models with embeddings have another one. Raises ProjectError."""
    widths = {str(output.name): output.shape[-1] if output.shape else None for output in outputs}
    if fitting := [name for name, width in widths.items() if width == rows]:
        return fitting[1 if layout.refined and len(fitting) > 1 else 0]
    known = {name: width for name, width in widths.items() if isinstance(width, int)}
    wider = [name for name, width in known.items() if layout.spare and width > rows]
    open_ones = [name for name in widths if name not in known]
    if not wider and not open_ones:
        _check_width(next(iter(known.values())), rows, layout)
    return (wider or open_ones)[0]


def _check_width(width: int, rows: int, layout: Layout) -> None:
    if width < rows or (width > rows and not layout.spare):
        raise ProjectError(
            f"the tagger's model scores {width} tags, but {layout.table} has {rows} rows: they don't belong together",
            where=location.WHERE,
            next_step=_GET_AGAIN,
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
