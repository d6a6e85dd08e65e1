"""A picture of thirty coloured shapes, the same for the same seed."""

import random

from PIL import Image, ImageDraw


def drawing(seed, size=(320, 240)):
    chance, width, height = random.Random(seed), 2 * size[0], 2 * size[1]
    image = Image.new("RGB", (width, height), colour(chance))
    draw = ImageDraw.Draw(image)
    for _ in range(30):
        left, top = chance.randrange(width), chance.randrange(height)
        box = left, top, left + chance.randrange(20, width // 2 + 21), top + chance.randrange(20, height // 2 + 21)
        getattr(draw, chance.choice(["ellipse", "rectangle"]))(box, fill=colour(chance))
    return image.resize(size, Image.Resampling.LANCZOS)


def colour(chance):
    return tuple(chance.randrange(256) for _ in range(3))
