"""What ruff's own fixes make of a Python text: the rules that write the same in fewer words, or faster.

The ruff that is installed beside this package reads the text from stdin and writes nothing. Fixes that it
calls unsafe are among them; whoever takes them compares what the code does.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from qwen_lsp.child import environment
from qwen_lsp.text import Document, Edit, Span

log = logging.getLogger(__name__)

_TIMEOUT_S = 20
SIMPLER = (
    "RET501,RET504,RET505,RET506,RET507,RET508,SIM101,SIM102,SIM103,SIM108,SIM109,SIM110,SIM117,SIM201,"
    "SIM202,SIM208,SIM210,SIM211,SIM212,SIM401,C400,C401,C402,C403,C404,C405,C406,C409,C410,C411,C413,C414,"
    "C416,C417,C418,C419,C420,PIE790,PIE800,PIE804,PIE810,PLR1711,PLR5501,E713,E714,UP004,UP008,UP018,UP034"
)
FASTER = "PERF102,PERF401,PERF402,PERF403,C400,C401,C402,C403,C404,C410,C411,C413,C414,C416,C417,C418,C419"


def fixes(text: str, selected: str, within: Span) -> list[tuple[Edit, ...]]:
    """List what ruff would do within a span, each fix as its edits, in order; nothing where it cannot be run.

    `selected` are the codes of its rules. A fix that also changes what is outside the span is left out.
    """
    program = _program()
    if program is None:
        return []
    command = [program, "check", "--isolated", "--no-cache", "--exit-zero", "--no-fix", "--preview"]
    command += ["--output-format", "json", "--select", selected, "--stdin-filename", "code.py", "-"]
    try:
        done = subprocess.run(
            command,
            env=environment(),
            input=text.encode("utf-8", "replace"),
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        entries = json.loads(done.stdout or b"[]")
    except (OSError, subprocess.TimeoutExpired, ValueError, RecursionError) as error:
        log.warning("ruff was not run: %s", error)
        return []
    document = Document("", text)
    found = [_edits(document, entry["fix"]["edits"]) for entry in entries if entry.get("fix")]
    ending = re.compile(r"\r?\n?").match(text, within.end)  # a line that goes takes its end with it
    last = ending.end() if ending is not None else within.end
    return [
        edits
        for edits in found
        if edits and within.start <= edits[0].span.start and edits[-1].span.end <= last
    ]


def _program() -> str | None:
    try:
        from ruff.__main__ import find_ruff_bin  # type: ignore[import-untyped]

        return str(find_ruff_bin())
    except (ImportError, FileNotFoundError) as error:
        log.warning("no ruff: %s", error)
        return None


def _edits(document: Document, listed: Sequence[Mapping[str, Any]]) -> tuple[Edit, ...]:
    found = [
        Edit(Span(_offset(document, one["location"]), _offset(document, one["end_location"])), one["content"])
        for one in listed
    ]
    return tuple(sorted(found, key=lambda edit: edit.span.start))


def _offset(document: Document, place: Mapping[str, int]) -> int:
    row = min(max(place["row"], 1), document.line_count) - 1
    return min(document.starts[row] + max(place["column"] - 1, 0), len(document.text))
