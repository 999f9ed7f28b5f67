"""Other candidates than the model's first answer, for a second request by hand or when the first is no good.

Each begins with another token that the model considered. They are generated one after the other on the
completion slot and kept in the cache. Whether anybody wants them is the completer's to know.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from qwen_lsp.completion.answer import Answer
from qwen_lsp.completion.cache import Cache, Entry
from qwen_lsp.completion.outcome import CompletionRequest
from qwen_lsp.completion.slot import CompletionSlot
from qwen_lsp.completion.view import View

# None is begun when the user has waited so long.
_PATIENCE_MS = 2500
_MAX_FOUND = 2
# Less likely beginnings (5 %) are hardly ever what was meant.
_MIN_LOGPROB = -3.0


async def others(
    slot: CompletionSlot, cache: Cache, request: CompletionRequest, entry: Entry
) -> tuple[str, ...]:
    """Return up to two other answers than the entry's, the likelier beginning first.

    Raises: EndpointError or ModelError when there is no engine to be had.
    """
    if entry.alternatives is None:
        found: list[str] = []
        for beginning in _beginnings(entry, request.view):
            if request.trace.elapsed_ms() > _PATIENCE_MS or len(found) == _MAX_FOUND:
                break
            text = await _generated(slot, request, beginning)
            if text is None:
                return tuple(found)  # something failed, so the next request tries again
            if text.strip() and text not in (entry.answer.text, *found):
                found.append(text)
        entry = replace(entry, alternatives=tuple(found))
        cache.put(request.view.uri, entry)
    return entry.alternatives or ()


async def second_thought(
    slot: CompletionSlot, cache: Cache, request: CompletionRequest, rejected: Entry
) -> Entry:
    """Return the answer with the likeliest other beginning if it is fit to be shown, else the rejected one.

    Raises: EndpointError or ModelError when there is no engine to be had.
    """
    for beginning in _beginnings(rejected, request.view)[:1]:
        text = await _generated(slot, request, beginning)
        if text and text.strip():
            better = Entry(rejected.prefix, rejected.suffix, Answer(text), others=rejected.others)
            cache.put(request.view.uri, better)
            return better
    return rejected


def _beginnings(entry: Entry, view: View) -> list[str]:
    """The other ways that the answer could have begun, those likely enough, the likelier first."""
    return [
        beginning
        for beginning, logprob in entry.others
        if logprob >= _MIN_LOGPROB and beginning.startswith(view.prompt.healed_prefix)
    ]


async def _generated(slot: CompletionSlot, request: CompletionRequest, beginning: str) -> str | None:
    """Generate once more from another beginning; empty when nothing fit comes of it, None when it failed."""
    flight = await slot.start(request.view, request.point, beginning=beginning)
    assert flight.task is not None
    try:
        await asyncio.wait({flight.task})
    finally:
        slot.release(flight, 0)
    if flight.error is not None:
        return None
    return flight.entry.answer.text if flight.entry else ""
