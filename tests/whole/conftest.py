import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "graph")]  # small.py; tiny_sd15.py …; light.py

import light  # noqa: E402 – found there
import short  # noqa: E402
import small  # noqa: E402
from lit import Lit  # noqa: E402


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    return small.make_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def built(tmp_path_factory, models):
    """The small project after its first build. Not to be changed: tests work on ``project``, its copy."""
    project = small.make(tmp_path_factory.mktemp("built") / "tiny", models)
    assert project.build().code == 0
    return project


@pytest.fixture
def project(tmp_path, built):
    """A copy of the built project, its store with it."""
    return built.copy(tmp_path / "tiny")


@pytest.fixture
def fresh(tmp_path, models):
    """The same project before its first build."""
    return small.make(tmp_path / "tiny", models)


@pytest.fixture(scope="session")
def example(tmp_path_factory):
    """The shortened example after its first build. Not to be changed either."""
    project = short.make(tmp_path_factory.mktemp("example") / "zorbl")
    assert project.build().code == 0
    return project


@pytest.fixture
def lit(tmp_path):
    """The light project, built to ``balance`` once."""
    project = Lit(light.make(tmp_path / "project"))
    assert project.build().code == 0
    return project
