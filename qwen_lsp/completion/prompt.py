"""The exact text of a fill-in-the-middle prompt. Pure: the same input gives the same bytes.

The prompt grows at its end while the user types (invariant 3): the start of the prefix snaps to a
grid that moves rarely, and the suffix depends only on what follows the cursor. Budgets are kept by
cutting the parts, never the rendered prompt. This module and the catalog alone hold FIM tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qwen_lsp.completion.budget import Budget, beside
from qwen_lsp.model.catalog import ControlTokens
from qwen_lsp.model.fim import render
from qwen_lsp.model.tokens import MAX_TOKEN_CHARS, estimate_within
from qwen_lsp.syntax.languages import Language
from qwen_lsp.text import Cursor, Document, normalize_line_ends

# The prefix starts at a multiple of this many lines, so it jumps once in so many lines and not at each.
GRID_LINES = 32
# Where the budget is small the step is, too: a jump must not take nearly all that stands above the cursor.
_MIN_GRID_LINES = 4
_GRID_TOKENS_PER_LINE = 19  # one and a half lines of code, so that a third of the window stays
# The same inside one overlong line (minified code, data): characters.
GRID_CHARS = 512

MAX_HEALED_CHARS = 48
_OPEN_TOKEN = re.compile(
    # a word, with the space or tab before it, or the one sign that neither a space nor another sign precedes
    r"(?:(?:[^\S\r\n]|(?<![ _]|[^\w\s])(?:[^\w\s]|_))?[A-Za-z\u00c0-\u024f]+"
    r"| ?(?:[^\w\s]|_)+"  # signs, with a space before them
    r"|[^\S\r\n]+"  # indentation or a space
    r")\Z"
)
# Of a longer word only what follows a capital is healed: nearly always a token begins there.
_MAX_WHOLE_WORD = 8
_HUMP = re.compile(r"(?<=[a-z])[A-Z]")


@dataclass(frozen=True, slots=True)
class FimPrompt:
    """The prompt and the texts it was made from, all with LF line ends.

    `healed_prefix` is the end of the prefix that the prompt leaves out and the answer has to begin with;
    `sources` are the paths of the files in it.
    """

    text: str
    healed_prefix: str
    prefix: str
    suffix: str
    sources: tuple[str, ...] = ()

    @property
    def around(self) -> tuple[str, str]:
        """What stands before the hole, without the healed prefix, and after it."""
        return self.prefix.removesuffix(self.healed_prefix), self.suffix


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
    healed = healed_prefix(prefix)
    before = prefix.removesuffix(healed)
    if path and language:
        before = f"{language.comment_line(path)}\n{before}"
    text = render(tokens, layout, before, suffix)
    sources = (*((path,) if path else ()), *(name for name, _ in files))
    return FimPrompt(repository(files, tokens) + text, healed, prefix, suffix, sources)


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


def healed_prefix(prefix: str) -> str:
    """Return the end of the prefix that may be the beginning of a longer token.

    A token that the user has typed only the beginning of is one the model has never seen followed by
    its rest: four typed spaces are one token, but before `return` they are three and ` return`. So
    the prompt ends where the tokenizer ends a token, and the rest is forced on the answer.
    Source: the expression follows `pre_tokenizer` in the tokenizer.json of Qwen2.5-Coder, with which
    tests/model/test_tokens_real.py compares it. Han text has no such boundaries, and a boundary further
    back than MAX_HEALED_CHARS costs more to write again than it gains. A token began at the capital at 0.99
    of 4,520 places in Python, TypeScript and JavaScript.
    """
    # One character more than may be forced: a longer match fills it, so no more needs to be searched.
    match = _OPEN_TOKEN.search(prefix[-MAX_HEALED_CHARS - 1 :])
    healed = match.group() if match else ""
    if len(healed) > _MAX_WHOLE_WORD and (hump := _HUMP.search(healed, len(healed) - _MAX_WHOLE_WORD)):
        return healed[hump.start() :]
    return healed if len(healed) <= MAX_HEALED_CHARS else ""


def grid_lines(budget_tokens: int) -> int:
    """Return the lines between two starts of the prefix: as many as GRID_LINES, fewer for a small budget."""
    lines = GRID_LINES
    while lines > _MIN_GRID_LINES and lines * _GRID_TOKENS_PER_LINE > budget_tokens:
        lines //= 2
    return lines


def prefix_window(cursor: Cursor, budget_tokens: int) -> str:
    """Return the text before the cursor from the highest place on the grid that keeps it in the budget.

    Cost: linear in what the budget holds, whatever the document is; each piece is estimated once.
    """
    document, offset = cursor.document, cursor.offset
    start, room = offset, budget_tokens
    for place in _starts(document, offset, grid_lines(budget_tokens)):
        tokens = _tokens(document, place, start, room)
        if tokens is None:
            if not document.text[start:offset].strip():  # an overlong line is better cut than left out
                start = _start_inside(document, place, start, room)
            break
        start, room = place, room - tokens
    return normalize_line_ends(document.text[start:offset])


def _starts(document: Document, offset: int, step: int) -> Iterator[int]:
    """Yield where the prefix may start, from the cursor's own line upwards; in the last step also between."""
    line = document.line_of(offset)
    between, grid_line = step // 4, line - line % step
    yield document.starts[line]
    for number in range(line - line % between, grid_line, -between):
        yield document.starts[number]
    for number in range(grid_line, -1, -step):
        yield document.starts[number]


def _start_inside(document: Document, piece: int, end: int, room: int) -> int:
    """Return where to cut a piece that is too long: at a multiple of GRID_CHARS from its start."""
    start, left = end, room
    for place in range(end - 1 - (end - 1 - piece) % GRID_CHARS, piece, -GRID_CHARS):
        tokens = _tokens(document, place, start, left)
        if tokens is None:
            break
        start, left = place, left - tokens
    return start if start < end else max(end - room, piece)


def _tokens(document: Document, start: int, end: int, limit: int) -> int | None:
    """Estimate the tokens between two offsets; None when they are more than `limit`."""
    if end - start > (limit + 1) * MAX_TOKEN_CHARS:
        return None
    return estimate_within(normalize_line_ends(document.text[start:end]), limit)


def suffix_window(cursor: Cursor, budget_tokens: int) -> str:
    """Return the text after the cursor, whole lines as long as they fit the budget."""
    document, offset = cursor.document, cursor.offset
    line = document.line_of(offset)
    end, room = offset, budget_tokens
    for number in range(line, document.line_count):
        line_end = document.starts[number + 1] if number + 1 < document.line_count else len(document.text)
        tokens = _tokens(document, end, line_end, room)
        if tokens is None:
            if number == line:  # the cursor's own line alone is too long: keep its head
                return normalize_line_ends(document.text[offset : offset + budget_tokens])
            break
        end, room = line_end, room - tokens
    return normalize_line_ends(document.text[offset:end])
