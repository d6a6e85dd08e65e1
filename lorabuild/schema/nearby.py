"""What to say where there is no lora.yaml: that one lies above or just below, or is called otherwise."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from lorabuild.core.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path


def absent(file: Path) -> ProjectError:
    """The error for a lora.yaml that isn't there; its next step names one that is near."""
    folder = file.absolute().parent
    above = next((place for place in folder.parents if (place / file.name).is_file()), None)
    below = sorted(place.parent.name for place in folder.glob(f"*/{file.name}"))
    named = next((name for name in ("lora.yml", "lora.yaml.txt", "Lora.yaml") if (folder / name).is_file()), "")
    if named:
        step = f"rename `{named}` to `{file.name}`"
    elif above:
        step = f"one lies above: `cd {quote(str(above))}`, then run the same command again"
    elif below:
        step = f"one lies in `{below[0]}`: write `-C {quote(str(file.parent / below[0]))}`"
    else:
        step = "`lorabuild init` makes one; `-C DIR` works elsewhere"
    return ProjectError(f"there is no {file.name} here", where=str(file.parent), next_step=step)
