from lorabuild.training.progress import Progress
from lorabuild.training.state import Row


def row(step, lr=0.1):
    return Row(step, 1, 0.5, 0.6, lr, 0.2, 1.0)


def told(seconds_a_step, steps=10):
    now, events = [0.0], []
    progress = Progress(events.append, steps, clock=lambda: now[0])
    progress.start()
    for step in range(1, steps + 1):
        now[0] += seconds_a_step
        progress.step(row(step), 3)
    return progress, events


def test_says_all_that_is_asked():
    _, events = told(2.0)
    assert len(events) == 10
    assert events[3].kind == "progress"
    assert events[3].data == {
        "done": 4,
        "total": 10,
        "unit": "steps",
        "epoch": 1,
        "loss": 0.5,
        "loss_mean": 0.6,
        "lr": 0.1,
        "rate": 0.5,
        "left": 12.0,
    }


def test_at_most_ten_times_a_second_and_always_the_last():
    _, events = told(0.015, 101)
    assert len(events) <= 101 * 0.015 * 10 + 2
    assert events[-1].data["done"] == 101


def test_speed_counts_what_was_done_here():
    progress, _ = told(0.5)
    assert progress.speed() == {"seconds_a_step": 0.5, "images_a_second": 6.0}
    assert Progress([].append, 5).speed() == {"seconds_a_step": None, "images_a_second": None}


def test_rate_of_the_part_that_is_trained():
    events = []
    Progress(events.append, 1).step(row(1, lr=0.0), 1)
    assert events[0].data["lr"] == 0.2


def test_a_checkpoint_is_told_with_its_place(tmp_path):
    events = []
    Progress(events.append, 1).kept("epoch-0001", tmp_path)
    assert (events[0].kind, events[0].stage) == ("checkpoint", "train")
    assert events[0].data == {"name": "epoch-0001", "path": str(tmp_path / "epoch-0001.safetensors")}
