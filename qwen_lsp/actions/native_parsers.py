"""What a language's own tool says against a text's syntax: `node --check`, `gofmt -e`, where there is one.

They parse and run nothing. The program is the one on PATH, never one of the workspace; the text is a file in
a private folder. Without the tool, or where it does not answer, the grammars alone have decided.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import tempfile
from pathlib import Path

from qwen_lsp.actions.task import Proposal, Refused, Task, apply
from qwen_lsp.child import environment, on_path

log = logging.getLogger(__name__)

_TIMEOUT_S = 10.0
# For each language the program, its arguments before the file, and the names a file may have: a JavaScript
# text is a module or a script, and only its package says which.
_TOOLS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "javascript": ("node", ("--check",), ("a.mjs", "a.cjs")),
    "go": ("gofmt", ("-e",), ("a.go",)),
}


async def refused(task: Task, proposal: Proposal) -> Refused | None:
    """Return why a proposal is no syntax of its language, where its tool took the file before."""
    language = task.language
    if language is None or language.id not in _TOOLS:
        return None
    after = apply(task.document.text, proposal.edits)
    if after == task.document.text:
        return None
    found = await asyncio.to_thread(_error, language.id, after, task.root)
    known = await asyncio.to_thread(_error, language.id, task.document.text, task.root) if found else ""
    return Refused("syntax", found) if found and not known else None


def _error(language: str, text: str, root: str) -> str:
    """Return what the tool says, "" where it takes the text or cannot be asked."""
    name, arguments, files = _TOOLS[language]
    program = on_path(name, os.path.realpath(root) if root else "")
    if program is None:
        return ""
    said = ""
    try:
        with tempfile.TemporaryDirectory(prefix="qwen-lsp-") as folder:
            for file in files:
                Path(folder, file).write_text(text, "utf-8", newline="")
                done = subprocess.run(
                    [program, *arguments, file],
                    cwd=folder,
                    env=environment(),
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    encoding="utf-8",
                    errors="replace",
                    timeout=_TIMEOUT_S,
                    check=False,
                )
                if done.returncode == 0:
                    return ""
                said = said or _sentence(done.stderr)
    except (OSError, subprocess.TimeoutExpired, UnicodeEncodeError) as error:
        log.warning("%s was not asked: %s", program, error)
        return ""
    return said


def _sentence(said: str) -> str:
    """Return the line that says what is wrong: `SyntaxError: ...` of Node, `a.go:3:5: ...` of gofmt."""
    for line in said.splitlines():
        if line.startswith("SyntaxError:"):
            return line
        if line.startswith("a.go:"):
            return line.partition(": ")[2]
    return ""  # not about the syntax
