"""What the header, the report and the side file say of the network, in the words of the trainers that know its type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lorabuild.schema.network import Network
    from lorabuild.schema.project import Project

ALGORITHMS = {"loha": "loha", "lokr": "lokr", "ia3": "ia3", "diag_oft": "diag-oft", "full": "full"}
"""Type → its name in LyCORIS, for the types that the standard trainer has no module of its own for."""

MODULES = {"dylora": "networks.dylora", "lora_fa": "networks.lora_fa"}
"""Type → its module in the standard trainer; of all others ``networks.lora``."""

ARGUMENTS = {
    **{word: word for word in ("conv_dim", "conv_alpha", "factor", "unit", "rank_dropout", "module_dropout")},
    "decompose_both": "decompose_both",
    "rs_lora": "rs_lora",
    "dora": "dora_wd",
}
"""Our word → theirs, of what is said only where it is not zero."""


def words(network: Network) -> dict[str, str]:
    """The ``ss_network_*`` words; a network without a rank says ``None``."""
    found: Any = network
    arguments = {theirs: str(value) for ours, theirs in ARGUMENTS.items() if (value := getattr(found, ours, None))}
    if not getattr(found, "conv_dim", 0):
        arguments.pop("conv_alpha", None)
    lycoris = network.type in ALGORITHMS or getattr(found, "dora", False)
    if lycoris:
        arguments["algo"] = ALGORITHMS.get(network.type, "locon")
    if getattr(found, "dora", False):
        arguments["wd_on_output"] = "False"
    dropout = getattr(found, "dropout", 0) or None
    return {
        "ss_network_module": "lycoris.kohya" if lycoris else MODULES.get(network.type, "networks.lora"),
        "ss_network_dim": str(getattr(found, "dim", None)),
        "ss_network_alpha": str(getattr(found, "alpha", None)),
        "ss_network_args": json.dumps({**arguments, "dropout": dropout}),
        "ss_network_dropout": str(dropout),
    }


def weight(project: Project) -> float:
    """The strength that a file is meant for: what ``finish:`` rebased it to, else that of the samples."""
    rebased = (step.rebase.to for step in reversed(project.finish) if step.rebase)
    return float(next(rebased, project.samples.weight))


def line(network: Network) -> str:
    """``locon, dim 16, alpha 8, conv dim 8, conv alpha 4, dora``."""
    found: Any = network
    numbers = ("dim", "alpha", *(("conv_dim", "conv_alpha") if getattr(found, "conv_dim", 0) else ()))
    parts = [f"{word.replace('_', ' ')} {getattr(found, word):g}" for word in numbers if hasattr(found, word)]
    switches = [word.replace("_", "-") for word in ("dora", "rs_lora") if getattr(found, word, False)]
    return ", ".join([network.type.replace("_", "-"), *parts, *switches])
