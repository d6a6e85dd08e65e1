"""The entry. A build with nothing to do ends here, on built-in modules alone; all else goes on to the command line."""

import gc
import sys

STAGES = ("scan", "prepare", "tag", "caption", "balance", "latents", "text", "train", "sample", "package")
LAST = "report"


def main() -> int:
    """The console script ``lorabuild``."""
    gc.disable()  # the quick answer makes no rubbish
    asked = plain_build(sys.argv[1:])
    if asked is not None:
        from lorabuild.core.nullcheck import answer, leave

        said = answer(*asked)
        if said is not None:
            leave(*said)
    gc.enable()
    from lorabuild.cli.main import main as command_line

    code = command_line()
    if code > 128:  # interrupted: a thread may be stuck for ever, and nothing is left to do
        import os

        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def plain_build(words: list[str]) -> tuple[str, str, str] | None:
    """Folder, target and manner (``text``, ``quiet``, ``json``) of a plain build; None for every other command line."""
    folder, manner, names = "", "text", list[str]()
    rest = iter(words)
    for word in rest:
        if word == "-C" and not folder:
            folder = next(rest, "")
            if not folder:
                return None
        elif word in {"-q", "--json"} and manner == "text":
            manner = "quiet" if word == "-q" else "json"
        else:
            names.append(word)
    command = names[:1] == ["build"]
    target = names[command:] or [LAST]
    # a command wins over a stage of the same name: `lorabuild report` is none of ours
    known = len(target) == 1 and (target[0] in STAGES or (target[0] == LAST and (command or not names)))
    return (folder, target[0], manner) if known else None


if __name__ == "__main__":
    sys.exit(main())
