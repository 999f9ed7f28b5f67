"""What ty says of the Python files of a change: uses that fail by the types that values have.

The Python files of the base are written into a private folder and checked twice by the ty that is
installed beside this package, once with the changed files as they were and once as they are. Nothing is run,
no packages are looked for, and no configuration is read: what comes from elsewhere has no type, and nothing
is said of it. Only what fails whatever annotations promise is taken over. It knows no formats.
"""

from __future__ import annotations

import ast
import json
import logging
import posixpath
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from qwen_lsp.child import environment
from qwen_lsp.errors import InputError
from qwen_lsp.review import finding
from qwen_lsp.review.change import elsewhere, git
from qwen_lsp.review.change.change import Change, ChangedFile
from qwen_lsp.review.finding import Finding, introduced
from qwen_lsp.syntax.python_names import Parse, parsed
from qwen_lsp.syntax.rules import Severity, is_test_path
from qwen_lsp.text import Document, Span

log = logging.getLogger(__name__)

NAME = "ty"
_TIMEOUT_S = 30
_MAX_CHANGED = 200
# Beyond these a repository is not written out; 28 MB in 4,300 files take a second.
_MAX_FILES = 8_000
_MAX_BYTES = 60_000_000
_URL = "https://docs.astral.sh/ty/reference/rules/#"
# What no annotation decides: a call that does not fit, a name that is not there, a use that a value refuses.
_CALLS = frozenset(
    (
        *("missing-argument", "unknown-argument", "too-many-positional-arguments"),
        *("parameter-already-assigned", "positional-only-parameter-as-kwarg"),
    )
)
_TAKEN = _CALLS | frozenset(
    (
        *("missing-attribute", "missing-module-member"),
        *("not-callable", "not-subscriptable", "not-iterable", "unsupported-operator", "index-out-of-bounds"),
        *("unused-awaitable", "invalid-await", "invalid-raise", "invalid-exception-caught"),
        *("invalid-context-manager", "zero-stepsize-in-slice", "truthiness-test-of-callable"),
    )
)
# Rules of ours and of ruff that say the same; a line that has one of them is not spoken of again.
_SAME = {
    **dict.fromkeys(
        ("missing-argument", "unknown-argument", "too-many-positional-arguments"), "call-does-not-fit"
    ),
    "missing-module-member": "no-such-name",
    "unused-awaitable": "lost-await",
}
_BUILTIN = (
    r"(?:str|int|float|bool|bytes|bytearray|complex|(?:list|dict|set|frozenset|tuple)(?:\[.*\])?|"
    r"Literal\[.*\]|range|Path|datetime|timedelta|(?:bound method|def) .*)"
)
# A function that is called by its name; what `Callable` promises is none.
_OF_FUNCTION = re.compile(r"\b(?:function|method|class|constructor) `|\.__init__`")
_FUNCTION = re.compile(r"`(?:bound method|def|property|function|<bound method)\b")
_OF_BUILTIN = re.compile(rf"^(?:Object of type|Class) `{_BUILTIN}` has no attribute `(\w+)`")
_OF_CLASS = re.compile(r"^(?:Object of type|Class) `([\w.@]+)` has no attribute `(\w+)`")
_OF_MODULE = re.compile(r"^Module `([\w.]+)` has no member `(?!_)\w+`")
# Types that are only promised, or of which one possibility among several is meant.
_VAGUE = re.compile(r"`[^`]*(?:\||\bobject\b|\bNone\b|@|Unknown|Any|Top\[|type\[|~|&|<super|<Protocol)[^`]*`")
# What such a class is called is only part of what becomes an object.
_PART = re.compile(r"(?i)mixin|base|abstract|interface|protocol")
_SELF = re.compile(r"Object of type `Self@\w+`")
_FAILURES = re.compile(r"'(?:AttributeError|ImportError|ModuleNotFoundError|NameError|TypeError|IndexError)'")
# Meant for any type checker; ty itself only heeds those that name no rule or its own.
_IGNORED = re.compile(r"#\s*(?:type|ty|pyright):\s*ignore")
_SUPPRESSION = re.compile(r"#(\s*)(type|ty)(?=:\s*ignore)")


