import json
import math
import struct

from lorabuild.training.board import Board, crc32c, event, record, taken
from lorabuild.training.logs import Row
from lorabuild.training.state import State


def fields(data):
    """Number → values of a protobuf message."""
    found, place = {}, 0

    def varint():
        nonlocal place
        value, shift = 0, 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while place < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            value = varint()
        else:
            size = {1: 8, 5: 4}.get(kind) or varint()
            value = data[place : place + size]
            place += size
        found.setdefault(key >> 3, []).append(value)
    return found


def events(data):
    """The protobuf messages of an event file, their checksums checked."""
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        whole, data = data[: 16 + length], data[16 + length :]
        assert whole == record(whole[12:-4])
        yield fields(whole[12:-4])


def scalars(message):
    values = [fields(value) for value in fields(message[5][0])[1]]
    return {value[1][0].decode(): struct.unpack("<f", value[2][0])[0] for value in values}


def test_the_checksum_is_castagnoli_s():
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720
    assert crc32c(b"\0" * 32) == 0x8A9136AA


def test_an_event_is_what_tensorboard_reads():
    message = fields(event(300, {"loss": 0.5, "lr": 1e-4}))
    assert message[2] == [300]
    assert scalars(message)["loss"] == 0.5


def test_a_run_is_written_as_events_and_lines_with_what_was_done_before(tmp_path):
    state = State.open(tmp_path)
    state.concepts = ["", "cape"]
    state.advance(Row(1, 1, 0.5, 0.5, 1e-3, 0.0, 1.0, concepts=(0.25, math.nan)))
    for _ in range(2):  # a second run in the folder begins anew
        board = Board(tmp_path / "log", state)
        board.write(Row(2, 1, 0.25, 0.3, 1e-3, 0.0, math.inf, concepts=(math.nan, 2.0)), {"images_a_second": 3.0})
        board.close()
    (file,) = (tmp_path / "log").glob("events.out.tfevents.*")
    first, *steps = events(file.read_bytes())
    assert first[3] == [b"brain.Event:2"]
    assert [message[2] for message in steps] == [[1], [2]]
    assert scalars(steps[0])["loss/regularization"] == 0.25
    told = scalars(steps[1])
    assert (told["loss"], told["loss/cape"], told["images_a_second"]) == (0.25, 2.0, 3.0)
    assert "grad_norm" not in told
    rows = [json.loads(line) for line in (tmp_path / "log/log.jsonl").read_text("utf-8").splitlines()]
    assert [row["step"] for row in rows] == [1, 2]
    assert rows[1]["concepts"] == {"cape": 2.0}


def test_memory_is_told():
    assert taken()["memory"] > 10 << 20
