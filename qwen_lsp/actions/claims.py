"""Claims in documentation that the code must bear out: sorting, thread safety, caching and the like.

A small model likes to promise what nothing shows. Pure; a sentence whose claim has no evidence is dropped.
"""

from __future__ import annotations

import re

# What a sentence claims, and what in the code would show it.
_CLAIMS: tuple[tuple[str, str], ...] = (
    (
        r"\b(sort(s|ed|ing)?|ascending|descending|alphabetical(ly)?)\b|排序|升序|降序|有序",
        r"sort|order|tree(map|set)|heap|compar|cmp|<=>|bisect",
    ),
    (
        r"thread[- ]?safe|concurren(t|tly|cy)|atomic(ally)?\b|线程安全|并发|原子",
        r"lock|mutex|synchron|atomic|thread|concurrent|volatile|chan\b|async|semaphore",
    ),
    (r"\bcach(es?|ed|ing)\b|memoi[sz]|缓存", r"cach|memo|lru"),
    (r"\brandom(ly)?\b|随机", r"rand|uuid|shuffle|secrets"),
    (r"\bdatabase\b|数据库", r"sql|query|\bdb\b|database|repository|mapper|session|cursor|table"),
    (
        r"\bcase[- ]?insensitive|ignor\w+ case|忽略大小写|不区分大小写",
        r"lower|upper|casefold|ignore_?case|/\w*i\b|nocase",
    ),
    (r"\brecursive(ly)?\b|递归", ""),
    (
        r"\bunique\b|\bduplicates?\b|去重|重复",
        r"set\b|set\(|unique|distinct|dedup|seen|\bin\b|contains|duplic|equals|==",
    ),
    (r"\bregular expression\b|正则", r"re\.|regex|pattern|match|/[^/\n]+/"),
)


def unfounded(sentence: str, code: str, name: str) -> bool:
    """Say whether a sentence claims what the code of a function called `name` does not show."""
    for claim, evidence in _CLAIMS:
        if not re.search(claim, sentence, re.IGNORECASE):
            continue
        shown = evidence or rf"\b{re.escape(name)}\s*\((?=[^{{]*[;)\n])"
        places = len(re.findall(shown, code, re.IGNORECASE))
        if places < (1 if evidence else 2):  # a recursive function names itself twice
            return True
    return False


def founded(text: str, code: str, name: str) -> str:
    """Return a text without the sentences that claim what the code does not show."""
    sentences = re.findall(r"[^.。!！;；]+(?:[.](?!\w)|[。!！;；]|$|[.])\s*", text)
    kept = [sentence for sentence in sentences if not unfounded(sentence, code, name)]
    return "".join(kept).strip() if sentences else text
