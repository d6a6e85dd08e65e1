"""What an unquoted word of YAML means to a person: numbers, truth values, nothing, text.

YAML 1.1 reads ``1e-4`` as text, ``010`` as eight and ``1:30`` as ninety. Here a number is what looks like one, and
the rest is text; ``yes`` and ``on`` stay truth values, because other readers of the same file take them as such.
"""

from __future__ import annotations

import re

_CONSTANTS = {
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "yes": True,
    "on": True,
    "false": False,
    "no": False,
    "off": False,
}
_WHOLE = re.compile(r"[-+]?[0-9][0-9_]{0,17}")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_INFINITE = re.compile(r"[-+]?\.inf|\.nan", re.IGNORECASE)
_SAFE = re.compile(r"[^\W_][\w./@+-]*( [\w./@+-]+)*")
_LONGEST_NUMBER = 40
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}


def meaning(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar."""
    if text in (text.lower(), text.upper(), text.capitalize()) and text.lower() in _CONSTANTS:
        return _CONSTANTS[text.lower()]
    if len(text) <= _LONGEST_NUMBER and _WHOLE.fullmatch(text):
        return int(text)
    if len(text) <= _LONGEST_NUMBER and _NUMBER.fullmatch(text):
        return float(text)
    return float(text.replace(".", "")) if _INFINITE.fullmatch(text) else text


def quoted(text: str) -> str:
    """Text as it can be written in YAML: bare where that is safe, in double quotes elsewhere."""
    if _SAFE.fullmatch(text) and isinstance(meaning(text), str):
        return text
    return in_quotes(text)


def in_quotes(text: str) -> str:
    """Text in double quotes, with what YAML wants escaped."""
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    if letter in _ESCAPES or letter.isprintable():
        return _ESCAPES.get(letter, letter)
    return f"\\u{ord(letter):04X}" if ord(letter) <= 0xFFFF else f"\\U{ord(letter):08X}"


def inline(value: object) -> str:
    """A value on one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(str(key))}: {inline(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(inline(entry) for entry in value) + "]"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float) and "." not in repr(value):
        return repr(value).replace("e", ".0e")  # YAML 1.1 readers take 5e-05 for a text
    return "null" if value is None else str(value).lower()
