"""Projects as the trigger algebra sees them, written shortly: folders of equal images, tags split by who takes them."""

from lorabuild.balance.algebra import Asked, Shown, Source, Word
from lorabuild.balance.verdict import answer


def folder(name, images, triggers, said=(), repeats=1, **taken):
    """A concept: its images all say ``said``; each trigger takes what it is given (``zorbl="red_eyes hat"``)."""
    pruned = [(tag, trigger) for trigger, tags in taken.items() for tag in tags.split()]
    shown = [Shown(name, repeats, said, pruned)] * images
    return Source(name, tuple(triggers.split()), f"dataset/{name}", repeats=None), shown


def asked(kinds, *folders, epochs=8, **more):
    """``kinds``: ``"zorbl:character red:outfit"``; exposure follows from the images."""
    sources, images = [source for source, _ in folders], [image for _, shown in folders for image in shown]
    words = []
    for entry in kinds.split():
        name, kind = entry.split(":")
        showing = {source.name for source in sources if name in source.triggers}
        seen = sum(image.repeats for image in images if image.concept in showing)
        words.append(Word(name, kind, seen, seen * epochs))
    return Asked(tuple(words), tuple(sources), images, epochs=epochs, **more)


def answered(*told, **more):
    """The answer."""
    return answer(asked(*told, **more))


def verdicts(*told, **more):
    """Trigger → its verdict."""
    return {verdict.word.name: verdict for verdict in answered(*told, **more).triggers}


def codes(*told, **more):
    """Trigger → {(code, with)} of what is about separability."""
    quiet = ("too-few-images", "under-exposed", "over-exposed")
    return {
        name: {(one.code, one.with_) for one in verdict.findings if one.code not in quiet}
        for name, verdict in verdicts(*told, **more).items()
    }
