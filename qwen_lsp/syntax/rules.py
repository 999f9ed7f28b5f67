"""The rules that need no model: data in `rules/<id>.toml`, run over some lines of a text.

A rule is a tree-sitter query for some languages (`[[match]]`) or a regular expression for any text
(`[[pattern]]`). The capture `@here` is the place that it speaks of. Review makes findings of the hits;
completion and code actions ask for `dangers`, what a text would add that is insecure. This module knows no
files, no git and no output.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, Literal, cast

import msgspec

from qwen_lsp.messages import Locale
from qwen_lsp.syntax import languages
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.matching import ONE_SIGN, Capture, Matcher, check
from qwen_lsp.text import Document, Edit, Span

Severity = Literal["error", "warning", "info", "hint"]
_LESS_SEVERE: dict[Severity, Severity] = {
    "error": "warning",
    "warning": "info",
    "info": "hint",
    "hint": "hint",
}
Category = Literal["security", "bug", "error-handling", "performance", "leftover", "readability"]

_GROUPS = {"js": ("javascript", "typescript", "typescriptreact")}
_FIELD = re.compile(r"\{(\w+)\}")
_MAX_SHOWN_CHARS = 60
# Processor time for the rules on one text: a thousand times what code takes that somebody wrote.
MAX_SECONDS = 20.0
_MAX_GATE_SECONDS = 2.0
# More places than this are searched as one, from the first to the last.
_MAX_SPANS = 50
_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|testing|__tests__|specs?|test[-_]?(?:data|cases?)|fixtures|mocks?|examples?|samples?|demos?|benchmarks?|playgrounds?)/"
    r"|(?:^|/)(?:test_[^/]*|conftest\.py|[^/]*(?:_test|[._-]test|[._-]spec|Tests?)\.\w+)$",
)


# What tests of a tool read: nobody runs it, and it is as it is on purpose. Tests themselves are run.
_TEST_DATA = re.compile(
    r"(?i)(?:^|/)(?:test[-_]?data"
    r"|(?:tests?|specs?|it|xdocs-examples)/(?!java/)(?:[^/]+/)*(?:data|assets|expected|\w*cases|samples|resources[^/]*))/"
    r"(?!(?:.*/)?(?:test_[^/]*|[^/]*_test|conftest)\.py$|(?:.*/)?[^/]*[._-](?:test|spec)\.\w+$)"
)
# What tools and tests are tried on is as it is on purpose.
_FIXTURE = re.compile(
    r"(?i)(?:^|/)(?:playgrounds?|_{0,2}(?:test)?(?:fixtures?|mocks)_{0,2}|[\w-]*-fixtures)/"
)
# No secret has one character eight times in a row, or says that it is none.
_PLACEHOLDER = re.compile(r"([^-=])\1{7}|(?i:example|placeholder|changeme|your[-_])")
# What runs on the machines of those who wrote it, with what they give it.
_TOOL_PATH = re.compile(
    r"^(?:bin|scripts?|tools?|builder|installers?|hack|ci|\.ci|\.github|\.circleci|build|release|packaging|docs?)/"
    r"|^(?:packages/|apps/)?(?!(?:src|lib|app|pkg|internal|server)/)[^/]+/(?:scripts?|hack|release|ci)/"
    r"|^(?:setup|noxfile|tasks|fabfile|gulpfile|Gruntfile|conf)\.\w+$"
)


# Shannon's entropy. Keys of providers have 3.7 bits and more a letter, words put together about 3.
_MIN_BITS_OF_A_SECRET = 3.4
_FOR_PEOPLE = re.compile(r"(?i)\.(?:md|mdx|rst|adoc|txt|ipynb|html?)$|(?:^|/)(?:docs?|i18n|locales?)/")


class LocalizedText(msgspec.Struct, frozen=True):
    """A text in both languages; `{name}` is the text of a capture."""

    en: str
    zh: str

    def to(self, locale: Locale) -> str:
        """Return the text for one language."""
        return self.zh if locale == "zh" else self.en


class Fix(msgspec.Struct, frozen=True, rename={"text": "with"}, forbid_unknown_fields=True):
    """A mechanical fix: the capture `replace` (or all its `lines`) becomes `text`."""

    replace: str
    text: str


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One query; what it sets stands in place of the rule's own. `needs`: a text without it cannot match."""

    languages: tuple[str, ...]
    query: str
    severity: Severity | None = None
    confidence: float | None = None
    message: LocalizedText | None = None
    fix: Fix | None = None
    words: dict[str, str] = {}
    needs: str = ""


class Pattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One regular expression over the text of any file; the whole match is the place, `fix` replaces it.

    One that is not `in_ascii` has no match in a text of ASCII alone. Files whose path matches `not_paths`
    hold texts for people.
    """

    regex: str
    severity: Severity | None = None
    confidence: float | None = None
    in_ascii: bool = True
    not_languages: tuple[str, ...] = ()
    not_paths: str = ""
    fix: str | None = None
    message: LocalizedText | None = None


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule. `in_tests`: it also speaks of tests and examples; `in_tools`: of the developers' own scripts.

    `redact`: what it found is not repeated.
    """

    id: str
    severity: Severity
    confidence: float
    category: Category
    title: LocalizedText
    message: LocalizedText
    scenario: LocalizedText
    why: LocalizedText
    cwe: int | None = None
    in_tests: bool = True
    in_tools: bool = True
    redact: bool = False
    match: tuple[Match, ...] = ()
    pattern: tuple[Pattern, ...] = ()


@cache
def all_rules() -> dict[str, Rule]:
    """Read every rule, by id, in alphabetical order."""
    folder = resources.files("qwen_lsp.syntax") / "rules"
    found = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            name = entry.name.removesuffix(".toml")
            values: dict[str, Any] = {"id": name, **tomllib.loads(entry.read_text("utf-8"))}
            found[name] = msgspec.convert(values, Rule)
    return found


@cache
def version() -> str:
    """Return a text that changes with the rules, for keys of caches."""
    import hashlib

    return hashlib.sha256(msgspec.json.encode(all_rules())).hexdigest()[:16]


def is_secret(name: str) -> bool:
    """Whether what a rule finds must not be repeated in a report."""
    rule = all_rules().get(name)
    return rule is not None and rule.redact


def is_test_path(path: str) -> bool:
    """Whether a path is one of tests, examples or their like."""
    return bool(_TEST_PATH.search(path))


def is_test_data(path: str) -> bool:
    """Whether a path is one of what tests read, not of tests."""
    return bool(_TEST_DATA.search(path))


def is_fixture(path: str) -> bool:
    """Whether a path is one of what tools and tests are tried on; of Python it may be code of the tests."""
    return is_test_data(path) or bool(_FIXTURE.search(path) and not path.endswith(".py"))


def check_all() -> None:
    """Compile every query. Raises: ValueError naming the rule that does not fit its grammar."""
    for rule in all_rules().values():
        for match in rule.match:
            for name in _language_ids(match):
                language = languages.find(name, None)
                assert language is not None, f"{rule.id}: no language {name}"
                try:
                    check(language, match.query)
                except ValueError as error:
                    raise ValueError(f"{rule.id}: {error}") from error
        for pattern in rule.pattern:
            re.compile(pattern.regex)


def _language_ids(match: Match) -> Iterator[str]:
    for name in match.languages:
        yield from _GROUPS.get(name, (name,))


@cache
def _queries(language: Language, category: Category | None) -> tuple[tuple[Rule, Match], ...]:
    return tuple(
        (rule, match)
        for rule in all_rules().values()
        if category is None or rule.category == category
        for match in rule.match
        if language.id in _language_ids(match)
    )


@dataclass(frozen=True, slots=True)
class Hit:
    """What one rule says of one place: `span` in the text, and the texts that its query captured."""

    rule: Rule
    span: Span
    severity: Severity
    confidence: float
    text: LocalizedText
    captures: dict[str, str]
    fix: Edit | None

    def message(self, locale: Locale) -> str:
        """Say what is wrong."""
        kind = _kind_of_secret(self.captures["here"], locale) if self.rule.redact else ""
        return _worded(self.text.to(locale), self.captures | {"kind": kind})

    def scenario(self, locale: Locale) -> str:
        """Say which input leads to which wrong outcome."""
        return _worded(self.rule.scenario.to(locale), self.captures)