@dataclass(frozen=True)
class _Tree:
    """The Python files of a repository before a change, by path, and those of the change as they are."""

    texts: Mapping[str, str]
    changed: Mapping[str, str]

    @cached_property
    def words(self) -> frozenset[str]:
        """Every name in them."""
        return frozenset(word for text in self.texts.values() for word in re.findall(r"[^\W\d]\w*", text))

    @cached_property
    def classes(self) -> frozenset[str]:
        """The classes that they define."""
        return frozenset(name for text in self.texts.values() for name in re.findall(r"\bclass (\w+)", text))

    @cached_property
    def inherited(self) -> frozenset[str]:
        """The names that stand among the bases of their classes."""
        every = (*self.texts.values(), *self.changed.values())
        return frozenset(
            name
            for text in every
            for bases in re.findall(r"\bclass \w+(?:\[[^\]]*\])?\(([^)]*)\)", text)
            for name in re.findall(r"\w+", bases)
        )

    @cached_property
    def paths(self) -> frozenset[str]:
        """The paths of both."""
        return frozenset(self.texts) | frozenset(self.changed)

    @cached_property
    def shadowed(self) -> frozenset[str]:
        """Modules of the standard library of whose name the repository has one, too."""
        parts = {part.removesuffix(".py") for path in self.paths for part in path.split("/")}
        return frozenset(parts & sys.stdlib_module_names)

    def means(self, module: str, asking: str) -> bool:
        """Whether an import in a file can only mean the module that ty took.

        That is one of the standard library, or one that stands where Python would look for it. ty also takes
        one that stands beside the file, and a package that is installed may have the same name.
        """
        top = module.split(".")[0]
        if top in sys.stdlib_module_names:
            return top not in self.shadowed
        path = module.replace(".", "/")
        return any(
            posixpath.join(root, name) in self.paths
            for root in ("", "src", "lib", _import_root(asking, self.paths))
            for name in (f"{path}.py", f"{path}/__init__.py")
        )


def run(
    change: Change, files: Sequence[ChangedFile], ours: Sequence[Finding], parse: Parse = parsed
) -> list[Finding]:
    """Return what fails by its types after a change and does not before; nothing where ty cannot be run."""
    wanted = [
        file
        for file in files
        if file.path.endswith(".py") and file.after and not file.is_partial and not is_test_path(file.path)
    ]
    if not wanted or len(wanted) > _MAX_CHANGED or change.root is None or (program := _program()) is None:
        return []
    try:
        tree = _read(change)
        if tree is None:
            return []
        after, before = _checked(program, change, wanted, tree)
    except (OSError, InputError, subprocess.TimeoutExpired, ValueError, RecursionError) as error:
        log.warning("ty was not run: %s", error)
        return []
    known = {(entry.path, entry.rule, line) for entry in ours for line in _lines(entry)}
    found: list[Finding] = []
    for file in wanted:
        for entry in introduced(after.get(file.path, ()), before.get(file.path, ()), file.patch.added):
            rule = entry.rule.removeprefix(f"{NAME}/")
            if any((file.path, _SAME.get(rule), line) in known for line in _lines(entry)):
                continue
            if _is_certain(rule, entry, file, tree, parse, is_strict=change.is_strict):
                message = _SELF.sub("`self`", entry.message)
                # Of what a class reads of itself, none of 8 labelled findings was useful.
                severity: Severity = "warning" if message == entry.message else "info"
                found.append(replace(entry, message=message, severity=severity))
    return found


def _read(change: Change) -> _Tree | None:
    """Read the Python files of the base; None where there are too many."""
    assert change.root is not None
    commit = change.base or change.head
    listed = elsewhere.paths(change.root, commit)
    paths = sorted(path for path in listed or () if path.endswith((".py", ".pyi")))
    if not paths or len(paths) > _MAX_FILES:
        return None
    blobs = git.blobs(change.root, [f"{commit or ''}:{path}" for path in paths])
    if sum(len(data) for data in blobs if data) > _MAX_BYTES:
        return None
    texts = {path: data.decode("utf-8", "replace") for path, data in zip(paths, blobs, strict=True) if data}
    changed = {file.path: file.after or "" for file in change.files if file.path.endswith((".py", ".pyi"))}
    return _Tree(texts, changed)


def _checked(
    program: str, change: Change, files: Sequence[ChangedFile], tree: _Tree
) -> tuple[dict[str, list[Finding]], dict[str, list[Finding]]]:
    """Check the changed files after and before the change."""
    python = [one for one in change.files if one.path.endswith((".py", ".pyi"))]
    new = {one.path: one.after for one in python if one.after is not None}
    gone = {one.patch.old_path for one in python} - set(new)
    old = {one.patch.old_path: one.before for one in python if one.before is not None}
    with tempfile.TemporaryDirectory(prefix="qwen-lsp-") as name:
        root, packages = Path(name).resolve() / "code", Path(name).resolve() / "python"
        _no_packages(packages)
        for path, text in tree.texts.items():
            if path not in new and path not in gone:
                _write(root, path, text)
        sides = []
        for texts, absent, asked in (
            (new, gone, {one.path: one.path for one in files}),
            (old, set(new) - set(old), {one.patch.old_path: one.path for one in files if one.before}),
        ):
            for path, text in texts.items():
                _write(root, path, _unsuppressed(text) if change.is_strict else text)
            for path in absent:
                (root / path).unlink(missing_ok=True)
            documents = {path: Document("", texts[path] or "", path=asked[path]) for path in asked}
            roots = sorted({_import_root(path, tree.paths) for path in asked})
            sides.append(_findings(program, root, packages, roots, documents) if asked else {})
        return sides[0], sides[1]


