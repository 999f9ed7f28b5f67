"""`qwen-lsp bench actions --real`: one action on each of 60 functions of strangers, and what came of it.

Owns which functions are drawn, by a rule, and how the results are kept and shown; `rubric` judges what a
machine can, a person who reads the sheet the rest. The packages are pinned in real.toml; nothing was tuned
on them.
"""

from __future__ import annotations

import asyncio
import difflib
import random
import re
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from qwen_lsp.actions import existing_documentation
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.task import Diagnostic, Outcome, Proposal, Refused, Task, apply
from qwen_lsp.bench import archives
from qwen_lsp.bench.actions.rubric import Place, broken_rules
from qwen_lsp.bench.archives import Archive
from qwen_lsp.bench.infill.score import percentile
from qwen_lsp.config import Config
from qwen_lsp.errors import EndpointError, InputError
from qwen_lsp.messages import Locale
from qwen_lsp.model.client import Client
from qwen_lsp.model.hosts import alone, open_host
from qwen_lsp.model.select import chosen_model
from qwen_lsp.syntax import code, contract
from qwen_lsp.syntax.code import Definition, Source
from qwen_lsp.syntax.languages import find
from qwen_lsp.text import Document, Edit, Span, has_han

KINDS = (
    "docstring",
    "docstring, Chinese",
    "docstring, documented",
    "translate",
    "simplify",
    "optimise",
    "errors",
    "test",
    "types",
    "fix",
)
"""One function of each package for each of these."""

_PACKAGES = Path(__file__).with_name("real.toml")
_MIN_LINES, _MAX_LINES = 4, 30
_LEFT_OUT = re.compile(r"(^|/)(tests?|__tests__|vendor)/|[._-]test\.|_test\.|\.pb\.|generated")
# What there is to do for whoever simplifies a function, makes it faster or handles its errors.
_BRANCH = re.compile(r"\b(if|for|while|switch)\b")
_CONSTRUCTORS = ("__init__", "constructor")
_IMPORT = re.compile(r"\s*(import|from|#include|const .*require|use |\)|\"|')")
_WORD = re.compile(r"[A-Za-z_]\w{4,}")


class Judged(msgspec.Struct, frozen=True):
    """What became of one action. `broken` names the lines of the rubric that do not hold. Units: seconds."""

    model: str
    kind: str
    place: str
    outcome: str
    broken: tuple[str, ...]
    seconds: float
    diff: str = ""


# Which functions


def draw(seed: int, root: Path | None = None, folder: Path | None = None) -> list[Place]:
    """Draw the functions: for each package and kind the first that fits, from another file where possible.

    With a `root`, the packages are written below it, so that new tests of them can be run.

    Raises: InputError when a package cannot be had.
    """
    places: list[Place] = []
    for entry in tomllib.loads(_PACKAGES.read_text("utf-8"))["package"]:
        one = Archive(entry["registry"], entry["name"], entry["version"], entry["hash"])
        texts = {
            path: text
            for path, text in archives.texts(one, folder).items()
            if entry["under"] in path
            and path.endswith(tuple(entry["endings"]))
            and not _LEFT_OUT.search(path)
        }
        if not texts:
            raise InputError(f"{one} holds nothing below {entry['under']}")
        about = {path: text for path, text in archives.texts(one, folder).items() if path == "package.json"}
        own = _written(texts | about, root / one.name) if root is not None else ""
        drawn = _of_package(one.name, texts, random.Random(f"{seed} {one.name}"))
        places += [replace(place, task=replace(place.task, root=own)) for place in drawn]
    return places


def _written(texts: dict[str, str], root: Path) -> str:
    for path, text in texts.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8", newline="")
    return str(root)


def _of_package(package: str, texts: dict[str, str], chance: random.Random) -> Iterator[Place]:
    paths = sorted(texts)
    chance.shuffle(paths)
    used: dict[str, int] = dict.fromkeys(paths, 0)
    taken: set[tuple[str, str]] = set()
    for kind in KINDS:
        # A file that gave none yet comes first.
        for path in sorted(paths, key=lambda path: used[path]):
            found = next(
                (
                    place
                    for place in _places(kind, package, path, texts[path])
                    if (path, place.name) not in taken
                ),
                None,
            )
            if found is not None:
                used[path] += 1
                taken.add((path, found.name))
                yield found
                break


