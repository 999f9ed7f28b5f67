"""What texts beside the code say of other files: links of Markdown, and translations of a source's texts.

Only changed lines are looked at. The files of the repository are listed, and the source of a translation is
read, where there is such a line.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial

from qwen_lsp.messages import Locale
from qwen_lsp.review import finding
from qwen_lsp.review.change import elsewhere
from qwen_lsp.review.change.change import Change, ChangedFile
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax import links, translations
from qwen_lsp.syntax.rules import all_rules, is_test_path

LINK, PLACEHOLDER = "broken-link", "spoilt-placeholder"
RULES = (LINK, PLACEHOLDER)
_MAX_FILES = 500
_MAX_BYTES = 2_000_000
_MAX_OF_A_NEW_TEXT = 2
# Templates are shown at another address than theirs; a translated page may stand in for one that is missing.
_IS_ELSEWHERE = re.compile(r"(?:^|/)(?:\.github|i18n|tests?|fixtures|[a-z]{2}(?:[-_][A-Za-z]{2,4})?)/")


def run(change: Change, changed: Sequence[ChangedFile], locale: Locale) -> list[Finding]:
    """Return the links and placeholders on changed lines that name nothing."""
    whole = [one for one in changed[:_MAX_FILES] if one.after and not one.is_partial]
    found: list[Finding] = []
    if change.root is None:
        whole = [one for one in whole if one.path.endswith(".po")]
    texts = [one for one in whole if one.path.endswith((".md", ".mdx")) and change.root is not None]
    found += _links(change, [one for one in texts if not _IS_ELSEWHERE.search(one.path)], locale)
    read = cache(partial(_read, change))  # many translations have one source
    for file in whole:
        if file.path.endswith((".json", ".po")) and not is_test_path(file.path):
            found += _placeholders(file, read, locale)
    return found


def _links(change: Change, texts: Sequence[ChangedFile], locale: Locale) -> list[Finding]:
    known: frozenset[str] | None = None
    found: list[Finding] = []
    rule = all_rules()[LINK]
    for file in texts:
        folder = posixpath.dirname(file.path)
        old = {path for _, path in links.relative(file.before or "")}
        missing: list[tuple[int, str, str]] = []
        for line, path in links.relative(file.after or ""):
            if line + 1 not in file.patch.added or path in old:
                continue
            target = posixpath.normpath(posixpath.join(folder, path))
            if target.startswith(".."):  # a page of the site that shows the repository
                continue
            known = _paths(change) if known is None else known
            if known and not _is_there(target, known):
                missing.append((line, path, target))
        # A new text with many of them is a copy of another repository's.
        if file.before is not None or len(missing) <= _MAX_OF_A_NEW_TEXT:
            for line, path, target in missing:
                message = rule.message.to(locale).replace("{path}", target)
                found.append(
                    finding.of_rule(file.document, line, rule, message, locale, identity=f"{LINK} {path}")
                )
    return found


def _is_there(target: str, known: frozenset[str]) -> bool:
    """Whether a path is there, or lies below a link or a submodule, whose files are not listed."""
    parts = target.split("/")
    return any("/".join(parts[:n]) in known for n in range(1, len(parts) + 1))


def _paths(change: Change) -> frozenset[str]:
    assert change.root is not None
    listed = elsewhere.paths(change.root, change.head)
    if listed is None:
        return frozenset()
    return frozenset(listed | {one.path for one in change.files if one.after is not None})


def _placeholders(file: ChangedFile, read: Callable[[str], str | None], locale: Locale) -> Iterator[Finding]:
    text = file.after or ""
    if file.path.endswith(".po"):
        spoilt, old = translations.in_po(text), translations.in_po(file.before or "")
    else:
        texts = (read(path) for path in translations.sources(file.path))
        source = next((text for text in texts if text), None)
        if source is None:
            return
        spoilt = translations.in_json(text, source)
        old = translations.in_json(file.before or "", source) if spoilt else []
    before = (file.before or "").splitlines()
    known = {(before[one.line].strip(), one.wanted) for one in old}
    for one in spoilt:
        row = file.document.line(one.line).strip()
        if one.line + 1 not in file.patch.added or (row, one.wanted) in known:
            continue
        rule = all_rules()[PLACEHOLDER]
        message = _words(one, locale)
        yield finding.of_rule(file.document, one.line, rule, message, locale, identity=f"{row} {one.wanted}")


def _words(one: translations.Spoilt, locale: Locale) -> str:
    if one.found:
        words = all_rules()[PLACEHOLDER].message.to(locale)
        return words.replace("{wanted}", one.wanted).replace("{found}", one.found)
    return _COUNT[locale].replace("{wanted}", one.wanted)


_COUNT: dict[Locale, str] = {
    "en": "The source has `{wanted}`, and this translation has another number of them.",
    "zh": "原文中有 `{wanted}`，而这条译文中的数量与之不同。",
}


def _read(change: Change, path: str) -> str | None:
    """Read a file as it is after the change."""
    for one in change.files:
        if one.path == path:
            return one.after
    assert change.root is not None
    return elsewhere.text(change.root, change.head, path, _MAX_BYTES)