def hits(
    document: Document,
    language: Language | None,
    lines: Collection[int],
    *,
    disabled: Collection[str] = (),
    category: Category | None = None,
    is_strict: bool = False,
    max_seconds: float = MAX_SECONDS,
) -> Iterator[Hit]:
    """Yield what the rules say of some lines (numbers from 1) of a text whose path is relative.

    Some rules are silent in tests or in the developers' own scripts. With `is_strict` those about security
    speak there too, one step less severe: where a file lies is its author's choice. Of what a test or a tool
    is tried on, what is no matter of security is a remark.
    Raises: TimeoutError after so much processor time.
    """
    is_test = is_test_path(document.path or "")
    is_tool = bool(_TOOL_PATH.search(document.path or ""))
    is_tried_on = is_fixture(document.path or "")
    for hit in _hits(document, language, lines, category, max_seconds):
        is_silent = (is_test and not hit.rule.in_tests) or (is_tool and not hit.rule.in_tools)
        if hit.rule.id in disabled or (is_silent and not (is_strict and hit.rule.category == "security")):
            continue
        if is_tried_on and hit.rule.category != "security" and hit.severity in ("error", "warning"):
            yield replace(hit, severity="info")
        else:
            yield replace(hit, severity=_LESS_SEVERE[hit.severity]) if is_silent else hit


def introduced_vulnerabilities(
    before: str, after: str, language: Language | None, path: str = "", *, new_rules_only: bool = False
) -> list[str]:
    """Name the rules about security that a text breaks more often than the text in whose place it stands.

    The gate of completion and of code actions. With `new_rules_only` a rule that `before` breaks, too, is not
    named: its author has decided on it. Cost: both texts are parsed.
    """
    try:
        now = _security(after, language, path)
        was = _security(before, language, path) if now else now
    except TimeoutError:  # nobody writes such code, and whoever does will not wait for us
        return []
    return [name for name, n in now.items() if n > was[name] and not (new_rules_only and was[name])]


def _security(text: str, language: Language | None, path: str) -> Counter[str]:
    document = Document(path, text, path=path)
    everything = range(1, document.line_count + 1)
    found = hits(document, language, everything, category="security", max_seconds=_MAX_GATE_SECONDS)
    places = {(hit.rule.id, hit.span) for hit in found}
    return Counter(name for name, _ in sorted(places, key=lambda place: place[1].start))


def _hits(
    document: Document,
    language: Language | None,
    changed: Collection[int],
    category: Category | None,
    max_seconds: float,
) -> Iterator[Hit]:
    spans = _spans(document, changed)
    if not spans:
        return
    yield from _pattern_hits(document, language, spans, category)
    if language is None or not (queries := _queries(language, category)):
        return
    for (rule, match), captures in _matches(document.text, language, queries, spans, max_seconds):
        texts = {name: capture.text for name, capture in captures.items()} | match.words
        severity = match.severity or rule.severity
        yield Hit(
            rule,
            captures["here"].span,
            cast("Severity", texts.get(ONE_SIGN, severity)),
            match.confidence if match.confidence is not None else rule.confidence,
            match.message or rule.message,
            texts,
            _edit(document, match.fix, captures, texts) if match.fix else None,
        )


def _matches(
    text: str,
    language: Language,
    queries: Sequence[tuple[Rule, Match]],
    spans: Sequence[Span],
    max_seconds: float,
) -> Iterator[tuple[tuple[Rule, Match], Mapping[str, Capture]]]:
    """Run the queries that always run as one, and each of the others where its text needs it."""
    always = [pair for pair in queries if not pair[1].needs]
    needed = [pair for pair in queries if pair[1].needs and _compiled(pair[1].needs).search(text)]
    matcher = Matcher(text, language, max_seconds)
    for group in (always, *([pair] for pair in needed)):
        sources = tuple(match.query for _, match in group)
        for number, captures in matcher.find(sources, spans):
            yield group[number], captures


