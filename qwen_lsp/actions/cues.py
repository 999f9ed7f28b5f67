"""Small words that turn a sentence round - if, not, only, until - and whether a translation still says them.

A small model that drops one of them writes a fluent sentence with another meaning. Pure. Only words that
hardly mean anything else are listed, each with everything that may stand for it.
"""

from __future__ import annotations

import re

from qwen_lsp.actions import marks
from qwen_lsp.messages import Locale

_CONDITION = r"如果|若|假如|假设|要是|当|时|的话|一旦|只要|是否|倘|情况下|除非|否则"
_NEGATION = r"不|没|未|无|非|否|别|勿|空|失败|避免|禁止|缺|除"
# English words, and what says the same in Chinese.
_FROM_ENGLISH: tuple[tuple[str, str], ...] = (
    (r"if|unless|whenever", _CONDITION),
    (
        r"not|\w+n't|cannot|never|nothing|none|neither|nor|without|unless|no(?! (?:longer|matter)\b)",
        _NEGATION,
    ),
    (r"no longer", r"不再|不|已"),
    (r"only", r"只|仅|才|唯|单"),
    (r"until", r"直到|直至|之前|前|为止|才"),
    (r"before", r"前|先"),
    (r"after", r"后|之后|以后|过"),
    (r"because|since", r"因|由于|自|以来|从"),
    (r"must", r"必须|必|须|应|要|得|务必|一定"),
)
# Chinese words, and what says the same in English.
_FROM_CHINESE: tuple[tuple[str, str], ...] = (
    (
        r"如果|若(?!干)|假如|要是|一旦",
        r"\b(if|when|whenever|once|unless|in case|should|otherwise|provided)\b",
    ),
    (
        r"不(?!同|断|仅|过|管|限)|没有|尚未|未(?!来)|禁止|无法|无需",
        r"\b(not|no|none|never|nothing|cannot|without|neither|nor|unless|fail\w*|except|yet|forbid\w*|prohibit\w*"
        r"|avoid\w*|missing|empty|prevent\w*|unable|lack\w*|skip\w*|ignor\w*|stop\w*|free|otherwise)\b"
        r"|n't\b|\b(un|in|im|ir|il|non|dis|mis)-?\w{3,}|less\b|\b0\b",
    ),
    (r"只有|仅(?!仅)|只能|才能", r"\b(only|just|merely|solely|unless|must|exclusive\w*|until)\b"),
    (r"必须|务必", r"\b(must|has to|have to|need\w*|required?|should|be sure|shall|always|ensure)\b"),
    (r"之前|以前", r"\b(before|prior|previous\w*|earlier|ahead|until|first|ago)\b"),
    (r"之后|以后", r"\b(after\w*|then|later|once|when|following|since|next|future)\b"),
)


def left_out(words: str, translated: str, to: Locale) -> list[str]:
    """List the words of a sentence whose meaning its translation lacks."""
    bare, said = (marks.INLINE.sub(" ", text) for text in (words, translated))
    if to == "en":
        found = ((re.search(cue, bare), same) for cue, same in _FROM_CHINESE)
    else:
        found = (
            (re.search(rf"(?<![\w'])(?:{cue})(?![\w'])", bare, re.I), same) for cue, same in _FROM_ENGLISH
        )
    return [cue[0] for cue, same in found if cue is not None and not re.search(same, said, re.I)]
