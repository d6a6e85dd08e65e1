import json
from typing import get_args

import pytest

from lorabuild.publish.network import line, weight, words
from lorabuild.schema.network import IA3, DiagOFT, DyLoRA, LoCon, LoHa, LoKr, LoRA, Network
from lorabuild.schema.project import Project


@pytest.mark.parametrize("kind", get_args(get_args(Network)[0]), ids=lambda kind: kind.__name__)
def test_every_network_has_words_and_a_line(kind):
    found = words(kind())
    assert all(isinstance(value, str) for value in found.values())
    assert "dropout" in json.loads(found["ss_network_args"])
    assert line(kind()).startswith(kind.model_fields["type"].default.replace("_", "-"))


def told(network):
    found = words(network)
    return found["ss_network_module"], json.loads(found["ss_network_args"])


def test_types_of_the_standard_trainer():
    assert told(LoRA()) == ("networks.lora", {"dropout": None})
    assert told(LoCon(dropout=0.1)) == ("networks.lora", {"conv_dim": "8", "conv_alpha": "4.0", "dropout": 0.1})
    assert told(DyLoRA())[0] == "networks.dylora"
    assert words(DyLoRA())["ss_network_dim"] == "64"


def test_types_of_lycoris():
    module, arguments = told(LoCon(dora=True))
    assert module == "lycoris.kohya"
    assert arguments.items() >= {"algo": "locon", "dora_wd": "True", "wd_on_output": "False"}.items()
    assert told(LoKr())[1].items() >= {"algo": "lokr", "factor": "8"}.items()
    assert told(LoHa(conv_dim=4))[1].items() >= {"algo": "loha", "conv_dim": "4"}.items()
    assert told(DiagOFT())[1]["algo"] == "diag-oft"


def test_a_network_without_a_rank_says_so():
    assert words(IA3())["ss_network_dim"] == words(IA3())["ss_network_alpha"] == "None"


def test_the_line_says_what_matters():
    assert line(LoCon(dora=True)) == "locon, dim 16, alpha 8, conv dim 8, conv alpha 4, dora"
    assert line(LoHa(rs_lora=True)) == "loha, dim 8, alpha 4, rs-lora"
    assert line(IA3()) == "ia3"


def test_the_weight_that_a_file_is_meant_for():
    def meant(**words):
        return weight(Project.model_validate({"name": "t", "base": {"model": "b"}, **words}))

    assert meant() == 1
    assert meant(samples={"weight": 0.5}) == 0.5
    assert meant(samples={"weight": 0.5}, finish=[{"rebase": {"from": 0.5}}, {"resize": 4}]) == 1
    assert meant(finish=[{"rebase": {"from": 0.5}}, {"rebase": {"from": 1, "to": 0.8}}]) == 0.8
