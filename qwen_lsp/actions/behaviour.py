"""Whether a rewritten function still does the same: by running both versions, else by their decisions.

In a trusted folder a pure Python function is run on generated inputs in a child process (`trial`), one of
JavaScript in Node where the kernel confines it. Else a change of a condition's truth table, of what is read
of and done to things that outlive the function, or a handler that hides errors is a reason to refuse.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import tempfile
from collections import Counter
from importlib.resources import as_file, files
from pathlib import Path

from qwen_lsp import confined
from qwen_lsp.actions import checks, trial
from qwen_lsp.actions.target import Target
from qwen_lsp.actions.task import Refused
from qwen_lsp.child import Child, on_path
from qwen_lsp.syntax import code, decisions, effects, failures
from qwen_lsp.syntax.code import Source
from qwen_lsp.syntax.decisions import Condition, Decisions

_SCRIPTS = {"javascript", "typescript"}
_SCRIPT_NAME = re.compile(
    r"\s*(?:export\s+(?:default\s+)?)?(?:function\s+([A-Za-z_$][\w$]*)\s*[<(]"
    r"|(?:const|let|var)\s+([A-Za-z_$][\w$]*)\s*=\s*(?:\([^)]*\)|[\w$]+)\s*(?::[^=]+)?=>)"
)
_TRIAL = files("qwen_lsp.actions").joinpath("trial.mjs")
# What the child may take, start included; the limit on its processor time is its own.
_TIMEOUT_S = 10.0
# So many inputs that the old version takes are evidence; with fewer the syntax decides.
_MIN_RUNS = 8
_BROAD = re.compile(
    r"except(\s*:|\s+(Base)?Exception\b)"
    r"|catch\s*(\(\s*(final\s+)?(Exception|Throwable|\w+|\w+\s*:\s*\w+)\b[^)]*\))?\s*\{"
)
_NOTHING_RETURNED = re.compile(
    r"return\s*(None|null|undefined|False|false|0|-1|\[\]|\{\}|\"\")?\s*;?\s*(\n|\}|$)"
)
_CAN_FAIL = re.compile(r"[\w\])]\s*[(\[]|\braise\b|\bthrow\b|\bawait\b|\bnew\b|[/%]|\.\w|\bimport\b")
# How a condition says that a value is missing, and that Go's call failed.
_MISSING = r"(is None|===? ?(null|undefined))"
_GO_ERROR = re.compile(r"\w*[eE]rr\w* != nil")
_GO_GUARD = re.compile(r"if (?:[^{};\n]*; )?(?P<name>\w*[eE]rr\w*) != nil \{(?P<body>[^{}]*)\}")
_CALLED = re.compile(r"\.\s*([A-Za-z_$][\w$]*)\s*\(")
_STRING = re.compile(r"\"(\\.|[^\"\\\n])*\"|'(\\.|[^'\\\n])*'")
_CALLS = """
    map filter some every any all sum min max len list set dict tuple sorted enumerate zip range reversed
    join push append add forEach includes find findIndex bool str flatMap reduce keys values entries items get
"""
_OVER_SEQUENCES = frozenset(_CALLS.split())
# Words that look for a member; and those of conditions that can be said in other words.
_FINDING = "includes indexOf has contains containsKey some any find findIndex filter Set set"
_MEMBERSHIP = frozenset(_FINDING.split())
_SAYABLE = """
    len length size isEmpty empty bool Boolean null undefined None nil true false True False not is in typeof
    instanceof and or