def _findings(
    program: str, root: Path, packages: Path, roots: Sequence[str], documents: Mapping[str, Document]
) -> dict[str, list[Finding]]:
    """Run ty on some files below a folder; return what it says by the path that each document names."""
    command = [program, "check", "--output-format", "gitlab", "--exit-zero", "--no-progress"]
    command += ["--project", str(root), "--python", str(packages), "--python-platform", "all"]
    command += ["--config", f"environment.root = {json.dumps([*(one for one in roots if one), '.'])}"]
    command += [part for rule in sorted(_TAKEN) for part in ("--warn", rule)]
    done = subprocess.run(
        [*command, "--", *(path for path in documents if (root / path).is_file())],
        cwd=root,
        env=environment() | {"TY_MAX_PARALLELISM": "2"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    found: dict[str, list[Finding]] = {}
    for entry in json.loads(done.stdout or b"[]"):
        document = documents.get(entry["location"]["path"])
        if document is not None and entry["check_name"] in _TAKEN:
            found.setdefault(document.path or "", []).append(_finding(document, entry))
    return found


def _finding(document: Document, entry: Mapping[str, Any]) -> Finding:
    rule, place = entry["check_name"], entry["location"]["positions"]
    start, end = (_offset(document, place[side]) for side in ("begin", "end"))
    message = entry["description"].removeprefix(f"{rule}: ").rstrip(".")
    return finding.at(
        document,
        Span(start, max(start, end)),
        rule=f"{NAME}/{rule}",
        severity="warning",
        confidence=0.8,
        category="bug",
        message=f"{message}.",
        source="linter",
        identity=message,
        url=f"{_URL}{rule}",
    )


def _is_certain(
    rule: str, entry: Finding, file: ChangedFile, tree: _Tree, parse: Parse, *, is_strict: bool
) -> bool:
    """Whether what ty says holds whatever was promised of the types, and is not expected to fail."""
    tree_of_file = parse(file.after or "")
    if tree_of_file is None or any(_is_expected(tree_of_file, line) for line in _lines(entry)):
        return False
    if _IGNORED.search(file.document.line(entry.start_line - 1)) and not is_strict:
        return False
    if module := _OF_MODULE.match(entry.message):
        return tree.means(module[1], file.path)
    if rule == "missing-attribute":
        if _OF_BUILTIN.match(entry.message):
            return True
        # A class may get attributes from whoever uses it; a name that nobody has used yet it does not.
        named = _OF_CLASS.match(entry.message)
        if named is None or named[2].startswith("_") or named[2] in tree.words:
            return False
        if named[1].startswith("Self@"):
            return _is_whole(tree_of_file, entry.start_line, tree)
        return named[1].split(".")[-1] in tree.classes
    if rule in _CALLS and not _OF_FUNCTION.search(entry.message):
        return False
    if rule == "not-subscriptable":
        return bool(_FUNCTION.search(entry.message))
    return not _VAGUE.search(entry.message)


def _is_whole(tree_of_file: ast.AST, line: int, tree: _Tree) -> bool:
    """Whether the class around a line has all that its `self` has: nobody inherits from it, or is to."""
    around = [
        node
        for node in ast.walk(tree_of_file)
        if isinstance(node, ast.ClassDef) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    name = max(around, key=lambda node: node.lineno).name if around else ""
    return bool(name) and name not in tree.inherited and not _PART.search(name)


def _is_expected(tree: ast.AST, line: int) -> bool:
    """Whether a `try` around a line handles what a wrong use raises."""
    return any(
        isinstance(node, ast.Try)
        and node.body[0].lineno <= line <= (node.body[-1].end_lineno or 0)
        and any(_FAILURES.search(ast.dump(one.type)) for one in node.handlers if one.type is not None)
        for node in ast.walk(tree)
    )


def _import_root(path: str, paths: Collection[str]) -> str:
    """Return the folder from which the package of a file is imported; "" for the repository itself.

    A folder inside another package is none: what stands there is not imported by its last name.
    """
    parts = path.split("/")[:-1]
    folders = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
    package = next((one for one in folders if f"{one}/__init__.py" in paths), "")
    return posixpath.dirname(package)


def _unsuppressed(text: str | None) -> str:
    """Return a text whose comments do not silence ty; no column moves."""
    return _SUPPRESSION.sub(lambda found: f"#{found[1]}{'-' * len(found[2])}", text or "")


def _no_packages(root: Path) -> None:
    """Make a Python environment without packages, so that those of this machine do not count."""
    Path(sysconfig.get_path("purelib", "venv", {"base": str(root)})).mkdir(parents=True)


def _program() -> str | None:
    try:
        from ty import find_ty_bin

        return str(find_ty_bin())
    except (ImportError, FileNotFoundError) as error:
        log.warning("no ty: %s", error)
        return None


def _write(root: Path, path: str, text: str | None) -> None:
    file = root / path
    if text is None or not file.resolve().is_relative_to(root):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode("utf-8", "replace"))


def _lines(entry: Finding) -> range:
    return range(entry.start_line, entry.end_line + 1)


def _offset(document: Document, place: Mapping[str, int]) -> int:
    row = min(max(place["line"], 1), document.line_count) - 1
    return min(document.starts[row] + max(place["column"] - 1, 0), len(document.text))
