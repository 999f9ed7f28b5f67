"""One score for each candidate, as a sum of parts that `qwen-lsp context` shows. Pure.

The weights were set on rows of `qwen-lsp bench context` (recall at 256 tokens) with other seeds than the
published ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from qwen_lsp.context.place import Place
from qwen_lsp.context.snippets import Candidate, Source
from qwen_lsp.index.words import words_of

# How much a source is believed before anything else is known.
PRIOR: dict[Source, float] = {
    "receiver": 1.6,
    "diagnostic": 1.0,
    "member": 0.6,
    "definition": 0.6,
    "edit": 0.55,
    "copied": 0.5,
    "enclosing": 0.4,
    "caller": 0.35,
    "test": 0.3,
    "viewed": 0.25,
    "import": 0.2,
    "similar": 0.2,
}
_NEARNESS = 0.5
_WORDS = 0.8
_FOLDER = 0.05
_TYPED = 0.6
_UNUSED = 0.6
_SEEN, _SEEN_MEMBER = -0.3, -0.6
_PRIVATE = -0.1
_NAME_CHARS = 80  # names come again and again, pieces of code hardly ever


def score(candidate: Candidate, place: Place, words: Mapping[str, float]) -> dict[str, float]:
    """Return the parts of a candidate's score; `words` are those near the cursor, with weights."""
    parts = {
        "source": PRIOR[candidate.source],
        "near": _NEARNESS * candidate.nearness,
        "words": _WORDS * overlap(candidate.name or candidate.text, words),
    }
    if candidate.source == "import" and candidate.nearness == 1.0:
        parts["unused"] = _UNUSED
    if place.path.rpartition("/")[0] == candidate.path.rpartition("/")[0]:
        parts["folder"] = _FOLDER
    if place.typed and candidate.name.startswith(place.typed):
        parts["typed"] = _TYPED
    if candidate.name in place.near:  # the model sees the name already; how to call it may be worth a line
        parts["seen"] = _SEEN_MEMBER if candidate.group else _SEEN
    if candidate.name.startswith("_"):
        parts["private"] = _PRIVATE
    return {name: round(value, 3) for name, value in parts.items()}


def near_words(near: Mapping[str, float]) -> dict[str, float]:
    """Return the words of the names near the cursor, each with the weight of its nearest name."""
    weights: dict[str, float] = {}
    for name, weight in near.items():
        for word in words_of(name):
            if weights.get(word, 0.0) < weight:
                weights[word] = weight
    return weights


def overlap(text: str, words: Mapping[str, float]) -> float:
    """Return the mean weight of the words of a text that stand near the cursor, from 0 to 1."""
    own = _words(text) if len(text) <= _NAME_CHARS else words_of(text)
    return sum(words.get(word, 0.0) for word in own) / len(own) if own else 0.0


@lru_cache(maxsize=20_000)
def _words(text: str) -> frozenset[str]:
    return frozenset(words_of(text))


def best_of_each(
    scored: Iterable[tuple[Candidate, dict[str, float]]],
) -> list[tuple[Candidate, dict[str, float]]]:
    """Keep the best reason for each piece of code; sort by score, then by place, so that ties are stable."""
    best: dict[tuple[str, int, int], tuple[Candidate, dict[str, float]]] = {}
    for candidate, parts in scored:
        key = (candidate.path, candidate.span.start, candidate.span.end)
        if key not in best or sum(parts.values()) > sum(best[key][1].values()):
            best[key] = candidate, parts
    return sorted(
        best.values(),
        key=lambda item: (-sum(item[1].values()), item[0].path, item[0].span.start, item[0].text),
    )
