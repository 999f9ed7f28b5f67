"""Play places against the real model over LSP and say what a careful person would think of each answer.

A file holds places (`[[place]]` in TOML): a name, a path, the text before and after the cursor, and regular
expressions of what is `right` and what is `harmless`. It knows no prompt and no filter.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from qwen_lsp.bench import editor
from qwen_lsp.errors import InputError
from qwen_lsp.lsp.requests.explain import EXPLAIN
from qwen_lsp.syntax import languages, parsing

Verdict = Literal["right", "harmless", "annoying", "wrong"]
VERDICTS: tuple[Verdict, ...] = ("right", "harmless", "annoying", "wrong")
_UNASKED_WAIT_S = 0.2


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One place. An empty expression among `right` or `harmless` means that nothing need come.

    `answer` is what a model wrote there once, for tests without one.
    """

    name: str
    path: str
    language: str
    before: str
    after: str
    kind: str = ""
    answer: str = ""
    right: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came at a place: asked by hand (the first candidate and the others), unasked, and why nothing."""

    name: str
    kind: str
    verdict: Verdict
    invoked: tuple[str, ...]
    automatic: str
    reason: str


def read(path: Path) -> list[Place]:
    """Read the places of a file.

    Raises: InputError when it is not such a file.
    """
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), dict[str, list[Place]])["place"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError, KeyError) as error:
        raise InputError(f"{path} holds no places ([[place]]): {error}") from None


def judged(place: Place, text: str) -> Verdict:
    """Judge one answer: by the expressions, else by whether the file still parses with it."""
    if any(re.fullmatch(expression, text, re.DOTALL) for expression in place.right):
        return "right"
    if any(re.fullmatch(expression, text, re.DOTALL) for expression in place.harmless):
        return "harmless"
    if not text.strip():
        return "annoying"
    language = languages.find(place.language, place.path)
    before = parsing.error_count(place.before + place.after, language)
    after = parsing.error_count(place.before + text + place.after, language)
    breaks = before is not None and after is not None and after > before
    return "wrong" if breaks else "annoying"


def verdict(place: Place, invoked: Sequence[str], automatic: str) -> Verdict:
    """Judge a place by the worst of what was shown; what comes unasked may be the beginning of the answer."""
    found = judged(place, invoked[0] if invoked else "")
    if automatic and not (invoked and invoked[0].startswith(automatic)):
        unasked = judged(place, automatic)
        found = max(found, unasked, key=VERDICTS.index)
    return found


def play(
    places: Sequence[Place], progress: Callable[[int, int], None], options: dict[str, Any] | None = None
) -> list[Outcome]:
    """Ask at each place in turn."""
    return asyncio.run(_play(places, progress, options or {}))


async def _play(
    places: Sequence[Place], progress: Callable[[int, int], None], options: dict[str, Any]
) -> list[Outcome]:
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        async with editor.start(root, options=options) as session:
            for number, place in enumerate(places, start=1):
                uri = (root / place.path).as_uri()
                await session.open(uri, place.language, place.before + place.after)
                at = len(place.before)
                automatic = await session.complete(uri, at, invoked=False)
                await asyncio.sleep(_UNASKED_WAIT_S)
                first = await session.complete(uri, at)
                texts = tuple(str(item.insert_text) for item in first)
                record = await session.request(EXPLAIN, {"textDocument": {"uri": uri}})
                unasked = str(automatic[0].insert_text) if automatic else ""
                reason = "" if texts else f"{record.reason}: {record.detail}"
                found = verdict(place, texts, unasked)
                outcomes.append(Outcome(place.name, place.kind, found, texts, unasked, reason))
                await session.close(uri)
                progress(number, len(places))
    return outcomes


def counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Count the outcomes of each verdict."""
    found = Counter(outcome.verdict for outcome in outcomes)
    return {name: found[name] for name in VERDICTS}


def as_json(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the counts and every outcome."""
    return {"counts": counts(outcomes), "places": [asdict(outcome) for outcome in outcomes]}


def as_text(outcomes: Sequence[Outcome]) -> str:
    """Return the counts, then one line for each place that is not right."""
    lines = ["  ".join(f"{name} {n}" for name, n in counts(outcomes).items())]
    for outcome in outcomes:
        if outcome.verdict != "right":
            shown = repr(outcome.invoked[0]) if outcome.invoked else outcome.reason
            lines.append(f"{outcome.verdict:9} {outcome.kind:4} {outcome.name}: {shown}")
            if outcome.automatic:
                lines.append(f"{'':15}unasked: {outcome.automatic!r}")
    return "\n".join(lines)
