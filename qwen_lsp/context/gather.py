"""What else helps at a cursor: ask the sources, rank, pack. The entry of the package for completion.

`gather` is bounded: sources are asked in the order of their use until the time is up, and what is late is
named in the result. It never raises for what the repository holds (invariant 6).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from qwen_lsp.context import packing, ranking, sources
from qwen_lsp.context.fit import fits
from qwen_lsp.context.fit import group as group_of
from qwen_lsp.context.lookup import Look
from qwen_lsp.context.place import heads_above, place
from qwen_lsp.context.snippets import NOTHING, Candidate, Gathered, Recent
from qwen_lsp.index.reader import Index
from qwen_lsp.text import Cursor, Span

# More candidates than this are not scored: the sources asked first are the better ones. And so many of the
# best are weighed against one another: what comes after them finds no room in any budget.
_MAX_CANDIDATES = 600
_MAX_RANKED = 200
# These do not follow names, so they may bring text that the file has no use for.
_FROM_ANY_FILE = frozenset({"edit", "viewed", "similar"})


def gather(
    cursor: Cursor,
    path: str,
    index: Index,
    budget_tokens: int,
    estimate: Callable[[str], int],
    *,
    recent: Recent = NOTHING,
    shown: Span | None = None,
    deadline_ms: float = 30.0,
) -> Gathered:
    """Gather what fits the budget for one place of the document `path` (relative to the index's root).

    `estimate` counts a text's tokens, rather too high; `shown` is the part of the document that the prompt
    shows. Cost: a few milliseconds; the deadline is looked at between sources, each of which is bounded.
    """
    started = time.perf_counter()
    heads = [cursor.document.line_end(line) for line in heads_above(cursor)]
    here = place(cursor, path, index.definitions_around(path, heads), shown)
    look = Look(here, index, recent)
    here_group = group_of(path, cursor.document.language)
    found: list[Candidate] = []
    late: list[str] = []
    for name, source in sources.SOURCES:
        if (time.perf_counter() - started) * 1000 > deadline_ms:
            late.append(name)
            continue
        asked = source(look)
        found += [one for one in asked if fits(one.path, here_group)] if name in _FROM_ANY_FILE else asked
    words = ranking.near_words(here.near)
    scored = ((one, ranking.score(one, here, words)) for one in found[:_MAX_CANDIDATES])
    best = ranking.best_of_each(scored)[:_MAX_RANKED]
    snippets, files, tokens = packing.pack(best, here, budget_tokens, estimate)
    elapsed_ms = (time.perf_counter() - started) * 1000
    return Gathered(tuple(snippets), files, tokens, elapsed_ms, tuple(late), index.problem)
