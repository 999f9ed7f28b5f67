"""The exact text of a fill-in-the-middle prompt. Pure: the same input gives the same bytes.

The prompt grows at its end while the user types (invariant 3): the start of the prefix snaps to a
grid that moves rarely, and the suffix depends only on what follows the cursor. Budgets are kept by
cutting the parts, never the rendered prompt. This module and the catalog alone hold FIM tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_lsp.completion.budget import Budget, beside
from qwen_lsp.model.catalog import ControlTokens
from qwen_lsp.model.fim import render
from qwen_lsp.model.tokens import estimate
from qwen_lsp.syntax.languages import Language
from qwen_lsp.text import Cursor, normalize_line_ends

# The prefix starts at a multiple of this many lines, so it jumps once in so many lines and not at each.
GRID_LINES = 32
# Where the budget is small the step is, too: a jump must not take nearly all that stands above the cursor.
_LEAST_GRID_LINES = 4
_GRID_TOKENS_PER_LINE = 19  # one and a half lines of code, so that a third of the window stays
# The same inside one overlong line (minified code, data): characters.
GRID_CHARS = 512

MAX_FORCED_CHARS = 48
_UNFINISHED = re.compile(
    r"(?:[^\r\n\w]?[A-Za-z_\u00c0-\u024f]+"  # a word, with the one character that its token takes along
    r"| ?[^\s\w]+"  # signs
    r"|[^\S\r\n]+"  # indentation or a space
    r")\Z"
)


@dataclass(frozen=True, slots=True)
class FimPrompt:
    """The prompt and the texts it was made from, all with LF line ends.

    `forced` is the end of the prefix that the prompt leaves out and the answer has to begin with.
    """

    text: str
    forced: str
    prefix: str
    suffix: str


def fim(
    cursor: Cursor,
    tokens: ControlTokens,
    layout: str,
    budget: Budget,
    path: str | None = None,
    language: Language | None = None,
    files: Sequence[tuple[str, str]] = (),
    window: tuple[str, str] | None = None,
) -> FimPrompt:
    """Render the fill-in-the-middle prompt that fits the budget.

    Shape: `layout` is `spm` (empty FIM prefix; the middle starts with the real prefix) or `psm` (the
    documented order). `path` is relative to the repository and becomes a comment on the first line,
    which costs nothing that can be measured (docs/benchmarks.md). `files` are (path, text) of what
    helps from elsewhere, the best last. `window` is the prefix and the suffix to show, by default what the
    budget holds of them.
    """
    if files:
        budget = beside(budget)
    prefix, suffix = window or (
        prefix_window(cursor, budget.prefix_tokens),
        suffix_window(cursor, budget.suffix_tokens),
    )
    forced = unfinished(prefix)
    before = prefix.removesuffix(forced)
    if path and language:
        before = f"{language.comment_line(path)}\n{before}"
    text = render(tokens, layout, before, suffix)
    return FimPrompt(repository(files, tokens) + text, forced, prefix, suffix)


def repository(files: Sequence[tuple[str, str]], tokens: ControlTokens) -> str:
    """Write pieces of other files in the form that the models know a repository in; "" without any.

    It stands at the very front, because it changes less often than anything behind it. `bench context --form`
    compares it with comments above the prefix and at the end of the suffix.
    """
    if not files:
        return ""
    return (
        tokens.repo_name + "\n" + "".join(f"{tokens.file_separator}{path}\n{text}\n" for path, text in files)
    )


def unfinished(prefix: str) -> str:
    """Return the end of the prefix that may be the beginning of a longer token.

    A token that the user has typed only the beginning of is one the model has never seen followed by
    its rest: four typed spaces are one token, but before `return` they are three and ` return`. So
    the prompt ends where the tokenizer certainly ends a token, and the rest is forced on the answer.
    Source: measured in docs/benchmarks.md; the expression follows `pre_tokenizer` in the
    tokenizer.json of Qwen2.5-Coder. Han text has no such boundaries, and a
    boundary further back than MAX_FORCED_CHARS costs more to write again than it gains.
    """
    match = _UNFINISHED.search(prefix)
    forced = match.group() if match else ""
    return forced if len(forced) <= MAX_FORCED_CHARS else ""


def grid_lines(budget_tokens: int) -> int:
    """Return the lines between two starts of the prefix: as many as GRID_LINES, fewer for a small budget."""
    lines = GRID_LINES
    while lines > _LEAST_GRID_LINES and lines * _GRID_TOKENS_PER_LINE > budget_tokens:
        lines //= 2
    return lines


def prefix_window(cursor: Cursor, budget_tokens: int) -> str:
    """Return the text before the cursor from the last grid line that keeps it in the budget."""
    document = cursor.document
    step = grid_lines(budget_tokens)
    cursor_line = document.line_of(cursor.offset)
    # No token is shorter than a character, so lines further up than this can't fit: skip estimating them.
    grid_line = cursor_line - cursor_line % step
    window = normalize_line_ends(document.text[document.starts[grid_line] : cursor.offset])
    total = estimate(window)
    if total > budget_tokens:
        return _tail(document.text[: cursor.offset], document.starts[grid_line], budget_tokens, step // 4)
    while grid_line > 0:
        above = max(grid_line - step, 0)
        text = normalize_line_ends(document.text[document.starts[above] : document.starts[grid_line]])
        total += estimate(text)
        if total > budget_tokens:
            break
        window, grid_line = text + window, above
    return window


def _tail(before: str, start: int, budget_tokens: int, step: int) -> str:
    """Cut inside the last grid step: at a line start if one fits, else inside the overlong line.

    `step` lines lie between the places where it may be cut.
    """
    window = normalize_line_ends(before[start:])
    lines = window.splitlines(keepends=True) or [""]
    for first in range(step, len(lines), step):
        text = "".join(lines[first:])
        if estimate(text) <= budget_tokens:
            return text
    last = lines[-1]
    for first_char in range(0, len(last), GRID_CHARS):
        if estimate(last[first_char:]) <= budget_tokens:
            return last[first_char:]
    return last[-budget_tokens:]


def suffix_window(cursor: Cursor, budget_tokens: int) -> str:
    """Return the text after the cursor, whole lines as long as they fit the budget."""
    document = cursor.document
    line = document.line_of(cursor.offset)
    end, total = cursor.offset, 0
    for number in range(line, document.line_count):
        line_end = document.starts[number + 1] if number + 1 < document.line_count else len(document.text)
        text = normalize_line_ends(document.text[end:line_end])
        total += estimate(text)
        if total > budget_tokens:
            if number == line:  # the cursor's own line alone is too long: keep its head
                return text[:budget_tokens]
            break
        end = line_end
    return normalize_line_ends(document.text[cursor.offset : end])
