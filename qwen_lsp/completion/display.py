"""What of an answer one request is shown, and the reason when it is nothing.

State: what was last on offer in each document, because who types on through a suggestion asks for more
confidence. Unasked, only a confident prefix is shown: whole words that end where a construct may end, and
nothing that a filter may still reject.
"""

from __future__ import annotations

from dataclasses import dataclass

from qwen_lsp.completion import filters, gates, part_ends
from qwen_lsp.completion.answer import MIN_PART_CHARS, Answer
from qwen_lsp.completion.cache import Entry
from qwen_lsp.completion.filters import Reject
from qwen_lsp.completion.flight import Flight
from qwen_lsp.completion.outcome import Completion, CompletionRequest, Rejected
from qwen_lsp.config import CompletionConfig

# Beyond this nothing would be sure enough.
_MAX_HALVINGS = 8


@dataclass(frozen=True, slots=True)
class Shown:
    """What was last on offer in a document: where, the answer, the part shown, how often it was ignored."""

    offset: int
    text: str
    part: str
    ignored_count: int = 0

    def ignored_count_at(self, document_text: str, offset: int, rest: str) -> int:
        """Count the keys with which the user has typed into what is shown, up to `rest` at `offset`."""
        typed = document_text[self.offset : offset]
        left = self.text[len(typed) :]
        is_same = self.text.startswith(typed) and (left.startswith(rest) or rest.startswith(left))
        if offset < self.offset or not is_same or len(typed.strip()) > 1:
            return 0  # something else, or an accepted piece of it
        return self.ignored_count + bool(typed and self.part.startswith(typed))


def min_confidence_after(min_confidence: float, ignored_count: int) -> float:
    """Return how likely a suggestion must be that the user has typed into instead of accepting it.

    Who types on through a suggestion shows that something in it is wrong; the doubt allowed is halved
    with each key, so what stays is its surest part.
    """
    if min_confidence <= 0:
        return min_confidence
    return 1 - (1 - min_confidence) * 0.5 ** min(ignored_count, _MAX_HALVINGS)


class Display:
    """Decides for the requests of all documents."""

    def __init__(self, config: CompletionConfig) -> None:
        self._config = config
        self._last: dict[str, Shown] = {}

    def forget(self, uri: str) -> None:
        """Drop what was shown in a closed document."""
        self._last.pop(uri, None)

    def finished(self, request: CompletionRequest, entry: Entry, answer: Answer) -> Completion | Rejected:
        """Answer from a finished entry, of which `answer` is what this request finds typed."""
        trace = request.trace
        trace.probability, trace.tokens = answer.probability, answer.tokens
        if not answer.rest.strip():
            detail = entry.reason or "everything suggested here is already typed"
            return request.rejected("filtered", detail, entry.rule or "typed")
        if not request.is_automatic:
            return request.completed(answer.rest)
        part = self._part(request, answer, is_whole=True)
        if not part.strip():
            return self._unsure(request, answer)
        trace.is_partial = len(part) < len(answer.rest)
        if danger := request.danger(entry.prefix, answer.typed + part, entry.suffix):
            return request.rejected("filtered", f"security gate: {danger}", "security")
        return request.completed(part)

    def early(
        self, request: CompletionRequest, flight: Flight, typed: str, *, is_due: bool
    ) -> Completion | Rejected | None:
        """Answer before the end: with the confident words when it is due, or when no more can come."""
        written = flight.answer(typed)
        is_settled = written.is_settled(self._config.min_confidence)
        if not is_due and not is_settled:
            return None
        if filters.may_still_repeat(written.text, flight.view.case):
            return None
        text, _ = flight.cleaned(self._config.disabled_filters)
        if not isinstance(text, Reject) and (answer := flight.answer(typed, text)).after(typed):
            part = self._part(request, answer, is_whole=False)
            if part.strip() and not self._is_held_back(request, flight, typed + part):
                return request.completed(part)
        # What is likely enough and yet not shown, is judged when it is finished.
        is_unlikely = written.first_part_probability < self._config.min_confidence
        return self._unsure(request, written) if is_settled and is_unlikely else None

    def _is_held_back(self, request: CompletionRequest, flight: Flight, text: str) -> bool:
        """Whether a gate would take the beginning of an answer back once more is written.

        Between other code a part is a whole; above other lines it may be the head of what comes below it.
        """
        fim, view = flight.view.prompt, flight.view
        if request.danger(fim.prefix, text, fim.suffix):
            return True
        is_between = bool(view.around.line_suffix.strip())
        return is_between and gates.syntax(fim.prefix, text, fim.suffix, view.language) is not None

    def first_line(self, request: CompletionRequest, flight: Flight, typed: str) -> Completion | None:
        """Answer a request by hand with the first whole line; the rest is streamed, then in the cache."""
        text, _ = flight.cleaned(self._config.disabled_filters)
        if isinstance(text, Reject) or not text.startswith(typed):
            return None
        rest = text[len(typed) :]
        body = rest.lstrip()
        line = rest[: len(rest) - len(body)] + body.partition("\n")[0]
        return request.completed(line) if body else None

    def _part(self, request: CompletionRequest, answer: Answer, *, is_whole: bool) -> str:
        """Return what of the rest may be shown unasked, and note that it was."""
        document, offset = request.cursor.document, request.cursor.offset
        last = self._last.get(document.uri)
        ignored = last.ignored_count_at(document.text, offset, answer.rest) if last else 0
        request.trace.min_confidence = min_confidence_after(self._config.min_confidence, ignored)
        part = answer.confident_prefix(request.trace.min_confidence, is_whole=is_whole)
        if not is_whole or len(part) < len(answer.rest):
            part = _long_enough(part_ends.ended(part, request.view.around))
        self._last[document.uri] = Shown(offset, answer.rest, part, ignored)
        return part

    def _unsure(self, request: CompletionRequest, answer: Answer) -> Rejected:
        """Say how unsure the model is of what would come first."""
        trace = request.trace
        trace.first_word = sure = answer.first_part_probability
        needed = trace.min_confidence = trace.min_confidence or self._config.min_confidence
        if sure >= needed:
            return request.rejected("unsure", "what the model is sure of would end inside a construct")
        given, wanted = percentages(sure, needed)
        return request.rejected("unsure", f"the model gives it {given}, less than {wanted}")


def _long_enough(part: str) -> str:
    return part if len(part.strip()) >= MIN_PART_CHARS else ""


def percentages(sure: float, needed: float) -> tuple[str, str]:
    """Write a probability and the larger one that it should have, never rounded to the same."""
    digits = 0 if f"{sure:.0%}" != f"{needed:.0%}" else 2
    return f"{sure:.{digits}%}", f"{needed:.{digits}%}"
