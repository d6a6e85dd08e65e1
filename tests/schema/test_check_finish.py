import pytest

from lorabuild.schema.check import check
from lorabuild.schema.problems import ProblemsError


@pytest.fixture
def said(project, tmp_path):
    """What check says about steps, on a network."""
    (tmp_path / "other.safetensors").write_bytes(b"")

    def tell(steps, network="type: locon"):
        loaded = project(f"network: {{{network}}}\nfinish: {steps}\n")
        try:
            check(loaded)
        except ProblemsError as error:
            return [(one["where"].rpartition(" ")[2], one["what"], one["next_step"]) for one in error.problems]
        return []

    return tell


GOOD = [
    ("[{rebase: {from: 0.5}}, {resize: 16}, {blocks: {IN04: 0.5}}]", "type: locon"),
    ("[{resize: {energy: 0.9}}]", "type: locon, dora: true"),
    ("[{blocks: {IN04: 0, OUT: 1}}]", "type: diag_oft"),
    ("[{cut: 8}]", "type: dylora, dim: 32, unit: 8"),
    ("[{merge: [{file: other.safetensors}]}]", "type: loha"),
    ("[{rebase: {from: 0.5}}]", "type: ia3"),
    ("[{resize: 8}]", "type: full"),
    ("[]", "type: lora"),
]


@pytest.mark.parametrize(("steps", "network"), GOOD)
def test_what_is_right(said, steps, network):
    assert said(steps, network) == []


FULL = "is what it is at full strength only"
WRONG = [
    ("[{}]", "type: lora", "finish.0", "a step does one thing, and this one says nothing"),
    ("[{cut: 8, resize: 8}]", "type: dylora", "finish.0", "a step does one thing, and this one says resize and cut"),
    ("[{resize: {}}]", "type: lora", "finish.0.resize", "this says no size"),
    ("[{resize: 4}]", "type: ia3", "finish.0.resize", "`ia3` has no ranks that could be fewer"),
    ("[{resize: 4}]", "type: diag_oft", "finish.0.resize", "`diag_oft` has no ranks that could be fewer"),
    ("[{cut: 8}]", "type: lora", "finish.0.cut", "`lora` has no order among its ranks: it can't be cut"),
    ("[{cut: 6}]", "type: dylora", "finish.0.cut", "6 is no multiple of `unit` (4) up to `dim` (64)"),
    ("[{cut: 128}]", "type: dylora", "finish.0.cut", "128 is no multiple of `unit` (4) up to `dim` (64)"),
    ("[{rebase: {from: 0.5}}]", "type: locon, dora: true", "finish.0.rebase", f"a DoRA {FULL}"),
    ("[{blocks: {IN04: 0.5}}]", "type: diag_oft", "finish.0.blocks", f"a Diag-OFT {FULL}"),
    ("[{blocks: {IN4: 0.5}}]", "type: lora", "finish.0.blocks", "there is no block `IN4`"),
    ("[{merge: [{file: others.safetensors}]}]", "type: lora", "finish.0.merge.0.file",
     "there is no model at `others.safetensors`"),
    ("[{merge: [{file: a.pt}]}]", "type: lora", "finish.0.merge.0.file",
     "`a.pt` is a pickle: opening it could run anybody's code"),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "network", "where", "what"), WRONG)
def test_what_is_wrong_and_what_to_write(said, steps, network, where, what):
    problems = said(steps, network)
    assert [(one[0], one[1]) for one in problems] == [(where, what)]
    assert problems[0][2]


def test_the_nearest_cut_and_the_nearest_file_are_named(said):
    assert said("[{cut: 9}]", "type: dylora, dim: 32, unit: 4")[0][2] == "write `cut: 8`"
    assert "did you mean `other.safetensors`?" in said("[{merge: [{file: othr.safetensors}]}]")[0][2]
