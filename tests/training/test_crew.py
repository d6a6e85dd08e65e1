import socket
import threading

import pytest
import torch

from lorabuild.core.errors import ProjectError
from lorabuild.core.launch import ALONE, Launch
from lorabuild.training.crew import END, Post, led, take_device
from lorabuild.training.together import ALONE as TEAM


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_one_process_starts_nobody_and_writes_nothing(tmp_path):
    with led(ALONE, torch.device("cpu"), tmp_path, tmp_path) as team:
        assert team is TEAM
    assert not list(tmp_path.iterdir())


def test_every_process_has_a_device_of_its_own():
    take_device(Launch(0, 2, 0, 2), torch.device("cpu"))
    with pytest.raises(ProjectError, match="2 processes are asked for, and this machine has 1 device") as caught:
        take_device(Launch(0, 2, 0, 2), torch.device("mps"))
    assert "--device cpu" in caught.value.next_step


def test_words_are_heard_in_order_and_the_first_one_waits_for_the_last(tmp_path):
    main, heard = f"127.0.0.1:{free_port()}", []

    def listen():
        office = Post(Launch(1, 2, 1, 2, 0, main))
        while (word := office.hear())[1] != END:
            heard.append(word)

    first = Post(Launch(0, 2, 0, 2, 0, main))
    other = threading.Thread(target=listen)
    other.start()
    assert first.say("a.json") == 1
    assert first.say("b.json") == 2
    first.dismiss()
    other.join(timeout=20)
    assert heard == [(1, "a.json"), (2, "b.json")]
    assert first.store.add("ended", 0) == 1
