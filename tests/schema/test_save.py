import json
import os

import pytest

from lorabuild.core import files
from lorabuild.core.errors import ProjectError, StoreError
from lorabuild.schema.save import prove, save

TEXT = """# mine
name:   tiny      # a comment
base: {model: base.safetensors}
concepts: {plain: {folder: plain}}
"""
MORE = TEXT + "captions: {drop: [meme]}\n"


@pytest.fixture
def file(tmp_path):
    """A lora.yaml that loads."""
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/a.png").write_bytes(b"picture")
    header = json.dumps({}).encode()
    (tmp_path / "base.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    file = tmp_path / "lora.yaml"
    file.write_bytes(TEXT.encode())
    prove(file, TEXT)
    return file


def names(file):
    return sorted(path.name for path in file.parent.iterdir() if path.name not in ("plain", "base.safetensors"))


def test_the_old_bytes_are_kept_and_no_copy_is_overwritten(file):
    assert save(file, TEXT.encode(), MORE).name == "lora.yaml.bak"
    assert save(file, MORE.encode(), TEXT).name == "lora.yaml.bak1"
    assert save(file, TEXT.encode(), MORE).name == "lora.yaml.bak"
    assert file.read_bytes() == MORE.encode()
    assert file.with_name("lora.yaml.bak").read_bytes() == TEXT.encode()
    assert file.with_name("lora.yaml.bak1").read_bytes() == MORE.encode()
    assert names(file) == ["lora.yaml", "lora.yaml.bak", "lora.yaml.bak1"]


def test_a_byte_order_mark_and_the_mode_stay(file):
    before = b"\xef\xbb\xbf" + TEXT.encode()
    file.write_bytes(before)
    file.chmod(0o640)
    save(file, before, MORE)
    assert file.read_bytes() == b"\xef\xbb\xbf" + MORE.encode()
    assert file.stat().st_mode & 0o777 == 0o640


def test_what_does_not_load_is_refused_and_nothing_is_written(file):
    with pytest.raises(ProjectError) as caught:
        save(file, TEXT.encode(), TEXT + "captoins: {}\n")
    assert "lora.yaml:5:1" in str(caught.value)
    assert names(file) == ["lora.yaml"]
    assert file.read_bytes() == TEXT.encode()


def test_an_edit_of_the_person_meanwhile_wins(file):
    file.write_bytes(b"# new\n" + TEXT.encode())
    with pytest.raises(ProjectError, match="changed meanwhile"):
        save(file, TEXT.encode(), MORE)
    assert file.read_bytes() == b"# new\n" + TEXT.encode()


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="the system has no links")
def test_a_link_stays_one(file, tmp_path):
    real = tmp_path / "real.yaml"
    file.rename(real)
    file.symlink_to(real)
    save(file, TEXT.encode(), MORE)
    assert file.is_symlink()
    assert real.read_bytes() == MORE.encode()


STEPS = ("write_plain", "sync_file", "sync_folder")


class KilledError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("how", [OSError(28, "No space left on device"), KilledError()])
def test_whatever_fails_whenever_the_file_is_whole_and_the_old_one_is_kept_first(file, monkeypatch, step, times, how):
    real, count = getattr(files, step), 0

    def fails(*args):
        nonlocal count
        count += 1
        if count == times:
            if step == "write_plain":
                args[0].write_bytes(args[1][:7])
            raise how
        return real(*args)

    monkeypatch.setattr(files, step, fails)
    with pytest.raises((StoreError, KilledError, OSError)):
        save(file, TEXT.encode(), MORE)
    held = file.read_bytes()
    assert held in (TEXT.encode(), MORE.encode())
    assert held == TEXT.encode() or file.with_name("lora.yaml.bak").read_bytes() == TEXT.encode()
    monkeypatch.undo()
    save(file, held, MORE)
    assert file.read_bytes() == MORE.encode()