"""
_EASILY_SAID = frozenset(_SAYABLE.split())
_LEAVES = re.compile(r"\b(raise|throw|return|reject|panic|exit|rethrow)\b")


async def changed(target: Target, new_region: str) -> Refused | None:
    """Return why a rewritten region may behave in another way; None where nothing speaks for it."""
    kind, language = target.task.kind, target.task.language
    old, new = code.parse(target.shown, language), code.parse(new_region, language)
    if old is None or new is None or language is None:
        return None
    if kind == "errors":
        return handlers(old.text, new.text) or _needless(target, old, new) or _conditions_kept(old, new)
    if kind not in checks.SAME:
        return None
    if target.task.is_trusted:
        ran = None
        if language.id == "python":
            ran = await _run_both(target.shown, new_region)
        elif language.id in _SCRIPTS:
            ran = await asyncio.to_thread(_run_scripts, target.shown, new_region)
        if ran is not None:
            return ran if isinstance(ran, Refused) else None
    refused = by_decisions(old, new) or _lost_words(old, new) or by_effects(old, new) or _new_calls(old, new)
    return refused or (None if _is_only_ordered_anew(old, new) else by_parts(old, new))


async def _run_both(before: str, after: str) -> Refused | bool | None:
    """Run both versions. None: it cannot be done here. True: the same on enough inputs."""
    if not (trial.is_pure(before) and trial.is_pure(after)):
        return None
    name = re.search(r"def\s+(\w+)", before)
    if name is None or not re.search(rf"def\s+{name[1]}\b", after):
        return None
    try:
        child = await Child.start("qwen_lsp.actions.trial")
    except OSError:  # the system starts no process now
        return None
    try:
        child.send(json.dumps({"before": before, "after": after, "name": name[1]}).encode())
        answer = json.loads(await asyncio.wait_for(child.first_line(), _TIMEOUT_S) or b"{}")
    except (TimeoutError, ValueError, OSError):
        return None
    finally:
        await child.close(0)
    return _verdict(answer)


def _verdict(answer: dict[str, object]) -> Refused | bool | None:
    if answer.get("difference"):
        return Refused("behaviour", str(answer["difference"]))
    n_runs = answer.get("runs", 0)
    return True if isinstance(n_runs, int) and n_runs >= _MIN_RUNS else None


def _run_scripts(before: str, after: str) -> Refused | bool | None:
    """Run both versions of a JavaScript function in Node, confined. None: it cannot be done here."""
    name = _SCRIPT_NAME.match(before)
    node = on_path("node", "")
    if name is None or node is None or not re.search(rf"\b{re.escape(name[1] or name[2])}\b", after):
        return None
    question = json.dumps({"before": before, "after": after, "name": name[1] or name[2]})
    try:
        with tempfile.TemporaryDirectory(prefix="qwen-lsp-") as folder, as_file(_TRIAL) as script:
            command = [node, "--max-old-space-size=256", str(script)]
            said = confined.run(command, Path(folder), writable=Path(folder), stdin=question, timeout_s=10)
        return _verdict(json.loads(said or "{}"))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def by_decisions(old: Source, new: Source) -> Refused | None:
    """Compare the decision tables where both have one, else each condition that is new."""
    one, other = decisions.of(old), decisions.of(new)
    if one is None or other is None:
        return None
    if Counter(one.statements) == Counter(other.statements) or set(other.statements) <= set(one.statements):
        table = decisions.rows(one.atoms | other.atoms)
        differs = any(_plain(one.outcome(row)) != _plain(other.outcome(row)) for row in table)
        return Refused("behaviour") if differs else None
    doubtful = [condition for condition in other.conditions if not _is_from(condition, one)]
    return Refused("behaviour") if doubtful else None


def by_effects(old: Source, new: Source) -> Refused | None:
    """Compare what both do to things that outlive them, and what they read of those."""
    differing = {place for _, place in effects.of(old) ^ effects.of(new)}
    differing |= effects.reads(old) ^ effects.reads(new)
    return Refused("behaviour", ", ".join(sorted(differing))) if differing else None


def _is_only_ordered_anew(old: Source, new: Source) -> bool:
    """Whether both have the same statements, of which the decision tables have been compared."""
    one, other = decisions.of(old), decisions.of(new)
    return one is not None and other is not None and set(other.statements) == set(one.statements)


def by_parts(old: Source, new: Source) -> Refused | None:
    """Compare the statements that do something, in order and in full, and what values are made of."""
    one, other = effects.sequence(old), effects.sequence(new)
    if one != other:
        differing = [text for text in one if text not in other] or [text for text in other if text not in one]
        return Refused("behaviour", (differing or one)[0][:80])
    lost = effects.parts(old) - effects.parts(new)
    return Refused("behaviour", ", ".join(sorted(lost))[:80]) if lost else None


def _lost_words(old: Source, new: Source) -> Refused | None:
    """Refuse code that no longer speaks of what a condition asked for: `includes`, or a name of elsewhere.

    How a length or a missing value is asked for, and one way to look for a member for another, may change.
    """
    left = set(re.findall(r"[^\W\d]\w*", _STRING.sub("", new.text)))
    left |= _MEMBERSHIP if left & _MEMBERSHIP else set()
    lost = decisions.words(old) - left - _EASILY_SAID - old.bound()
    return Refused("behaviour", ", ".join(sorted(lost))) if lost else None


def _new_calls(old: Source, new: Source) -> Refused | None:
    """Refuse calls of methods and packages that were not there, but for what goes over a sequence.

    What they do is not known here. Plain names are the file's or the repository's, which `checks` knows.
    """
    called, before = (set(_CALLED.findall(_STRING.sub("", one.text))) for one in (new, old))
    strange = called - before - _OVER_SEQUENCES
    return Refused("behaviour", ", ".join(sorted(strange))) if strange else None


def _plain(trace: tuple[str, ...]) -> tuple[str, ...]:
    return trace[:-1] if trace[-1:] in (("return",), ("return None",)) else trace


def _is_from(condition: Condition, before: Decisions) -> bool:
    """Whether a condition is one that was there, its negation, or about something else altogether."""
    shared = [one for one in before.conditions if one.atoms & condition.atoms]
    return not shared or any(
        condition.equals(one, negated=is_negated) for one in shared for is_negated in (False, True)
    )


def _conditions_kept(old: Source, new: Source) -> Refused | None:
    """Checks may be added to a function, but what it decided before it still decides."""
    one, other = decisions.of(old), decisions.of(new)
    if one is None or other is None:
        return None
    lost = [condition for condition in one.conditions if not _is_from(condition, other)]
    return Refused("behaviour") if lost else None


def _needless(target: Target, old: Source, new: Source) -> Refused | None:
    """Return why added handling is no good: it guards what cannot fail, or turns away what was taken."""
    if target.task.instruction.strip():
        return None
    n_tried = len(re.findall(r"\btry\b", new.text)) - len(re.findall(r"\btry\b", old.text))
    if n_tried > 0 and len(failures.tried(new)) <= len(failures.tried(old)):
        return Refused("cannot_fail")
    function = next((one for one in old.definitions() if one.is_function), None)
    unchecked = failures.unchecked_parameters(old, function) if function is not None else []
    known = {condition for condition, _ in failures.guards(old)}
    for condition, has_error in failures.guards(new):
        if condition in known or _GO_ERROR.fullmatch(condition):
            continue
        parts = re.split(r"\s*(?:\|\||\bor\b)\s*", condition)
        missing = [re.fullmatch(rf"(\w+) {_MISSING}", part) for part in parts]
        if not has_error or not all(one and one[1] in unchecked for one in missing):
            return Refused("behaviour", condition[:80])
    return None


def handlers(old: str, new: str) -> Refused | None:
    """Refuse an added handler around what cannot fail, or one that hides every error."""
    for guard in _GO_GUARD.finditer(new):  # a function that gives no error still says that there was one
        if guard.group() not in old and not re.search(rf"\b{guard['name']}\b|panic|Fatal", guard["body"]):
            return Refused("hides_errors")
    n_before = len(re.findall(r"\btry\b", old))
    tried = list(re.finditer(r"\btry\b\s*(?:\{|:)", new))
    if len(tried) <= n_before:
        return None
    for start in tried:
        caught = re.compile(r"\n?[ \t]*\}?\s*\b(except|catch|finally)\b").search(new, start.end())
        body = new[start.end() : caught.start()] if caught else new[start.end() :]
        if body not in old and not _CAN_FAIL.search(re.sub(r"(['\"]).*?\1", "", body)):
            return Refused("cannot_fail")
    for handler in _BROAD.finditer(new):
        if handler.group() in old:
            continue
        rest = new[handler.end() :]
        ends = re.search(r"\n(?=\S)|\n\s*\}|\}", rest.lstrip("\n"))
        body = rest[: ends.end() + 1] if ends else rest
        if not _LEAVES.search(body) or _NOTHING_RETURNED.search(body):
            return Refused("hides_errors")
    return None
