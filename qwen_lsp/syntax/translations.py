"""The texts of a translation file with their lines, and the placeholders that a translation has spoilt.

Read are JSON as programs write it, one entry a line, and gettext's PO. Of ICU messages and plural forms
nothing is said: their placeholders may differ from those of the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_](?:[A-Za-z]{2,4}|\d{3})){0,2}")
_SOURCES = ("en", "en-US", "en_US", "en-us", "en_us", "en-GB", "en_GB")
# A name in braces, in two, behind a percent sign, or in Python's `%(name)s`.
_PLACEHOLDER = re.compile(
    r"\{\{\s*-?\s*[\w.]+\s*\}\}|%\(\w+\)[sdif]|%\{\w+\}|\$\{[\w.]+\}"
    r"|(?<!\{)\{\w+\}(?!\})|\{\{\w+\}(?!\})|(?<!\{)\{\w+\}\}"
)
_CONVERSION = re.compile(r"%%|%(?:\d+\$)?[-+ 0#]*\d*(?:\.\d+)?[sdifxu]")
_PLURAL = re.compile(r"\b(?:plural|select|selectordinal)\s*,|\|")
_OPENED = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*:\s*[{\[]\s*$')
_TEXT = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*:\s*"((?:[^"\\]|\\.)*)"\s*,?\s*$')
_CLOSED = re.compile(r"\s*[}\]]\s*,?\s*$")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A placeholder of the source that a translation writes otherwise. `line` counts from 0.

    With an empty `found` the translation has another number of conversions (`%s`) than the source.
    """

    line: int
    wanted: str
    found: str


def sources(path: str) -> Iterator[str]:
    """Yield where the English texts of a translation file may stand; nothing for English itself."""
    folder, _, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    parts = folder.split("/") if folder else []
    if _LANGUAGE.fullmatch(stem):
        if not stem.startswith("en"):
            yield from ("/".join((*parts, f"{one}{dot}{ending}")) for one in _SOURCES)
        return
    for at in range(len(parts) - 1, 0, -1):
        if _LANGUAGE.fullmatch(parts[at]) and len(parts[at]) != 3:
            if not parts[at].startswith("en"):
                yield from ("/".join((*parts[:at], one, *parts[at + 1 :], name)) for one in _SOURCES)
            return


def in_json(text: str, source: str) -> list[Spoilt]:
    """Compare the entries of two JSON files, one entry a line."""
    known = {place: value for place, _, value in _entries(source)}
    found: list[Spoilt] = []
    for place, line, value in _entries(text):
        if (wanted := known.get(place)) is not None:
            found += _spoilt(line, wanted, value)
    return found


def in_po(text: str) -> list[Spoilt]:
    """Compare each text of a PO file with its translation; what is marked fuzzy is not used by programs."""
    found: list[Spoilt] = []
    flags, kind, line, texts = "", "", 0, {"msgid": "", "msgstr": ""}
    for number, row in enumerate([*text.splitlines(), ""]):
        if row.startswith("#,"):
            flags += row
        elif row.startswith(('msgid "', 'msgstr "')):
            kind, _, rest = row.partition(" ")
            line, texts[kind] = (number if kind == "msgstr" else line), _quoted(rest)
        elif row.startswith('"') and kind:
            texts[kind] += _quoted(row)
        elif row.startswith("msg"):  # a context or a plural form
            kind, texts = "", ({"msgid": "", "msgstr": ""} if not row.startswith("msgctxt") else texts)
        elif not row.strip():
            if texts["msgid"] and "fuzzy" not in flags:
                found += _spoilt(line, texts["msgid"], texts["msgstr"])
                if "-format" in flags and "no-" not in flags and texts["msgstr"]:
                    found += _miscounted(line, texts["msgid"], texts["msgstr"])
            flags, kind, texts = "", "", {"msgid": "", "msgstr": ""}
    return found


def _quoted(row: str) -> str:
    match = _QUOTED.match(row)
    return match[1] if match else ""


def _entries(text: str) -> Iterator[tuple[tuple[str, ...], int, str]]:
    place: list[str] = []
    for number, row in enumerate(text.splitlines()):
        if match := _TEXT.match(row):
            yield (*place, match[1]), number, match[2]
        elif match := _OPENED.match(row):
            place.append(match[1])
        elif _CLOSED.match(row) and place:
            place.pop()


def _spoilt(line: int, source: str, text: str) -> Iterator[Spoilt]:
    """Yield a placeholder that is missing where the translation has one that nobody fills."""
    if not text or _PLURAL.search(source) or _PLURAL.search(text):
        return
    wanted, given = _placeholders(source), _placeholders(text)
    missing = [one for one in wanted if one not in given]
    unknown = [one for one in given if one not in wanted]
    for one, other in zip(missing, unknown, strict=False):
        yield Spoilt(line, one, other)


def _placeholders(text: str) -> list[str]:
    return list(dict.fromkeys(re.sub(r"\s|-(?=\w)", "", one) for one in _PLACEHOLDER.findall(text)))


def _miscounted(line: int, source: str, text: str) -> Iterator[Spoilt]:
    wanted, given = ([one for one in _CONVERSION.findall(one) if one != "%%"] for one in (source, text))
    if len(wanted) != len(given) and wanted:
        yield Spoilt(line, " ".join(wanted), "")
