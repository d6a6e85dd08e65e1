"""The house rules, read from the source: what stands where, who may know whom, how long a thing may be."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lorabuild"
RESTORING = ("lorabuild.images.restoring", "torch")  # late, in the one file of images/ that runs such models
ROOMS = ("images", "captions", "taggers", "models", "networks", "training", "evaluate", "publish")
FLOORS = {"core": 0, "schema": 0, "balance": 1, **dict.fromkeys(ROOMS, 2), "stages": 3, "graph": 4, "cli": 5}
TOP = 6
HEAVY = {
    "torch": {"models", "networks", "training", "evaluate", "publish", "taggers"},
    "accelerate": {"training"},
    "prodigyopt": {"training"},
    "prodigyplus": {"training"},
    "dadaptation": {"training"},
    "schedulefree": {"training"},
    "bitsandbytes": {"training"},
    "diffusers": {"models"},
    "transformers": {"models", "taggers"},
    "onnxruntime": {"taggers", "images"},
    "PIL": {"images", "taggers", "evaluate"},
    "av": {"images"},
    "numpy": {"images", "taggers", "evaluate"},
}
LIGHT_ROOMS = ("core", "schema", "balance", "captions", "graph")
FAMILIES = re.compile(r"\b(sd15|sdxl)\b", re.IGNORECASE)
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "stuff"}
MOST_LINES, MOST_FUNCTION_LINES, UNTESTED_LINES = 300, 60, 40


@dataclass(frozen=True)
class Import:
    """One import of a module: who, whom, where, and whether it happens when the program runs."""

    importer: str
    imported: str
    place: str
    typing_only: bool


@dataclass(frozen=True)
class Module:
    """One file of the package."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        parts = self.name.split(".")
        return parts[1] if len(parts) > 2 or (self.path.name == "__init__.py" and len(parts) > 1) else ""

    def place(self, line: int) -> str:
        return f"{self.path.relative_to(ROOT).as_posix()}:{line}"


@cache
def modules() -> tuple[Module, ...]:
    return tuple(_module(path) for path in sorted(PACKAGE.rglob("*.py")))


