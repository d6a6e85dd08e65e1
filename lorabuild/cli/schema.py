"""``lorabuild schema``: JSON Schema of lora.yaml for editors, or the reference page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lorabuild.cli.options import common

if TYPE_CHECKING:
    import argparse


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "schema",
        parents=[common()],
        help="print JSON Schema of lora.yaml",
        description="Print JSON Schema of lora.yaml, so that an editor knows its words: "
        "write `# yaml-language-server: $schema=lora.schema.json` as its first line.",
    )
    parser.add_argument("--markdown", action="store_true", help="print the reference page instead")


def run(args: argparse.Namespace) -> int:
    """Print it."""
    from lorabuild.schema.describe import json_schema, reference

    print(reference() if args.markdown else json.dumps(json_schema(), indent=2, ensure_ascii=False), end="")
    if not args.markdown:
        print()
    return 0
