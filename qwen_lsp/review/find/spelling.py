"""Words that a change misspells, by the `typos` that is installed beside this package.

It knows the common misspellings of English, inside names too, so a word that it does not know is never wrong.
Only added lines are looked at, and of their words only those that the base has nowhere: what a repository
writes already is its own word. Its configuration is that of the base; a change has no say in it. Texts in
other languages are left alone: translations by their path, and a file with many such words.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_lsp import foreign_toml
from qwen_lsp.child import environment
from qwen_lsp.messages import Locale
from qwen_lsp.review import finding
from qwen_lsp.review.change import elsewhere, git
from qwen_lsp.review.change.change import Change, ChangedFile
from qwen_lsp.review.find import copies, meant_words
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax.rules import all_rules, is_test_path
from qwen_lsp.text import Document, Span, decode

log = logging.getLogger(__name__)

RULE = "misspelt-word"
_TIMEOUT_S = 60
_MAX_FILES = 500
_MAX_CHARS = 1_000_000
# A text with more words that nobody knows is in another language, or a list of names.
_MAX_IN_A_FILE = 8
# A change with more unknown words is of the kinds above.
_MAX_WORDS = 40
# Shorter ones are abbreviations: `Cose`, `caf`.
_MIN_LETTERS = 5
# Files in the root of a repository that may configure it.
CONFIGURATION = ("typos.toml", "_typos.toml", ".typos.toml", "pyproject.toml")
# What has an address is called so: `the `delocate <https://pypi.org/project/delocate>` project`.
_ADDRESS = re.compile(r"://[^\s\"'`<>()]+")
_END_OF_WORD = re.compile(r"[\s\"'`<>()]")
# A line that names people: an address, a credit; their names are as they are.
_CREDIT = re.compile(
    r"(?i)[\w.+-]@[\w-]+\.\w|@author\b|\bcopyright\b|\(c\)|©|\b(?:author|co-authored|reported|reviewed|signed-off)"
    r"(?:s|ed)?(?:-by)?\s*[:=]"
)
_PEOPLE = re.compile(
    r"(?i)(?:^|/)(?:authors?|contributors?|credits|maintainers|thanks|codeowners|\.mailmap)\b"
)
# What a test reads was taken from somewhere.
_DATA = (".json", ".jsonl", ".csv", ".tsv", ".xml", ".html", ".css", ".txt", ".log", ".sql", ".svg")
_TRANSLATION = re.compile(
    r"(?i)(?:^|/)(?:i18n|l10n|locales?|locali[sz]ations?|lang|languages|strings|translations?|po)/"
    r"|[._-][a-z]{2}(?:[-_][a-z]{2,4})?\.(?:resx|json|ya?ml|properties|md|html?|rst|txt)$|\.po$"
)
# What is translated is English.
_SOURCE = re.compile(
    r"(?i)(?:^|[/._-])en(?:[-_][a-z]{2})?(?:/[^/]+)?\.(?:json|ya?ml|properties|php|[jt]s|ftl|resx)$"
)


@dataclass(frozen=True, slots=True)
class Misspelt:
    """One word in one file, and what is meant, the likeliest first."""

    path: str
    span: Span
    word: str
    meant: tuple[str, ...]


def run(
    change: Change, files: Sequence[ChangedFile], locale: Locale, *, is_configured: bool = True
) -> list[Finding]:
    """Return the misspelt words on added lines that the base does not have, each once in a file.

    `is_configured`: the repository may say which words are its own.
    """
    looked_at = [one for one in files[:_MAX_FILES] if _is_english(one)]
    if not looked_at or (program := _program()) is None:
        return []
    documents = {one.path: one.document for one in looked_at}
    added = {one.path: one.patch.added for one in looked_at}
    try:
        listed = _listed(program, documents, _configuration(change) if is_configured else None)
    except OSError as error:  # no room for the copies
        log.warning("typos was not run: %s", error)
        return []
    by_path: dict[str, dict[str, Misspelt]] = defaultdict(dict)
    texts = [one.after for one in files if one.after]
    for one in listed:
        if documents[one.path].line_of(one.span.start) + 1 in added[one.path]:
            document = documents[one.path]
            if (
                not meant_words.is_quoted_data(document, one.path, one.span)
                and not meant_words.is_meant(document, one.path, one.span, one.meant)
                and not meant_words.is_of_others(document, one.path, one.span, texts)
                and (change.is_strict or not meant_words.is_told_off(document, one.span))
            ):
                by_path[one.path].setdefault(one.word.lower(), one)
    for path, words in by_path.items():
        addresses = " ".join(_ADDRESS.findall(documents[path].text)).lower() if words else ""
        by_path[path] = {word: one for word, one in words.items() if word not in addresses}
    few = [one for words in by_path.values() if len(words) <= _MAX_IN_A_FILE for one in words.values()]
    known = _known(change, files, {one.word.lower() for one in few})
    if not change.is_strict:  # a change that is judged does not choose the words
        known |= meant_words.listed((one.path, one.after or "") for one in change.files)
    return [_finding(documents[one.path], one, locale) for one in few if one.word.lower() not in known]


def _is_english(file: ChangedFile) -> bool:
    return (
        bool(file.after)
        and bool(file.patch.added)
        and len(file.after or "") <= _MAX_CHARS
        and (not _TRANSLATION.search(file.path) or bool(_SOURCE.search(file.path)))
        and not meant_words.is_word_list(file.path)
        and not (file.path.endswith(_DATA) and is_test_path(file.path))
    )


def _listed(
    program: str, documents: Mapping[str, Document], configuration: tuple[str, str] | None
) -> list[Misspelt]:
    """Run the program on copies; a configuration that it does not take counts as none."""
    with tempfile.TemporaryDirectory(prefix="qwen-lsp-") as name:
        root = Path(name).resolve()
        texts = root / "texts"
        for path, document in documents.items():
            copies.write(texts, path, document.text)
        command = [
            program,
            "--isolated",
            "--format",
            "json",
            "--no-check-filenames",
            "--hidden",
            "--no-ignore",
        ]
        if configuration is not None:
            copies.write(root, *configuration)
            command += ["--config", str(root / configuration[0])]
        try:
            done = subprocess.run(
                [*command, "."],
                cwd=texts,
                env=environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
            entries = [json.loads(line) for line in done.stdout.splitlines()]
        except (subprocess.TimeoutExpired, ValueError, RecursionError) as error:
            log.warning("typos was not run: %s", error)
            return []
    if done.returncode not in (0, 2):  # 2: there are some
        log.warning("typos: %s", done.stderr.decode("utf-8", "replace")[-500:])
        return _listed(program, documents, None) if configuration is not None else []
    return [one for entry in entries if (one := _misspelt(documents, entry)) is not None]


def _misspelt(documents: Mapping[str, Document], entry: Mapping[str, Any]) -> Misspelt | None:
    """Read one line of the output. Its columns count bytes."""
    if entry.get("type") != "typo" or len(entry["typo"]) < _MIN_LETTERS or not entry["corrections"]:
        return None
    path = Path(entry["path"]).as_posix()
    document = documents.get(path)
    line = entry["line_num"] - 1
    if document is None or not 0 <= line < document.line_count:
        return None
    before = document.line(line).encode("utf-8", "replace")[: entry["byte_offset"]].decode("utf-8", "replace")
    start = document.starts[line] + len(before)
    span = Span(start, start + len(entry["typo"]))
    # Where its lines are not ours, or a letter belongs to an escape: `\nwich`.
    if document.text[span.start : span.end] != entry["typo"] or before.endswith("\\"):
        return None
    if "://" in _END_OF_WORD.split(before)[-1] or _is_a_form(entry["typo"], entry["corrections"][0]):
        return None
    if entry["typo"][0].isupper() and (_PEOPLE.search(path) or _CREDIT.search(document.line(line))):
        return None
    return Misspelt(path, span, entry["typo"], tuple(entry["corrections"]))


def _is_a_form(word: str, meant: str) -> bool:
    """Whether people write a word so too: `unparseable`, or an adjective as a noun, `enumerables`."""
    word, meant = word.lower().replace("eable", "able"), meant.lower().replace("eable", "able")
    return word in (meant, f"{meant}s")


def _known(change: Change, files: Sequence[ChangedFile], words: set[str]) -> set[str]:
    """Return the words that the base has, in whatever letters: in the changed files, or anywhere."""
    old = "\n".join(one.before or "" for one in files).lower()
    known = {word for word in words if word in old}
    rest = sorted(words - known)
    if change.root is None or not change.base:
        return known
    if len(rest) > _MAX_WORDS:
        return words
    counted = elsewhere.occurrences(change.root, change.base, rest, is_whole=False, ignores_case=True)
    return words if counted is None else known | set(counted)


def _finding(document: Document, one: Misspelt, locale: Locale) -> Finding:
    rule = all_rules()[RULE]
    meant = {"en": " or ", "zh": " 或 "}[locale].join(f"`{word}`" for word in one.meant[:3])
    message = rule.message.to(locale).replace("{word}", one.word).replace("{meant}", meant)
    return finding.at(
        document,
        one.span,
        rule=rule.id,
        severity=rule.severity,
        confidence=rule.confidence,
        category=rule.category,
        message=message,
        scenario=rule.scenario.to(locale),
        identity=one.word.lower(),
    )


def _program() -> str | None:
    """Return the program of this environment; other folders are not searched."""
    name = "typos.exe" if sys.platform == "win32" else "typos"
    schemes = (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user"))
    for scheme in schemes:
        if (file := Path(sysconfig.get_path("scripts", scheme)) / name).is_file():
            return str(file)
    log.info("no typos: misspelt words are not looked for")
    return None


def _configuration(change: Change) -> tuple[str, str] | None:
    """Read the project's own configuration of the base, by name."""
    if change.root is None or not change.base:
        return None
    blobs = git.blobs(change.root, [f"{change.base}:{name}" for name in CONFIGURATION])
    for name, data in zip(CONFIGURATION, blobs, strict=True):
        if data and (name != "pyproject.toml" or _is_set_in(decode(data)[0])):
            return name, decode(data)[0]
    return None


def _is_set_in(text: str) -> bool:
    """Whether a `pyproject.toml` configures it."""
    try:
        tools = foreign_toml.loads(text).get("tool")
    except ValueError:
        return False
    return isinstance(tools, dict) and "typos" in tools
