"""What a change took away and its function still needs: a test for nothing, a handler, a lock, an escape.

Two versions of one function are compared. A safeguard counts as lost where the function has no other one of
its kind for the same value, while the value comes from where it came from and is used as it was. A change
that comes with new tests, or with a new comment in or above the function, is meant: it takes nothing away
unnoticed.

It is a warning where the language decides that what is left fails in the case that was asked for: something
is read of a value that is nothing, a number is divided by zero, the first element of nothing is taken.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from qwen_lsp.messages import Locale
from qwen_lsp.review import finding
from qwen_lsp.review.change.change import ChangedFile
from qwen_lsp.review.find import lost_parts
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.rules import all_rules, is_test_path
from qwen_lsp.syntax.safeguards import Function, changed_functions
from qwen_lsp.text import Document

RULES = (
    "lost-check",
    "lost-condition",
    "lost-guard",
    "lost-handler",
    "lost-lock",
    "lost-escape",
    lost_parts.RULE,
)
_MAX_IN_A_FUNCTION = 2
# Whoever changes more has thought about what goes.
_MAX_CHANGED_LINES = 40
_NAME = re.compile(r"[^\W\d]\w*")
# A name that is no member, and no word at the beginning of a string.
_ROOT = re.compile(r"(?<![\w.?\"'`])[^\W\d]\w*")
_NOT = re.compile(r"^(?:!|not\b)\s*")
_WORDS = frozenset(
    (
        "is",
        "not",
        "in",
        "and",
        "or",
        "None",
        "null",
        "nil",
        "undefined",
        "True",
        "False",
        "typeof",
        "true",
        "false",
        "instanceof",
        "len",
    )
)
_SELF = frozenset(("self", "this", "cls"))
_NOTHING = re.compile(
    r"\bis (?:not )?None\b|[=!]==? ?(?:null|nil|undefined|None)\b|\b(?:null|nil|undefined) ?[=!]="
)
# A condition that leaves where a number is zero, or where there are no elements.
_ZERO = re.compile(r"^([\w.]+) ?(?:={2,3}|<=) ?0(?:\.0)?$")
_EMPTY = re.compile(
    r"^len\(([\w.]+)\) ?(?:==|<=?) ?[01]$|^([\w.]+)\.(?:length|size\(\)) ?(?:={2,3}|<=?) ?[01]$|"
    r"^([\w.]+)\.isEmpty\(\)$|^(?:not len\(|!)([\w.]+?)(?:\)|\.length)$"
)
# It was made once, and whoever takes the test away knows that.
_CONSTANT = re.compile(r"(?:^|\.)[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$")
_COMMENT = re.compile(r"^\s*(?:#|//|/\*|\*)")


def check(
    document: Document,
    before: str,
    language: Language | None,
    changed: Collection[int],
    locale: Locale,
    disabled: Collection[str] = (),
) -> list[Finding]:
    """Return what the functions of a text lost; each at the use that is nearest to the change."""
    if is_test_path(document.path or ""):
        return []
    found = []
    words = frozenset(_NAME.findall(document.text))
    for old, new in changed_functions(before, document.text, language):
        if new.comments - old.comments or _is_explained(document, new.line, changed):
            continue  # whoever explains what changed has meant it
        lost = list(_lost(old, new, words, locale))
        if len(lost) <= _MAX_IN_A_FUNCTION:
            for rule, line, values in lost:
                if rule not in disabled and not _is_value_now(values, before, document.text):
                    one = _finding(document, rule, line, values, locale)
                    is_sure = len(changed) <= _MAX_CHANGED_LINES and _fails(rule, values, new)
                    found.append(replace(one, severity="warning") if is_sure else one)
    return found


def _is_value_now(values: dict[str, str], before: str, after: str) -> bool:
    """Whether what was asked for nil is declared as a value now, which is never nil (Go)."""
    if "nil" not in values.get("test", ""):
        return False
    name = re.escape(values.get("subject", "").rsplit(".", 1)[-1])
    pointer = re.compile(rf"\b{name}\s+\*\w")
    return len(pointer.findall(after)) < len(pointer.findall(before))


def _is_explained(document: Document, line: int, changed: Collection[int]) -> bool:
    """Whether the change wrote a comment right above a line, which counts from 0."""
    while line > 0 and _COMMENT.match(document.line(line - 1)):
        if line in changed:
            return True
        line -= 1
    return False


def _fails(rule: str, values: dict[str, str], new: Function) -> bool:
    """Whether what is left fails, by the language, in the case that the removed condition asked for."""
    if rule == "lost-check":
        name = values["subject"]
        if _CONSTANT.search(name):
            return False
        return bool(_NOTHING.search(values["test"])) or _divides(name, new) or _takes_first(name, new)
    if rule != "lost-guard":
        return False
    condition = values["test"].removeprefix("if ")
    zero, empty = _ZERO.match(condition), _EMPTY.match(condition)
    return (zero is not None and _divides(next(filter(None, zero.groups())), new)) or (
        empty is not None and _takes_first(next(filter(None, empty.groups())), new)
    )


def _divides(name: str, new: Function) -> bool:
    return bool(re.search(rf"(?<![/<*])[/%]{{1,2}}{re.escape(name)}(?![\w.(\[])", new.text))


def _takes_first(name: str, new: Function) -> bool:
    first = r"(?:\[-?[01]\]|\.get\(0\)|\.getFirst\(\))"
    return bool(re.search(rf"(?<![\w.]){re.escape(name)}{first}", new.text))


def _lost(
    old: Function, new: Function, words: frozenset[str], locale: Locale
) -> Iterator[tuple[str, int, dict[str, str]]]:
    for subject, test in old.tests.items():
        if (
            test
            and subject not in _SELF
            and subject not in new.tests
            and (line := _still_used(subject, old, new)) is not None
        ):
            yield "lost-check", line, {"subject": subject, "test": test}
    for condition in old.conditions:
        if (
            condition not in new.conditions
            and (lost := _operand(condition, old, new)) is not None
            and _roots(lost[1]["operand"]) <= words  # else it went with what it asked for
        ):
            yield "lost-condition", *lost
    for guard, (shown, behind) in old.guards.items():
        if (
            guard not in new.single
            and guard not in new.text
            and not any(subject in new.tests or old.tests[subject] for subject in _asked(guard, old))
            and (line := new.lines.get(behind)) is not None
            and _roots(guard) <= words
            and _roots(guard) & _names(new.text)
            and not _is_asked_otherwise(guard, (), old, new)
        ):
            yield "lost-guard", line, {"test": f"if {shown}"}
    for call, errors in old.handled.items():
        gone = errors - new.handled.get(call, set()) if call in new.calls else set()
        # A handler that makes the same call does not protect from it.
        if gone and not new.handled[call] and call not in old.handling:
            yield "lost-handler", new.calls[call], {"call": call, "errors": _errors(gone, locale)}
            break
    for lock in sorted(old.locks - new.locks):
        kept = [line for call, line in new.calls.items() if call in old.calls]
        if kept and not new.locks and lock.rsplit(".", 1)[-1] in {*words, "synchronized"}:
            yield "lost-lock", min(kept), {"lock": lock}
    for subject, name in old.escaped.items():
        if subject not in new.escaped and subject not in old.given and subject in new.given:
            yield "lost-escape", new.given[subject], {"subject": subject, "name": name}


def _asked(guard: str, old: Function) -> Iterator[str]:
    """Yield what a condition asks whether it is nothing, which `lost-check` speaks of."""
    return (subject for subject in old.tests if _NOT.sub("", guard).startswith(subject))


def is_meant(files: Collection[ChangedFile]) -> bool:
    """Whether a change comes with tests of what it does now."""
    return any(is_test_path(file.path) and _adds(file) for file in files)


def _adds(file: ChangedFile) -> bool:
    return any(line.kind == "added" and line.text.strip() for hunk in file.patch.hunks for line in hunk.lines)


def _errors(names: Collection[str], locale: Locale) -> str:
    if "*" in names:
        return "an error" if locale == "en" else "错误"
    return ", ".join(sorted(names))


def _operand(condition: tuple[str, ...], old: Function, new: Function) -> tuple[int, dict[str, str]] | None:
    """Return the one operand that a condition lost, with the line of what is left of it."""
    word, *operands = condition
    for at, operand in enumerate(operands):
        rest = (word, *operands[:at], *operands[at + 1 :])
        # What is left must be a condition that was not there before.
        if len(rest) == 2:
            line = new.single.get(rest[1]) if rest[1] not in old.single else None
        else:
            line = new.conditions.get(rest) if rest not in old.conditions else None
        # What is asked elsewhere now, or the other way round, was not lost.
        if operand.lstrip("(").startswith("<"):
            continue  # markup that is shown where the rest holds
        core = _NOT.sub("", operand)
        is_gone = new.text.count(core) < old.text.count(core) and operand not in new.text
        if line is not None and is_gone and not _is_asked_otherwise(operand, rest, old, new):
            return line, {"operand": old.shown[operand]}
    return None


def _is_asked_otherwise(operand: str, rest: tuple[str, ...], old: Function, new: Function) -> bool:
    """Whether a condition that is new, and not what is left, speaks of most of the same names."""
    names = _names(operand)
    fresh = [text for text in new.single if text not in old.single and text not in rest[-1:]]
    fresh += [
        text
        for chain in new.conditions
        if chain not in old.conditions and chain != rest
        for text in chain[1:]
    ]
    return any(2 * len(names & _names(text)) >= len(names) for text in fresh)


def _roots(text: str) -> set[str]:
    return set(_ROOT.findall(text)) - _WORDS


def _names(text: str) -> set[str]:
    return set(_NAME.findall(text)) - _WORDS


def _still_used(subject: str, old: Function, new: Function) -> int | None:
    """Return the line of a use that both versions have, where the value comes from the same place in both."""
    root = subject.split(".")[0]
    for name in {subject, root}:
        if old.bindings.get(name, set()) != new.bindings.get(name, set()):
            return None
        if any(
            text[:1] in "[{'\"0123456789" or text.startswith("new") for text in old.bindings.get(name, ())
        ):
            return None
    lines = [line for use, line in new.uses.get(subject, {}).items() if use in old.uses.get(subject, {})]
    return min(lines) if lines else None


def _finding(document: Document, name: str, line: int, words: dict[str, str], locale: Locale) -> Finding:
    rule = all_rules()[name]
    message = rule.message.to(locale)
    for key, value in words.items():
        message = message.replace(f"{{{key}}}", value)
    identity = f"{name} {sorted(words.items())}"
    return finding.of_rule(document, line, rule, message, locale, identity=identity)
