import json
import sys

from lorabuild.core import record
from lorabuild.core.record import make_record, version


def test_a_record_names_all_that_may_change_the_bits():
    made = make_record("cpu", "float32", 2, ["blake3", "no-such-package"])
    assert made["device"] == "cpu"
    assert made["dtype"] == "float32"
    assert made["threads"] == 2
    assert made["machine"]
    assert made["versions"]["no-such-package"] is None
    assert made["versions"]["blake3"].startswith("1.")
    assert json.loads(json.dumps(made)) == made


def test_equal_circumstances_make_equal_records():
    assert make_record("cpu", "float32", 2) == make_record("cpu", "float32", 2)
    assert make_record("cpu", "float32", 2) != make_record("cpu", "float32", 1)


def test_nothing_heavy_is_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    version.cache_clear()
    assert make_record("cpu", "float32", 1)["versions"]["torch"]


def test_a_machine_without_cpuinfo(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(record.Path, "open", missing)
    record.machine.cache_clear()
    assert record.machine()
    record.machine.cache_clear()
