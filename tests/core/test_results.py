import pytest

from lorabuild.core import results
from lorabuild.core.item import Item, Result
from lorabuild.core.store import Store


def key_of(number):
    return f"b3:{number:064x}"


def made(store, number, **words):
    return Result(key_of(number), "tag", {"scores": store.write(b"x%d" % number)}, **words)


def test_results_come_back_as_they_were_but_for_their_parts(tmp_path):
    with Store(tmp_path / "s") as store:
        assert isinstance(store._results, results.Results)
        one = made(store, 1, facts={"width": 3}, record={"device": "cpu"}, parts={"a": 1}, seconds=0.5)
        store.commit([one])
        (found,) = store.results([key_of(1), key_of(2)]).values()
    assert found == Result(one.key, "tag", one.outputs, one.facts, {}, one.record, None, 0.5)


def test_the_latest_parts_of_an_item_follow_its_key(tmp_path):
    with Store(tmp_path / "s") as store:
        for number in (1, 2):
            store.commit([made(store, number, parts={"threshold": number})])
            store.remember("tag", [Item("a.png", key_of(number))])
        assert store.parts_of("tag", "a.png") == {"threshold": 2}
        assert store.parts_of("tag", "b.png") is None
        assert store.latest("tag") == {"a.png": key_of(2)}


def test_lost_blobs_are_named(tmp_path):
    with Store(tmp_path / "s") as store:
        whole, lost = made(store, 1), Result(key_of(2), "tag", {"scores": "b3:" + "0" * 64})
        store.commit([whole, lost])
        assert store.missing_blobs(store.results([whole.key, lost.key]).values()) == {lost.key: ["scores"]}


def test_forgotten_results_are_gone(tmp_path):
    with Store(tmp_path / "s") as store:
        store.commit([made(store, 1), made(store, 2)])
        store.forget([key_of(1)])
        assert set(store.results([key_of(1), key_of(2)])) == {key_of(2)}


def test_equal_records_are_kept_once(tmp_path):
    with Store(tmp_path / "s") as store:
        store.commit([made(store, number, record={"device": "cpu", "threads": 1}) for number in range(5)])
        assert store.database.rows("SELECT COUNT(*) FROM records") == [(1,)]


@pytest.mark.parametrize("change", ["body = '{' || body", "body = replace(body, '1', '2')", "seal = seal + 1"])
def test_a_row_that_was_damaged_is_a_miss_and_is_made_again(tmp_path, change):
    result = Result("b3:" + "ab" * 32, "tag", facts={"width": 1})
    with Store(tmp_path) as store:
        store.commit([result])
        with store.database.transaction() as link:
            link.execute(f"UPDATE results SET {change}")
        assert store.results([result.key]) == {}
        store.commit([result])
        assert store.results([result.key])[result.key].facts == {"width": 1}


def test_damaged_rows_of_other_kinds_are_passed_over(tmp_path):
    result = Result("b3:" + "ab" * 32, "tag", parts={"a": 1}, record={"device": "cpu"})
    with Store(tmp_path) as store:
        store.commit([result])
        store.remember("tag", [Item("a.png", result.key, result.parts)])
        store.history_add({"stages": {}})
        store.set_meta("pins", [1])
        with store.database.transaction() as link:
            link.execute("UPDATE results SET parts = '{'")
            link.execute("UPDATE records SET body = '{'")
            link.execute("UPDATE builds SET body = '{'")
            link.execute("UPDATE meta SET value = '{'")
        assert store.parts_of("tag", "a.png") is None
        assert store.results([result.key]) == {}
        assert store.history() == []
        assert store.meta("pins", []) == []
