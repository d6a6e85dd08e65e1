import light
import pytest

from lorabuild.core.digest import digest, make_key
from lorabuild.core.errors import ProjectError
from lorabuild.core.item import Item
from lorabuild.core.journal import NAME, Tail
from lorabuild.core.store import Store
from lorabuild.graph import build
from lorabuild.graph.live import Live, ready
from lorabuild.publish import live as pages

DRAWN = {"event": "picture", "picture": digest(b"picture"), "prompt": "zorbl"}


@pytest.fixture
def live(project):
    loaded = light.opened(project)
    return Live(lambda: loaded)


def served(live):
    return live.page()[0].decode()


def test_before_the_first_report_there_is_the_plan(project, live):
    assert "<td" in served(live)
    assert "There is no report yet" in served(live)
    assert not (project / ".lorabuild").exists()


def test_a_project_that_cannot_be_planned_says_why(project, live):
    (project / "base/unet/config.json").unlink()
    text = served(live)
    assert "<td" not in text
    assert 'id="plan"' in text


def test_a_report_of_another_kind_is_not_shown(project, live):
    light.finished(project)
    assert "made by another lorabuild" in served(live)
    assert "<td" in served(live)


def test_the_last_report_stands_while_the_project_is_built_anew(project, live, monkeypatch):
    style, script = pages.styles(), pages.text(pages.SCRIPT)
    page = f'<head><style>{style}</style></head><header class="top">mine<script>{script}</script></body>'
    monkeypatch.setitem(light.PLANTED, "report", ({"report.html": page.encode()}, {}))
    light.finished(project)
    assert 'id="live"' in served(live)
    assert ">mine<" in served(live)
    light.write(project, budget={"steps": 48, "epochs": 2})
    light.built(project)
    assert ">mine<" in served(live)
    (project / "out").mkdir(exist_ok=True)
    (project / "out/report.html").write_text("not this one", "utf-8")
    assert ">mine<" in served(live)


def test_a_picture_is_told_of_once_it_is_there_and_then_can_be_had(project, live):
    held = []
    assert ready(live, [DRAWN, {"event": "note", "text": "x"}], held) == [{"event": "note", "text": "x"}]
    assert held == [DRAWN]
    light.finished(project)
    assert live.picture(DRAWN["picture"]) is None
    assert ready(live, [], held) == [DRAWN]
    assert held == []
    assert live.picture(DRAWN["picture"]) == b"picture"


def test_no_other_blob_can_be_had(project, live):
    light.finished(project)
    with Store(project / ".lorabuild", read_only=True) as store:
        assert store.has(digest(b"lora"))
    assert live.picture(digest(b"lora")) is None


def test_a_new_build_forgets_what_waited(live):
    held = [DRAWN]
    begun = {"event": "begun", "stages": []}
    assert ready(live, [{"event": "note"}, begun, {"event": "stage"}], held) == [begun, {"event": "stage"}]
    assert held == []


def test_a_journal_of_somebody_else_names_no_picture(live):
    events = [{"event": "picture", "picture": name} for name in ("b3:../../lora.yaml", "b3:zz", None, ["b3:"], "\0")]
    assert ready(live, [*events, {"event": "picture"}], []) == []
    assert live.told == set()


def test_every_variant_has_a_page_of_its_own(project):
    light.write(project, variants={"small": {"network.dim": 4}})
    style, script = pages.styles(), pages.text(pages.SCRIPT)
    for name in ("report", "small: report"):
        text = f'<head><style>{style}</style></head><header class="top">of {name}<script>{script}</script></body>'
        with Store(project / ".lorabuild") as store, store.writer("report") as outputs:
            item = Item(name, make_key("report", 0, {"name": name}), {})
            outputs.done(item, {"report.html": outputs.write(text.encode())})
    loaded = light.opened(project)
    live = Live(lambda: loaded)
    assert list(live.projects()) == ["", "small"]
    assert [">of report<" in live.page()[0].decode(), ">of small: report<" in live.page("small")[0].decode()] == [
        True
    ] * 2
    assert f'data-report="{live.mark("small")}"' in live.page("small")[0].decode()
    assert live.mark() != live.mark("small")
    with pytest.raises(KeyError):
        live.page("nobody")


def fail(*_, **__):
    raise ProjectError("it is gone", where="base.model")


def test_a_build_keeps_a_journal_to_its_end(project, monkeypatch):
    light.built(project)
    lines = (project / ".lorabuild" / NAME).read_text("ascii").splitlines()
    assert '"event": "begun"' in lines[0]
    assert '"event": "done"' in lines[-1]
    monkeypatch.setattr(build, "take", fail)
    with pytest.raises(ProjectError) as caught:
        light.built(project)
    assert "lora.yaml:4:3 base.model" in str(caught.value)
    told = Tail(project / ".lorabuild")()[-1]
    assert (told["event"], told["stopped"], told["text"]) == ("error", False, str(caught.value))
