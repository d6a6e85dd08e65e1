import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

sys.path.insert(0, str(Path(__file__).parents[1]))  # tiny_sd15.py and sites.py serve several rooms' tests

import sites
import tiny_sd15

from lorabuild.core.errors import ProjectError, StageError
from lorabuild.core.item import Item
from lorabuild.core.store import Store
from lorabuild.models import compiled, family, source
from lorabuild.stages import train
from lorabuild.training.batches import epoch_steps, records

TRAINING = {"precision": "fp32", "batch": 2, "save_state_every": 2, "optimizer": {"type": "adamw", "lr": 0.01}}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    return tiny_sd15.make(tmp_path_factory.mktemp("train") / "base")


class Built:
    """A project of three images and two prior pictures whose cached tensors stand in a store; ``run`` trains it."""

    def __init__(self, root, base, epochs=2, frozen=False, **sections):
        self.root, self.epochs, self.events = root, epochs, []
        root.mkdir(parents=True, exist_ok=True)
        self.site = sites.site(root, base, **{"training": TRAINING, "regularization": {}} | sections)
        self.store = Store(root / ".lorabuild")
        self.model = family.load(
            source.locate(self.site),
            self.site.project.base,
            {"tokenizer", "text_encoder", "scheduler"},
            torch.device("cpu"),
            torch.float32,
        )
        texts = ["creature, zorbl", "creature, zorbl, cape", "cape", "creature", "house"]
        records = [self._record(place, text, frozen) for place, text in enumerate(texts)]
        reads = {"records": records, "empty": self._text("", frozen), "epochs": epochs, "key": "b3:" + "1" * 64}
        self.item = Item("train", reads["key"], {}, reads)

    def _record(self, place, text, frozen):
        drawn = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(place))
        return {
            "id": f"{self.root.name}/{place}.png",
            "latents": self.store.write(save({"latents": drawn})),
            "pixels": f"b3:{place}",
            "concept": "" if place > 2 else "a",
            "repeats": 1 if place > 2 else 2,
            "prior": place > 2,
            "size": [32, 32],
            "sizes": [32, 32, 0, 0, 32, 32],
            "texts": [self._text(text, frozen)],
        }

    def _text(self, text, frozen):
        tokens = self.model.tokenize([text])
        hidden = save({name: rows[0].detach().contiguous() for name, rows in self.model.encode_text(tokens).items()})
        return [self.store.write(save({"tokens": tokens[0]})), self.store.write(hidden) if frozen else None]

    def run(self, emit=None):
        with self.store.writer("train") as outputs:
            train.run([self.item], self.site, outputs, emit or self.events.append)
        return self.store.results([self.item.key])[self.item.key]

    def bytes(self):
        made = self.store.results([self.item.key])[self.item.key].outputs
        return {name: self.store.read(digest) for name, digest in made.items()}


@pytest.fixture(scope="module")
def built(tmp_path_factory, base):
    made = Built(tmp_path_factory.mktemp("first") / "project", base)
    made.result = made.run()
    return made


def test_outputs_and_facts(built):
    assert sorted(built.result.outputs) == ["epoch-0001", "epoch-0002", "learned", "log", "state"]
    facts = built.result.facts
    assert (facts["steps"], facts["epochs"]) == (12, 2)
    assert facts["loss"] > 0
    assert facts["seconds_a_step"] > 0
    assert facts["images_a_second"] > 0
    assert built.result.record["device"] == "cpu"
    assert built.result.record["threads"] == 1
    assert built.result.record["deterministic"] is True
    log = [json.loads(line) for line in built.bytes()["log"].splitlines()]
    assert [line["step"] for line in log] == list(range(1, 13))
    assert [event.data["done"] for event in built.events if event.kind == "progress"][-1] == 12
    assert built.events[-1].kind == "checkpoint"


