"""What a person does to a project: each of these makes a change, ``change(project)``."""

import numpy as np
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo
from safetensors.numpy import load_file, save_file


def say(*pairs):
    """Other text in lora.yaml: for each ``(old, new)`` in the one place where ``old`` stands."""

    def change(project):
        for old, new in pairs:
            project.write(old, new)

    return change


def rename_word(old, new):
    """Another word wherever it stands in lora.yaml."""

    def change(project):
        path = project.path("lora.yaml")
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")

    return change


def move(old, new):
    def change(project):
        project.path(new).parent.mkdir(exist_ok=True)
        project.path(old).rename(project.path(new))

    return change


def copy(old, new):
    def change(project):
        project.path(new).write_bytes(project.path(old).read_bytes())

    return change


def remove(*names):
    def change(project):
        for name in names:
            project.path(name).unlink()

    return change


def text(name, words):
    return lambda project: project.path(name).write_text(words, "utf-8")


def all_of(*changes):
    def change(project):
        for each in changes:
            each(project)

    return change


def dot(name):
    """One pixel of a picture is another colour."""

    def change(project):
        with Image.open(project.path(name)) as image:
            image.load()
        red, *rest = image.getpixel((0, 0))
        image.putpixel((0, 0), (red ^ 1, *rest))
        image.save(project.path(name), quality=100)

    return change


def mask(name, level):
    """A greyscale mask of a picture of 64 pixels: half of it is learned, the rest as much as the level says."""

    def change(project):
        image = Image.new("L", (64, 64), 255)
        image.paste(level, (0, 0, 64, 32))
        image.save(project.path(name))

    return change


def mirrored(old, new):
    """A mirrored picture in another's place, or in a new one."""

    def change(project):
        with Image.open(project.path(old)) as image:
            ImageOps.mirror(image).save(project.path(new))

    return change


def metadata(name):
    """A PNG gets a comment that nobody looks at."""

    def change(project):
        words = PngInfo()
        words.add_text("comment", "seen by nobody")
        Image.open(project.path(name)).save(project.path(name), pnginfo=words)

    return change


def resaved(name):
    """The same pixels in a file of another format."""

    def change(project):
        path = project.path(name)
        Image.open(path).save(path.with_suffix(".bmp"))
        path.unlink()

    return change


def touched(project):
    for path in project.root.rglob("*"):
        path.touch()


def nudge(part):
    """Other weights of a part of the base model."""

    def change(project):
        (path,) = project.path(f"base/{part}").glob("*.safetensors")
        tensors = load_file(path)
        name = max(tensors, key=lambda name: tensors[name].size)
        save_file(tensors | {name: tensors[name] * np.float32(0.9)}, path, metadata={"format": "pt"})

    return change
