import hashlib

import safetensors.torch
import torch

from lorabuild.publish import hashes


def test_model_hashes_are_those_of_the_standard_trainer(tmp_path, standard):
    path = tmp_path / "model.safetensors"
    path.write_bytes(bytes(i % 251 for i in range(2 * 1024 * 1024 + 77)))
    found = hashes.model_hashes(path)
    assert (found.short, found.sha256) == (standard["model_file"]["model_hash"], standard["model_file"]["sha256"])


def test_a_file_below_one_mebibyte_has_the_hash_of_nothing():
    assert hashes.short(b"x" * 0x100000) == "e3b0c442"


def test_the_lora_hash_is_of_the_tensors_alone():
    tensors = {"a": torch.arange(4.0)}
    plain, spoken = safetensors.torch.save(tensors), safetensors.torch.save(tensors, {"ss_a": "1"})
    assert plain != spoken
    assert hashes.lora_hash(plain) == hashes.lora_hash(spoken)
    assert hashes.lora_hash(plain) == hashlib.sha256(tensors["a"].numpy().tobytes()).hexdigest()
