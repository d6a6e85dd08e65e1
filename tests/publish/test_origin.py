from filled import RECORD, filled

from lorabuild.publish import origin


def test_a_build_that_is_told_little_has_its_train_key(reads):
    assert origin.origin(reads) == origin.Origin(digests=(("Train key", reads["train_key"]),))


def test_models_with_their_parts(reads):
    (model,) = origin.origin(filled(reads)).models
    assert (model.what, model.source, model.revision) == ("base", "base/", "0a1b2c")
    assert [part for part, _ in model.parts] == ["unet", "vae"]


def test_stages_on_alike_machines_stand_together(reads):
    found = {**filled(reads), "record": {"text": [RECORD], "train": [RECORD, {**RECORD, "device": "cuda"}]}}
    assert origin.origin(found).machines == (
        ("text, train", "cpu, float32, 1 thread · Linux x86_64 · torch 2.13.0"),
        ("train", "cuda, float32, 1 thread · Linux x86_64 · torch 2.13.0"),
    )


def test_the_lock_comes_first(reads):
    assert [what for what, _ in origin.origin(filled(reads)).digests] == ["lora.lock", "Settings", "Train key"]
