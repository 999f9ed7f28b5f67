"""What ruff says of the Python files of a change: a selection of its bug rules, or the project's own.

Both sides of every file are written into a private folder and linted in two runs of the ruff that is
installed beside this package. A project's configuration is taken over when it stands alone (no `extend`);
a strict review takes it from the base. It knows no formats and does not decide what is new.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qwen_lsp import foreign_toml
from qwen_lsp.child import environment
from qwen_lsp.review import finding
from qwen_lsp.review.find import copies, undefined, unused_imports
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax.python_names import is_lost_definition
from qwen_lsp.syntax.rules import Category, Severity, is_test_data, is_test_path
from qwen_lsp.text import Document, Edit, Span

log = logging.getLogger(__name__)

_TIMEOUT_S = 60
_CONFIGURATION = ("ruff.toml", ".ruff.toml", "pyproject.toml")
_SELECTED = (
    "F,E9,B,PLE,PLW,ASYNC,S,RUF006,RUF008,RUF016,RUF017,RUF018,RUF024,RUF026,RUF028,RUF032,RUF033,RUF034,"
    "RUF048,RUF053,RUF060,RUF068,W605,NPY001,PGH005,YTT,DJ013,SIM220,SIM221,SIM222,SIM223,ISC004,PIE794,PIE796,INT001,INT002,INT003"
)
# Not bugs, or decided by taste: what these say is right less often than not.
_DROPPED = (
    "B007,B008,B009,B010,B011,B019,B024,B026,B027,B028,B904,B905,B911,PLW0120,PLW0602,PLW0603,PLW0642,"
    "PLW1510,PLW1641,PLW2901,PLW3301,PLW0108,PLW1508,ASYNC109,ASYNC110,ASYNC116,ASYNC240,S101,S104,S105,S106,"
    "S107,S108,S110,S112,S113,S310,S311,S313,S314,S315,S316,S317,S318,S319,S324,S4,S603,S606,S607,S608,S301,"
    "S302,F403,F405,F842,PLE0704,PLW0717,PLW1514,PLW3201,B043,B903,B912"
)
# Rules of ours that say the same, in both languages and with more of the code.
_OURS = {
    "F632": "identity-of-values", "F601": "duplicate-key", "F631": "assert-on-tuple",
    "B006": "mutable-default",
    "B012": "return-in-finally", "PLW0127": "self-assignment", "PLW0133": "error-not-raised",
    "B015": "comparison-as-statement", "PLW0177": "compare-to-nan", "S102": "code-injection",
    "S307": "code-injection", "S602": "command-injection", "S604": "command-injection",
    "S605": "command-injection", "S501": "tls-verification-off", "S323": "tls-verification-off",
    "S506": "unsafe-deserialization", "S103": "world-writable", "S306": "insecure-temp-file",
    "S201": "debug-mode",
}  # fmt: skip
# What ruff calls a text that is no Python.
INVALID = "invalid-syntax"
_SECURITY = re.compile(r"S\d")
# Messages name other lines, which move.
_NUMBERED = re.compile(r"line \d+")
_GUARD = re.compile(r"try:|(?:async )?with\b.*\b(?:suppress|raises)\b")
_UNDEFINED = "F821"
# Python's compiler decides of these, too.
_COMPILED = ("F7", "E9")
_REDEFINED = "F811"
_NAMED = re.compile(r"`([^`]+)`")
UNUSED_IMPORT = "F401"
_INFO = (
    *("F402", "F541", "F811", "F841", "B013", "B014", "B017", "B018", "B020", "B022", "B023", "B033"),
    *("PLW0602", "ASYNC230", "RUF017", "RUF028", "YTT203", "YTT204"),
    # Neither labels nor the language speak for these: a default that nobody writes to, a `global` too many, a
    # text as an annotation, a task that is not kept, a process started in `async def`, unseen characters.
    *("B006", "F722", "F824", "RUF006", "PLW1509", "PLW0604", "PLW0211"),
    *("ASYNC220", "ASYNC221", "ASYNC222", "ISC004", "PLE2510", "PLE2512", "PLE2513", "PLE2514", "PLE2515"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """One Python text, named by where it stands in a repository."""

    path: str
    text: str


def run(
    sources: Sequence[Source],
    configuration: Mapping[str, str] | None = None,
    *,
    is_strict: bool = False,
    selection: Literal["bugs", "defaults"] = "bugs",
) -> dict[str, list[Finding]]:
    """Return what ruff finds in texts, by path; nothing where ruff cannot be run.

    `configuration` holds the project's own files by their path; without one the selection above is used, or
    ruff's own `defaults`. With `is_strict` no `noqa` in the texts counts.
    """
    if not sources or (program := _program()) is None:
        return {}
    try:
        return _in_copies(program, sources, configuration, is_strict=is_strict, selection=selection)
    except OSError as error:  # no room for the copies
        log.warning("ruff was not run: %s", error)
        return {}


def _in_copies(
    program: str,
    sources: Sequence[Source],
    configuration: Mapping[str, str] | None,
    *,
    is_strict: bool,
    selection: Literal["bugs", "defaults"],
) -> dict[str, list[Finding]]:
    documents = {source.path: Document("", source.text, path=source.path) for source in sources}
    with tempfile.TemporaryDirectory(prefix="qwen-lsp-") as name:
        root = Path(name).resolve()
        for path, text in ((source.path, source.text) for source in sources):
            copies.write(root, path, text)
        for path, text in (configuration or {}).items():
            copies.write(root, path, text)
        own = ["--isolated"]
        own += ["--select", _SELECTED, "--ignore", _DROPPED] if selection == "bugs" else []
        command = [program, "check", "--no-cache", "--exit-zero", "--output-format", "json", "--no-fix"]
        command += [] if configuration else own
        command += ["--ignore-noqa"] if is_strict else []
        try:
            done = subprocess.run(
                [*command, "--", "."],
                cwd=root,
                env=environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
            entries = json.loads(done.stdout or b"[]")
        except (subprocess.TimeoutExpired, ValueError, RecursionError) as error:
            log.warning("ruff was not run: %s", error)
            return {}
        if done.returncode != 0:
            log.warning("ruff: %s", done.stderr.decode("utf-8", "replace")[-500:])
            return run(sources, is_strict=is_strict) if configuration else {}
        found: dict[str, list[Finding]] = {}
        for entry in entries:
            path = Path(entry["filename"]).relative_to(root).as_posix()
            if (document := documents.get(path)) is None:
                continue
            is_wanted = _is_wanted(entry, path) and not _is_probe(document, entry)
            severity = _severity(document, entry) if is_wanted else None
            if selection == "defaults":
                severity = severity or "warning"
            if severity is not None:
                found.setdefault(path, []).append(_finding(document, entry, severity))
    return found


def standing_alone(files: Mapping[str, str]) -> dict[str, str]:
    """Return the configuration files that configure ruff by themselves."""
    kept = {}
    for path, text in files.items():
        try:
            table = foreign_toml.loads(text)
        except ValueError:
            continue
        if path.endswith("pyproject.toml"):
            tools = table.get("tool")
            table = tools.get("ruff", {}) if isinstance(tools, dict) else {}
        if isinstance(table, dict) and table and "extend" not in table:
            kept[path] = text
    return kept


def names_of_configuration() -> tuple[str, ...]:
    """Return the files in the root of a repository that may configure ruff."""
    return _CONFIGURATION


def same_rule(code: str) -> str | None:
    """Return the rule of ours that says the same as one of ruff."""
    return _OURS.get(code)


def undefined_name(entry: Finding) -> str:
    """Return the name that a finding calls undefined; "" where it speaks of something else."""
    found = _NAMED.search(entry.message) if entry.rule == _UNDEFINED else None
    return found[1] if found else ""


def _program() -> str | None:
    try:
        from ruff.__main__ import find_ruff_bin  # type: ignore[import-untyped]

        return str(find_ruff_bin())
    except (ImportError, FileNotFoundError) as error:
        log.warning("no ruff: %s", error)
        return None


def _is_wanted(entry: Mapping[str, Any], path: str) -> bool:
    code = entry["code"] or ""
    if is_test_data(path):
        return False
    # A project's configuration may also ask for style: a review is about bugs.
    if code.startswith("invalid") or not code:
        return True
    if not any(_selects(one, code) for one in _SELECTED.split(",")):
        return False
    if any(_selects(one, code) for one in _DROPPED.split(",")):
        return False
    if code == UNUSED_IMPORT and path.endswith("__init__.py"):
        return False
    return not (
        is_test_path(path)
        and (_SECURITY.match(code) or code.startswith(("B017", "B018", "PLW01", "B011", "PLE25")))
    )


def _is_probe(document: Document, entry: Mapping[str, Any]) -> bool:
    """Whether an expression without a use stands where it may fail: that is what it is for."""
    row = entry["location"]["row"]
    above = document.line(row - 2).strip() if 1 < row <= document.line_count else ""
    return entry["code"] == "B018" and bool(_GUARD.match(above))


def _selects(selector: str, code: str) -> bool:
    """Whether a rule is one of those that a selector names: `S` selects S102 and not SIM108."""
    return code.startswith(selector) and (selector[-1].isdigit() or code[len(selector)].isdigit())


def _finding(document: Document, entry: Mapping[str, Any], severity: Severity) -> Finding:
    code = entry["code"] or INVALID
    start, end = (_offset(document, entry[key]) for key in ("location", "end_location"))
    category: Category = "security" if _SECURITY.match(code) else "bug"
    return finding.at(
        document,
        Span(start, max(end, start)),
        rule=code,
        severity=severity,
        confidence=0.9 if severity == "error" else 0.8,
        category=category,
        message=f"{entry['message'].rstrip('.')}.",
        fix=_fix(document, entry.get("fix")),
        source="linter",
        identity=_NUMBERED.sub("line", entry["message"]),
        url=entry.get("url") or "",
    )


def _severity(document: Document, entry: Mapping[str, Any]) -> Severity | None:
    """Grade what ruff says: an error where a second reader agrees, None where that one knows better."""
    code = entry["code"] or INVALID
    if code == INVALID:  # also what another version of Python takes
        return "error" if _is_refused(document.text) else None
    if code.startswith(_COMPILED):
        return "error" if _is_refused(document.text) else "warning"
    if code == _UNDEFINED:
        name = _NAMED.search(entry["message"])
        doubt = undefined.doubt(document.text, name[1] if name else "", entry["location"]["row"])
        return {"none": "error", "some": "warning", "defined": None}[doubt]
    if code == _REDEFINED and is_lost_definition(document.text, entry["location"]["row"]):
        return "warning"
    if code == UNUSED_IMPORT and not unused_imports.is_left(
        document, entry["message"], entry["location"]["row"]
    ):
        return "info"
    return "info" if code.startswith(_INFO) or _SECURITY.match(code) else "warning"


def _is_refused(text: str) -> bool:
    """Whether Python's own compiler refuses a text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<text>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return True
    except (RecursionError, MemoryError):
        return False
    return False


def _fix(document: Document, fix: Mapping[str, Any] | None) -> Edit | None:
    if not fix or fix.get("applicability") != "safe" or len(fix["edits"]) != 1:
        return None
    edit = fix["edits"][0]
    start, end = (_offset(document, edit[key]) for key in ("location", "end_location"))
    return Edit(Span(start, end), edit["content"])


def _offset(document: Document, place: Mapping[str, int]) -> int:
    row = min(max(place["row"], 1), document.line_count) - 1
    return min(document.starts[row] + max(place["column"] - 1, 0), len(document.text))
