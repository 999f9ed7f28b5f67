"""The way to the model that actions share: ask on the chat slot, get the text so far, keep the figures.

A model session belongs to one run of one action. It holds no state beyond that run's record.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from qwen_lsp.actions.reply import is_looping
from qwen_lsp.errors import EndpointTimeout
from qwen_lsp.model.chat import Reply, ask
from qwen_lsp.model.client import Client
from qwen_lsp.model.generation import ChatRequest, Message
from qwen_lsp.text import Span

# Gets the region that is being replaced and the text so far.
OnProgress = Callable[[Span, str], None]


def _never(text: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and its answer. Units: milliseconds since the question was sent."""

    messages: tuple[Message, ...]
    reply: Reply
    first_text_ms: float | None
    total_ms: float


@dataclass(slots=True)
class ModelSession:
    """Asks one model.

    Units: `context_tokens` is what question and answer may have together; `timeout_ms` is what the action may
    take, however many questions it asks. `sources` name the files that the questions are about.
    """

    client: Client
    context_tokens: int
    timeout_ms: int
    on_progress: OnProgress | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    sources: tuple[str, ...] = ()
    began: float = field(default_factory=time.monotonic)

    @property
    def remaining_ms(self) -> int:
        """What is left of the action's time."""
        return self.timeout_ms - round((time.monotonic() - self.began) * 1000)

    async def ask(
        self,
        messages: Sequence[Message],
        max_tokens: int,
        *,
        begins: str = "",
        stop: Sequence[str] = (),
        json_schema: dict[str, object] | None = None,
        grammar: str = "",
        original: str = "",
        region: Span | None = None,
        shown: Callable[[str], str] = str,
        should_stop: Callable[[str], bool] = _never,
        n_others: int = 0,
    ) -> Reply:
        """Ask and return the whole answer.

        It ends early where `should_stop` says so, or where it runs in a loop that `original` has not.
        `n_others` above 0 asks for so many tokens that could have stood in the place of each.

        Raises: EndpointError; EndpointTimeout when the action's time is over.
        """
        if (remaining_ms := self.remaining_ms) <= 0:
            raise EndpointTimeout(f"no answer within {self.timeout_ms / 1000:g} s; see actions.timeoutMs")
        started = time.perf_counter()
        first_ms: float | None = None
        n_lines = begins.count("\n")

        def on_text(text: str) -> bool:
            nonlocal first_ms, n_lines
            if first_ms is None and len(text) > len(begins):
                first_ms = (time.perf_counter() - started) * 1000
            if region is not None:
                self.tell(region, shown(text))
            is_new_line = text.count("\n") > n_lines
            n_lines = text.count("\n")
            return is_new_line and (should_stop(text) or is_looping(text.rpartition("\n")[0], original))

        request = ChatRequest(
            messages,
            max_tokens,
            begins=begins,
            stop=stop,
            json_schema=json_schema,
            grammar=grammar,
            n_probs=n_others,
            timeout_ms=remaining_ms,
            sources=self.sources,
        )
        reply = await ask(self.client, request, on_text)
        total_ms = (time.perf_counter() - started) * 1000
        self.exchanges.append(Exchange(tuple(messages), reply, first_ms, total_ms))
        return reply

    def tell(self, region: Span, text: str) -> None:
        """Report what takes the place of a region, to whoever listens."""
        if self.on_progress is not None:
            self.on_progress(region, text)
