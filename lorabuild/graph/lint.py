"""``lint``: all that a person should look twice at before hours are spent, in one shape, as far as it is known."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from lorabuild.balance import findings as rules
from lorabuild.balance.findings import Finding
from lorabuild.captions.levels import matching
from lorabuild.captions.tags import spelling_key
from lorabuild.core.errors import ProjectError
from lorabuild.graph import balancing, looks
from lorabuild.graph.costs import costs
from lorabuild.graph.members import captioned, every_tag, members
from lorabuild.graph.namesakes import shared_words
from lorabuild.graph.shown import shown
from lorabuild.graph.status import aside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lorabuild.balance.buckets import Size
    from lorabuild.graph.members import Member
    from lorabuild.graph.view import View

MOST = 3
"""Findings of one code that a plan or a build tells one by one."""
SHORTER = {"few-images": "too-few-images", "upscaled": "too-small"}
"""What the balance says of many images or of a trigger → what says it of each, or with a remedy."""
ELSEWHERE = ("set-aside", "too-small")
"""What plans and builds tell in another way."""
FLAWS = {
    "black": ("its mask is black all over: nothing of the picture is learned", "paint white what is to be learned"),
    "grey": (
        "its mask is the same grey all over: it masks nothing and only lowers the picture's weight",
        "delete it, or paint white what is to be learned",
    ),
}


class Likeness(NamedTuple):
    """Two images of a concept that are alike: the larger one, the other, the share that differs; whether both count."""

    kept: Member
    other: Member
    share: float
    variant: bool


def findings(view: View) -> list[Finding]:
    """Every finding that isn't ignored, the worst first: of images, captions, balance, triggers."""
    told = [one for one in _balanced(view) if one.code not in (*SHORTER, "over-exposed")]
    return rules.worst_first(_heard(view, [*_of_images(view), *told, *_of_triggers(view)]))


def warnings(view: View, *, triggers: bool = True) -> list[dict[str, str]]:
    """The same as plans and builds tell it, ``[{"code", "item", "text"}]``: what asks for something to be done."""
    balance = _balanced(view)
    said = {(SHORTER.get(one.code, one.code), one.item) for one in balance}
    found = [one for one in _of_images(view) if one.remedy and one.code not in ELSEWHERE]
    found += [one for one in _of_triggers(view) if one.remedy and (one.code, one.item) not in said] if triggers else []
    return [_warning(one) for one in _heard(view, [*balance, *found])]


def early(view: View) -> list[dict[str, str]]:
    """Those of the balance and of files, which every build tells: they cost nothing to know."""
    balance = (Finding(one.code, one.item, None, one.text, "") for one in balancing.table(view).warnings)
    return [_warning(one) for one in _heard(view, [*balance, *_of_files(view)])]


def briefly(told: Sequence[Mapping[str, str]], most: int = MOST) -> list[dict[str, str]]:
    """At most so many of a code, and how many more there are."""
    counts, found = Counter[str](), list[dict[str, str]]()
    for entry in told:
        counts[entry["code"]] += 1
        if counts[entry["code"]] <= most:
            found.append(dict(entry))
    for code, number in counts.items():
        if number > most:
            text = f"{number - most} more findings of this kind: `lorabuild lint` names them"
            found.append({"code": code, "item": "", "text": text})
    return found


def _warning(finding: Finding) -> dict[str, str]:
    """A finding without lines of lora.yaml."""
    advice, text = finding.remedy.partition("\n")[0], finding.text
    joined = f"{text}{' ' if text.endswith('.') else '; '}{advice}" if advice else text
    return {"code": finding.code, "item": finding.item, "text": joined}


def _heard(view: View, found: Iterable[Finding]) -> list[Finding]:
    """Without what a person ignores, everywhere or of these images."""
    settings = view.project.lint
    asked = [(matching(rule.match), {*rule.ignore}) for rule in settings.for_]
    ignored = {*settings.ignore}

    def heard(one: Finding) -> bool:
        codes = {one.code, SHORTER.get(one.code, one.code)}
        path = one.item.partition(" (")[0].partition(" [")[0]
        return not codes & ignored and not any(codes & rule and matches(path) for matches, rule in asked)

    return [one for one in found if heard(one)]


def _balanced(view: View) -> list[Finding]:
    """What the balance says by itself, and what settings cost."""
    found = []
    for entry in [*balancing.table(view).as_dict()["warnings"], *costs(view)]:
        text, _, remedy = entry["text"].partition("; ")
        found.append(Finding(entry["code"], entry["item"], None, text, remedy))
    return found


def _of_images(view: View) -> Iterator[Finding]:
    for entry in aside(view):
        text, _, remedy = entry["problem"].partition("; ")
        yield Finding("set-aside", entry["item"], None, text, remedy or "repair it, or take it away")
    used = [member for member in members(view) if not member.twin]
    yield from _of_files(view)
    yield from _of_pictures(view, used)
    yield from _alike(view)
    yield from _of_captions(view, used)
    yield from rules.of_table(balancing.table(view), [*_buckets(view, used).values()], view.project.training.batch)


