import hashlib
import json

import pytest

from lorabuild.publish import civitai
from lorabuild.schema.project import Project

FILE = {"name": "zorbl.safetensors", "data": b"x" * 2048, "sha256": "ab" * 32, "tensors": "cd" * 32}
DRAWN = [{"prompt": "zorbl, forest", "size": [64, 96], "seed": 7}]


def told(project, run, drawn=DRAWN):
    return json.loads(civitai.info(project, run, FILE, drawn))


def test_it_has_what_helper_plug_ins_read_and_nothing_that_only_the_site_knows(project, run):
    info = told(project, run)
    assert info["trainedWords"] == ["zorbl", "zorbl_cape"]
    assert info["baseModel"] == "SD 1.5"
    assert info["model"] == {"name": "Zorbl, the teal creature", "type": "LoCon"}
    assert info["images"][0]["meta"]["prompt"] == "zorbl, forest"
    assert info["images"][0]["meta"]["negativePrompt"] == "blurry"
    assert (info["images"][0]["width"], info["images"][0]["height"]) == (64, 96)
    assert not {"id", "modelId", "downloadUrl"} & info.keys()


def test_the_file_is_told_by_every_hash_that_the_site_knows(project, run):
    (file,) = told(project, run)["files"]
    assert (file["name"], file["sizeKB"], file["metadata"]["fp"]) == ("zorbl.safetensors", 2.0, "fp16")
    assert file["hashes"]["SHA256"] == "AB" * 32
    assert file["hashes"]["AutoV2"] == "ABABABABAB"
    assert file["hashes"]["AutoV3"] == "CDCDCDCDCDCD"
    assert len(file["hashes"]["BLAKE3"]) == 64
    assert hashlib.sha256(FILE["data"]).hexdigest() != file["hashes"]["BLAKE3"].lower()


def test_a_picture_of_which_nothing_is_said_was_drawn_as_lora_yaml_says(project, run):
    image = told(project, run, [{"prompt": "zorbl"}])["images"][0]
    assert (image["width"], image["meta"]["seed"], image["meta"]["cfgScale"]) == (64, 42, 4.0)


@pytest.mark.parametrize(
    ("network", "kind"),
    [
        ({"type": "lora"}, "LORA"),
        ({"type": "locon"}, "LoCon"),
        ({"type": "loha"}, "LoCon"),
        ({"type": "lora", "dora": True}, "DoRA"),
    ],
)
def test_the_site_s_word_for_the_network(build, network, kind):
    assert civitai.kind(Project.model_validate({**build["project"], "network": network}).network) == kind
