"""The sample pictures in rows of a prompt each, and the stops of the slider that walks through them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lorabuild.publish import slider as sliding
from lorabuild.publish.page import Drawn, PromptRow
from lorabuild.publish.sheet import END, FINISHED, place, state

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lorabuild.publish.page import Picture
    from lorabuild.schema.slider import Slider

    Entries = Sequence[Mapping[str, Any]]

WITHOUT = "without LoRA"


@dataclass(frozen=True, slots=True)
class Timeline:
    """Rows of pictures, and where they can be looked at.

    Attributes:
        rows: a prompt each.
        stops: labels of the slider's places (``epoch 3``, or a strength); a row may lack a picture at some.
        start: the stop that is shown first.
        word: what the stops are: ``Epoch`` or ``Strength``.
    """

    rows: tuple[PromptRow, ...] = ()
    stops: tuple[str, ...] = ()
    start: int = 0
    word: str = "Epoch"

    @property
    def hero(self) -> tuple[Drawn, ...]:
        """The first prompt without the LoRA and as it is shipped; of a slider at both its ends."""
        if not self.rows:
            return ()
        pictures = self.rows[0].pictures
        if self.word != "Epoch":
            return pictures[0], pictures[-1]
        without = [cell for cell in pictures if cell.stop is None]
        return (*without[:1], *[cell for cell in pictures if cell.shipped][:1])


def of_epochs(pictures: Entries, drawn: Mapping[str, Picture], shipped: int) -> Timeline:
    """The pictures of a LoRA, in the order of lora.yaml: without it, then epoch by epoch (and step by step)."""
    places = sorted({place(entry) for entry in pictures if entry["epoch"]})
    last = (shipped, FINISHED if any("finished" in entry for entry in pictures) else END)
    rows: list[PromptRow] = []
    for own, told in _rows(pictures):
        ordered = sorted(own, key=place)
        cells = (
            Drawn(state(*place(entry)), drawn[entry["picture"]], place(entry) == last, places.index(place(entry)))
            if entry["epoch"]
            else Drawn(WITHOUT, drawn[entry["picture"]], shipped=False)
            for entry in ordered
        )
        rows.append(PromptRow(own[0]["prompt"], tuple(cells), told))
    start = places.index(last) if last in places else max(0, len(places) - 1)
    return Timeline(tuple(rows), tuple(state(*one) for one in places), start)


def of_strengths(pictures: Entries, drawn: Mapping[str, Picture], shipped: int, slider: Slider) -> Timeline:
    """The pictures of a slider by prompt and checkpoint, the lowest strength first; what is handed out on top."""
    rows = sorted(sliding.layout(pictures, slider), key=lambda row: row.apart(shipped))
    strengths = sorted({strength for row in rows for strength in row.pictures})
    cells = (tuple(_at_strengths(row, drawn, strengths)) for row in rows)
    found = tuple(PromptRow(row.name, pictures) for row, pictures in zip(rows, cells, strict=True))
    return Timeline(found, tuple(map(_strength, strengths)), max(0, len(strengths) - 1), "Strength")


def _rows(pictures: Entries) -> Iterator[tuple[Entries, str]]:
    """The pictures of each row and what sets it apart from others of its prompt: what was asked of it, its weight.

    A row has those without the LoRA too, which have no weight.
    """
    rows: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for entry in pictures:
        rows.setdefault((entry["prompt"], *entry.get("apart", ())), []).append(entry)
    for (_, *apart), own in rows.items():
        base = [entry for entry in own if not entry["epoch"]]
        weights = sorted({entry["weight"] for entry in own if entry["epoch"] and "finished" not in entry})
        for weight in weights or [0.0]:
            told = [f"weight {weight:g}"] if len(weights) > 1 else []
            worn = [entry for entry in own if entry["epoch"] and _near(weights, entry) == weight]
            yield [*base, *worn], " · ".join([*apart, *told])


def _near(weights: Sequence[float], entry: Mapping[str, Any]) -> float:
    """The weight that a picture stands at; ``finish:`` may have made it another."""
    near: float = min(weights or [entry["weight"]], key=lambda weight: abs(weight - entry["weight"]))
    return near


def _at_strengths(row: sliding.Row, drawn: Mapping[str, Picture], stops: Sequence[float]) -> Iterator[Drawn]:
    for strength, entry in row.pictures.items():
        yield Drawn(_strength(strength), drawn[entry["picture"]], shipped=False, stop=stops.index(strength))


def _strength(value: float) -> str:
    return f"strength {sliding.shown(value)}" if value else "0, without it"
