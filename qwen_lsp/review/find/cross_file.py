"""Calls and imports of changed Python files that do not fit what the repository has; callers left behind.

Both versions of each changed file are read, and so are the modules that they import. What fits neither before
nor after the change is old. Other files are only looked at where a changed file lost a name or changed a
signature.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from qwen_lsp import git
from qwen_lsp.messages import Locale
from qwen_lsp.review import finding
from qwen_lsp.review.change import elsewhere
from qwen_lsp.review.change.change import Change, ChangedFile
from qwen_lsp.review.finding import Finding, introduced
from qwen_lsp.syntax.python_calls import Module, Problem, problems, read, signature, unread
from qwen_lsp.syntax.python_names import Parse, parsed
from qwen_lsp.syntax.rules import all_rules
from qwen_lsp.text import Document

CALL, IMPORT = "call-does-not-fit", "no-such-name"
RULES = (CALL, IMPORT)
# More changed files than this are a change of everything; calls within each file are still checked.
_MAX_FILES = 200
# Beyond it, whole repositories are reviewed, and every call in them would be.
_MAX_CHARS = 3_000_000
_MAX_MODULES = 400
_MAX_CALLERS = 40
_MAX_BYTES = 1_000_000


@dataclass(slots=True)
class Side:
    """The Python modules of a repository before or after a change, read when they are asked for."""

    root: Path | None
    commit: str | None
    own: dict[str, str | None]
    paths: frozenset[str]
    parse: Parse = parsed
    modules: dict[str, Module | None] = field(default_factory=dict)
    places: dict[tuple[str, int, str], str | None] = field(default_factory=dict)
    known_folders: frozenset[str] | None = None

    def find(self, name: str, level: int, asking: str) -> Module | None:
        """Return the module that an import in a file means; None where the repository does not have it."""
        folder = posixpath.dirname(asking) if level else ""
        place = name, level, folder
        if place not in self.places:
            found = (path for path in _candidates(*place) if path in self.paths)
            self.places[place] = next(found, None)
        path = self.places[place]
        if path is None:
            is_folder = any(one.removesuffix(".py") in self.folders for one in _candidates(*place))
            return unread(name) if is_folder else None
        return self.module(path) or unread(path)  # it may be of a newer Python

    @property
    def folders(self) -> frozenset[str]:
        """The folders that hold Python files; each is a package, with or without `__init__.py`."""
        if self.known_folders is None:
            self.known_folders = frozenset(
                path[:at] for path in self.paths for at, char in enumerate(path) if char == "/"
            )
        return self.known_folders

    def module(self, path: str) -> Module | None:
        """Read a module; None where it is too much, or no Python."""
        if path not in self.modules:
            text = self.own[path] if path in self.own else self._text(path)
            is_read = bool(text) and len(self.modules) < _MAX_MODULES
            self.modules[path] = read(text or "", path, self.parse) if is_read else None
        return self.modules[path]

    def _text(self, path: str) -> str | None:
        return None if self.root is None else elsewhere.text(self.root, self.commit, path, _MAX_BYTES)


def shared_parser(changed: Sequence[ChangedFile]) -> Parse:
    """Return a parser that keeps its trees for `run` and whoever asks before; none beyond its limit."""
    return lru_cache(maxsize=_MAX_MODULES)(parsed) if _checked(changed) else parsed


def _checked(changed: Sequence[ChangedFile]) -> list[ChangedFile]:
    python = [file for file in changed if file.path.endswith(".py") and file.after and not file.is_partial]
    return python if sum(len(file.after or "") for file in python) <= _MAX_CHARS else []


def run(
    change: Change, changed: Sequence[ChangedFile], locale: Locale, parse: Parse = parsed
) -> list[Finding]:
    """Return what does not fit in the changed Python files and did before."""
    python = _checked(changed)
    if not python:
        return []
    before, after = _sides(change, python, parse)
    found: list[Finding] = []
    for file in python:
        document = file.document
        module = after.module(file.path)
        if module is None:
            continue
        now = [_finding(document, one, locale) for one in problems(module, after.find)]
        old_module = before.module(file.patch.old_path) if now and file.before else None
        old = Document("", file.before or "", path=file.path)
        was = [_finding(old, one, locale) for one in problems(old_module, before.find)] if old_module else []
        found += introduced(now, was, file.patch.added)
    if len(python) <= _MAX_FILES:
        found += _left_behind(change, python, before, after, locale)
    return found


def _sides(change: Change, python: Sequence[ChangedFile], parse: Parse) -> tuple[Side, Side]:
    olds = {file.patch.old_path: file.before for file in python}
    news = {file.path: file.after for file in python}
    if change.root is None or len(python) > _MAX_FILES:
        return (
            Side(None, None, olds, frozenset(olds), parse),
            Side(None, None, news, frozenset(news), parse),
        )
    listed = _listed(change.root, change.head)
    gone = {file.path for file in change.files if file.patch.status == "deleted"}
    renamed = {file.patch.old_path for file in change.files if file.patch.old_path != file.patch.path}
    added = {file.path for file in change.files if file.before is None}
    after = (listed | set(news)) - gone - (renamed - set(news))
    return (
        Side(
            change.root, change.base or change.head, olds, frozenset((listed | gone | renamed) - added), parse
        ),
        Side(change.root, change.head, news, frozenset(after), parse),
    )


def _listed(root: Path, commit: str | None) -> set[str]:
    return {path for path in elsewhere.paths(root, commit) or () if path.endswith(".py")}


def _candidates(name: str, level: int, folder: str) -> Iterator[str]:
    """Yield the paths that a module may have, as Python would look for it from a file in a folder."""
    parts = name.split(".") if name else []
    if level:
        for _ in range(level - 1):
            folder = posixpath.dirname(folder)
        roots: Iterable[str] = (folder,)
    else:
        roots = ("", "src", "lib")
    for root in roots:
        base = posixpath.join(root, *parts) if parts else root
        yield f"{base}.py"
        yield posixpath.join(base, "__init__.py")


def _left_behind(
    change: Change, python: Sequence[ChangedFile], before: Side, after: Side, locale: Locale
) -> Iterator[Finding]:
    """Find the files that the change left alone and that use what it took away or changed."""
    if change.root is None:
        return
    for file in python:
        old, new = before.module(file.patch.old_path), after.module(file.path)
        if old is None or new is None or not file.before:
            continue
        names = sorted(_changed_names(old, new))
        if not names:
            continue
        document = file.document
        own = {one.path for one in change.files}
        for path in _users(change, names):
            if path in own or not path.endswith(".py") or (user := after.module(path)) is None:
                continue
            was = {(one.kind, one.line) for one in problems(user, before.find)}
            for one in problems(user, after.find):
                if one.where == file.path and (one.kind, one.line) not in was:
                    yield _at_definition(document, one, path, file, locale)
                    break


def _changed_names(old: Module, new: Module) -> set[str]:
    gone = (old.names - new.names) if old.names is not None and new.names is not None else set()
    changed = {
        name
        for name, node in old.functions.items()
        if name in new.functions and signature(node) != signature(new.functions[name])
    }
    for name, entry in old.classes.items():
        other = new.classes.get(name)
        inits = [one.methods.get("__init__") for one in (entry, other) if one is not None]
        if len(inits) == 2 and all(inits) and signature(inits[0]) != signature(inits[1]):  # type: ignore[arg-type]
            changed.add(name)
    return {name for name in gone | changed if len(name) > 1 and not name.startswith("__")}


def _users(change: Change, names: Sequence[str]) -> list[str]:
    assert change.root is not None
    patterns = [part for name in names[:20] for part in ("-e", name)]
    at = [change.head] if change.head else []
    done = git.run(change.root, "grep", "-l", "-z", "-w", "-F", *patterns, *at, "--", "*.py")
    found = [name.decode("utf-8", "replace") for name in done.stdout.split(b"\0") if name]
    return [name.removeprefix(f"{change.head}:") for name in found][:_MAX_CALLERS]


def _at_definition(document: Document, one: Problem, path: str, file: ChangedFile, locale: Locale) -> Finding:
    changed = sorted(file.patch.added)
    line = one.defined_line or min(changed, default=1)
    near = min(changed, key=lambda number: abs(number - line), default=line)
    shown = _words(one, locale) + (
        f"（{path}:{one.line}）" if locale == "zh" else f" It is used like this at {path}:{one.line}."
    )
    return _at(document, near, one, shown, locale, is_left_behind=True)


def _finding(document: Document, one: Problem, locale: Locale) -> Finding:
    return _at(document, one.line, one, _words(one, locale), locale)


def _at(
    document: Document, line: int, one: Problem, message: str, locale: Locale, *, is_left_behind: bool = False
) -> Finding:
    """Make a finding; an error where the same use did fit the definition before."""
    rule = all_rules()[IMPORT if one.kind == "no-such-name" else CALL]
    identity = f"{one.kind} {one.called} {one.detail}"
    found = finding.of_rule(document, line - 1, rule, message, locale, identity=identity)
    return found if is_left_behind else replace(found, severity="warning")


def _words(one: Problem, locale: Locale) -> str:
    where = f"{one.where}:{one.defined_line}" if one.where and one.defined_line else one.where
    place = where or (f"line {one.defined_line}" if locale == "en" else f"第 {one.defined_line} 行")
    words = _EN if locale == "en" else _ZH
    return words[one.kind].format(called=one.called, detail=one.detail, place=place)


_EN = {
    "missing": "`{called}()` needs {detail}, which this call does not give ({place}).",
    "too-many": "`{called}()` gets more arguments than it takes: {detail} ({place}).",
    "unknown-keyword": "`{called}()` has no parameter `{detail}` ({place}).",
    "no-such-name": "`{called}` is not defined in {detail}.",
}
_ZH = {
    "missing": "调用 `{called}()` 缺少参数 {detail}（{place}）。",
    "too-many": "传给 `{called}()` 的参数过多：{detail}（{place}）。",
    "unknown-keyword": "`{called}()` 没有名为 `{detail}` 的参数（{place}）。",
    "no-such-name": "{detail} 中没有定义 `{called}`。",
}
