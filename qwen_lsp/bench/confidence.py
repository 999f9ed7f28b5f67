"""`qwen-lsp bench confidence`: how often the sure part of a suggestion is right, for each threshold.

At places all over some traces the whole answer is asked for, with the probabilities of its tokens; then every
threshold is tried on it with the product's own rule (completion/answer.py). No clock plays a part, so a
noisy machine gives the same table. `run` is the way in; `as_json` and `as_text` are the ways out.
"""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_lsp.bench import editor as lsp_session
from qwen_lsp.bench.infill.score import wilson_interval
from qwen_lsp.bench.replay import typist
from qwen_lsp.bench.replay.traces import Trace
from qwen_lsp.completion.answer import Answer, TokenLogprobs
from qwen_lsp.config import Config
from qwen_lsp.lsp.requests.explain import EXPLAIN
from qwen_lsp.text import Edit, Span

THRESHOLDS = (0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.3, 0.1, 0.0)

_OPTIONS: dict[str, Any] = {
    "completion.minConfidence": 0.0,
    "completion.answerEarly": False,
    "completion.prefetch": False,
    # The first line is judged; more would only take time.
    "completion.lineTokens": 24,
    "completion.blockTokens": 24,
}

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """One place: the answer with its token log-probabilities, and what was typed there in truth."""

    language: str
    text: str
    logprobs: TokenLogprobs
    following: str


def places(traces: Sequence[Trace], every: int) -> Iterator[tuple[Trace, str, int, str]]:
    """Yield each `every`-th state of each trace: the trace, its text, the cursor, what comes next."""
    for trace in traces:
        edits, cursor, text = trace.edits, trace.cursor, trace.text
        number = 0
        while edits:
            following = typist.upcoming(edits, cursor)
            if number % every == 0 and following.strip():
                yield trace, text, cursor, following
            key, edits = edits[0], edits[1:]
            text = text[: key.start] + key.text + text[key.end :]
            cursor = key.start + len(key.text)
            number += 1


def run(traces: Sequence[Trace], every: int, config: Config, progress: Progress) -> list[Sample]:
    """Ask the configured model at every place. Raises: EndpointError and ModelError without a model."""
    return asyncio.run(_ask(list(places(traces, every)), config, progress))


async def _ask(
    asked: Sequence[tuple[Trace, str, int, str]], config: Config, progress: Progress
) -> list[Sample]:
    samples: list[Sample] = []
    options = {**_OPTIONS, "model.name": config.model.name}
    with tempfile.TemporaryDirectory() as folder:
        async with lsp_session.start(Path(folder), options=options) as session:
            for number, (trace, text, cursor, following) in enumerate(asked):
                uri = (Path(folder) / trace.path).as_uri()
                if uri in session.documents:
                    before = session.documents[uri]
                    await session.edit(uri, Edit(Span(0, len(before.text)), text))
                else:
                    await session.open(uri, trace.language, text)
                items = await session.complete(uri, cursor, invoked=False)
                explained = await session.request(EXPLAIN, {"textDocument": {"uri": uri}})
                shown = str(items[0].insert_text) if items else ""
                samples.append(
                    Sample(trace.language, shown, _logprobs(explained.tokens if explained else []), following)
                )
                progress(number + 1, len(asked))
    return samples


def _logprobs(tokens: Sequence[Any]) -> TokenLogprobs:
    logprobs: list[tuple[int, float]] = []
    end = 0
    for text, probability in tokens:
        end += len(text)
        logprobs.append((end, math.log(max(probability, 1e-4))))
    return tuple(logprobs)


def table(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Return what each threshold would have shown, how much of it was right, and what it saved.

    Units: `chars` right characters shown at a place, in the mean over all places; right as in
    typist.is_right: to the end of the first line.
    """
    rows = []
    for least in THRESHOLDS:
        parts = [
            (Answer(sample.text, sample.logprobs).confident_prefix(least), sample.following)
            for sample in samples
        ]
        shown = [(part, following) for part, following in parts if part.strip()]
        right = [part for part, following in shown if typist.is_right(part, "", following)]
        interval = wilson_interval(len(right), len(shown))
        rows.append(
            {
                "least": least,
                "coverage": round(len(shown) / max(len(samples), 1), 4),
                "right": round(len(right) / len(shown), 4) if shown else None,
                "interval": None if interval is None else [round(bound, 4) for bound in interval],
                "chars": round(sum(len(typist.judged(part)) for part in right) / max(len(samples), 1), 2),
            }
        )
    return rows


def as_json(samples: Sequence[Sample], model: str) -> str:
    """Return the table, over all places and by language."""
    languages = sorted({sample.language for sample in samples})
    by_language = {
        language: table([sample for sample in samples if sample.language == language])
        for language in languages
    }
    document = {"model": model, "n": len(samples), "thresholds": table(samples), "languages": by_language}
    return json.dumps(document, ensure_ascii=False, indent=2)


def as_text(samples: Sequence[Sample], model: str) -> str:
    """Return the table over all places, for people."""
    lines = [
        f"{model}, {len(samples)} places",
        "least  coverage  right              right characters a place",
    ]
    for row in table(samples):
        low, high = row["interval"] or (0.0, 0.0)
        right = "-" if row["right"] is None else f"{row['right']:.2f} [{low:.2f}, {high:.2f}]"
        lines.append(f"{row['least']:<5}  {row['coverage']:<8.2f}  {right:<17}  {row['chars']:.1f}")
    return "\n".join(lines)