def _of_files(view: View) -> Iterator[Finding]:
    """Texts that several images read, masks of no use, equal images."""
    for entry in shared_words(view):
        yield Finding(entry["code"], entry["item"], None, entry["text"], "give each a name of its own")
    drop = view.project.images.duplicates == "drop"
    near = {pair.other.id for pair in likenesses(view) if not pair.variant} if drop else ()
    for member in members(view):
        if member.flaw and not member.twin:
            yield Finding(f"{member.flaw}-mask", member.id, None, *FLAWS[member.flaw])
        if member.twin and member.id not in near:
            text = f"{member.id} is the same picture as {member.twin}; it is used once"
            yield Finding("duplicate", member.id, None, text, "delete one of them")


def _of_pictures(view: View, used: Sequence[Member]) -> Iterator[Finding]:
    known, ask, images = looks.known(view), shown(view), view.project.images
    flawed: dict[tuple[str, str | None], dict[str, float]] = {}
    for concept, found in known.items():
        for code, numbers in found["flaws"].items():
            for pixels, number in numbers.items():
                flawed.setdefault((concept, pixels), {})[code] = number
    for member in used:
        side = max(ask(member.concept, member.whole).resolutions)
        if member.size and _ill_sized(view, member.size, side):
            yield from rules.of_size(member.id, member.size, balancing.sizes(view, side))
        if flaws := flawed.get((member.concept, member.scanned)):
            mended = _mended(view, member)
            own = {code: number for code, number in flaws.items() if code not in mended}
            yield from rules.of_look(member.id, own, images.background)
    for concept, found in known.items():
        pictures, grey = [member.scanned for member in used if member.concept == concept], {*found["grey"]}
        yield from rules.monochrome(concept, sum(1 for pixels in pictures if pixels in grey), len(pictures))


def _ill_sized(view: View, size: Size, resolution: int) -> bool:
    """Whether there is something to say of pictures of this size; very many have the same one."""
    known: dict[tuple[Size, int], bool] = view.derived("ill sizes", lambda _: {})
    if (size, resolution) not in known:
        known[size, resolution] = any(rules.of_size("", size, balancing.sizes(view, resolution)))
    return known[size, resolution]


def _mended(view: View, member: Member) -> set[str]:
    """The flaws of a file that its training picture doesn't have any more."""
    mended = {"letterbox"} if {"trim", "crop"} & {*member.done} or member.part else set()
    mended |= {"jpeg"} if {"restore"} & {*member.done} else set()
    return mended | ({"alpha"} if view.project.images.masks == "alpha" else set())


def _alike(view: View) -> Iterator[Finding]:
    """Pictures that are nearly the same."""
    for pair in likenesses(view):
        changed = f" ({rules.part(pair.share)} of it differs)" if pair.share else ""
        if pair.variant:
            text = f"like {pair.kept.path}, but for one place{changed}"
            yield Finding("variant", pair.other.id, pair.share, text, "")
        elif pair.other.twin:
            text = f"like {pair.kept.path}, which is used instead{changed}"
            yield Finding("near-duplicate", pair.other.id, pair.share, text, "")
        else:
            text = f"like {pair.kept.path}, but for size, crop or compression{changed}"
            remedy = "keep one, or write `images: {duplicates: drop}`"
            yield Finding("near-duplicate", pair.other.id, pair.share, text, remedy)


def likenesses(view: View) -> list[Likeness]:
    """Pairs of images of a concept that are alike and not equal, as far as they were compared."""
    return view.derived("likenesses", lambda view: [*_likenesses(view)])


def _likenesses(view: View) -> Iterator[Likeness]:
    for concept, known in looks.known(view).items():
        own: dict[str, Member] = {}
        for member in members(view):
            if member.concept == concept and member.scanned and not (member.scanned in own and member.twin):
                own[member.scanned] = member
        for word in ("near", "variants"):
            for kept, other, share in known[word]:
                if own[kept].pixels != own[other].pixels:
                    yield Likeness(own[kept], own[other], share, word == "variants")


def _of_captions(view: View, used: Sequence[Member]) -> Iterator[Finding]:
    most = view.project.base.max_token_length
    captions = {member.id: member.caption for member in used if member.caption is not None}
    long = {caption for caption in captions.values() if len(caption.encode()) > most}
    count = _counter(view) if long else len
    for name, caption in captions.items():
        yield from rules.of_caption(name, caption, count(caption) if caption in long else 0, most)
    if not view.project.budget.retro and not view.project.slider:
        old, held = {tag for tag in every_tag(view) if spelling_key(tag).startswith(rules.RETRO)}, captioned(view)
        facts = [held[member.id] for member in used if member.id in held]
        tagged = sum(1 for one in facts if not old.isdisjoint([*one["tags"], *one["dropped"]])) if old else 0
        yield from rules.retro(tagged, len(facts))


def _counter(view: View) -> Callable[[str], int]:
    """A question for the tokens of a caption; none where the base's tokenizer can't be read, which others say."""
    from lorabuild.graph.lexicon import lexicon_of

    try:
        return lexicon_of(view).count
    except (ProjectError, ValueError):
        return lambda _: 0


def _buckets(view: View, used: Sequence[Member]) -> Counter[tuple[int, int]]:
    return Counter(fit.bucket for member in used if member.size for fit in balancing.fits(view, member))


def _of_triggers(view: View) -> Iterator[Finding]:
    """What the trigger algebra says."""
    if not view.project.triggers:
        return
    from lorabuild.graph.algebra import told

    for verdict in told(view).answer.triggers:
        for one in verdict.findings:
            yield Finding(one.code, one.trigger, None, one.text, one.remedy)
