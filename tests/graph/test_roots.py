import time

import light
import pytest

from lorabuild.core.holdings import look
from lorabuild.core.store import Store
from lorabuild.graph import looks
from lorabuild.graph.roots import roots


def named(view, keep=5, leased=(), grace=0.0):
    return roots(view, look(view.store), keep, grace, leased)


def rows(store, *bodies):
    for body in bodies:
        store.history_add({"stages": {}, "outputs": [], **body})


OUT = {"outputs": [{"path": "out/tiny.safetensors", "sha256": "1"}]}


@pytest.fixture
def store(project):
    with Store(project / ".lorabuild") as store:
        yield store


def test_the_project_as_it_stands_is_a_root_with_every_key_that_is_known(project):
    light.finished(project)
    with light.viewed(project) as view:
        present, lock = named(view).present
        keys = [key for stage in view.steps for key in view.keys(stage).values()]
        assert present.keys == {bytes.fromhex(key[3:]) for key in (*keys, *looks.keys(view))}
        assert len(present.keys) > 20
        assert lock.keys == set()


def test_so_many_builds_are_kept_as_have_handed_out_something_with_those_between_and_after(project, store):
    rows(store, OUT, {}, OUT, {}, OUT, {})
    with light.viewed(project) as view:
        assert list(named(view, 2).builds) == [6, 5, 4, 3]
        assert list(named(view, 1).builds) == [6, 5]
        assert list(named(view, 9).builds) == [6, 5, 4, 3, 2, 1]
        assert named(view, 9).least == 2  # the last that handed out something, and what came after it


def test_where_no_build_has_handed_out_anything_the_last_ones_are_kept(project, store):
    with light.viewed(project) as view:
        assert named(view).builds == {}
    rows(store, {}, {}, {})
    with light.viewed(project) as view:
        assert list(named(view, 2).builds) == [3, 2]


def test_a_build_keeps_its_results_its_files_its_lock_and_the_lists_of_its_keys(project, store):
    keys = b"".join(bytes([number]) * 32 for number in range(3))
    made = {name: store.write(name.encode()) for name in ("lora", "lock", "manifest")}
    listed = store.write(keys)
    store.commit(())
    body = {"keys": {"tag": listed}, "blobs": {"out/a": made["lora"]}, "lock": made["lock"]}
    rows(store, {**OUT, **body, "manifest": made["manifest"]})
    with light.viewed(project) as view:
        root = named(view).builds[1]
    assert root.keys == {bytes([number]) * 32 for number in range(3)}
    assert root.blobs == {bytes.fromhex(name[3:]) for name in (listed, *made.values())}
    assert root.why == "build 1"


def test_a_build_whose_list_of_results_is_lost_keeps_what_is_named(project, store):
    kept, lost = store.write(b"the LoRA"), "b3:" + "0" * 64
    store.commit(())
    rows(store, {**OUT, "keys": {"tag": lost}, "blobs": {"out/a": kept}})
    with light.viewed(project) as view:
        root = named(view).builds[1]
    assert (root.why, root.keys) == ("build 1, its list of results is lost", set())
    assert bytes.fromhex(kept[3:]) in root.blobs


def test_pins_files_made_elsewhere_and_leases_stay_whatever_is_kept(project, store):
    rows(store, OUT, {**OUT, "found": True}, OUT, OUT)
    store.set_meta("pins", [1, 2, 77])
    with light.viewed(project) as view:
        found = named(view, 1, leased=["b3:" + "a" * 64])
    assert list(found.builds) == [4]
    assert [root.why for root in found.firm] == [
        "build 1, pinned",
        "build 2, files that were not made here",
        "in use by a reader",
    ]
    assert found.firm[2].blobs == {b"\xaa" * 32}
    assert [root.why for root in found.first(0)][2:] == [root.why for root in found.firm]


def test_the_package_that_lora_lock_names_is_a_root(project):
    light.finished(project)
    light.built(project, targets=())  # everything is planted; this writes the lock
    with light.viewed(project) as view:
        package = view.keys("package")["package"]
    light.write(project, name="other")
    with light.viewed(project) as view:
        present, lock = named(view).present
    assert lock.keys == {bytes.fromhex(package[3:])}
    assert not lock.keys & present.keys


def test_builds_that_are_young_are_kept_too_and_do_not_give_way_to_a_limit(project, store):
    made = int(time.time())
    rows(store, {**OUT, "made": made - 5000}, {**OUT, "made": made - 900}, {**OUT, "made": made - 50}, OUT)
    with light.viewed(project) as view:
        found = named(view, 1, grace=1000.0)
        assert (list(found.builds), found.least) == ([4, 3, 2], 3)
        assert named(view, 1).least == 1
