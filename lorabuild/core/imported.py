"""Code that lora.yaml names by an import path: where it comes from, and running what lies in the project's folder.

What is installed is the person's own. What lies in the project came with it, perhaps from somebody else: it is found
here without running any of it, and runs only where ``graph.allowed`` let it.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from lorabuild.core.digest import canonical, digest, file_digest
from lorabuild.core.errors import ProjectError

INSTALLED = frozenset({"site-packages", "dist-packages"})


def own_code(root: Path, dotted: str) -> Path | None:
    """The module or package below the project's folder that an import path begins with; None when it is installed.

    A name that is installed and also lies in the folder means the installed one.
    """
    top = dotted.partition(".")[0]
    if _is_installed(root, top):
        return None
    if _is_package(root / top):
        return root / top
    return root / f"{top}.py" if (root / f"{top}.py").is_file() else None


def is_known(root: Path, dotted: str) -> bool:
    """Whether the beginning of an import path is installed or lies in the project's folder."""
    return own_code(root, dotted) is not None or _is_installed(root, dotted.partition(".")[0])


def sources(code: Path) -> list[Path]:
    """The Python files of a module or package of the project's own, sorted."""
    return [code] if code.is_file() else sorted(path for path in code.rglob("*.py") if path.is_file())


def code_digest(code: Path) -> str:
    """One digest over the Python files of a module or package. Raises OSError."""
    return digest(canonical([[path.relative_to(code.parent).as_posix(), file_digest(path)] for path in sources(code)]))


def run_own_code(root: Path, dotted: str) -> None:
    """Import the project's own module that holds ``dotted``; nothing happens for what is installed.

    Consent is the caller's to have asked for. The text that stands there now is run, whatever was imported before, and
    no compiled copy of it is left behind. Raises ``ProjectError`` where it can't be imported.
    """
    module, top = dotted.rpartition(".")[0], dotted.partition(".")[0]
    if own_code(root, dotted) is None:
        return
    for name in [name for name in sys.modules if name == top or name.startswith(f"{top}.")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(root))
    try:
        importlib.import_module(module)
    except Exception as error:
        raise ProjectError(
            f"{module} of this project can't be imported: {type(error).__name__}: {error}",
            where="lora.yaml training.optimizer.class",
            next_step="mend it, or name another class",
        ) from error
    finally:
        sys.path.remove(str(root))
        sys.dont_write_bytecode = before


def _is_package(place: Path) -> bool:
    return place.is_dir() and any(place.glob("*.py"))


def _is_installed(root: Path, top: str) -> bool:
    """Whether a module of this name is found, and not below the project's folder. Runs none of it.

    A virtual environment in that folder is the person's own: they run this program with it.
    """
    return any(not _is_below(root.resolve(), place.resolve()) for place in _places(top))


def _is_below(root: Path, place: Path) -> bool:
    return place.is_relative_to(root) and not INSTALLED & set(place.relative_to(root).parts)


def _places(top: str) -> list[Path]:
    """The file or the folders of a module, wherever Python would look for it first; what was imported doesn't count."""
    for finder in sys.meta_path:
        spec = finder.find_spec(top, None)
        if spec is not None:
            return [Path(folder) for folder in spec.submodule_search_locations or [spec.origin or "built-in"]]
    return []
