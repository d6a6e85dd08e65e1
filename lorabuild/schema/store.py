"""``store:`` where results are kept beside the project's own folder, and how many. Nothing here changes a key."""

from __future__ import annotations

from typing import Literal

from lorabuild.schema.section import Section, runtime_only


class Storage(Section):
    """Where results are kept."""

    shared: bool = runtime_only(
        False, "Share results with your other projects on this machine, through your cache folder."
    )
    remote: str | None = runtime_only(
        None,
        "Address of a remote store: `s3://bucket/folder`, `file:///mnt/team`, any that fsspec knows.",
        examples=["s3://team/lorabuild"],
        pattern=r"^[a-z][a-z0-9+.-]*://([^:\s]|:[^:\s])+$",  # no `::`, which chains file systems
    )
    mode: Literal["read-only", "read-write"] = runtime_only(
        "read-only", "Whether results are also written to the remote store; that needs your consent once."
    )
    key: str | None = runtime_only(
        None,
        "Key that signs remote results: `$NAME` of an environment variable, or a file outside the project.",
        examples=["$LORABUILD_KEY"],
        min_length=2,
    )
    keep: int = runtime_only(5, "How many of the latest builds `gc` keeps.", ge=1)
    size: str | None = runtime_only(
        None,
        "Most that the project's own store may take; `gc` drops the oldest builds beyond it.",
        examples=["20GB"],
        pattern=r"^[0-9]+(\.[0-9]+)? ?[MGT]B$",
    )
