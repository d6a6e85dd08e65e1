"""Two projects with the same images compute nothing twice; whatever is wrong elsewhere, the LoRA is built here."""

import json
import shutil

import far
import pytest
import small

from lorabuild.core import remote
from lorabuild.core.digest import digest

KEY = "lorabuild-key-" + "5c" * 32
UP_TO_TRAIN = {"scan", "prepare", "tag", "caption", "balance", "latents", "text", "train"}


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """A person with folders of their own."""
    monkeypatch.setenv("LORABUILD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LORABUILD_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("TEAM", KEY)
    monkeypatch.delenv("LORABUILD_CONSENT", raising=False)


@pytest.fixture
def pair(tmp_path, models):
    """Two projects that were never built."""
    return small.make(tmp_path / "one", models), small.make(tmp_path / "two", models)


@pytest.fixture(scope="module")
def s3():
    with far.s3():
        yield


@pytest.fixture(params=["shared", "file", "memory", "s3"])
def store(request, tmp_path):
    """What lora.yaml says of its store, and what is on the command line beside it."""
    if request.param == "shared":
        return "store: {shared: true}\n", ()
    if request.param == "s3":
        request.getfixturevalue("s3")
    place = {"file": (tmp_path / "far").as_uri(), "memory": f"memory://{tmp_path.name}"}
    address = place.get(request.param, f"s3://{far.BUCKET}/{tmp_path.name}")
    return f"store: {{remote: '{address}', mode: read-write, key: $TEAM}}\n", ("--consent",)


def settle(project, text):
    """Write a store into lora.yaml."""
    path = project.path("lora.yaml")
    path.write_text(path.read_text("utf-8") + text, "utf-8")
    return project


def trouble(built):
    """Warnings about other places."""
    return [event["text"] for event in built.events("warning") if event.get("item") == "store"]


def test_the_second_project_trains_nothing(pair, store):
    text, words = store
    one, two = (settle(project, text) for project in pair)
    first = one.build(*words)
    assert first.code == 0
    assert first.ran.keys() > UP_TO_TRAIN
    two.path("dataset/plain/b.png").rename(two.path("dataset/plain/another name.png"))
    second = two.build(*words)
    assert (second.code, trouble(first), trouble(second)) == (0, [], [])
    assert second.ran == {"report": 1}
    assert any(event["text"].startswith("train: 1 from ") for event in second.events("note"))
    assert two.sha() == one.sha()
    assert two.build(*words).ran == {}


def test_a_clone_that_may_only_read_takes_what_was_signed(pair, s3, tmp_path):
    address = f"s3://{far.BUCKET}/{tmp_path.name}"
    one, two = pair
    settle(one, f"store: {{remote: '{address}', mode: read-write, key: $TEAM}}\n").build("--consent")
    before = sorted(found.key for found in far.bucket().objects.all())
    read = settle(two, f"store: {{remote: '{address}', key: $TEAM}}\n").build()
    assert not read.ran.keys() & UP_TO_TRAIN
    assert trouble(read) == []
    assert sorted(found.key for found in far.bucket().objects.all()) == before


def test_a_cloned_lora_yaml_writes_nowhere_before_it_is_allowed(pair, tmp_path, monkeypatch):
    one, two = (
        settle(project, f"store: {{remote: '{(tmp_path / 'far').as_uri()}', mode: read-write}}\n") for project in pair
    )
    assert one.build("--consent", "tag").code == 0
    kept = sorted((tmp_path / "far").rglob("*"))
    asked = two.build("tag")
    assert asked.code == 0
    assert asked.ran["tag"] == 7  # consent to one project is none to another
    ((told),) = trouble(asked)
    assert "lorabuild build --consent" in told
    assert sorted((tmp_path / "far").rglob("*")) == kept
    monkeypatch.setenv("LORABUILD_CONSENT", (tmp_path / "far").as_uri())
    assert trouble(two.build("tag", "--rehash")) == []


FAULTS = {
    "timeout": lambda: far.misbehaving("silent"),
    "403": lambda: far.misbehaving("refusing"),
    "500": lambda: far.misbehaving("failing"),
    "cut off": lambda: far.misbehaving("cut_off"),
    "nobody there": far.nobody,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_remote_is_one_warning_and_the_build_goes_on(fresh, fault, monkeypatch):
    monkeypatch.setattr(remote, "PATIENCE", 0.5)
    settle(fresh, f"store: {{remote: 's3://{far.BUCKET}/a', mode: read-write}}\n")
    with fault():
        built = fresh.build("--consent", "caption")
    assert built.code == 0
    assert built.ran == {"scan": 7, "prepare": 7, "tag": 7, "caption": 7}
    ((told),) = trouble(built)
    assert told.startswith(f"s3://{far.BUCKET}/a ")
    assert told.endswith("going on without it")


def test_a_shared_folder_that_cannot_be_written_is_one_warning(fresh, tmp_path):
    settle(fresh, "store: {shared: true}\n")
    (tmp_path / "cache").write_bytes(b"a file")
    built = fresh.build("caption")
    assert (built.code, built.ran["tag"]) == (0, 7)
    ((told),) = trouble(built)
    assert told.startswith("the shared store does not serve")


def test_two_builds_at_once_share_one_folder(pair):
    one, two = (settle(project, "store: {shared: true}\n") for project in pair)
    both = [project.process("build", "--json", "caption") for project in (one, two)]
    said = [process.communicate(timeout=240) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert not any('"elsewhere", "item": "store"' in out or '"damaged"' in out for out, _ in said)
    shutil.rmtree(one.path(".lorabuild"))
    again = one.build("caption")
    assert (again.ran, trouble(again)) == ({}, [])


def test_what_a_killed_build_had_shared_is_whole(pair):
    one, two = (settle(project, "store: {shared: true}\n") for project in pair)
    process = one.process("build", "--json", "caption")
    for line in process.stdout:
        if json.loads(line)["event"] == "stage" and json.loads(line)["stage"] == "caption":
            process.kill()
            break
    process.communicate(timeout=60)
    taken = two.build("caption")
    assert taken.code == 0
    assert not taken.ran.keys() & {"scan", "prepare", "tag"}
    assert trouble(taken) == []


def test_a_poisoned_training_is_noticed_and_made_again(pair, tmp_path):
    one, two = (
        settle(project, f"store: {{remote: '{(tmp_path / 'far').as_uri()}', mode: read-write, key: $TEAM}}\n")
        for project in pair
    )
    one.build("--consent", "train")
    for path in (tmp_path / "far/v1/ac/train").iterdir():
        body = json.loads(path.read_bytes())
        for row in body["results"]:
            row[1]["epoch-0002"] = row[1]["epoch-0001"]  # blobs that are there, under another name
        text = json.dumps(body).encode()
        path.unlink()
        path.with_name(digest(text)[3:]).write_bytes(text)
    built = two.build("--consent", "train")
    assert built.ran == {"train": 1}
    ((told),) = trouble(built)
    assert "not signed with your key, or was altered" in told


def test_results_for_a_folder_outside_the_project_need_consent(project, tmp_path):
    project.write("folder: out", "folder: ../given")
    refused = project.build()
    assert refused.code == 2
    assert "lies outside the project" in refused.text
    assert "lora.yaml:16" in refused.text
    assert not (tmp_path / "given").exists()
    assert project.build("--consent").code == 0
    assert (tmp_path / "given/tiny.safetensors").exists()
    shutil.rmtree(tmp_path / "given")
    assert project.build().code == 0
