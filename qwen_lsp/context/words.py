"""The words of a piece of code, for search by meaning-bearing parts of identifiers.

`words_of` is used for what is indexed and for what is looked up, so both sides always agree. It knows
no language: keywords are so common that the index gives them no weight.
"""

from __future__ import annotations

import re
from functools import lru_cache

_TOKEN = re.compile(r"[^\W\d]\w+")
_HAN_RUN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
# HTTPServer -> HTTP, Server; parseJSON2 -> parse, JSON; digits end a word and are no word.
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_MAX_CHARS = 64  # longer ones are data, not names


def words_of(text: str) -> set[str]:
    """Return the distinct words of a text, in lower case.

    An identifier gives its camelCase and snake_case parts of two characters or more, and itself as a
    whole when it has several; a run of Han characters gives its overlapping pairs.
    """
    words: set[str] = set()
    for token in set(_TOKEN.findall(text)):
        words.update(_split(token))
    return words


@lru_cache(maxsize=200_000)
def _split(token: str) -> tuple[str, ...]:
    """Split one token; a repository repeats its identifiers, so the answers are kept."""
    if len(token) > _MAX_CHARS:
        return ()
    words: list[str] = []
    if not token.isascii():
        for run in _HAN_RUN.findall(token):
            words += [run[at : at + 2] for at in range(max(len(run) - 1, 1))]
        token = _HAN_RUN.sub("_", token)
    parts = [part.lower() for part in _PART.findall(token) if len(part) > 1]
    words += parts
    whole = token.lower().strip("_")
    if len(parts) > 1 and whole.replace("_", "").isalnum():
        words.append(whole)
    return tuple(word for word in words if word.replace("_", "").isalnum())