def test_epochs_are_kohya_named_float32_without_metadata(built):
    data = built.bytes()
    tensors = load(data["epoch-0002"])
    assert {name.rpartition("_")[0][:8] for name in tensors} >= {"lora_une", "lora_te_"}
    assert {name.partition(".")[2] for name in tensors} == {"alpha", "lora_down.weight", "lora_up.weight"}
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    header = json.loads(data["epoch-0002"][8 : 8 + int.from_bytes(data["epoch-0002"][:8], "little")])
    assert "__metadata__" not in header
    moved = {name for name, tensor in tensors.items() if name.endswith("lora_up.weight") and tensor.any()}
    alone = "mid_block_attentions_0_transformer_blocks_0_attn1_to_"  # one latent there: nothing to attend to
    still = {name for name in tensors if name.endswith("lora_up.weight")} - moved
    assert {name.split("lora_unet_")[1] for name in still} <= {f"{alone}{of}.lora_up.weight" for of in "qk"}
    assert data["epoch-0001"] != data["epoch-0002"]


def test_planned_steps_are_the_steps(built):
    planned = records(built.item.reads["records"])
    assert sum(epoch_steps(planned, 2, 2, 1, 42)) == built.result.facts["steps"]


def test_another_folder_and_order_give_the_same_bytes(built, base, tmp_path):
    other = Built(tmp_path / "elsewhere", base)
    other.item.reads["records"].reverse()
    other.run()
    assert other.bytes() == built.bytes()


def test_interrupted_and_resumed_gives_the_same_bytes(built, base, tmp_path, monkeypatch):
    monkeypatch.setattr("lorabuild.training.progress.PAUSE", 0)

    def stop(event):
        if event.data.get("done") == 9:
            raise KeyboardInterrupt

    other = Built(tmp_path / "elsewhere", base)
    with pytest.raises(KeyboardInterrupt):
        other.run(stop)
    assert not other.store.results([other.item.key])
    other.run()
    assert (other.events[0].kind, other.events[0].data["text"]) == ("note", "goes on from step 8")
    assert other.events[1].data["done"] == 9
    assert other.bytes() == built.bytes()


def test_a_finished_training_that_was_not_committed_needs_no_model(built, base, tmp_path, monkeypatch):
    other = Built(tmp_path / "elsewhere", base)
    shutil.copytree(built.store.scratch(built.item.key), other.store.scratch(other.item.key), dirs_exist_ok=True)
    monkeypatch.setattr("lorabuild.models.source.locate", None)
    assert other.run().facts["seconds_a_step"] is None
    assert other.bytes() == built.bytes()


def test_frozen_text_encoder_trains_from_hidden_states(base, tmp_path):
    made = Built(tmp_path / "p", base, epochs=1, frozen=True, training={**TRAINING, "train": "unet"})
    made.run()
    assert all(name.startswith("lora_unet_") for name in load(made.bytes()["epoch-0001"]))


def test_locon_checkpointing_and_bf16(base, tmp_path):
    training = {**TRAINING, "precision": "bf16", "gradient_checkpointing": True}
    made = Built(tmp_path / "p", base, epochs=1, training=training, network={"type": "locon", "dim": 2, "conv_dim": 1})
    assert made.run().record["dtype"] == "bfloat16"
    assert any("resnets" in name for name in load(made.bytes()["epoch-0001"]))


def test_gradient_checkpointing_changes_no_mathematics(built, base, tmp_path):
    other = Built(tmp_path / "p", base, training={**TRAINING, "gradient_checkpointing": True})
    other.run()
    ours, theirs = (load(made.bytes()["epoch-0002"]) for made in (other, built))
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=1e-3, atol=1e-5)


def test_where_nothing_compiles_the_first_step_says_so(base, tmp_path, monkeypatch):
    def broken(_graph, _inputs):
        raise OSError("no working C++ compiler")

    monkeypatch.setattr(compiled, "backend", lambda *, deterministic: {"backend": broken})
    with pytest.raises(StageError, match=r"no working C\+\+ compiler") as caught:
        Built(tmp_path / "p", base, training={**TRAINING, "compile": True}).run()
    assert caught.value.where == "training.compile"


