import pytest
import stocked

from lorabuild.core import proof as proofs
from lorabuild.core.proof import prove, put_aside
from lorabuild.core.store import Store


@pytest.fixture
def store(tmp_path):
    with stocked.opened(tmp_path) as store:
        yield store


def proved(store):
    return prove(store, lambda _done, _total: None)


def spoil(store, digest, data):
    path = store.blobs.path(digest)
    path.chmod(0o600)
    path.write_bytes(data)


def test_a_whole_store_is_proved(store):
    stocked.put(store, "one", {"a": True, "b": False})
    told = []
    proof = prove(store, lambda done, total: told.append((done, total)))
    size = len(stocked.content("a", large=True)) + len(stocked.content("b", large=False))
    assert (proof.blobs, proof.bytes, proof.bad, proof.results) == (2, size, {}, {})
    assert (proof.unnamed, proof.database) == ((0, 0), "")
    assert told[-1] == (size, size)


def test_what_is_wrong_with_a_blob_is_named_with_the_results_that_it_belongs_to(store):
    made = stocked.put(store, "one", {"damaged": True, "gone": True, "cut": True, "good": True}, stage="latents")
    small = stocked.put(store, "two", {"small": False})
    whole = stocked.content("damaged", large=True)
    spoil(store, made["damaged"], whole[:-1] + b"?")
    spoil(store, made["cut"], whole[:-9])
    store.blobs.path(made["gone"]).unlink()
    with store.database.transaction() as link:
        link.execute("UPDATE blobs SET data = 'rot' || data WHERE data IS NOT NULL")
    proof = proved(store)
    assert proof.bad == {
        made["damaged"]: "is damaged",
        made["gone"]: "is not there",
        made["cut"]: "has the wrong size",
        small["small"]: "is damaged",
    }
    assert proof.results == {
        stocked.key("one"): ("latents", [made["cut"], made["damaged"], made["gone"]]),
        stocked.key("two"): ("tag", [small["small"]]),
    }
    put_aside(store, proof)
    assert store.results([stocked.key("one"), stocked.key("two")]) == {}
    assert not store.has(made["damaged"])
    assert store.read(made["good"]) == stocked.content("good", large=True)
    again = proved(store)
    assert (again.bad, again.results) == ({}, {})


def test_a_result_that_names_a_blob_which_the_store_never_had(store):
    made = stocked.put(store, "one", {"a": False})
    with store.database.transaction() as link:
        link.execute("DELETE FROM blobs")
    proof = proved(store)
    assert proof.results == {stocked.key("one"): ("tag", [made["a"]])}
    put_aside(store, proof)
    assert proved(store).results == {}


def test_files_that_nothing_names_are_counted(store):
    made = stocked.put(store, "one", {"a": True})
    with store.database.transaction() as link:
        link.execute("DELETE FROM blobs")
        link.execute("DELETE FROM results")
    assert proved(store).unnamed == (1, store.blobs.path(made["a"]).stat().st_size)


def test_a_blob_that_is_swept_while_it_is_read_is_not_missed(store, monkeypatch):
    stocked.put(store, "one", {"a": True})
    read = proofs._read

    def swept(*words):
        with store.database.transaction() as link:
            link.execute("DELETE FROM blobs")
            link.execute("DELETE FROM results")
        return read(*words) or "is not there"

    monkeypatch.setattr(proofs, "_read", swept)
    proof = proved(store)
    assert (proof.bad, proof.results) == ({}, {})


def test_a_blob_that_can_not_be_read_is_told(store, monkeypatch):
    made = stocked.put(store, "one", {"a": True})

    def refused(_opened):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(proofs, "descriptor_digest", refused)
    assert proved(store).bad == {made["a"]: "can't be read: permission denied"}


def test_many_blobs_are_read_page_by_page(store, monkeypatch):
    monkeypatch.setattr(proofs, "PAGE", 2)
    monkeypatch.setattr(proofs, "AT_ONCE", 2)
    stocked.put(store, "one", {str(number): number % 2 == 0 for number in range(9)})
    assert proved(store).blobs == 9


def test_what_the_database_says_of_itself_is_told(store, tmp_path):
    stocked.put(store, "one", {"a": False})
    with store.database.transaction() as link:
        link.execute("CREATE INDEX by_stage ON results (stage)")
        link.execute("PRAGMA writable_schema = ON")
        link.execute("UPDATE sqlite_master SET sql = 'CREATE INDEX by_stage ON results (body)' WHERE name = 'by_stage'")
    store.close()
    with Store(tmp_path / ".lorabuild", read_only=True) as reader:
        assert "by_stage" in proved(reader).database


def test_a_reader_proves_without_writing(tmp_path):
    with stocked.opened(tmp_path) as store:
        made = stocked.put(store, "one", {"a": True})
        spoil(store, made["a"], b"bad")
    before = set(tmp_path.rglob("*"))
    with Store(tmp_path / ".lorabuild", read_only=True) as store:
        assert list(proved(store).bad) == [made["a"]]
    assert before <= set(tmp_path.rglob("*"))
    assert not (tmp_path / ".lorabuild" / "damaged").exists()


def test_a_build_at_work_does_not_look_like_damage(store, tmp_path):
    stocked.put(store, "one", {"a": False})
    asked = []

    def rows(sql, values=()):
        found = ask(sql, values)
        if sql == "SELECT digest FROM blobs":
            asked.append(sql)
            stocked.put(store, "two", {"b": False, "c": True})
        return found

    with Store(tmp_path / ".lorabuild", read_only=True) as reader:
        ask = reader.database.rows
        reader.database.rows = rows
        assert proved(reader).results == {}
    assert asked
