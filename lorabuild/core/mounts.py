"""Mounts: which folders lie on a file system that others change, too, without the kernel here hearing of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

TABLE = Path("/proc/self/mounts")
# 9p and drvfs: Windows drives in WSL
NETWORK = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "afs",
    "ceph",
    "glusterfs",
    "lustre",
    "gpfs",
    "beegfs",
    "9p",
    "drvfs",
}
# folders that a host shares with a virtual machine or a container
SHARED = {"virtiofs", "vboxsf", "vmhgfs", "prl_fs", "fakeowner"}


def foreign(folder: str, table: Path = TABLE) -> str:
    """The type of a folder's file system where changes made elsewhere give no events; empty where they do."""
    try:
        mounted = _mounted(table.read_bytes())
    except OSError:
        return ""  # not Linux: the system's own way of watching is trusted
    here = os.fsencode(os.path.realpath(folder))
    above = [point for point in mounted if here == point or here.startswith(point.rstrip(b"/") + b"/")]
    kind = mounted[max(above, key=len)] if above else ""
    return kind if kind in NETWORK | SHARED or kind == "fuse" or kind.startswith("fuse.") else ""


def _mounted(text: bytes) -> dict[bytes, str]:
    """Mount point → type; of two on one point the later one is seen."""
    rows = (line.split(b" ") for line in text.splitlines())
    return {_plain(row[1]): row[2].decode("ascii", "replace") for row in rows if len(row) > 2}


def _plain(name: bytes) -> bytes:
    r"""A mount point with its blanks: the table writes them as ``\040``."""
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), name)
