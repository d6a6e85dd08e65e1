"""Signatures of results that are kept elsewhere: HMAC-SHA256 with a key that those who trust each other share.

A signature covers the key, the stage, the outputs, the facts and the record of a result, so that none of them can be
changed and no result can stand under another key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from lorabuild.core.digest import canonical
from lorabuild.core.errors import StoreError
from lorabuild.core.trouble import printable, trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lorabuild.core.item import Result

# a form of its own, so that no lora.yaml can name a file or variable as key whose content others know
_FORM = re.compile(r"lorabuild-key-([0-9a-f]{64})")
_MAKE = """python -c 'import secrets; print("lorabuild-key-" + secrets.token_hex(32))'"""


def signing_key(word: str, root: Path, environ: Mapping[str, str]) -> bytes:
    """The key behind ``store.key``: in a variable (``$NAME``), or in a file outside the project. Raises StoreError.

    Args:
        word: what lora.yaml says.
        root: the project's folder.
        environ: the person's variables.
    """
    text = environ.get(word[1:], "") if word.startswith("$") else _read(root / Path(word).expanduser(), root)
    form = _FORM.fullmatch(text.strip())
    if not form:
        how = "holds no key" if text else "is not set"
        raise StoreError(f"{word} {how}", where="store.key", next_step=f"make one key for all who share: {_MAKE}")
    return bytes.fromhex(form.group(1))


def sign(key: bytes, result: Result) -> str:
    """The signature of a result."""
    said = [result.key, result.stage, dict(result.outputs), dict(result.facts), dict(result.record)]
    return hmac.new(key, b"lorabuild result 1\n" + canonical(said), hashlib.sha256).hexdigest()


def is_signed(key: bytes, result: Result, signature: str) -> bool:
    """Whether a signature was made with this key for this very result."""
    return hmac.compare_digest(sign(key, result).encode(), signature.encode())


def _read(path: Path, root: Path) -> str:
    """The text of a key's file, where it is one that only its owner reads."""
    real = path.resolve()
    if real.is_relative_to(root.resolve()):
        raise StoreError(
            "the key lies inside the project, where it is shared with it",
            where=printable(path),
            next_step="keep it in a file outside, or in an environment variable",
        )
    with trouble("read the key", path):
        # on Windows every mode looks open
        if real.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) and not hasattr(real.stat(), "st_file_attributes"):
            raise StoreError("others may read the key", where=printable(path), next_step=f"chmod 600 {printable(path)}")
        return real.read_bytes()[:4096].decode("utf-8", "replace")