def _module(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(part for part in parts if part != "__init__")
    text = path.read_text("utf-8")
    return Module(name, path, text, ast.parse(text, str(path)))


@cache
def imports() -> tuple[Import, ...]:
    return tuple(found for module in modules() for found in _imports(module, module.tree, typing_only=False))


def _imports(module: Module, node: ast.AST, *, typing_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and _asks_for_type_checking(child.test):
            for inside in child.body:
                yield from _imports(module, ast.Module([inside], []), typing_only=True)
            for inside in child.orelse:
                yield from _imports(module, ast.Module([inside], []), typing_only=typing_only)
            continue
        for imported in _imported(module, child):
            yield Import(module.name, imported, module.place(child.lineno), typing_only)
        yield from _imports(module, child, typing_only=typing_only)


def _asks_for_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _imported(module: Module, node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        above = module.name.split(".")[: None if module.path.name == "__init__.py" else -1]
        above = above[: len(above) - (node.level - 1)]
        base = ".".join([*above, *([base] if base else [])])
    known = {one.name for one in modules()}
    return sorted({f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base for alias in node.names})


def _room(name: str) -> str:
    parts = name.split(".")
    return parts[1] if parts[0] == "lorabuild" and len(parts) > 1 and parts[1] in FLOORS else ""


def _floor(name: str) -> int:
    return FLOORS.get(_room(name), 0 if name == "lorabuild" else TOP)


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _none(broken: list[str]) -> None:
    assert not broken, "\n  " + "\n  ".join(sorted(broken))


def test_every_folder_of_the_package_has_a_floor():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders <= set(FLOORS), f"no floor is known for {sorted(folders - set(FLOORS))}"


def test_imports_point_down_only():
    _none(
        [
            f"{one.place}: {one.importer} imports {one.imported} from above (floor {_floor(one.imported)})"
            for one in imports()
            if one.imported.startswith("lorabuild")
            and not one.typing_only
            and _floor(one.imported) > _floor(one.importer)
        ]
    )


def test_rooms_do_not_import_one_another():
    _none(
        [
            f"{one.place}: {_room(one.importer)} imports {_room(one.imported)}; stages introduce rooms to each other"
            for one in imports()
            if not one.typing_only
            and _room(one.importer) in ROOMS
            and _room(one.imported) in ROOMS
            and _room(one.importer) != _room(one.imported)
        ]
    )


def test_core_does_not_import_the_schema():
    _none(
        [
            f"{one.place}: core imports {one.imported}"
            for one in imports()
            if _room(one.importer) == "core" and _room(one.imported) not in ("", "core")
        ]
    )


def test_no_two_modules_import_each_other_round_a_circle():
    graph: dict[str, dict[str, str]] = {}
    for one in imports():
        if one.imported.startswith("lorabuild.") and not one.typing_only and one.imported != one.importer:
            graph.setdefault(one.importer, {})[one.imported] = one.place
    _none([" → ".join(circle) + f" (closed in {place})" for circle, place in _circles(graph)])


def _circles(graph: dict[str, dict[str, str]]) -> Iterator[tuple[list[str], str]]:
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> Iterator[tuple[list[str], str]]:
        for imported, place in sorted(graph.get(name, {}).items()):
            if imported in way:
                yield [*way[way.index(imported) :], imported], place
            elif imported not in done:
                yield from visit(imported, [*way, imported])
        done.add(name)

    for start in sorted(graph):
        if start not in done:
            yield from visit(start, [start])


def _library(one: Import) -> str:
    """The heavy library behind an import; ``safetensors.torch`` and ``safetensors.numpy`` bring in another one."""
    first, _, second = one.imported.partition(".")
    library = second if first == "safetensors" else first
    return library if library in HEAVY else ""


def test_heavy_libraries_stay_in_their_rooms():
    _none(
        [
            f"{one.place}: {one.importer} imports {library}, which belongs in {', '.join(sorted(HEAVY[library]))}"
            for one in imports()
            if (library := _library(one)) and not one.typing_only and _room(one.importer) not in HEAVY[library]
            if (one.importer, library) != RESTORING
        ]
    )


def test_stages_are_light_until_they_run():
    _none(
        [
            f"{module.place(node.lineno)}: {imported} is imported at the top of a stage"
            for module in modules()
            if module.room == "stages"
            for node in module.tree.body
            for imported in _imported(module, node)
            if imported.partition(".")[0] in HEAVY or _room(imported) in ROOMS
        ]
    )


def test_doit_is_known_to_one_file():
    _none(
        [
            f"{one.place}: {one.importer} imports doit"
            for one in imports()
            if one.imported.partition(".")[0] == "doit" and one.importer != "lorabuild.graph.tasks"
        ]
    )


def test_pydantic_and_yaml_are_known_to_the_schema_only():
    _none(
        [
            f"{one.place}: {one.importer} imports {one.imported}"
            for one in imports()
            if one.imported.partition(".")[0] in ("pydantic", "yaml")
            and _room(one.importer) != "schema"
            and not one.typing_only
        ]
    )


def test_environment_is_read_in_the_command_line_only():
    _none(
        [
            f"{module.place(node.lineno)}: os.{node.attr} outside cli/"
            for module in modules()
            if module.room not in ("cli", "")
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Attribute)
            and node.attr in ("environ", "getenv", "environb")
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
        ]
    )


def test_functions_are_short():
    _none(
        [
            f"{module.place(node.lineno)}: {node.name} has {lines} lines, {MOST_FUNCTION_LINES} is the most"
            for module in modules()
            for node in _functions(module.tree)
            if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MOST_FUNCTION_LINES
        ]
    )


def test_files_are_short():
    _none(
        [
            f"{module.place(1)}: {lines} lines; 250 is the aim and {MOST_LINES} the most"
            for module in modules()
            if (lines := len(module.text.splitlines())) > MOST_LINES
        ]
    )


def test_files_are_named_for_what_they_hold():
    _none([module.place(1) for module in modules() if module.path.stem in VAGUE or module.path.parent.name in VAGUE])


def test_everything_public_says_what_it_is():
    _none([f"{module.place(line)}: {name} has no docstring" for module in modules() for name, line in _silent(module)])


def _silent(module: Module) -> Iterator[tuple[str, int]]:
    if not ast.get_docstring(module.tree):
        yield "the module", 1
    classes = [node for node in module.tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    for holder in (module.tree, *classes):
        for node in holder.body:
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if named and not node.name.startswith("_") and not ast.get_docstring(node):
                yield node.name, node.lineno


def test_no_family_is_named_outside_its_room():
    _none(
        [
            f"{module.place(number)}: {found.group()} is named outside models/, schema/base.py and schema/families.py"
            for module in modules()
            if module.room != "models" and module.name not in ("lorabuild.schema.base", "lorabuild.schema.families")
            for number, line in enumerate(module.text.splitlines(), 1)
            if (found := FAMILIES.search(line))
        ]
    )


def test_no_kwargs_cross_a_door():
    _none(
        [
            f"{module.place(node.lineno)}: {node.name}(**{node.args.kwarg.arg})"
            for module in modules()
            for node in module.tree.body
            if isinstance(node, ast.FunctionDef)
            and node.args.kwarg
            and not node.name.startswith("_")
            and node.name != "runtime_only"  # passes limits on to pydantic's Field
        ]
    )


@cache
def _tests_of(room: str) -> str:
    """The text of every test of a room."""
    folder = ROOT / "tests" / room
    return "\n".join(path.read_text("utf-8") for path in sorted(folder.glob("test_*.py")))


def test_tests_mirror_the_package():
    _none(
        [
            f"{module.place(1)}: no tests/{module.room}/test_*.py names {module.name}"
            for module in modules()
            if module.room
            and module.path.name != "__init__.py"
            and len(module.text.splitlines()) > UNTESTED_LINES
            and not (ROOT / "tests" / module.room / f"test_{module.path.stem}.py").exists()
            and not re.search(_named(module), _tests_of(module.room))
        ]
    )


def _named(module: Module) -> str:
    package, _, stem = module.name.rpartition(".")
    return rf"{re.escape(module.name)}\b|from {re.escape(package)} import [^\n]*\b{stem}\b"


def test_light_rooms_leave_heavy_libraries_alone():
    light = [module.name for module in modules() if module.room in (*LIGHT_ROOMS, "cli", "stages")]
    _none([f"importing {', '.join(LIGHT_ROOMS)}, cli and stages brings in {name}" for name in _loaded_by(light)])


@pytest.mark.parametrize("arguments", [["--help"], ["schema"], ["--version"]])
def test_commands_that_need_nothing_heavy_load_nothing_heavy(arguments, tmp_path):
    code = f"from lorabuild.cli.main import main\ntry:\n    main({arguments!r})\nexcept SystemExit:\n    pass"
    _none([f"lorabuild {' '.join(arguments)} loads {name}" for name in _loaded_by([], code, tmp_path)])


def _loaded_by(names: list[str], code: str = "", folder: Path = ROOT) -> list[str]:
    """The heavy libraries that are loaded after some imports, in a fresh interpreter."""
    lines = ["import importlib, sys", *(f"importlib.import_module({name!r})" for name in names), code]
    lines.append(f"print('loaded:', *sorted({set(HEAVY)!r} & set(sys.modules)))")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.rpartition("loaded:")[2].split()


def test_the_rules_themselves_see_what_they_should():
    text = (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import torch\nelse:\n    import numpy\n"
        "def late():\n    from lorabuild.core import errors\n    from . import plan\n    import PIL.Image\n"
    )
    module = Module("lorabuild.graph.sample", PACKAGE / "graph/sample.py", text, ast.parse(text))
    found = {(one.imported, one.typing_only) for one in _imports(module, module.tree, typing_only=False)}
    assert found == {
        ("typing", False),
        ("torch", True),
        ("numpy", False),
        ("lorabuild.core.errors", False),
        ("lorabuild.graph.plan", False),
        ("PIL.Image", False),
    }
    circles = [circle for circle, _ in _circles({"a": {"b": ""}, "b": {"c": ""}, "c": {"a": "", "d": ""}})]
    assert circles == [["a", "b", "c", "a"]]
    assert list(_silent(Module("m", PACKAGE, "", ast.parse("def f(): ...\nclass _C:\n  def g(self): ...\n")))) == [
        ("the module", 1),
        ("f", 1),
    ]
