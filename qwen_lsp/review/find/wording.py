"""What comments say wrongly: a word twice or for another, a wrong article or function, a name that is gone.

Candidates come from the lines; a file is parsed only where there is one, to see whether it stands in prose.
What the change only moved is left alone. It knows no models and no formats.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from qwen_lsp.messages import Locale
from qwen_lsp.review import finding
from qwen_lsp.review.change import elsewhere
from qwen_lsp.review.change.change import Change, ChangedFile
from qwen_lsp.review.find.confused import confused
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax import code, languages
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.rules import all_rules
from qwen_lsp.text import Document

REPEATED, ARTICLE, STALE, COPIED = "repeated-word", "wrong-article", "stale-name", "copied-comment"
CONFUSED = "confused-word"
RULES = (REPEATED, ARTICLE, STALE, COPIED, CONFUSED)
_MAX_FILES = 500
_MAX_CHARS = 500_000
_MAX_IN_A_FILE = 3
# A name that more comments have is a word of the project.
_MAX_MENTIONS = 3
# Words that no sentence has twice in a row, unlike `that` and `had`.
_WORDS = (
    "the a an of to for and or with this be are on at by from as it if we you will should have has was were "
    "when which their there your our its into than then also only must"
)
_TWICE = re.compile(rf"(?<![-\w`'\"./])(?i:({'|'.join(_WORDS.split())})[ \t]+(\1))(?![-\w`'\"./(=:])")
_LAST = re.compile(rf"(?<![-\w`'\"./])({'|'.join(_WORDS.split())})[ \t]*$", re.I)
_FIRST = re.compile(r"^[ \t]*(?://[/!]?|#+|\*|--|;)[ \t]+(\w+)(?![-\w`'\"./(=:])")
_COMMENT_LINE = re.compile(r"^[ \t]*(?://|#(?!!|include|define|if|el|endif)|\*(?!/))")
_CONSONANTS = r"(?:[bcdfgjklmnpqrtvwz]|[bcfgp]l|[bcdfgpt]r|s[cklmnptw]|str|scr|spr|th|sh|ch|wh|qu|tw|ph)"
_BEFORE, _AFTER = r"(?<![-\w`'\"./])", r"(?![-\w.`(_=])"
# Words whose sound their letters show: abbreviations have no vowel there, `h` and `u` may be silent or not.
_AN = re.compile(
    rf"{_BEFORE}([Aa])n[ \t]+"
    rf"({_CONSONANTS}[aeiou][a-z]{{2,}}|[BCDFGJKLMNPQRSTVWZ][clhkmnpqtrw]?[aeiou][a-z]{{2,}}){_AFTER}"
)
_A = re.compile(rf"{_BEFORE}([Aa])[ \t]+((?!one|once\b|eu|ew)[aeio][a-z]{{4,}}){_AFTER}")
# A capital is a name within a sentence, and before what somebody does: `the initiative A above`, `A opens B`.
_STARTS_SENTENCE = re.compile(r"^[\W_]*$|[.!?:]\s*$")
_DOES = re.compile(r".*s$|itself$")
_KEYWORDS = frozenset(("else", "async", "await", "export", "extends", "import", "instanceof"))
# A name that no sentence has by chance: `oldName`, `old_name`, `OldName`.
_NAME = re.compile(
    r"\b(?:[a-z]+(?:[A-Z][a-z0-9]+)+|(?:[A-Z][a-z0-9]+){2,}|[A-Za-z][a-z0-9]*(?:_[a-z0-9]+)+)\b"
)
_DOC_LINE = re.compile(r"^[ \t]*(?:/\*\*?|\*(?!/)|///?)[ \t]*(?:[@\\]brief[ \t]+)?(.*)")
# A definition or a prototype: words, then the name before its parameters.
_FUNCTION = re.compile(
    r"^\s*(?:(?!return\b|await\b|new\b|throw\b|else\b|case\b)[\w<>\[\],.:?]+[ \t*&]+)+"
    r"(?!if\b|for\b|while\b|switch\b|catch\b|async\b|function\b)([A-Za-z_]\w*)[ \t]*"
    r"(?:<[^>(]*>)?\([^;]*[{;,()]?\s*$"
)
_LETTERS = re.compile(r"[A-Za-z]+")
_MIN_WORDS, _MIN_LETTERS = 3, 4
# A sentence that more functions have is a habit.
_MAX_SHARING = 8
_BRACED = {
    *("c", "cpp", "java", "javascript", "typescript", "typescriptreact", "rust", "php", "csharp", "kotlin"),
}
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_TEXTS = {"markdown", "restructuredtext", "html", "latex"}
_DATA = {"json", "jsonc", "csv", "svg", "xml", "yaml", "toml"}


@dataclass(frozen=True, slots=True)
class Said:
    """One wrong wording: the rule, the line from 0, its identity, what fills the message, what is written."""

    rule: str
    line: int
    identity: str
    values: dict[str, str]
    phrase: str = "\0"


def run(change: Change, files: Sequence[ChangedFile], locale: Locale) -> list[Finding]:
    """Return the wrong wordings of a change."""
    found: list[Finding] = []
    stale: list[tuple[ChangedFile, Said]] = []
    mentions: Counter[str] = Counter()
    # What the change took away somewhere, it only moved.
    moved = "\n".join(line.text for file in files for line in file.patch.removed)
    for file in files[:_MAX_FILES]:
        if not file.after or file.is_partial or len(file.after) > _MAX_CHARS or not file.patch.hunks:
            continue
        language = languages.find("", file.path)
        if language is None or language.id in _DATA:
            continue
        prose = _Prose(file.document, language)
        said = (
            *_repeated(file, prose),
            *_articles(file, prose),
            *_confused(file, prose),
            *_copied(file, language),
        )
        new = [one for one in said if one.phrase not in moved]
        found += [_finding(file.document, one, locale) for one in new[:_MAX_IN_A_FILE]]
        for one, n in islice(_stale(file, prose), _MAX_IN_A_FILE):
            stale.append((file, one))
            mentions[one.values["name"]] += n
    gone = _gone(change, mentions)
    for file, one in stale:
        if one.values["name"] in gone:
            found.append(replace(_finding(file.document, one, locale), is_caused=True))
    return found


class _Prose:
    """Which places are comments or texts for people, asked only where it matters."""

    def __init__(self, document: Document, language: Language) -> None:
        self._document = document
        self._language = language

    @property
    def is_text(self) -> bool:
        """Whether all of the file is for people."""
        return self._language.id in _TEXTS

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        source = code.parse(self._document.text, self._language)
        return sorted((one.span.start, one.span.end) for one in source.prose()) if source else []

    def has(self, line: int, at: int) -> bool:
        """Whether a column of a line, both from 0, stands in prose."""
        if self.is_text:
            return not self._document.line(line).lstrip().startswith("```")
        offset = self._document.starts[line] + at
        place = bisect_right(self._spans, (offset, len(self._document.text))) - 1
        return place >= 0 and self._spans[place][0] <= offset < self._spans[place][1]


def _repeated(file: ChangedFile, prose: _Prose) -> Iterator[Said]:
    document = file.document
    for number in sorted(file.patch.added):
        line = document.line(number - 1)
        found = _TWICE.search(line)
        if found and found[2].islower() and not found[1].isupper() and prose.has(number - 1, found.start()):
            yield Said(REPEATED, number - 1, line.strip(), {"word": found[2]}, found[0])
            continue
        after = document.line(number) if number < document.line_count else ""
        last, first = _LAST.search(line), _FIRST.match(after)
        if not last or not first or first[1] != last[1].lower() or not _COMMENT_LINE.match(line):
            continue
        if prose.has(number - 1, last.start()) and prose.has(number, first.start(1)):
            yield Said(REPEATED, number - 1, line.strip(), {"word": first[1]}, line.strip())


def _articles(file: ChangedFile, prose: _Prose) -> Iterator[Said]:
    for number in sorted(file.patch.added):
        line = file.document.line(number - 1)
        for pattern, ending in ((_AN, ""), (_A, "n")):
            found = pattern.search(line)
            if found is None or found[2].lower() in _KEYWORDS or not prose.has(number - 1, found.start()):
                continue
            is_name = found[1] == "A" and ending and not _STARTS_SENTENCE.search(line[: found.start()])
            if is_name or (found[1] == "A" and ending and _DOES.match(found[2])):
                continue
            values = {"found": found[0], "wanted": f"{found[1]}{ending} {found[2]}"}
            yield Said(ARTICLE, number - 1, line.strip(), values, found[0])


def _confused(file: ChangedFile, prose: _Prose) -> Iterator[Said]:
    for number in sorted(file.patch.added):
        line = file.document.line(number - 1)
        above = file.document.line(number - 2) if number > 1 else ""
        for start, found, wanted in confused(line, above):
            if prose.has(number - 1, start):
                yield Said(CONFUSED, number - 1, line.strip(), {"found": found, "wanted": wanted}, found)


def _stale(file: ChangedFile, prose: _Prose) -> Iterator[tuple[Said, int]]:
    """Yield names in comments that the change took out of the code of the file, each with its count."""
    if not file.before or not file.patch.removed or prose.is_text:
        return
    removed = [line.text for line in file.patch.removed if not _COMMENT_LINE.match(line.text)]
    lost = {name for text in removed for name in _NAME.findall(text)}
    document = file.document
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for found in _NAME.finditer(document.text) if lost else ():
        if found[0] in lost:
            line = document.line_of(found.start())
            places[found[0]].append((line, found.start() - document.starts[line]))
    for name, where in places.items():
        # A comment that the change wrote names it on purpose.
        old = next((line for line, _ in where if line + 1 not in file.patch.added), None)
        if old is not None and len(where) <= _MAX_MENTIONS and all(prose.has(*place) for place in where):
            yield Said(STALE, old, f"{STALE} {name}", {"name": name}), len(where)


def _gone(change: Change, mentions: Counter[str]) -> set[str]:
    """Return the names that stand nowhere in the repository but in the comments that mention them."""
    if not mentions or change.root is None:
        return set()
    counted = elsewhere.occurrences(change.root, change.head, mentions, is_whole=True)
    return set() if counted is None else {name for name in mentions if counted[name] <= mentions[name]}


def _copied(file: ChangedFile, language: Language) -> Iterator[Said]:
    """Yield comments that are the first sentence of another function, whose name they say."""
    if language.id not in _BRACED:
        return
    document, added = file.document, file.patch.added
    found = list(_copies(document))
    known = (
        {(name, first) for _, name, _, first in _copies(Document("", file.before or ""))} if found else set()
    )
    for line, name, other, first in found:
        if (name, first) not in known and any(number + 1 in added for number in range(line, line + 3)):
            yield Said(COPIED, line, f"{COPIED} {name}", {"other": other, "name": name})


def _copies(document: Document) -> Iterator[tuple[int, str, str, str]]:
    """Yield line, function, the other function and the sentence of comments that speak of the other one."""
    seen: dict[str, list[tuple[int, str]]] = {}
    for first, line, name in _documented(document):
        seen.setdefault(first, []).append((line, name))
    for first, where in seen.items():
        if len(where) > _MAX_SHARING:
            continue
        # Words that say something: `is` of `isOpen` stands in any sentence.
        words = {word.lower() for word in _LETTERS.findall(first) if len(word) >= _MIN_LETTERS}
        for line, name in where:
            own = {part.lower() for part in _PARTS.findall(name)}
            for _, other in where:
                others = {part.lower() for part in _PARTS.findall(other)}
                if other != name and (others - own) & words and not (own - others) & words:
                    yield line, name, other, first
                    break


def _documented(document: Document) -> Iterator[tuple[str, int, str]]:
    """Yield the first sentence of each comment above a function, its line from 0, and the function."""
    at, n = 0, document.line_count
    while at < n:
        if not document.line(at).lstrip().startswith(("/**", "///")):
            at += 1
            continue
        first, start = "", at
        while at < n and document.line(at).lstrip().startswith(("/*", "*", "///")):
            match = _DOC_LINE.match(document.line(at))
            text = match[1].removesuffix("*/").strip() if match else ""
            if not first and len(text.split()) >= _MIN_WORDS and not text.startswith("@"):
                first = text
            at += 1
        while at < n and document.line(at).lstrip().startswith(("#[", "@")):
            at += 1
        if first and at < n and (name := _FUNCTION.match(document.line(at))):
            yield first, start, name[1]


def _finding(document: Document, one: Said, locale: Locale) -> Finding:
    rule = all_rules()[one.rule]
    message = rule.message.to(locale)
    for key, value in one.values.items():
        message = message.replace("{" + key + "}", value)
    return finding.of_rule(document, one.line, rule, message, locale, identity=one.identity)
