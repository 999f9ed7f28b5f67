"""Whether tests that a model wrote hold on the code as it is: they are run, those that fail are left out.

Only Python, in a folder that the user trusts, with the project's own interpreter and pytest, and only where
the system confines them: they can write to a private folder alone and connect nowhere. Elsewhere nothing is
run.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

from qwen_lsp import confined
from qwen_lsp.actions import layout
from qwen_lsp.actions.task import Proposal, Refused, Task, apply
from qwen_lsp.child import on_path
from qwen_lsp.syntax import code
from qwen_lsp.text import Edit, Span

log = logging.getLogger(__name__)

_TIMEOUT_S = 30
_RESULT = re.compile(r"^(PASSED|FAILED|ERROR) \S*?::([\w:]+)(?:\[\S*\])?(?: - (.*))?$", re.MULTILINE)
_ENVIRONMENTS = (".venv", "venv", ".env")


async def holding(task: Task, proposal: Proposal) -> Proposal | Refused:
    """Return the proposal with the tests that hold; it stays as it is where they cannot be run.

    Refused as `tests_fail`, with what pytest says of the first, where none of them holds.
    """
    file = proposal.other
    if file is None or task.language is None or task.language.id != "python":
        return proposal
    if not (task.is_trusted and task.root):
        return proposal
    before = file.document.text if file.document is not None else ""
    text = apply(before, file.edits)
    results = await asyncio.to_thread(_run, Path(task.root), PurePosixPath(file.path).name, text)
    new = {name for name in _tests(text) if name not in _tests(before)}
    failed = {name: why for name, (is_good, why) in results.items() if name in new and not is_good}
    passed = {name for name, (is_good, _) in results.items() if name in new and is_good}
    if not failed:
        return proposal
    if not passed:
        return Refused("tests_fail", next(iter(failed.values())))
    kept = _without(text, set(failed), task)
    if kept is None:
        return proposal
    edit = layout.shrunk(before, Edit(Span(0, len(before)), kept))
    return replace(proposal, other=replace(file, edits=(edit,)))


def _tests(text: str) -> list[str]:
    return re.findall(r"^\s*(?:async )?def (test_\w+)", text, re.MULTILINE)


def _without(text: str, names: set[str], task: Task) -> str | None:
    """Leave the tests of some names out of a text."""
    source = code.parse(text, task.language)
    if source is None:
        return None
    for definition in reversed(source.definitions()):
        if definition.is_function and definition.name in names:
            start = text.rfind("\n", 0, definition.span.start) + 1
            text = text[:start].rstrip(" \n") + "\n\n\n" + text[definition.span.end :].lstrip("\n")
    return text.rstrip("\n") + "\n"


def _run(root: Path, name: str, text: str) -> dict[str, tuple[bool, str]]:
    """Run a file of tests; return of each whether it passed and what was said; nothing if it is not run."""
    python = _interpreter(root)
    if python is None:
        return {}
    try:
        with tempfile.TemporaryDirectory(prefix="qwen-lsp-") as folder:
            file = Path(folder, name)
            file.write_text(text, "utf-8", newline="")
            said = _said(python, root, file)
    except (OSError, subprocess.SubprocessError, UnicodeEncodeError) as error:
        log.warning("tests were not run: %s", error)
        return {}
    found: dict[str, tuple[bool, str]] = {}
    for result, test, why in _RESULT.findall(said):
        short = test.rpartition("::")[2]
        is_good = result == "PASSED" and found.get(short, (True, ""))[0]
        found[short] = (is_good, found.get(short, (True, ""))[1] or why)
    return found


def _said(python: str, root: Path, file: Path) -> str:
    variables = {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(str(root / part) for part in ("", "src")),
    }
    options = ("-q", "-rA", "--tb=no", "--no-header", "--import-mode=importlib", "-o", "addopts=")
    # Plugins that would write beside the code, start processes or connect to one another.
    plugins = (part for name in ("cacheprovider", "rerunfailures", "xdist") for part in ("-p", f"no:{name}"))
    command = [python, "-m", "pytest", *options, *plugins, f"--rootdir={root}", str(file)]
    return confined.run(command, root, writable=file.parent, variables=variables, timeout_s=_TIMEOUT_S) or ""


def _interpreter(root: Path) -> str | None:
    """Return the project's own Python, else the one on PATH."""
    for name in _ENVIRONMENTS:
        program = root / name / "bin" / "python"
        if os.access(program, os.X_OK):
            return str(program)
    return on_path("python3", "") or on_path("python", "")
