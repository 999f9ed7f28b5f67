"""What a change did, from its hunks and the definitions before and after, written as a commit subject.

Two lines at most: the subject, and one that names what else changed. Nothing is claimed but what was added,
removed, renamed or changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from qwen_lsp.review.change.change import Change, ChangedFile
from qwen_lsp.review.message.style import Style
from qwen_lsp.syntax import languages
from qwen_lsp.syntax.definitions import CALLABLE, TYPES, VALUES, Definition
from qwen_lsp.syntax.outline import outline
from qwen_lsp.syntax.rules import is_test_path

Verb = Literal["add", "remove", "rename", "change", "fix"]
Kind = Literal["feat", "fix", "docs", "test", "ci", "build", "chore", "refactor"]

_MAX_SUBJECT_CHARS = 72
_DOCS = re.compile(r"(?i)(?:^|/)docs?/|\.(?:md|rst|txt|adoc)$|(?:^|/)(?:README|CHANGELOG|LICENSE)")
_CI = re.compile(r"(?:^|/)(?:\.github|\.circleci|\.ci)/|(?:^|/)\.?(?:travis|gitlab-ci)[^/]*$")
_BUILD = re.compile(
    r"(?:^|/)(?:package(?:-lock)?\.json|pyproject\.toml|setup\.(?:py|cfg)|go\.(?:mod|sum)|pom\.xml|Makefile|"
    r"[^/]*\.lock|requirements[^/]*\.txt|Cargo\.toml|tox\.ini)$"
)
_GUARD = re.compile(r"^\s*(?:if|elif|else if|} else if|assert|raise|throw|except|catch|return)\b")
_FOLDERS = frozenset(("src", "lib", "pkg", "main", "java", "packages", "internal", "app"))


@dataclass(frozen=True, slots=True)
class Touched:
    """One definition that a change added, removed, renamed or changed; `weight` counts its changed lines."""

    verb: Verb
    name: str
    old_name: str
    kind: str
    path: str
    weight: int
    is_test: bool


def write(change: Change, style: Style) -> str:
    """Write the message of a change: a subject and perhaps one more line, without a line end at the end."""
    touched = symbols(change)
    kind = _kind(change, touched)
    main = [one for one in touched if one.is_test == (kind == "test")] or touched
    text, rest = _text(change, main, kind, style)
    subject = _subject(text, kind, change, style)
    if not rest:
        return subject
    more = ", ".join(f"`{name}`" if style.locale == "en" else name for name in rest[:5])
    last = f"Also {more}." if style.locale == "en" else f"另有 {more}。"
    return f"{subject}\n{last}"


def symbols(change: Change) -> list[Touched]:
    """List the definitions that a change touched, the most changed first."""
    found: list[Touched] = []
    for file in change.files:
        found += _of_file(file)
    order: dict[str, int] = {"rename": 0, "add": 1, "remove": 2, "fix": 3, "change": 3}
    return sorted(found, key=lambda one: (one.is_test, -one.weight, order[one.verb]))


def _of_file(file: ChangedFile) -> Iterator[Touched]:
    language = languages.find("", file.path)
    if language is None or file.is_partial:
        return
    old = _definitions(file.before, languages.find("", file.patch.old_path))
    new = _definitions(file.after, language)
    is_test = is_test_path(file.path)
    gone = {key: one for key, one in old.items() if key not in new}
    come = {key: one for key, one in new.items() if key not in old}
    lines = [line for hunk in file.patch.hunks for line in hunk.lines if line.text.strip()]
    added = [line.new for line in lines if line.kind == "added" and line.new is not None]
    removed = [line.old for line in lines if line.kind == "removed" and line.old is not None]
    for key, one in come.items():
        before = next((name for name, two in gone.items() if _is_renamed(two, one, file)), None)
        if before is not None:
            yield Touched("rename", one.name, gone.pop(before).name, one.kind, file.path, 50, is_test)
        elif not any(key.startswith(f"{other}.") for other in come):
            yield Touched("add", one.name, "", one.kind, file.path, _n_lines(file.after, one), is_test)
    for key, one in gone.items():
        if not any(key.startswith(f"{other}.") for other in gone):
            yield Touched("remove", one.name, "", one.kind, file.path, _n_lines(file.before, one), is_test)
    for key in old.keys() & new.keys():
        weight = _weight(file.after, new[key], added) + _weight(file.before, old[key], removed)
        for other in {*old, *new}:  # what members changed is not their class's
            if other.startswith(f"{key}.") and "." not in other.removeprefix(f"{key}."):
                weight -= _weight(file.after, new[other], added) if other in new else 0
                weight -= _weight(file.before, old[other], removed) if other in old else 0
        if weight > 0:
            yield Touched("change", new[key].name, "", new[key].kind, file.path, weight, is_test)


def _definitions(text: str | None, language: languages.Language | None) -> dict[str, Definition]:
    if not text:
        return {}
    wanted = CALLABLE | TYPES | VALUES | {"type"}
    return {
        f"{one.container}.{one.name}".lstrip("."): one
        for one in outline(text, language).definitions
        if one.kind in wanted
    }


def _is_renamed(old: Definition, new: Definition, file: ChangedFile) -> bool:
    if old.kind != new.kind or old.container != new.container:
        return False
    one = (file.before or "")[old.span.start : old.span.end].replace(old.name, "")
    return one == (file.after or "")[new.span.start : new.span.end].replace(new.name, "")


def _n_lines(text: str | None, one: Definition) -> int:
    return (text or "").count("\n", one.span.start, one.span.end) + 1


def _weight(text: str | None, one: Definition, lines: Sequence[int]) -> int:
    first = (text or "").count("\n", 0, one.span.start) + 1
    last = first + (text or "").count("\n", one.span.start, one.span.end)
    return sum(first <= line <= last for line in lines)


def _kind(change: Change, touched: Sequence[Touched]) -> Kind:
    paths = [file.path for file in change.files]
    for kind, holds in (
        ("test", is_test_path),
        ("ci", _CI.search),
        ("docs", _DOCS.search),
        ("build", _BUILD.search),
    ):
        if paths and all(holds(path) for path in paths):
            return kind  # type: ignore[return-value]
    own = [one for one in touched if not one.is_test]
    if any(one.verb == "rename" for one in own) and all(one.verb in ("rename", "change") for one in own):
        return "refactor"
    if any(
        one.verb == "add" and one.kind in CALLABLE | TYPES and not one.name.startswith("_") for one in own
    ):
        return "feat"
    if own and all(one.verb == "remove" for one in own):
        return "refactor"
    return "fix" if own and _is_fix(change) else "refactor" if own else "chore"


def _is_fix(change: Change) -> bool:
    """A change of existing code with tests beside it, or one that adds or changes a condition."""
    if any(is_test_path(file.path) for file in change.files):
        return True
    lines = [
        line.text
        for file in change.files
        for hunk in file.patch.hunks
        for line in hunk.lines
        if line.kind == "added"
    ]
    return any(_GUARD.match(line) for line in lines)


_EN = {"add": "Add", "remove": "Remove", "rename": "Rename", "change": "Update", "fix": "Fix"}
_PAST = {"add": "Added", "remove": "Removed", "rename": "Renamed", "change": "Updated", "fix": "Fixed"}
_ZH = {"add": "新增", "remove": "删除", "rename": "重命名", "change": "修改", "fix": "修复"}


def _text(change: Change, main: Sequence[Touched], kind: Kind, style: Style) -> tuple[str, list[str]]:
    verbs = _ZH if style.locale == "zh" else _PAST if style.is_past else _EN
    if not main:
        names = [PurePosixPath(file.path).name for file in change.files]
        verb: Verb = "change"
        if all(file.patch.status == "added" for file in change.files):
            verb = "add"
        elif all(file.patch.status == "deleted" for file in change.files):
            verb = "remove"
        shown = names[0] if names else ""
        return f"{verbs[verb]} {shown}".strip(), names[1:]
    first = main[0]
    names = list(dict.fromkeys(one.name for one in main))
    if first.verb == "rename":
        to = "为" if style.locale == "zh" else "to"
        return f"{verbs['rename']} {first.old_name} {to} {first.name}", names[1:]
    verb = "fix" if kind == "fix" and first.verb == "change" else first.verb
    same = [one.name for one in main[:2] if one.verb == first.verb]
    joined = (" 和 " if style.locale == "zh" else " and ").join(dict.fromkeys(same))
    path = PurePosixPath(first.path)
    where = path.parent.name if path.stem in ("index", "__init__", "mod") and path.parent.name else path.stem
    place = f"（{where}）" if style.locale == "zh" else f" in {where}"
    text = f"{verbs[verb]} {joined}"
    is_told = where.lower() in joined.lower() or style.has_prefix
    return text if is_told or len(text + place) > _MAX_SUBJECT_CHARS - 12 else text + place, names[
        len(same) :
    ]


def _subject(text: str, kind: Kind, change: Change, style: Style) -> str:
    if not style.is_capital and style.locale == "en":
        text = text[:1].lower() + text[1:]
    if style.has_period:
        text += "。" if style.locale == "zh" else "."
    if style.is_conventional:
        name = f"{kind}s" if f"{kind}s" in style.types and kind not in style.types else kind
        scope = _scope(change, style)
        text = f"{name}({scope}): {text}" if scope else f"{name}: {text}"
    elif style.has_prefix:
        text = f"{_place(change)}: {text}"
    return text if len(text) <= _MAX_SUBJECT_CHARS else f"{text[: _MAX_SUBJECT_CHARS - 1]}…"


def _scope(change: Change, style: Style) -> str:
    """Return a scope that the repository uses and that a changed path names."""
    for file in change.files:
        path = PurePosixPath(file.path)
        for part in (path.stem, *reversed(path.parts[:-1])):
            if part in style.scopes:
                return part
    return ""


def _place(change: Change) -> str:
    own = [file.path for file in change.files if not is_test_path(file.path)] or [
        file.path for file in change.files
    ]
    path = PurePosixPath(own[0]) if own else PurePosixPath("all")
    return next((part for part in reversed(path.parts[:-1]) if part not in _FOLDERS), path.stem)