def _places(kind: str, package: str, path: str, text: str) -> Iterator[Place]:
    source = code.parse(text, find("", path))
    if source is None or source.error_count():
        return
    document = Document(f"file:///{path}", text, 0, source.language.id, f"/{path}")
    for definition in source.definitions():
        n_lines = text.count("\n", definition.span.start, definition.span.end) + 1
        if not definition.is_function or not definition.name or not _MIN_LINES <= n_lines <= _MAX_LINES:
            continue
        place = _place(kind, package, path, document, source, definition)
        if place is not None:
            yield place


def _place(
    kind: str, package: str, path: str, document: Document, source: Source, definition: Definition
) -> Place | None:
    existing = existing_documentation.find(document, source, definition)
    inside = document.text[definition.span.start : definition.span.end]
    locale: Locale = "zh" if kind == "docstring, Chinese" else "en"
    span = Span(definition.span.start, definition.span.start)
    action = kind.split(",")[0]
    right = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    if action == "docstring" and (existing is None) == (kind == "docstring, documented"):
        return None
    has_work = _BRANCH.search(inside) is not None and definition.name not in _CONSTRUCTORS
    if action in ("simplify", "optimise", "errors", "test") and not has_work:
        return None
    if action == "translate":
        if not _has_prose(source, definition.span):
            return None
        locale, span = ("en" if has_han(inside) else "zh"), definition.span
    if action == "types" and source.language.id not in ("python", "typescript"):
        action = "fix"  # where types are written anyway, one more repair
    if action == "types" and ("->" in inside.split("\n")[0] or ": " in _header(document, definition)):
        return None
    if action == "fix":
        planted = _misspelt(document, source, definition)
        if planted is None:
            return None
        document, span, right, diagnostics = planted
    task = Task(action, document, span, path, diagnostics=diagnostics, locale=locale, is_trusted=True)
    end = definition.span.end + len(document.text) - len(right or document.text)
    return Place(kind, package, f"{path}: {definition.name}", task, Span(definition.span.start, end), right)


def _header(document: Document, definition: Definition) -> str:
    span = definition.parameters or definition.header
    return document.text[span.start : span.end]


def _has_prose(source: Source, span: Span) -> bool:
    return any(
        span.start <= one.span.start < span.end and (has_han(one.text) or one.text.count(" ") >= 3)
        for one in source.prose()
    )


def _misspelt(
    document: Document, source: Source, definition: Definition
) -> tuple[Document, Span, str, tuple[Diagnostic, ...]] | None:
    """Swap two letters in the last use of a parameter, and report the whole line, as many linters do."""
    body = document.text[definition.body.start : definition.body.end]
    promise = contract.of(source, definition)
    for name in promise.parameters if promise is not None else ():
        if not _WORD.fullmatch(name):
            continue
        uses = list(re.finditer(rf"(?<![\w.$\"']){name}(?=[\[.,)\]])", body))
        wrong = name[:2] + name[3] + name[2] + name[4:]
        if not uses or wrong == name or wrong in document.text:
            continue
        start = definition.body.start + uses[-1].start()
        broken = document.with_edit(Edit(Span(start, start + len(name)), wrong), 1)
        line = broken.line_of(start)
        place = Span(broken.starts[line], broken.line_end(line))
        message = f"Undefined name '{wrong}'"
        return broken, Span(start, start), document.text, (Diagnostic(place, message),)
    return None


# Measuring


def run(
    config: Config, *, seed: int, minutes: float, only: str, kept_in: Path | None, sheet: Path | None
) -> list[Judged]:
    """Act on every function whose kind or package holds `only`; what `kept_in` holds is not done again.

    Raises: InputError when a package cannot be had or a file cannot be used.
    """
    model = chosen_model(config).profile.name
    kept = [one for one in _read(kept_in) if one.model == model]
    done = {(one.kind, one.place) for one in kept}
    with tempfile.TemporaryDirectory(prefix="qwen-lsp-") as root:
        places = [
            place
            for place in draw(seed, Path(root))
            if only in f"{place.kind} {place.package}" and (place.kind, _title(place)) not in done
        ]
        asyncio.run(_run(places, kept, model, config, kept_in, time.monotonic() + 60 * minutes))
    kept = [one for one in kept if only in f"{one.kind} {one.place}"]
    if sheet is not None:
        sheet.write_text(as_sheet(kept), "utf-8")
    return kept


def _title(place: Place) -> str:
    return f"{place.package}/{place.name}"


