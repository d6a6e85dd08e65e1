"""lorabuild.models.compiled. Most of it captures graphs and runs them as they are: no compiler is needed for that.

``benchmarks/compiled.py`` does the same with real kernels.
"""

import shutil

import pytest
import tiny_sd15
import torch
from sites import site
from torch import nn

from lorabuild.core.errors import StageError
from lorabuild.models import compiled, family, source
from lorabuild.models.compiled import compiling
from lorabuild.networks.attach import attach
from lorabuild.schema.network import IA3, DiagOFT, Full, LoCon, LoHa, LoKr, LoRA, LoRAFA

pytestmark = [
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning"),  # torch's own, while it captures
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
]

CPU = torch.device("cpu")
SMALL = tiny_sd15.UNET | {
    "block_out_channels": (8,),
    "layers_per_block": 1,
    "down_block_types": ("CrossAttnDownBlock2D",),
    "up_block_types": ("CrossAttnUpBlock2D",),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_sd15.make(tmp_path_factory.mktemp("small") / "base", unet=SMALL)


@pytest.fixture
def graphs(monkeypatch):
    """Every graph that is captured from now on."""
    seen = []

    def keep(graph, _inputs):
        seen.append(graph)
        return graph.forward

    monkeypatch.setattr(compiled, "backend", lambda *, deterministic: {"backend": keep})
    return seen


def opened(base, network):
    """A model with a trained adapter, and the adapter."""
    where = site(base.parent, base)
    model = family.load(source.locate(where), where.project.base, {"unet", "scheduler"}, CPU, torch.float32)
    adapter = attach(model.layers(("unet",), convolutions=True), network, 0)
    drawn = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in adapter.trained():
            one.parameter.add_(torch.randn(one.parameter.shape, generator=drawn), alpha=0.1)
    return model, adapter


def asked(model, rows=2, height=4):
    drawn = torch.Generator().manual_seed(rows)
    noisy, hidden = torch.randn(rows, 4, height, 4, generator=drawn), torch.randn(rows, 7, 16, generator=drawn)
    return model.predict(noisy, torch.tensor([10] * rows), {"hidden": hidden})


def learned(model, adapter, seeds=(1, 2), **words):
    """The answer, and what the adapter learns of it."""
    adapter.begin(seeds)
    answer = asked(model, **words)
    return [answer.detach(), *torch.autograd.grad(answer.square().mean(), list(adapter.parameters()))]


def close(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_blocks_of_one_shape_share_a_graph_which_has_the_adapter_in_it_and_nothing_is_captured_twice(base, graphs):
    model, adapter = opened(base, LoCon(dim=2, conv_dim=2))
    wanted, larger = learned(model, adapter), learned(model, adapter, height=8)
    blocks = model.repeated()
    assert len(blocks) == 9
    with compiling(blocks[:2] + blocks[-2:], deterministic=True):
        close(learned(model, adapter), wanted)
        number = len(graphs)
        assert number == 3  # both transformer blocks are alike
        assert all("lora_up" in str(graph.graph) for graph in graphs)
        with torch.no_grad():
            for parameter in adapter.parameters():
                parameter.mul_(1.0)  # as an optimizer's step does it
        adapter.rest()
        close(learned(model, adapter, seeds=(3, 4)), wanted)
        assert len(graphs) == number
        close(learned(model, adapter, height=8), larger)
        assert len(graphs) == 2 * number  # another bucket
        model.checkpoint_gradients(on=True)
        close(learned(model, adapter), wanted)
        model.checkpoint_gradients(on=False)
        assert len(graphs) == 2 * number


def test_taken_off_it_is_the_base_again_inside_and_outside(base, graphs):
    model, adapter = opened(base, LoRA(dim=2))
    adapter.detach()
    with torch.no_grad():
        plain = asked(model)
        adapter.attach()
        with compiling(model.repeated()[:1], deterministic=True):
            assert not torch.equal(asked(model), plain)
            adapter.detach()
            assert torch.equal(asked(model), plain)
            assert "lora_up" not in str(graphs[-1].graph)
        number = len(graphs)
        assert torch.equal(asked(model), plain)
    assert len(graphs) == number
    assert all(block._compiled_call_impl is None for block in model.repeated())


class Layers(nn.Module):
    def __init__(self):
        super().__init__()
        self.kernel, self.linear = nn.Conv2d(4, 8, 3, padding=1), nn.Linear(8, 8)

    def forward(self, x):
        return self.linear(self.kernel(x).flatten(2).mT)


FOUR = {"dim": 4, "conv_dim": 4}
NETWORKS = [
    LoCon(**FOUR, dora=True),
    LoHa(**FOUR),
    LoKr(**FOUR, factor=2),
    IA3(only=("*",), convolutions=True),
    LoRAFA(dim=4),
    DiagOFT(dim=4, convolutions=True),
    Full(convolutions=True),
]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.type)
def test_every_network_is_captured_whole(graphs, network):
    torch.manual_seed(0)
    block = Layers().requires_grad_(requires_grad=False)
    named = {"lora_unet_resnets_0_conv1": block.kernel, "lora_unet_attentions_0_proj_in": block.linear}
    adapter = attach(named, network, 0)
    x, answers = torch.randn(2, 4, 5, 5), []
    for blocks in ([], [block]):
        with compiling(blocks, deterministic=True), torch.autocast("cpu", torch.bfloat16):
            out = block(x).float()
        answers.append([out.detach(), *torch.autograd.grad(out.square().mean(), list(adapter.parameters()))])
    close(*answers)
    assert len(graphs) == 1


def test_where_nothing_compiles_it_is_said_what_to_do(monkeypatch):
    def broken(_graph, _inputs):
        raise OSError("no working C++ compiler\n\nand a long story")

    monkeypatch.setattr(compiled, "backend", lambda *, deterministic: {"backend": broken})
    block, x = Layers(), torch.zeros(1, 4, 3, 3)
    with pytest.raises(StageError, match=r"here: .*no working") as caught, compiling([block], deterministic=True):
        block(x)
    assert caught.value.what.endswith("compiler")
    assert caught.value.where == "training.compile"
    assert "g++" in caught.value.next_step
    assert block(x).shape == (1, 9, 8)


def test_an_error_of_another_kind_stays_what_it_is(graphs):
    with pytest.raises(RuntimeError, match="shapes"), compiling([nn.Linear(2, 2)], deterministic=True):
        raise RuntimeError("shapes")


class Alone(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 8)

    def forward(self, x):
        return torch.relu(self.linear(x))


QUICK = {"cpp_cache_precompile_headers": False, "cpp.vec_isa_ok": True}
"""What a compiler needn't be asked for one kernel."""


@pytest.mark.skipif(not shutil.which("g++"), reason="kernels for the CPU are built with g++")
def test_real_kernels_give_the_same_answer(monkeypatch, tmp_path):
    from torch._inductor import config

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    block = Alone().requires_grad_(requires_grad=False)
    adapter = attach({"lora_unet_attentions_0_proj_in": block.linear}, LoRA(dim=2), 0)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.fill_(0.5)
        x = torch.randn(3, 4)
        wanted = block(x)
        with config.patch(QUICK), compiling([block], deterministic=True):
            torch.testing.assert_close(block(x), wanted)
    assert list(tmp_path.rglob("*.so"))
