"""The record of one completion: what was asked, what came, what each filter did, why nothing was shown.

A Trace is filled while the request runs and read by `qwen-lsp complete --trace` and by "why was
nothing suggested?". It holds code, so it stays in memory and is never logged above debug level.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any


def _now_s() -> float:
    return time.perf_counter()


@dataclass(slots=True)
class FilterStep:
    """What one filter did: its name, and the text it left, or the reason it gave for dropping it."""

    name: str
    text: str | None
    reason: str = ""


@dataclass(slots=True)
class Trace:
    """One request. Units: milliseconds since the request came; tokens as the engine counted them.

    `probability` is the model's own for what is left of the answer; `first_word` that of its first word,
    where it was less than `min_confidence` and so too little to show anything; `tokens` are those of the
    answer with theirs.
    """

    path: str = ""
    trigger: str = ""
    source: str = "model"
    is_partial: bool = False
    mode: str = ""
    prompt: str = ""
    raw: str = ""
    answer: str = ""
    stop_reason: str = ""
    filters: list[FilterStep] = field(default_factory=list)
    reason: str = ""
    detail: str = ""
    rule: str = ""
    probability: float | None = None
    first_word: float | None = None
    min_confidence: float | None = None
    tokens: list[tuple[str, float]] = field(default_factory=list)
    wait_ms: float = 0.0
    first_text_ms: float | None = None
    total_ms: float = 0.0
    prompt_ms: float = 0.0
    generated_ms: float = 0.0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    started: float = field(default_factory=_now_s, repr=False)

    def elapsed_ms(self) -> float:
        """Return the time since the request came."""
        return (_now_s() - self.started) * 1000

    def end(self, reason: str = "", detail: str = "") -> None:
        """Note when the request was answered, and why with nothing."""
        self.total_ms = self.elapsed_ms()
        if reason:
            self.reason, self.detail = reason, detail

    def to_json(self) -> dict[str, Any]:
        """Return the whole record; it holds the user's code, so it goes to the user alone."""
        return {
            "path": self.path,
            "trigger": self.trigger,
            "source": self.source,
            "isPartial": self.is_partial,
            "mode": self.mode,
            "reason": self.reason,
            "detail": self.detail,
            "rule": self.rule,
            "stopReason": self.stop_reason,
            "probability": self.probability,
            "tokens": [[text, round(probability, 4)] for text, probability in self.tokens],
            "prompt": self.prompt,
            "raw": self.raw,
            "answer": self.answer,
            "filters": [
                {"name": step.name, "text": step.text, "reason": step.reason} for step in self.filters
            ],
            "timings": self.timings(),
        }

    def timings(self) -> dict[str, Any]:
        """Return the numbers of the request, in the shape that the JSON outputs show."""
        return {
            "wait_ms": round(self.wait_ms, 1),
            "first_text_ms": None if self.first_text_ms is None else round(self.first_text_ms, 1),
            "total_ms": round(self.total_ms, 1),
            "prompt_ms": round(self.prompt_ms, 1),
            "generated_ms": round(self.generated_ms, 1),
            "prompt_tokens": self.prompt_tokens,
            "cached_tokens": self.cached_tokens,
            "generated_tokens": self.generated_tokens,
        }