def _read(path: Path | None) -> list[Judged]:
    try:
        lines = path.read_bytes().splitlines() if path is not None and path.exists() else []
        return [msgspec.json.decode(line, type=Judged) for line in lines]
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"{path} holds no rows of `bench actions --real`: {error}") from None


async def _run(
    places: Sequence[Place], kept: list[Judged], model: str, config: Config, file: Path | None, end: float
) -> None:
    if not places:
        return
    host = open_host(alone(config), chosen_model(config).path, lambda state: None, "chat")
    try:
        client = await host.ready()
        for place in places:
            if time.monotonic() > end:
                return
            one = await _acted(place, client, config, model)
            kept.append(one)
            if file is not None:
                with file.open("ab") as rows:
                    rows.write(msgspec.json.encode(one) + b"\n")
            verdict = ", ".join(one.broken) or one.outcome
            sys.stderr.write(f"{one.kind}: {one.place}: {verdict} ({one.seconds:.1f} s)\n")
    finally:
        await host.close()


async def _acted(place: Place, client: Client, config: Config, model: str) -> Judged:
    session = ModelSession(client, config.engine.context_tokens, config.actions.timeout_ms)
    started = time.monotonic()
    outcome: Outcome
    try:
        outcome = await runner.run(place.task, session)
    except EndpointError as error:  # too late, or the engine died
        outcome = Refused("failed", str(error))
    seconds = time.monotonic() - started
    broken = tuple(broken_rules(place, outcome)) if isinstance(outcome, Proposal) else ()
    return Judged(
        model, place.kind, _title(place), _said(outcome), broken, round(seconds, 1), _diff(place, outcome)
    )


def _said(outcome: Outcome) -> str:
    if isinstance(outcome, Refused):
        return f"refused: {outcome.reason} {outcome.detail}".rstrip()
    return "proposed"


def _diff(place: Place, outcome: Outcome) -> str:
    if not isinstance(outcome, Proposal):
        return ""
    before = place.task.document.text
    lines = list(
        difflib.unified_diff(before.split("\n"), apply(before, outcome.edits).split("\n"), lineterm="", n=30)
    )
    if outcome.other is not None:
        lines += [f"+++ {outcome.other.path}", *(f"+{line}" for line in _other_text(outcome).split("\n"))]
    return "\n".join(lines)


def _other_text(outcome: Proposal) -> str:
    return "".join(edit.new_text for edit in outcome.other.edits) if outcome.other is not None else ""


# Showing


def as_json(judged: Sequence[Judged]) -> str:
    """Return every row as one JSON object."""
    return msgspec.json.encode({"rows": judged}).decode()


def as_text(judged: Sequence[Judged]) -> str:
    """Return how many of each kind were proposed, and hold by the rubric."""
    lines = [f"{'':24} {'n':>3} {'proposed':>8} {'by rubric':>9} {'refused':>7} {'seconds p50 / p95':>18}"]
    kinds = [kind for kind in KINDS if any(one.kind == kind for one in judged)]
    for kind in (*kinds, ""):
        rows = [one for one in judged if kind in ("", one.kind)]
        if not rows:
            continue
        proposed = [one for one in rows if one.outcome == "proposed"]
        n_good = sum(not one.broken for one in proposed)
        seconds = [one.seconds for one in rows]
        took = f"{percentile(seconds, 50):.1f} / {percentile(seconds, 95):.1f}"
        counts = f"{len(rows):>3} {len(proposed):>8} {n_good:>9} {len(rows) - len(proposed):>7}"
        lines.append(f"{kind or 'all':24} {counts} {took:>18}")
    lines += [f"{one.kind}: {one.place}: not {', '.join(one.broken)}" for one in judged if one.broken]
    return "\n".join(lines)


def as_sheet(judged: Sequence[Judged]) -> str:
    """Return a page for judging by eye: each change, what the rubric says of it, a box to tick."""
    parts = ["# Code actions on functions of strangers\nTick what you would keep as it is.\n"]
    for number, one in enumerate(judged, 1):
        rubric = f"not {', '.join(one.broken)}" if one.broken else "holds"
        fence = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`{3,}", one.diff))])
        shown = f"{fence}diff\n{one.diff}\n{fence}\n" if one.diff else ""
        parts.append(
            f"## {number}. {one.kind}: {one.place}\n- [ ] keep · {one.outcome}"
            f"{f', rubric {rubric}' if one.diff else ''} · {one.seconds} s\n\n{shown}"
        )
    return "\n".join(parts)
