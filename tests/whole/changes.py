"""The changes that README's table names, each row with the changes that have the same effect."""

from dataclasses import dataclass, field, replace
from typing import Any

import tiny_tagger
from edits import (
    all_of,
    copy,
    dot,
    mask,
    metadata,
    mirrored,
    move,
    nudge,
    remove,
    rename_word,
    resaved,
    say,
    text,
    touched,
)
from PIL import Image
from small import Small


@dataclass(frozen=True)
class Case:
    """One change to the example project.

    Attributes:
        change: makes it.
        why: ``(stage, words…)``: some reason for that stage holds these words; empty where nothing is redone.
        more: stage → how many items it has more than before.
        before: what is done to the project first; it is built again.
    """

    change: Any
    why: tuple[str, ...] = ()
    more: dict[str, int] = field(default_factory=dict)
    before: Any = None


def word(stage, name, then, now, *pairs):
    """Other text in lora.yaml, and the word and its values as ``why`` names them."""
    return Case(say(*pairs), (stage, name, f"{then} → {now}"))


def training(name, now):
    """A word of ``training:`` that isn't written in lora.yaml."""
    change = say(("  batch: 12\n", f"  batch: 12\n  {name}: {now}\n"))
    return Case(change, ("train", f"training.{name}", f"→ {now}"))


def output(name, value):
    """A word of ``output:`` that isn't written in lora.yaml."""
    return Case(say(("  folder: out\n", f"  folder: out\n  {name}: {value}\n")), ("package", f"output.{name}", value))


def captions(name, text):
    """A word of ``captions:`` that isn't written in lora.yaml."""
    return Case(say(("captions:\n", f"captions:\n  {text}\n")), ("caption", f"captions.{name}"))


def dropped(tag):
    """One more tag that is dropped."""
    return Case(say(("  drop: [", f"  drop: [{tag}, ")), ("caption", "captions.drop", tag))


def tagger(name, value, then):
    """A word of the tagger."""
    change = say(("model: models/tagger}", f"model: models/tagger, {name}: {value}}}"))
    return Case(change, ("caption", f"captions.tagger.{name}", f"{then} → {value}"))


def retitled(project):
    """Another tagger table of the same tags."""
    with project.path("models/tagger/selected_tags.csv").open("a", encoding="utf-8") as table:
        table.write("\n")


def reordered(project):
    """The sections of lora.yaml in another order."""
    first, *rest = project.path("lora.yaml").read_text("utf-8").split("\n\n")
    project.path("lora.yaml").write_text("\n\n".join([first, *reversed(rest)]) + "\n", "utf-8")


def mirror(project):
    """Every caption as a file of its own."""
    project.run("tags", "--mirror")


def wide(project):
    """A picture that isn't square."""
    path = project.path("dataset/plain/03.png")
    Image.open(path).resize((256, 128)).save(path)


PLAIN = "  plain: {folder: dataset/plain, triggers: [zorbl]}\n"
CAPE = "  cape:  {folder: dataset/cape,  triggers: [zorbl, zorbl_cape]}\n"
OUTFIT = '  zorbl_cape:\n    kind: outfit\n    absorbs: [cape, "*_cape"]\n'
FIRST_PROMPT, SECOND_PROMPT = '    - "zorbl, grass, big, limbs"\n', '    - "zorbl, zorbl_cape, beach, big"\n'
WD14, SIDECAR = "{type: wd14, model: models/tagger}", "{type: sidecar, extension: .tags}"
SIDE, LARGER = "  resolution: 32", "  resolution: 64"  # in the smaller one there is one bucket only
MASK = "dataset/plain/03.mask.png"
NEW = ("scan", "dataset/plain/15.png")
TWIN = copy("dataset/plain/04.png", "dataset/plain/15.png")
GROWN = dict.fromkeys(("scan", "prepare", "tag", "caption", "latents"), 1)
SHRUNK = dict.fromkeys(GROWN, -1)

