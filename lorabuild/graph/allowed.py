"""What a project may do only once the person has allowed it: write to a remote store, hand files out, run its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lorabuild.core.consent import Want, answer, settle
from lorabuild.core.errors import ProjectError
from lorabuild.core.imported import own_code, sources
from lorabuild.graph.order import up_to

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lorabuild.core.consent import Person
    from lorabuild.core.nullindex import Seen
    from lorabuild.graph.wishes import Wishes
    from lorabuild.schema.site import Site

ALLOW = "`lorabuild build --consent` allows it for this project, once and for all"
TRUST = "read it, then `lorabuild build --trust` allows it for this project, once and for all"


def remote_want(site: Site) -> Want | None:
    """Writing to the remote store, where lora.yaml says so. What is one's own is also trusted without a key."""
    store = site.project.store
    if store.remote is None or store.mode != "read-write":
        return None
    return Want("write results to, and trust those of,", store.remote)


def output_want(site: Site) -> Want | None:
    """Writing to the output folder, where it lies outside the project; links are followed."""
    folder = site.path(site.project.output.folder).resolve()
    return None if folder.is_relative_to(site.root.resolve()) else Want("write files to", str(folder))


def code_of(site: Site) -> Path | None:
    """The project's own module or package that lora.yaml names as its optimizer."""
    optimizer = site.project.training.optimizer
    return own_code(site.root, optimizer.class_) if optimizer.type == "custom" else None


def code_want(site: Site) -> Want | None:
    """Running that code."""
    code = code_of(site)
    return Want("run the code of", str(code.resolve())) if code else None


def show_code(site: Site, seen: Seen) -> None:
    """Show the null index that code, before it is read."""
    code = code_of(site)
    if code and code.is_dir():
        seen.folder(code)
    for path in sources(code) if code else ():
        seen.file(path)


def may(person: Person | None, site: Site, want: Want) -> bool:
    """Whether the person allowed this."""
    return person is not None and bool(answer(person, site.root, want))


def ask(
    person: Person, site: Site, question: Callable[[str], bool] | None, *, consent: bool, trust: bool = False
) -> None:
    """Settle what lora.yaml wants and the person was not asked before: by ``--consent``, ``--trust``, or a question.

    Args:
        person: who is asked.
        site: the project.
        question: asks it; None where nobody is there to answer.
        consent: all that writes outside the project is allowed.
        trust: running the project's own code is allowed.
    """
    from lorabuild.core.remote import without_password

    wants = ((remote_want(site), consent), (output_want(site), consent), (code_want(site), trust))
    for want, given in wants:
        said = want and answer(person, site.root, want)
        if want and given and not said:
            settle(person, site.root, want, allowed=True)
        elif want and said is None and question:
            target = without_password(want.target)
            allowed = question(f"this lora.yaml wants to {want.doing} {target}. Allow it for this project?")
            settle(person, site.root, want, allowed=allowed)


def hold_to_consent(site: Site, wishes: Wishes) -> None:
    """Before a build: raise ProjectError where files would be handed out to a folder that was not allowed."""
    want = output_want(site) if "package" in up_to(wishes.targets) else None
    if want and not may(wishes.person, site, want):
        raise ProjectError(
            f"the output folder `{site.project.output.folder}` lies outside the project",
            where="lora.yaml output.folder",
            next_step=f"{ALLOW}; or name a folder inside",
        )


def hold_to_trust(site: Site, wishes: Wishes) -> None:
    """Before a build that trains: raise ProjectError where code of the project would run that was not allowed to."""
    want = code_want(site) if "train" in up_to(wishes.targets) else None
    if want and not may(wishes.person, site, want):
        raise ProjectError(
            f"this lora.yaml wants to run code that came with the project: {want.target}",
            where="lora.yaml training.optimizer.class",
            next_step=TRUST,
        )