def test_impossible_words_are_refused_before_anything_runs(base, tmp_path):
    training = {**TRAINING, "optimizer": {"type": "prodigy"}, "unet_lr": 0.5}
    with pytest.raises(ProjectError, match="one learning rate"):
        Built(tmp_path / "p", base, training=training).run()


def test_an_exploding_loss_stops_and_keeps_what_was_good(base, tmp_path):
    training = {**TRAINING, "optimizer": {"type": "adamw", "lr": 1e30}}
    made = Built(tmp_path / "p", base, training=training)
    with pytest.raises(StageError, match=r"no longer a number at step \d+ \(epoch 1\), with p/"):
        made.run()
    assert not made.store.results([made.item.key])


def test_the_module_is_light():
    heavy = (
        "import sys, lorabuild.stages.train; print([m for m in ('torch', 'numpy', 'diffusers') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", heavy], check=True, capture_output=True, text=True, timeout=60)
    assert told.stdout.strip() == "[]"


def test_what_is_kept_and_said_of_a_run(base, tmp_path):
    words = {
        **TRAINING,
        "ema": {"decay": 0.9},
        "max_norm": 0.01,
        "save_every": 2,
        "keep_checkpoints": 1,
        "log": {"tensorboard": True},
    }
    made = Built(tmp_path / "p", base, training=words, network={"type": "lora", "dim": 2, "alpha": 2})
    made.item.reads["learned"] = ["2" * 64, "3" * 64]
    made.item.reads["about"] = {"world": "b3:x"}
    result = made.run()
    assert sorted(result.outputs) == ["epoch-0002", "learned", "log", "state", "step-00000012"]
    assert (result.facts["planned"], result.facts["world"]) == (2, "b3:x")
    assert made.bytes()["learned"].split() == [b"2" * 64, b"3" * 64]
    rows = [json.loads(line) for line in made.bytes()["log"].splitlines()]
    assert any(row["scaled"] for row in rows)
    assert all(row["weight_norm"] > 0 for row in rows)
    assert {"a", "regularization"} <= {name for row in rows for name in row["concepts"]}
    (folder,) = (made.root / ".lorabuild/logs").iterdir()
    beside = [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
    assert len(beside) == len(rows) == 12
    assert beside[-1]["images_a_second"] > 0
    assert beside[-1]["memory"] > 0


def test_held_out_images_are_measured_and_an_early_end_is_told(base, tmp_path):
    words = {**TRAINING, "validation": {"timesteps": 2}, "early_stop": {"patience": 1, "min_delta": 9.0}}
    made = Built(tmp_path / "p", base, epochs=4, training=words)
    made.item.reads["held"] = [made.item.reads["records"].pop(0)]
    facts = made.run().facts
    assert (facts["epochs"], facts["planned"]) == (2, 4)
    assert facts["validation"] > 0
    told = {event.data["code"]: event.data["text"] for event in made.events if event.kind == "note"}
    assert told["stopped"] == "the training ended early, after epoch 2 of 4: no better for 1 epoch"
    assert told["validation"].startswith("epoch 2: validation loss")


def test_it_goes_on_from_a_parent_s_weights(built, base, tmp_path):
    other = Built(tmp_path / "p", base, epochs=1, training={**TRAINING, "optimizer": {"type": "adamw", "lr": 1e-9}})
    other.item.reads["parent"] = {"lora": other.store.write(built.bytes()["epoch-0002"])}
    other.run()
    ours, theirs = load(other.bytes()["epoch-0001"]), load(built.bytes()["epoch-0002"])
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=0, atol=1e-6)


def test_what_will_not_fit_is_said_with_the_device_s_own_numbers(base, tmp_path, monkeypatch):
    monkeypatch.setattr("lorabuild.training.device.available", lambda: 1 << 20)
    made = Built(tmp_path / "p", base, epochs=1)
    made.item.reads["preflight"] = {"frozen": 10**6, "outputs": 10**6}
    made.run()
    told = {event.data["code"]: event.data["text"] for event in made.events if event.kind == "note"}
    assert "are free on this machine" in told["memory"]
