"""Estimate how many tokens a text has, without asking the engine.

The estimate follows the splitting expression that Qwen's tokenizer applies before its merges and
errs on the high side, so a budget kept by it is kept by the true count (tests/model measures it).
Source: tokenizer.json of Qwen2.5-Coder, `pre_tokenizer`: digits stand alone, a word takes the one
character before it along, line ends join what precedes them.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PIECE = re.compile(
    r"(?P<han>[⺀-鿿豈-﫿぀-ヿ가-힯＀-￯])"
    r"|(?P<word>[^\r\n\w]?[^\W\d_]+)"
    r"|(?P<digit>\d)"
    r"|(?P<sign> ?(?:[^\s\w]+|_+)++[\r\n]*)"  # possessive: a long run keeps no way back
    r"|\s*[\r\n]+|\s+"
)
# Identifiers in code split about every five letters: fitted so that no file of code is underestimated.
_LETTERS_PER_TOKEN = 5
_SIGNS_PER_TOKEN = 2
_SPACES_PER_TOKEN = 16  # of tabs; spaces and line ends make longer tokens


# A longer text is more than the lines that are asked about again and again, and would be kept for nothing.
_MAX_CACHED_CHARS = 4096
MAX_TOKEN_CHARS = _SPACES_PER_TOKEN
"""No text is estimated at fewer tokens than one for so many characters."""


def estimate(text: str) -> int:
    """Return a number of tokens that the text is unlikely to exceed. Cost: linear in the text."""
    return _cached(text) if len(text) <= _MAX_CACHED_CHARS else _count(text, len(text))


def estimate_within(text: str, limit: int) -> int | None:
    """Return the same, None when it is more than `limit`. Cost: linear in what the limit holds."""
    if len(text) > (limit + 1) * MAX_TOKEN_CHARS:
        return None
    tokens = _cached(text) if len(text) <= _MAX_CACHED_CHARS else _count(text, limit)
    return tokens if tokens <= limit else None


@lru_cache(maxsize=512)  # at each key the same lines are asked about, all but one
def _cached(text: str) -> int:
    return _count(text, len(text))


def _count(text: str, limit: int) -> int:
    """Sum up the pieces, and stop as soon as they are more than `limit`."""
    total = 0
    for match in _PIECE.finditer(text):
        kind, length = match.lastgroup, match.end() - match.start()
        if kind == "word":
            is_ascii = match.group().isascii()
            total += -(-length // _LETTERS_PER_TOKEN) if is_ascii else length
        elif kind == "sign":
            total += -(-length // _SIGNS_PER_TOKEN) if match.group().isascii() else length
        else:
            total += 1 + length // _SPACES_PER_TOKEN
        if total > limit:
            break
    return total
