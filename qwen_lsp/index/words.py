"""The words of a piece of code, for search by meaning-bearing parts of identifiers.

`words_of` is used for what is indexed and for what is looked up, so both sides always agree. It knows
no language: keywords are so common that the index gives them no weight.
"""

from __future__ import annotations

import re
from functools import lru_cache

from qwen_lsp.text import HAN

_TOKEN = re.compile(r"[^\W\d]\w+")
_SPACED = "".join(char if char.isalnum() or char == "_" else " " for char in map(chr, range(128)))
_HAN_RUN = re.compile(f"[{HAN}]+")
# HTTPServer -> HTTP, Server; parseJSON2 -> parse, JSON; digits end a word and are no word.
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_DIGIT = re.compile(r"\d")
_MAX_CHARS = 64  # longer ones are data, not names


def words_of(text: str) -> set[str]:
    """Return the distinct words of a text, in lower case.

    An identifier gives its camelCase and snake_case parts of two characters or more, and itself as a
    whole when it has several; a run of Han characters gives its overlapping pairs.
    """
    # An index reads every word of a repository here: most text is ASCII and splits in half the time.
    tokens = text.translate(_SPACED).split() if text.isascii() else _TOKEN.findall(text)
    return set().union(*map(_split, set(tokens)))


@lru_cache(maxsize=50_000)
def _split(token: str) -> tuple[str, ...]:
    """Split one token; a repository repeats its identifiers, so the answers are kept."""
    if len(token) > _MAX_CHARS:
        return ()
    if token.isascii() and token.islower() and not _DIGIT.search(token):  # the common case, without much ado
        parts = [part for part in token.split("_") if len(part) > 1]
        return (*parts, token.strip("_")) if len(parts) > 1 else tuple(parts)
    token = token.lstrip("0123456789")
    words: list[str] = []
    if not token.isascii():
        for run in _HAN_RUN.findall(token):
            words += [run[at : at + 2] for at in range(max(len(run) - 1, 1))]
        token = _HAN_RUN.sub("_", token)
    parts = [part.lower() for part in _PART.findall(token) if len(part) > 1]
    words += parts
    if len(parts) > 1:
        words.append(token.lower().strip("_"))
    # Lower case may have brought combining marks, which the full-text table takes for ends of words.
    return tuple(words) if token.isascii() else tuple(w for w in words if w.replace("_", "").isalnum())
