import threading

import pytest

from lorabuild.images.room import FREE, Room

PICTURE = 2 * FREE


def side_by_side(room, count, pixels):
    """How many of so many threads hold room at the same time, at most."""
    here, most, lock, pause = 0, 0, threading.Lock(), threading.Event()

    def hold():
        nonlocal here, most
        with room.held(pixels):
            with lock:
                here += 1
                most = max(most, here)
            pause.wait(0.02)
            with lock:
                here -= 1

    threads = [threading.Thread(target=hold) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return most


@pytest.mark.parametrize(("pixels", "most"), [(PICTURE, 3), (3 * PICTURE, 1), (5 * PICTURE, 1)])
def test_so_many_are_there_at_once_and_one_that_is_larger_than_all_of_it_alone(pixels, most):
    room = Room(3 * PICTURE)
    assert side_by_side(room, 8, pixels) <= most
    assert room.used == 0


def test_a_small_picture_asks_nobody():
    room = Room(FREE)
    with room.held(FREE + 1), room.held(FREE):
        assert room.used == FREE + 1


def test_what_failed_gives_its_room_back():
    room = Room()
    with pytest.raises(ValueError, match="broken"), room.held(PICTURE):
        raise ValueError("broken")
    assert room.used == 0
