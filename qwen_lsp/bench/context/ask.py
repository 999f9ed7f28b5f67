"""Asks the engine for the line of a `bench context` row, with snippets written in one of the compared forms.

`repository` is what the product sends (completion/prompt); the others exist to show why. All of them heal
the last token and cut the answer at the end of its line. Answers can be kept in a file, by their prompt: a
run that was ended goes on where it was, and one with other snippets asks only where they differ.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from qwen_lsp.bench.context.arms import cursor
from qwen_lsp.bench.context.rows import ContextRow
from qwen_lsp.completion import prompt
from qwen_lsp.completion.budget import Budget, beside, budget
from qwen_lsp.completion.prompt import FimPrompt
from qwen_lsp.config import Config
from qwen_lsp.model.catalog import ControlTokens
from qwen_lsp.model.client import Client
from qwen_lsp.model.engine import COMPLETION_SLOT
from qwen_lsp.model.generation import Request
from qwen_lsp.model.hosts import alone, open_host
from qwen_lsp.model.select import chosen_model
from qwen_lsp.model.speed import Speed
from qwen_lsp.syntax import languages

_ANSWER_TOKENS = 40

Files = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Written:
    """The line that came, and how many tokens its prompt had."""

    text: str
    prompt_tokens: int


FORMS = ("repository", "comment", "suffix")


class Kept:
    """The answers of earlier runs, in a file of JSON lines; greedy answers depend on the prompt alone."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._answers: dict[str, Written] = {}
        if file is not None and file.exists():
            for line in file.read_text("utf-8").splitlines():
                key, text, prompt_tokens = json.loads(line)
                self._answers[key] = Written(text, prompt_tokens)

    def find(self, key: str) -> Written | None:
        """Return the answer to a prompt that was asked before."""
        return self._answers.get(key)

    def add(self, key: str, answer: Written) -> None:
        """Keep an answer, at once, so that nothing is lost when the run is ended."""
        self._answers[key] = answer
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as out:
                values = (key, answer.text, answer.prompt_tokens)
                out.write(json.dumps(values, ensure_ascii=False) + "\n")


@asynccontextmanager
async def opened(
    config: Config, form: str, kept: Path | None = None
) -> AsyncIterator[tuple[Callable[[ContextRow, Files, int], Awaitable[Written]], str]]:
    """Start the engine; yield what asks it, and the model's name.

    The prompt has the size that the product gives it on a machine of the first guess's speed, whatever this
    one is doing just now, so that a run can be repeated. `kept` names the file of earlier answers.
    """
    model = chosen_model(config)
    size = budget(config.completion, Speed(), model.profile)
    answers = Kept(kept)
    host = open_host(alone(config), model.path, lambda state: None)
    try:
        client = await host.ready()

        async def ask(row: ContextRow, files: Files, budget_tokens: int) -> Written:
            own = replace(size, snippet_tokens=budget_tokens)
            written = rendered(row, files, form, model.profile.tokens, own)
            key = hashlib.sha256(
                f"{model.profile.name}\0{written.text}\0{written.healed_prefix}".encode()
            ).hexdigest()
            if (known := answers.find(key)) is not None:
                return known
            answer = await _line(client, written, model.profile.tokens.stops)
            answers.add(key, answer)
            return answer

        yield ask, model.profile.name
    finally:
        await host.close()


def rendered(row: ContextRow, files: Files, form: str, tokens: ControlTokens, size: Budget) -> FimPrompt:
    """Write the prompt of a row in one of FORMS."""
    language = languages.find("", row.path)
    at_front = files if form == "repository" else ()
    size = beside(size) if files and not at_front else size
    fim = prompt.fim(cursor(row), tokens, "spm", size, row.path, language, at_front)
    if form == "repository" or not files or language is None:
        return fim
    text = "\n".join(f"{path}\n{text}" for path, text in files)
    comment = "".join(f"{language.comment_line(line).rstrip()}\n" for line in text.split("\n"))
    # The middle's mark stands between suffix and prefix: what follows it is above the prefix.
    mark = tokens.fim_middle
    before, after = fim.text.split(mark, 1)
    if form == "comment":
        return replace(fim, text=f"{before}{mark}{comment}{after}")
    return replace(fim, text=f"{before}\n\n{comment}{mark}{after}")


async def _line(client: Client, fim: FimPrompt, stops: Sequence[str]) -> Written:
    request = Request(fim.text, _ANSWER_TOKENS, stops, COMPLETION_SLOT, fim.healed_prefix)
    text, n_prompt = "", 0
    async with client.stream(request) as chunks:
        async for chunk in chunks:
            text += chunk.text
            n_prompt = chunk.timings.prompt_tokens
            if "\n" in text.removeprefix(fim.healed_prefix):
                break
    return Written(text.removeprefix(fim.healed_prefix).partition("\n")[0], n_prompt)
