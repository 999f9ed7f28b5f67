"""One inline completion, from a cursor to a Completion or a Rejected with its reason.

State: the running request of each document (the newest wins, because some clients never cancel) and
the last Trace of each document. Everything else is passed in. It knows no LSP and no HTTP; a request
that is cancelled closes its stream, which frees the engine's slot (invariant 5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from qwen_lsp.completion import filters, prompt, stopping
from qwen_lsp.completion.filters import Case, Reject
from qwen_lsp.completion.stopping import Mode, Surroundings
from qwen_lsp.config import CompletionConfig
from qwen_lsp.errors import EndpointError, EndpointRejected, ModelError, QwenLspError
from qwen_lsp.model.catalog import Profile
from qwen_lsp.model.client import Client, Request, Timings
from qwen_lsp.model.engine import COMPLETION_SLOT, Host
from qwen_lsp.syntax import languages
from qwen_lsp.text import Cursor, Edit, Span, normalize_line_ends
from qwen_lsp.trace import Trace

Trigger = Literal["automatic", "invoked"]
Reason = Literal["off", "superseded", "cancelled", "filtered", "timeout", "engine", "model", "bug"]
OnText = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Completion:
    """A suggestion: an edit of the document at `version`, with that document's line ends."""

    edit: Edit
    version: int
    trace: Trace = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rejected:
    """No suggestion, and why; `detail` is a sentence for people."""

    reason: Reason
    detail: str
    trace: Trace = field(repr=False)


class Completer:
    """Answers completion requests from one model host."""

    def __init__(self, host: Host, profile: Profile, config: CompletionConfig) -> None:
        self._host = host
        self._profile = profile
        self._config = config
        self._running: dict[str, asyncio.Task[Completion | Rejected]] = {}
        self.last: dict[str, Trace] = {}

    async def complete(
        self, cursor: Cursor, trigger: Trigger, path: str | None = None, on_text: OnText | None = None
    ) -> Completion | Rejected:
        """Complete at the cursor; an older request of the same document ends as superseded.

        Shape: `path` is relative to the repository, with forward slashes. `on_text` is called with the
        whole answer so far whenever it grows, before filters have seen it.
        Raises: asyncio.CancelledError when the caller is cancelled; nothing else.
        """
        uri = cursor.document.uri
        trace = Trace(path=path or "", trigger=trigger)
        if older := self._running.get(uri):
            older.cancel()
        if not self._config.enabled:
            return self._rejected(uri, trace, "off", "inline completion is switched off in the settings")
        task = asyncio.create_task(self._generate(cursor, trace, path, on_text))
        self._running[uri] = task
        try:
            outcome = await task
        except asyncio.CancelledError:
            if self._running.get(uri) is task:  # the caller was cancelled, not we by a newer request
                self._rejected(uri, trace, "cancelled", "the editor cancelled the request")
                raise
            return self._rejected(uri, trace, "superseded", "a newer request took over")
        except (EndpointError, ModelError) as error:
            reason: Reason = "model" if isinstance(error, ModelError) else "engine"
            return self._rejected(uri, trace, reason, str(error))
        except QwenLspError as error:
            return self._rejected(uri, trace, "engine", str(error))
        except asyncio.TimeoutError:
            return self._rejected(uri, trace, "timeout", "the model did not finish in `completion.timeoutMs`")
        finally:
            if self._running.get(uri) is task:
                del self._running[uri]
        trace.total_ms = trace.elapsed_ms()
        if isinstance(outcome, Rejected):
            trace.reason, trace.detail = outcome.reason, outcome.detail
        self.last[uri] = trace
        return outcome

    def forget(self, uri: str) -> None:
        """Drop what is kept of a closed document and end its request."""
        if running := self._running.get(uri):
            running.cancel()
        self.last.pop(uri, None)

    def _rejected(self, uri: str, trace: Trace, reason: Reason, detail: str) -> Rejected:
        trace.total_ms, trace.reason, trace.detail = trace.elapsed_ms(), reason, detail
        self.last[uri] = trace
        return Rejected(reason, detail, trace)

    async def _generate(
        self, cursor: Cursor, trace: Trace, path: str | None, on_text: OnText | None
    ) -> Completion | Rejected:
        client = await self._host.ready()
        trace.wait_ms = trace.elapsed_ms()
        around = stopping.surroundings(cursor)
        mode = stopping.mode(around)
        trace.mode = mode
        fim_prompt = self._prompt(cursor, path)
        trace.prompt = fim_prompt.text
        is_line = mode == "line"
        request = Request(
            fim_prompt.text,
            self._config.line_tokens if is_line else self._config.block_tokens,
            self._profile.tokens.stops,
            COMPLETION_SLOT,
            fim_prompt.forced,
        )
        work = self._stream(client, request, mode, around, trace, on_text)
        answer = await asyncio.wait_for(work, self._config.timeout_ms / 1000)
        case = Case(fim_prompt.prefix, fim_prompt.suffix, mode, around, self._profile.tokens.stops)
        text, trace.filters = filters.clean(answer, case, self._config.disabled_filters)
        if isinstance(text, Reject):
            return Rejected("filtered", f"{trace.filters[-1].name}: {text.reason}", trace)
        line_ending = cursor.document.line_ending
        new_text = text.replace("\n", line_ending) if line_ending != "\n" else text
        edit = Edit(Span(cursor.offset, cursor.offset), new_text)
        return Completion(edit, cursor.document.version, trace)

    def _prompt(self, cursor: Cursor, path: str | None) -> prompt.FimPrompt:
        document = cursor.document
        layout = self._profile.fim_layout if self._config.layout == "auto" else self._config.layout
        budget = prompt.Budget(self._config.prefix_tokens, self._config.suffix_tokens)
        language = languages.find(document.language, document.path)
        return prompt.fim(cursor, self._profile.tokens, layout, budget, path, language)

    async def _stream(
        self,
        client: Client,
        request: Request,
        mode: Mode,
        around: Surroundings,
        trace: Trace,
        on_text: OnText | None,
    ) -> str:
        """Collect the answer; leave the stream, and so free the slot, as soon as it is complete.

        Raises: EndpointRejected when the answer does not begin with the forced text.
        """
        text = ""
        logprobs: list[float] = []
        timings = Timings()
        async with client.stream(request) as chunks:
            async for chunk in chunks:
                trace.raw += normalize_line_ends(chunk.text)
                logprobs.extend(chunk.logprobs)
                if chunk.timings.prompt_tokens:
                    timings = chunk.timings
                if chunk.stop_reason is not None:
                    trace.stop_reason = chunk.stop_reason
                if len(trace.raw) <= len(request.forced) and chunk.stop_reason is None:
                    continue
                if not trace.raw.startswith(request.forced):
                    raise EndpointRejected("the model did not go on from what is typed")
                text = trace.raw[len(request.forced) :]
                if trace.first_text_ms is None:
                    trace.first_text_ms = trace.elapsed_ms()
                cut = stopping.cut(text, mode, around)
                if on_text is not None:
                    on_text(cut.text)
                if cut.reason is not None:
                    text, trace.stop_reason = cut.text, cut.reason
                    break
        trace.mean_logprob = sum(logprobs) / len(logprobs) if logprobs else None
        trace.prompt_tokens, trace.cached_tokens = timings.prompt_tokens, timings.cached_tokens
        trace.generated_tokens = timings.generated_tokens or len(logprobs)
        trace.prompt_ms, trace.generated_ms = timings.prompt_ms, timings.generated_ms
        return text