ROWS: dict[str, dict[str, Case]] = {
    "the pixels of an image": {
        "a dot": Case(dot("dataset/plain/03.png"), ("scan", "dataset/plain/03.png")),
        "a dot in a jpg": Case(dot("dataset/cape/06.jpg"), ("scan", "dataset/cape/06.jpg")),
        "under a caption by hand": Case(mirrored("dataset/plain/11.png", "dataset/plain/06.png"), ("scan", "06.png")),
    },
    "the pixels of an image, which then has other tags": {
        "another picture": Case(
            mirrored("dataset/cape/01.png", "dataset/plain/03.png"), ("scan", "dataset/plain/03.png")
        ),
    },
    "rename, move within a concept, touch, copy": {
        "rename": Case(move("dataset/plain/03.png", "dataset/plain/zz.png")),
        "rename with its caption": Case(
            all_of(
                move("dataset/plain/06.png", "dataset/plain/0.png"), move("dataset/plain/06.txt", "dataset/plain/0.txt")
            )
        ),
        "rename of a picture that is there twice": Case(
            move("dataset/plain/04.png", "dataset/plain/zz.png"), more=GROWN | {"latents": 0}, before=TWIN
        ),
        "move within a concept": Case(move("dataset/cape/02.png", "dataset/cape/inside/02.png")),
        "touch": Case(touched),
        "copy": Case(copy("dataset/plain/03.png", "dataset/plain/15.png"), more=GROWN | {"latents": 0}),
        "a twin removed": Case(remove("dataset/plain/15.png"), before=TWIN),
    },
    "metadata only, lossless re-save": {
        "metadata only": Case(metadata("dataset/plain/03.png"), ("scan", "dataset/plain/03.png")),
        "re-save": Case(resaved("dataset/plain/03.png"), ("scan", "dataset/plain/03.bmp")),
    },
    "a folder renamed, and its `folder:` with it": {
        "folder": Case(
            all_of(move("dataset/cape", "dataset/caped"), say(("dataset/cape,", "dataset/caped,"))),
            ("report", "concepts.cape.folder dataset/cape → dataset/caped"),
        ),
    },
    "an image moved to another concept": {
        "moved": Case(
            move("dataset/plain/10.png", "dataset/cape/13.png"),
            ("caption", "dataset/cape/13.png"),
        ),
    },
    "an image added": {
        "a new one": Case(mirrored("dataset/cape/01.png", "dataset/plain/15.png"), NEW, GROWN | {"text": 1}),
    },
    "an image removed, or replaced by a copy of another": {
        "removed": Case(remove("dataset/plain/03.png"), ("balance", "concepts.plain"), SHRUNK | {"text": -1}),
        "replaced": Case(
            copy("dataset/plain/05.png", "dataset/plain/03.png"),
            ("balance", "concepts.plain"),
            {"latents": -1, "text": -1},
        ),
    },
    "a caption by hand, written or changed": {
        "written": Case(text("dataset/plain/03.txt", "zorbl, on a lawn"), ("caption", "dataset/plain/03.png")),
        "changed": Case(text("dataset/plain/06.txt", "zorbl, at night"), ("caption", "dataset/plain/06.png")),
    },
    "a caption by hand that says what the tags say, written or removed": {
        "written": Case(
            text("dataset/plain/03.txt", "zorbl, small, grass, limbs"), ("caption", "dataset/plain/03.png")
        ),
        "removed": Case(remove("dataset/plain/06.txt"), ("caption", "dataset/plain/06.png")),
    },
    "trigger renamed, here that of 12 images and a sample prompt": {
        "one": Case(rename_word("zorbl_cape", "zorbl_coat"), ("caption", "cape/01.png", "triggers")),
    },
    "prune rule: `absorbs`": {
        "absorbs": Case(
            say(('[cape, "*_cape"]', '[cape, "*_cape", limbs]')), ("caption", "cape/01.png", "triggers"), {"text": -2}
        ),
    },
    "prune rule: `keeps`": {
        "keeps": Case(
            say(("kind: outfit\n", "kind: outfit\n    keeps: [cape]\n")), ("caption", "cape/01.png", "triggers")
        ),
    },
    "blacklist (`captions.drop`)": {"drop": dropped("grass")},
    "`captions.replace`": {"replace": captions("replace", "replace: {grass: lawn}")},
    "tag threshold": {"threshold": replace(tagger("threshold", 0.9993, 0.35), more={"text": -2})},
    "a caption rule that changes no caption": {
        "threshold": tagger("threshold", 0.36, 0.35),
        "character threshold": tagger("character_threshold", 0.9, 0.85),
        "drop": dropped("nowhere"),
    },
    "a caption rule for some images (`captions.for`), here 12": {
        "for": Case(
            captions("for", 'for: [{match: "dataset/cape/*", drop: [limbs]}]').change,
            ("caption", "cape/01.png", "captions.drop", "limbs"),
            {"text": -2},
        ),
    },
    "order of the tags": {
        "alphabet": captions("order", "order: alphabet"),
    },
    "threshold chosen picture by picture (`mcut`), here the same tags": {
        "mcut": Case(tagger("mcut", "true", "").change, ("caption", "mcut_floor")),
    },
    "another tagger beside this one (`merged`), here without a say": {
        "merged": Case(
            say((f"tagger: {WD14}", f"tagger: {{type: merged, of: [{WD14}, {SIDECAR}]}}")),
            ("tag", "tagger"),
        ),
    },
    "captions mirrored (`lorabuild tags --mirror`)": {
        "mirrored": Case(mirror),
    },
    "a mirrored caption edited": {
        "edited": Case(
            text("captions/dataset/plain/03.png.txt", "zorbl, on a lawn"),
            ("caption", "dataset/plain/03.png"),
            before=all_of(Small.build, mirror),
        ),
    },
    "half of a folder for one concept (`share`)": {
        "share": Case(
            say((PLAIN, PLAIN.replace("}", ", share: 0.5}"))),
            ("balance", "concepts.plain"),
            {"caption": -6, "latents": -6, "text": -6},
        ),
    },
    "class of a trigger": {
        "class": Case(say(("class: 1creature", "class: creature")), ("report", "triggers")),
    },
    "step budget, epochs, concept weight": {
        "steps": word("balance", "steps", 36, 48, ("steps: 36 ", "steps: 48 ")),
        "epochs": word("balance", "epochs", 1, 2, ("epochs: 1", "epochs: 2")),
        "weight": Case(say((CAPE, CAPE.replace("}", ", weight: 3}"))), ("balance", "concepts.cape.weight 1.0 → 3.0")),
        "repeats": Case(say((CAPE, CAPE.replace("}", ", repeats: 2}"))), ("balance", "concepts.cape.repeats none → 2")),
    },
    "a step budget that gives the same repeats": {
        "steps": word("balance", "steps", 36, 37, ("steps: 36 ", "steps: 37 ")),
    },
    "learning rate, network, any other word of `training:`": {
        "learning rate": word("train", "training.optimizer.lr", 0.002, 0.003, ("lr: 2.0e-3", "lr: 3.0e-3")),
        "learning rate of the text encoder": training("text_encoder_lr", 0.001),
        "weight decay": word("train", "weight_decay", 0.01, 0.02, ("weight_decay: 0.01", "weight_decay: 0.02")),
        "schedule": word("train", "schedule.type", "cosine", "constant", ("type: cosine", "type: constant")),
        "min snr": word("train", "training.min_snr_gamma", "5.0", "4.0", ("gamma: 5", "gamma: 4")),
        "caption dropout": training("caption_dropout", 0.1),
        "seed": word("train", "training.seed", 42, 43, ("seed: 42", "seed: 43")),
        "network dim": word("train", "network.dim", 16, 8, ("  dim: 16", "  dim: 8")),
        "network alpha": word("train", "network.alpha", "16.0", "8.0", ("  alpha: 16", "  alpha: 8")),
        "network type": Case(
            say(("type: locon", "type: lora"), ("  conv_dim: 16\n  conv_alpha: 16\n", "")), ("train", "locon → lora")
        ),
        "prior loss": Case(
            say(("regularization: ", "regularization:\n  prior_loss_weight: 0.5 ")),
            ("train", "prior_loss_weight", "→ 0.5"),
        ),
    },
    "batch, accumulation, type of optimizer": {
        "batch": word("balance", "batch", 12, 8, ("  batch: 12", "  batch: 8")),
        "accumulation": word("balance", "accumulation", 1, 2, ("  batch: 12", "  batch: 12\n  accumulation: 2")),
        "optimizer": word("balance", "optimizer", "adamw", "prodigy", ("adamw, lr: 2.0e-3,", "prodigy, lr: 1.0,")),
    },
    "`training.train: unet`": {"unet": Case(training("train", "unet").change, ("text", "zorbl"))},
    "more prior pictures": {
        "count": Case(say(("count: 3", "count: 4")), ("latents", "004"), {"latents": 1, "text": 1})
    },
    "other prior pictures": {
        "steps": word("latents", "steps", 2, 3, ("count: 3\n    steps: 2", "count: 3\n    steps: 3")),
        "guidance": word("latents", "cfg", "2.0", "3.0", ("    cfg: 2", "    cfg: 3")),
    },
    "a sample prompt": {
        "other words": Case(say(("zorbl, night, small", "zorbl, night, big")), ("sample", "zorbl, night, big")),
        "one more": Case(
            say((FIRST_PROMPT, FIRST_PROMPT + '    - "zorbl, room"\n')), ("sample", "zorbl, room"), {"sample": 2}
        ),
    },
    "sampler steps, guidance, sample seed": {
        "steps": word("sample", "steps", 2, 3, ("cfg: 4\n  steps: 2", "cfg: 4\n  steps: 3")),
        "guidance": word("sample", "cfg", "4.0", "5.0", ("cfg: 4\n", "cfg: 5\n")),
        "seed": Case(say(("  every: end", "  every: end\n  seed: 1")), ("sample", "seed 42 → 1")),
    },
    "order of the sample prompts": {
        "swapped": Case(say((FIRST_PROMPT + SECOND_PROMPT, SECOND_PROMPT + FIRST_PROMPT)), ("package", "pictures"))
    },
    "output name, author, description, licence": {
        "name": word("package", "name", "zorbl", "other", ("name: zorbl\n", "name: other\n")),
        "author": output("author", "someone"),
        "title": output("title", "Zorbl"),
        "description": Case(say(("A teal", "A blue")), ("package", "output.description")),
        "licence": word("package", "output.license", "CC0-1.0", "MIT", ("license: CC0-1.0", "license: MIT")),
    },
    "order of the triggers": {
        "order": Case(say((OUTFIT, ""), ("  zorbl:\n", f"{OUTFIT}  zorbl:\n")), ("package", "triggers")),
    },
    "order of the concepts": {"order": Case(say((PLAIN + CAPE, CAPE + PLAIN)), ("package", "concepts"))},
    "output folder": {
        "elsewhere": Case(say(("folder: out\n", "folder: there\n")), ("report", "output.folder out → there"))
    },
    "comment or formatting of lora.yaml, order of its sections": {
        "comment": Case(say(("images:\n", "# a remark\nimages:   # another\n"))),
        "formatting": Case(say(("  dim: 16\n", "  'dim':    16\n\n"))),
        "order": Case(reordered),
    },
    "device, threads, batches of inference, how often state is saved": {
        "device": Case(say(("  threads: 1 ", "  threads: 1\n  batch: 3\n  type: cpu "))),
        "state": Case(say(("  batch: 12", "  batch: 12\n  save_state_every: 1\n  gradient_checkpointing: true"))),
    },
    "VAE replaced": {"vae": Case(nudge("vae"), ("latents", "base.vae"))},
    "text encoder or U-Net replaced": {
        "text encoder": Case(nudge("text_encoder"), ("latents", "base.text_encoder")),
        "U-Net": Case(nudge("unet"), ("latents", "base.unet")),
    },
    "tagger replaced": {
        "another": Case(
            lambda project: tiny_tagger.make(project.path("models/tagger")), ("tag", "tagger.model.onnx"), {"text": -15}
        ),
    },
    "tagger replaced by one that sees the same": {"the same": Case(retitled, ("tag", "tagger.selected_tags.csv"))},
    "resolution": {
        "resolution": word("latents", "bucket", "32, 32", "64, 64", (SIDE, LARGER)),
    },
    "weight or repeats of some images (`images.for`)": {
        "repeats": Case(
            say(
                (
                    "  for:\n    - {match: dataset/plain/09",
                    "  for:\n    - {match: '*/*/01.png', repeats: 3}\n    - {match: dataset/plain/09",
                )
            ),
            ("balance", "concepts."),
        ),
    },
    "a further resolution (`images.more_resolutions`)": {
        "further": Case(say((SIDE, f"{SIDE}\n  more_resolutions: [64]")), ("latents", "64 px"), more={"latents": 30}),
    },
    "bucket limits, here those of one image": {
        "with a wide picture": Case(
            say((LARGER, f"{LARGER}\n  buckets: {{max: 64}}")),
            ("latents", "dataset/plain/03.png"),
            before=all_of(say((SIDE, LARGER)), wide),
        ),
    },
    "bucket limits that move no image": {
        "narrower": Case(
            say((LARGER, f"{LARGER}\n  buckets: {{max: 96}}")), ("package", "buckets"), before=say((SIDE, LARGER))
        ),
    },
    "background of transparent images, here one": {
        "black": Case(say((SIDE, f"{SIDE}\n  background: '#000000'")), ("prepare", "images.background")),
    },
    "flip": {
        "flip": Case(say((SIDE, f"{SIDE}\n  flip: true")), ("latents", "images.flip False → True")),
    },
    "a mask edited": {
        "mask": Case(
            mask(MASK, 90),
            ("prepare", "03.png", "mask"),
            before=all_of(say((SIDE, f"{SIDE}\n  masks: side")), mask(MASK, 200)),
        ),
    },
    "images no longer cached (`images.cache: false`)": {
        "cache": Case(say((SIDE, f"{SIDE}\n  cache: false")), ("train", "images.cache"), more={"latents": -30}),
    },
    "captions shuffled, here in two forms each": {
        "shuffled": Case(
            say(("  batch: 12\n", "  batch: 12\n  caption_shuffle: true\n  caption_variants: 2\n")),
            ("text", "new"),
            more={"text": 22},
        ),
    },
}
