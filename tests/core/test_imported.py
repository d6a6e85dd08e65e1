import sys

import pytest

from lorabuild.core.errors import ProjectError
from lorabuild.core.imported import code_digest, is_known, own_code, run_own_code, sources

NAME = "own_code_of_a_test"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A project with a module of its own, which leaves a trace when it runs."""
    monkeypatch.setattr("builtins.ran", [], raising=False)
    (tmp_path / f"{NAME}.py").write_text("ran.append(1)\nTHING = 1\n", "utf-8")
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


def package(root, **files):
    (root / f"{NAME}.py").unlink()
    (root / NAME).mkdir()
    for name, text in files.items():
        (root / NAME / f"{name}.py").write_text(text, "utf-8")


def ran():
    import builtins

    return builtins.ran


def test_code_of_the_project_is_found_without_running_it(root):
    assert own_code(root, f"{NAME}.THING") == root / f"{NAME}.py"
    assert is_known(root, f"{NAME}.THING")
    assert ran() == []


def test_what_is_installed_is_no_code_of_the_project(root):
    assert own_code(root, "json.decoder.JSONDecoder") is None
    assert is_known(root, "json.decoder.JSONDecoder")
    assert not is_known(root, "nowhere_at_all.Thing")


def test_an_installed_module_goes_first(root):
    (root / "json.py").write_text("ran.append(1)\n", "utf-8")
    assert own_code(root, "json.Thing") is None


def test_the_project_s_folder_on_the_path_makes_its_code_no_installed_one(root, monkeypatch):
    monkeypatch.syspath_prepend(root)
    assert own_code(root, f"{NAME}.THING") == root / f"{NAME}.py"
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert own_code(root, f"{NAME}.THING") == root / f"{NAME}.py"


def test_no_folder_below_the_project_s_makes_its_code_an_installed_one(root, monkeypatch):
    (root / "deep").mkdir()
    (root / f"{NAME}.py").rename(root / f"deep/{NAME}.py")
    monkeypatch.syspath_prepend(root / "deep")
    assert own_code(root, f"{NAME}.THING") is None
    assert not is_known(root, f"{NAME}.THING")


def test_a_virtual_environment_in_the_project_s_folder_is_the_person_s(root, monkeypatch):
    packages = root / ".venv/lib/site-packages"
    packages.mkdir(parents=True)
    (root / f"{NAME}.py").rename(packages / f"{NAME}.py")
    monkeypatch.syspath_prepend(packages)
    assert own_code(root, f"{NAME}.THING") is None
    assert is_known(root, f"{NAME}.THING")


def test_one_project_s_code_is_not_known_to_another(root, tmp_path_factory):
    run_own_code(root, f"{NAME}.THING")
    other = tmp_path_factory.mktemp("other")
    assert not is_known(other, f"{NAME}.THING")
    (other / f"{NAME}.py").write_text("THING = 2\n", "utf-8")
    run_own_code(other, f"{NAME}.THING")
    assert sys.modules[NAME].THING == 2


def test_what_stands_there_now_is_run_and_no_compiled_copy_stays(root):
    path, before = list(sys.path), sys.dont_write_bytecode
    run_own_code(root, f"{NAME}.THING")
    (root / f"{NAME}.py").write_text("ran.append(1)\nTHING = 2\n", "utf-8")
    run_own_code(root, f"{NAME}.THING")
    assert (sys.modules[NAME].THING, ran()) == (2, [1, 1])
    assert sorted(root.iterdir()) == [root / f"{NAME}.py"]
    assert (sys.path, sys.dont_write_bytecode) == (path, before)


def test_a_package_may_import_its_own(root):
    package(root, __init__="", deep="from .beside import VALUE\nTHING = VALUE + 1\n", beside="VALUE = 1\n")
    assert own_code(root, f"{NAME}.deep.THING") == root / NAME
    run_own_code(root, f"{NAME}.deep.THING")
    assert sys.modules[f"{NAME}.deep"].THING == 2


def test_installed_code_is_not_imported_here(root):
    run_own_code(root, "wsgiref.validate.THING")
    assert "wsgiref.validate" not in sys.modules


@pytest.mark.parametrize("text", ["1 / 0", "import nowhere_at_all", "def f(:"])
def test_code_that_can_t_be_imported(root, text):
    (root / f"{NAME}.py").write_text(text, "utf-8")
    with pytest.raises(ProjectError, match=f"{NAME} of this project can't be imported"):
        run_own_code(root, f"{NAME}.THING")


def test_the_digest_is_of_every_python_file(root):
    alone = code_digest(root / f"{NAME}.py")
    package(root, __init__="", deep="THING = 1\n")
    (root / NAME / "notes.txt").write_text("no code", "utf-8")
    first = code_digest(root / NAME)
    assert [path.name for path in sources(root / NAME)] == ["__init__.py", "deep.py"]
    (root / NAME / "deep.py").write_text("THING = 2\n", "utf-8")
    second = code_digest(root / NAME)
    (root / NAME / "deep.py").rename(root / NAME / "deeper.py")
    assert len({alone, first, second, code_digest(root / NAME)}) == 4


def test_a_folder_of_pictures_is_no_package(root):
    (root / "pictures").mkdir()
    assert own_code(root, "pictures.Thing") is None
