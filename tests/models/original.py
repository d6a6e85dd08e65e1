"""Original single files of the miniatures, written by our key map; diffusers' own reader is the judge of it."""

import importlib
import shutil

from safetensors.torch import save_file
from sites import site

from lorabuild.core.words import hand
from lorabuild.models import keymap, source, weights

CLASSES = {"sd15": "Sd15", "sd2": "Sd2", "sdxl": "Sdxl"}


def parts(family):
    """Part → how it is opened."""
    return getattr(hand("models", family), CLASSES[family]).PARTS


def miniature(family, folder, **words):
    return importlib.import_module(f"tiny_{family}").make(folder, **words)


def opened(located, name, dtype):
    return weights.open_parts(located, {name: (parts(located.family)[name], dtype)})[name]


def tensors(modules, family):
    """All parts' tensors under their original names."""
    made = {}
    for name, module in modules.items():
        part = parts(family)[name]
        made |= {part.prefix + key: held for key, held in keymap.to_ldm(module.state_dict(), part.spelled).items()}
    return made


def write(tiny, family, folder, modules, monkeypatch, **marks):
    """The file with a tokenizer beside it, and the miniature's configs in the place of ours; its site."""
    held = tensors(modules, family) | marks
    save_file({name: tensor.contiguous() for name, tensor in held.items()}, folder / "tiny.safetensors")
    shutil.copytree(tiny / "tokenizer", folder / "tokenizer")
    shutil.copytree(tiny, folder / "configs" / family, ignore=shutil.ignore_patterns("*.safetensors"))
    monkeypatch.setattr(source, "CONFIGS", folder / "configs")
    return site(folder, "tiny.safetensors", base={"family": family, "prediction": "v_prediction"})
