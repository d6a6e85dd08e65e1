"""The sample pictures as a sheet: a row for each prompt and what sets it apart, a column for each state and weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Entry = Mapping[str, Any]

END = 1 << 60  # an epoch's end comes after all steps within it
FINISHED = END + 1  # and after that what `finish:` made of it


class Sheet(NamedTuple):
    """What stands at each row and above each column, and the digest of each picture where there is one."""

    rows: list[str]
    columns: list[str]
    cells: list[list[str | None]]


def sheet(pictures: Sequence[Entry]) -> Sheet:
    """Rows in the order of lora.yaml; the column without the LoRA first. ``pictures`` as the package reads them."""
    columns = sorted({_place(entry) for entry in pictures})
    rows = list(dict.fromkeys(map(_row, pictures)))
    drawn = {(_row(entry), _place(entry)): entry["picture"] for entry in pictures}
    cells = [[drawn.get((row, column)) for column in columns] for row in rows]
    return Sheet(_names(rows), labels(columns), cells)


def shipped(pictures: Sequence[Entry], epoch: int, weight: float) -> list[Entry]:
    """The pictures at an epoch's end, one of each prompt: of its first seed, at the weight nearest to this one.

    Of a LoRA that ``finish:`` changed they are of what came out.
    """
    drawn = [entry for entry in pictures if entry["epoch"] == epoch and not entry.get("step")]
    own = [entry for entry in drawn if "finished" in entry] or drawn
    near = sorted(own, key=lambda entry: abs(entry["weight"] - weight))
    first = {entry["prompt"]: entry for entry in reversed(near)}
    return [first[prompt] for prompt in dict.fromkeys(entry["prompt"] for entry in own)]


def labels(columns: Iterable[tuple[int, int, float]]) -> list[str]:
    """What stands above each (epoch, step, weight); the weight is said only where there are several."""
    columns = list(columns)
    several = len({weight for epoch, _, weight in columns if epoch}) > 1
    return [
        state(epoch, step) + (f", weight {weight:g}" if several else "") if epoch else "without LoRA"
        for epoch, step, weight in columns
    ]


def state(epoch: int, step: int) -> str:
    """``epoch 3``, ``step 500``, or the epoch that is handed out as ``finish:`` left it."""
    return {END: f"epoch {epoch}", FINISHED: f"epoch {epoch}, finished"}.get(step, f"step {step}")


def place(entry: Entry) -> tuple[int, int]:
    """Epoch and step, in the order in which they came."""
    return entry["epoch"], FINISHED if "finished" in entry else entry.get("step") or END


def _place(entry: Entry) -> tuple[int, int, float]:
    return *place(entry), entry["weight"]


def _row(entry: Entry) -> tuple[str, ...]:
    return entry["prompt"], *entry.get("apart", ())


def _names(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The prompts, and what sets them apart where one has several rows."""
    prompts = [prompt for prompt, *_ in rows]
    return [
        " · ".join([row[0], ", ".join(row[1:])]) if prompts.count(row[0]) > 1 and row[1:] else row[0] for row in rows
    ]
