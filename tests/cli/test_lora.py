"""lorabuild.cli.lora and lorabuild.cli.loras: the commands on the files of a small project, and ``finish:`` in it."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # tiny_sd15.py
sys.path.insert(0, str(Path(__file__).parents[1] / "whole"))  # small.py

import small
import torch

from lorabuild.cli import loras
from lorabuild.cli.main import main
from lorabuild.networks import stored
from lorabuild.publish import reworked


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lora")
    made = small.make(folder / "tiny", small.make_models(folder / "models"))
    assert made.build().code == 0
    return made


@pytest.fixture
def say(built, capsys):
    """Run ``lorabuild lora …``: code, stdout, stderr."""

    def run(*words):
        capsys.readouterr()
        with small.as_before():
            code = main(["lora", *map(str, words)])
        return code, *capsys.readouterr()

    return run


def change(path):
    state, _ = reworked.opened(path)
    return torch.cat([stored.difference(layer).flatten() for _, layer in sorted(stored.layers(state).items())])


def test_a_file_is_looked_into(built, say, tmp_path):
    code, out, _ = say("inspect", built.path(small.LORA), "--picture", tmp_path / "norms.png")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].startswith("tiny.safetensors: LoRA, ")
    assert "  ranks     2 (alpha 1) in " in out
    assert "  triggers  zorbl, zorbl_cape" in lines
    assert any(line.startswith("  BASE   ") and "█" in line for line in lines)
    assert max(map(len, lines)) <= loras.WIDTH
    assert (tmp_path / "norms.png").stat().st_size > 1000
    assert "is there already" in say("inspect", built.path(small.LORA), "--picture", tmp_path / "norms.png")[2]
    assert "ss_seed: 7" in say("inspect", built.path(small.LORA), "-v")[1]
    found = json.loads(say("--json", "inspect", built.path(small.LORA))[1])
    assert (found["type"], found["dim"], found["metadata"]["ss_seed"]) == ("LoRA", "2", "7")


@pytest.mark.parametrize(
    ("words", "factor"),
    [
        (["rebase", "--from", "0.5"], 0.5),
        (["rebase", "--from", "0.5", "--to", "2"], 0.25),
        (["reweight", "ALL=0.5"], 0.5),
        (["reweight", ",".join(["0.5"] * 26)], 0.5),
        (["reweight", "ALL0.5"], 0.5),
        (["resize", "--dim", "9"], 1),
    ],
)
def test_files_are_made_of_files(built, say, tmp_path, words, factor):
    out = tmp_path / "out.safetensors"
    action, *rest = words
    code, said, told = say(action, built.path(small.LORA), *rest, "-o", out)
    assert (code, said) == (0, "")
    assert told.splitlines()[0].startswith(f"{out}: LoRA, dim 2, alpha ")
    assert torch.equal(change(out), factor * change(built.path(small.LORA)))


def test_files_are_merged(built, say, tmp_path):
    lora, out = built.path(small.LORA), tmp_path / "out.safetensors"
    assert say("merge", f"{lora}=0.5", f"{lora}=0.25", lora, "-o", out)[0] == 0
    torch.testing.assert_close(change(out), 1.75 * change(lora), rtol=1e-2, atol=1e-5)
    told = json.loads(say("merge", lora, lora, "--dim", "2", "-o", out, "--replace", "--json")[1])
    assert (told["after"]["dim"], told["done"][1]) == ("2", {"resize": {"dim": 2}})
    assert "since" in say("inspect", out)[1]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["resize", "LORA"], "no size was given"),
        (["resize", "LORA", "--energy", "2"], "resize.energy: input should be less than or equal to 1"),
        (["cut", "LORA", "--dim", "1"], "doesn't say that it is a DyLoRA"),
        (["reweight", "LORA", "IN4=1"], "there is no block `IN4`"),
        (["reweight", "LORA", "IN04=x"], "`IN04=x` names no weights"),
        (["merge", "LORA=x"], "`x` is no weight"),
        (["rebase", "none.safetensors", "--from", "0.5"], "there is no `none.safetensors`"),
        (["rebase", "LORA"], "the following arguments are required: --from"),
        (["extract", "BASE", "BASE"], "there is nothing to extract"),
    ],
)
def test_what_can_not_be_is_said(built, say, tmp_path, words, what):
    places = {"LORA": str(built.path(small.LORA)), "BASE": str(built.path("base"))}
    named = [word.replace("LORA", places["LORA"]).replace("BASE", places["BASE"]) for word in words]
    code, _, told = say(*named, "-o", tmp_path / "out.safetensors")
    assert code == 2
    assert what in told
    assert not (tmp_path / "out.safetensors").exists()


def test_steps_in_lora_yaml_are_part_of_the_build(built, say, tmp_path):
    made = built.copy(tmp_path / "copy")
    plain = change(made.path(small.LORA))
    style = tmp_path / "copy/style.safetensors"
    assert say("rebase", made.path(small.LORA), "--from", "0.5", "-o", style)[0] == 0
    steps = "[{merge: [{file: style.safetensors, weight: -1}]}, {rebase: {from: 0.5}}]"
    made.write("samples:", f"finish: {steps}\nsamples:")
    done = made.build("package")
    assert done.ran == {"sample": 1, "package": 1}
    torch.testing.assert_close(change(made.path(small.LORA)), 0.25 * plain, rtol=1e-2, atol=1e-5)
    words = json.loads(say("--json", "inspect", made.path(small.LORA))[1])
    assert (words["metadata"]["ss_network_dim"], words["history"]) == (
        "4",
        [{"merge": [{"file": "style.safetensors", "weight": -1.0}]}, {"rebase": {"from": 0.5, "to": 1.0}}],
    )
    assert made.build("package").ran == {}
    say("rebase", style, "--from", "0.5", "-o", style, "--replace")
    assert made.build("package").ran == {"sample": 1, "package": 1}
    style.unlink()
    assert "there is no model at `style.safetensors`" in made.build("package").text


def test_blocks_are_drawn_and_the_suggestion_is_written(built, say, tmp_path):
    made = built.copy(tmp_path / "copy")
    code, out, _ = say("-C", made.root, "blocks", "--prompts", "1", "--picture", tmp_path / "blocks.png")
    assert code == 0
    assert out.splitlines()[0] == "epoch 2, weight 1, 1 prompt"
    assert f"grid: {tmp_path / 'blocks.png'}" in out
    assert (tmp_path / "blocks.png").stat().st_size > 1000
    found = json.loads(say("-C", made.root, "blocks", "--prompts", "1", "--json")[1])
    assert {row["block"] for row in found["blocks"]} >= {"BASE", "IN04", "M00"}
    assert found["whole"] > 0
    assert made.build().ran == {}


LINES = {
    "epoch": 2,
    "weight": 1.0,
    "prompts": ["a"],
    "blocks": [{"block": "IN01", "alone": 0.5, "without": 0.25}],
    "picture": "blocks.png",
    "lost": 0.03,
    "backup": None,
    "written": False,
}


@pytest.mark.parametrize(
    ("change", "last"),
    [
        ({"suggested": {}}, "every block does something: nothing to leave out"),
        ({"suggested": {"M00": 0}}, "`--write` writes it into lora.yaml"),
        ({"suggested": {"M00": 0}, "written": True, "backup": "old"}, "written; the old text is old"),
        ({"suggested": {"M00": 0}, "written": True}, "lora.yaml says so already"),
    ],
)  # fmt: skip
def test_what_is_said_of_blocks(change, last):
    lines = [*loras.blocks(LINES | change)]
    assert lines[-1] == last
    assert any("50%" in line and "25%" in line for line in lines)


def test_bars_are_full_at_one():
    assert [loras.bar(share, 4) for share in (0, 0.03, 0.5, 1, 2, -1)] == ["", "▏", "██", "████", "████", ""]


def test_steps_and_many_ranks_in_words():
    assert loras.step({"cut": 8}) == "cut 8"
    assert loras.step({"resize": {"dim": 8, "energy": 0.9}}) == "resize dim 8, energy 0.9"
    assert loras.step({"merge": [{"file": "a", "weight": 0.5}, {"file": "b"}]}) == "merge a at 0.5, b at 1"
    dims = [{"dim": number, "alpha": None, "layers": 1} for number in range(1, 12)]
    assert loras._ranks(dims) == "1 to 11, most often 1, in 11 layers"