def _pattern_hits(
    document: Document, language: Language | None, spans: Sequence[Span], category: Category | None
) -> Iterator[Hit]:
    is_ascii = document.text.isascii()
    for rule in all_rules().values():
        if category is not None and rule.category != category:
            continue
        for pattern in rule.pattern:
            if language is not None and language.id in pattern.not_languages:
                continue
            if is_ascii and not pattern.in_ascii:
                continue
            if pattern.not_paths and _compiled(pattern.not_paths).search(document.path or ""):
                continue
            expression = _compiled(pattern.regex)
            for span in spans:
                for match in expression.finditer(document.text, span.start, span.end):
                    if rule.redact and _PLACEHOLDER.search(match.group()):
                        continue
                    place = Span(match.start(), match.end())
                    yield Hit(
                        rule,
                        place,
                        _severity(rule, pattern, match.group(), document.path or ""),
                        pattern.confidence if pattern.confidence is not None else rule.confidence,
                        pattern.message or rule.message,
                        {
                            "here": match.group(),
                            **{name: text for name, text in match.groupdict().items() if text},
                        },
                        Edit(place, pattern.fix) if pattern.fix is not None else None,
                    )


def _severity(rule: Rule, pattern: Pattern, found: str, path: str) -> Severity:
    """Return how severe a hit is: a secret is an error where its letters look drawn by chance, too."""
    severity = pattern.severity or rule.severity
    is_key = found.startswith("-----")
    is_drawn = is_key or _bits_of_a_letter(found) >= _MIN_BITS_OF_A_SECRET
    if rule.redact and (not is_drawn or _FOR_PEOPLE.search(path)):
        return _LESS_SEVERE[severity]
    return severity


def _bits_of_a_letter(text: str) -> float:
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts)


@cache
def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex)


def _spans(document: Document, changed: Collection[int]) -> list[Span]:
    """Join neighbouring changed lines into spans."""
    count = document.line_count
    if isinstance(changed, range) and changed.step == 1 and changed.start <= 1 and changed.stop > count:
        return [Span(0, len(document.text))] if document.text else []
    lines = sorted(number - 1 for number in changed if 0 < number <= count)
    spans: list[Span] = []
    for line in lines:
        start, end = document.starts[line], document.line_end(line)
        if spans and document.line_of(spans[-1].end) + 1 >= line:
            spans[-1] = Span(spans[-1].start, end)
        else:
            spans.append(Span(start, end))
    return [Span(spans[0].start, spans[-1].end)] if len(spans) > _MAX_SPANS else spans


def _edit(document: Document, fix: Fix, captures: dict[str, Capture] | Any, texts: dict[str, str]) -> Edit:
    if fix.replace == "lines":
        span = captures["here"].span
        first, last = document.line_of(span.start), document.line_of(span.end)
        end = document.starts[last + 1] if last + 1 < document.line_count else len(document.text)
        return Edit(Span(document.starts[first], end), "")
    return Edit(captures[fix.replace].span, _FIELD.sub(lambda field: texts.get(field[1], field[0]), fix.text))


_SECRETS: tuple[tuple[str, LocalizedText], ...] = (
    (r"AKIA|ASIA", LocalizedText("an AWS access key id", "AWS 访问密钥 ID")),
    (r"gh[pousr]_|github_pat_", LocalizedText("a GitHub token", "GitHub 令牌")),
    (r"glpat-", LocalizedText("a GitLab token", "GitLab 令牌")),
    (r"xox", LocalizedText("a Slack token", "Slack 令牌")),
    (r"AIza", LocalizedText("a Google API key", "Google API 密钥")),
    (r"sk-", LocalizedText("a key of an AI service", "AI 服务的密钥")),
    (r"npm_", LocalizedText("an npm token", "npm 令牌")),
    (r"pypi-", LocalizedText("a PyPI token", "PyPI 令牌")),
    (r"SG\.", LocalizedText("a SendGrid key", "SendGrid 密钥")),
    (r"-----BEGIN", LocalizedText("a private key", "私钥")),
)


def _kind_of_secret(secret: str, locale: Locale) -> str:
    found = (name for prefix, name in _SECRETS if re.match(prefix, secret))
    return next(found, LocalizedText("a secret", "密钥")).to(locale)


def _worded(text: str, captures: dict[str, str]) -> str:
    def shown(field: re.Match[str]) -> str:
        value = " ".join(captures.get(field[1], field[0]).split())
        return value if len(value) <= _MAX_SHOWN_CHARS else f"{value[: _MAX_SHOWN_CHARS - 1]}…"

    return _FIELD.sub(shown, text)
