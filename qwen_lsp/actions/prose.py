"""Which language prose is in: English or Chinese, by its characters."""

from __future__ import annotations

import re

from qwen_lsp.messages import Locale
from qwen_lsp.text import han_count

_WORD = re.compile(r"[A-Za-z]{2,}")
# A Chinese text about code holds many Latin names, an English one hardly a Han character.
_MIN_HAN, _MAX_HAN = 0.15, 0.05


def in_language(text: str, locale: Locale) -> bool:
    """Whether a text is prose in a language; code in it, fenced or between backticks, does not count.

    A text with neither letters nor Han characters is in every language.
    """
    bare = re.sub(r"```.*?(```|$)|`[^`\n]*`", " ", text, flags=re.DOTALL)
    n_han, n_words = han_count(bare), len(_WORD.findall(bare))
    if not n_han + n_words:
        return True
    share = n_han / (n_han + 2 * n_words)
    return share >= _MIN_HAN if locale == "zh" else share <= _MAX_HAN
