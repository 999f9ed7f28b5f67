"""Linters beside our own rules: which files they see, and which of their findings are new and not ours."""

from __future__ import annotations

import glob
import posixpath
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

from qwen_lsp import git as git_of
from qwen_lsp.review.change import git
from qwen_lsp.review.change.change import Change, ChangedFile
from qwen_lsp.review.find import parses, ruff, undefined, unused_imports
from qwen_lsp.review.finding import Finding, introduced, narrowed
from qwen_lsp.text import Document, decode

_PYTHON = (".py", ".pyi", ".pyw")
_MAX_OTHERS = 8
# Code with more imports that it does not use was taken over from somewhere.
_MAX_IMPORTS = 20


def run(
    change: Change, files: Sequence[ChangedFile], ours: Sequence[Finding], *, is_configured: bool = True
) -> list[Finding]:
    """Return what linters find in the text after a change and not in the text before it.

    `is_configured`: the repository may choose the rules.
    """
    python = [file for file in files if file.path.endswith(_PYTHON) and file.after and not file.is_partial]
    if not python:
        return []
    configuration, strict = _configuration(change) if is_configured else {}, change.is_strict
    after = ruff.run(
        [ruff.Source(file.path, file.after or "") for file in python], configuration, is_strict=strict
    )
    affected = [file for file in python if file.path in after and file.before]
    before = ruff.run(
        [ruff.Source(file.path, file.before or "") for file in affected], configuration, is_strict=strict
    )
    known = {(entry.path, entry.rule, line) for entry in ours for line in _lines(entry)}
    broken = {entry.path for entry in ours if entry.rule == parses.RULE}
    found = []
    n_imports = 0
    paths = cache(partial(unused_imports.paths, change))
    for file in python:
        document = Document(file.path, file.after or "", path=file.path)
        fresh = introduced(after.get(file.path, ()), before.get(file.path, ()), file.patch.added)
        was_broken = any(entry.rule == ruff.INVALID for entry in before.get(file.path, ()))
        for entry in fresh:
            if was_broken and entry.is_caused:
                continue  # nothing is known of the base
            if file.path in broken and entry.rule == ruff.INVALID:
                continue  # said once, at the line that broke it
            if (name := ruff.undefined_name(entry)) and _is_put_there(change, file.path, name):
                continue
            if entry.rule == ruff.UNUSED_IMPORT and entry.severity == "warning":
                n_imports += 1
                if n_imports > _MAX_IMPORTS or unused_imports.is_for_others(
                    change, paths(), file.path, entry.message
                ):
                    entry = replace(entry, severity="info")
            same = ruff.same_rule(entry.rule)
            if same is None or not any((entry.path, same, line) in known for line in _lines(entry)):
                found.append(narrowed(entry, document, file.patch.added))
    return found


def _is_put_there(change: Change, path: str, name: str) -> bool:
    """Whether other files of the folder read a name that they do not bind either: their loader sets it."""
    if change.root is None or not change.base:
        return False
    folder = posixpath.dirname(path)
    within = f":(glob){glob.escape(folder)}/*.py" if folder else ":(glob)*.py"
    found = git_of.run(change.root, "grep", "-l", "-z", "-w", "-F", "-e", name, change.base, "--", within)
    names = [one.decode("utf-8", "replace") for one in found.stdout.split(b"\0") if one]
    others = [one for one in names if one != f"{change.base}:{path}"][:_MAX_OTHERS]
    texts = [decode(data)[0] for data in git.blobs(change.root, others) if data]
    return any(undefined.is_free(text, name) for text in texts)


def _lines(entry: Finding) -> range:
    return range(entry.start_line, entry.end_line + 1)


def _configuration(change: Change) -> dict[str, str]:
    """Read the project's own configuration of ruff: of the base in a strict review, else of the head."""
    if change.root is None or not change.base:
        return {}
    names = ruff.names_of_configuration()
    commit = change.base if change.is_strict else change.head or change.base
    blobs = git.blobs(change.root, [f"{commit}:{name}" for name in names])
    texts = {name: decode(data)[0] for name, data in zip(names, blobs, strict=True) if data}
    return ruff.standing_alone(texts)
