import os
from types import SimpleNamespace

import pytest

from lorabuild.core import stamps
from lorabuild.core.stamps import COARSE, FINE, FOREIGN, Now, Stamp, now, racy, stamp

AT = Now(ns=1_000_000_000_000, device=1, tick=FINE)


@pytest.mark.parametrize(
    ("age", "device", "expected"),
    [
        (0, 1, True),
        (FINE, 1, True),
        (FINE + 1, 1, False),
        (-5 * FINE, 1, True),
        (FOREIGN, 2, True),
        (FOREIGN + 1, 2, False),
    ],
)
@pytest.mark.parametrize("field", ["mtime_ns", "ctime_ns"])
def test_racy(age, device, expected, field):
    old = Stamp(size=1, mtime_ns=1, ctime_ns=1, inode=1, device=device)
    assert racy(old._replace(**{field: AT.ns - age}), AT) is expected


def test_now_is_the_file_systems_time(tmp_path):
    before = now(tmp_path)
    (tmp_path / "x").write_bytes(b"")
    mark = stamp((tmp_path / "x").stat())
    after = now(tmp_path)
    assert before.ns - FINE <= mark.mtime_ns <= after.ns + FINE
    assert before.device == mark.device
    assert racy(mark, before)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_clock_of_whole_seconds_has_wide_ticks(tmp_path, monkeypatch):
    real = os.fstat

    def fstat(opened):
        found = real(opened)
        return SimpleNamespace(st_mtime_ns=found.st_mtime_ns // 10**9 * 10**9, st_dev=found.st_dev)

    with monkeypatch.context() as patch:
        patch.setattr(stamps.os, "fstat", fstat)
        found = now(tmp_path)
    assert found.tick == COARSE
