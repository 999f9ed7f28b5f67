"""What a sentence says for certain - if, not, only, bytes, numbers - and whether a translation says it, too.

A small model that drops one of these, or adds a `not`, writes a fluent sentence with another meaning. Pure.
Only words that hardly mean anything else are listed, each with everything that may stand for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

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
    (r"(?:can't|cannot) (?:fail|happen)", r"不会|不可能|绝不|必然|必定"),  # "不能失败" asks for it not to
    (r"no longer", r"不再|不|已"),
    (r"only", r"只|仅|才|唯|单"),
    (r"until", r"直到|直至|之前|前|为止|才"),
    (r"before", r"前|先"),
    (r"after", r"后|之后|以后|过"),
    (r"because|since", r"因|由于|自|以来|从"),
    (r"must", r"必须|必|须|应|要|得|务必|一定"),
    (r"instead|rather than", r"不|非|代替|取代|替|改|而"),
    (r"unlike", r"不同|不像|不一样|不似|区别|有别|异于"),
    (r"otherwise", r"否则|不然|其他|其它|其余|另|要不|反之"),
    (
        r"(?<!at )(?<!after )(?<!first of )all|every|each",
        r"所有|全|每|各|都|任何|任意|一切|皆|逐|完|整|均",
    ),
    (r"always", r"总|始终|一直|永远|都|一律|必|恒|每|一定|从来|向来"),
    (r"again", r"再|重|又|二次|回"),
    (r"twice", r"两|二|2|双|重复"),
    (r"both", r"两|二|都|同时|均|双|和|与|及|既"),
    (r"already", r"已|早|经|现成"),
    (r"still", r"仍|还|依|尚|照|保持"),
    (r"later", r"后|晚|再|稍|迟|将来"),
    (r"previous(?:ly)?|prior", r"前|上|先|过|早|旧|原|已"),
    (r"future", r"将来|未来|后|今后|往后"),
    (r"current(?:ly)?", r"当前|目前|现|正|此|当下|本"),
    (r"maximum|max|at most", r"最|上限|至多|极大|不超过|max"),
    (r"minimum|min|at least", r"最|下限|至少|起码|不少于|不低于|min"),
    (r"defaults?|by default", r"默认|缺省|预设|预定"),
    (r"bytes?", r"字节|byte|Byte"),
    (r"milliseconds?", r"毫秒|ms"),
    (r"seconds", r"秒"),
    (r"minutes", r"分"),
    (r"empty", r"空"),
    (r"backwards?", r"向后|后向|反向|倒|旧|回|往后"),
    (r"shared?", r"共|公用|分享|相同|同一"),
    (r"director(?:y|ies)|folders?", r"目录|文件夹|路径"),
    (r"queues?", r"队列|队"),
    (r"errors?", r"错|误|异常|故障|失败|[Ee]rror"),
    (r"tests?", r"测|试|检|验|[Tt]est"),
    (r"loop(?:s|ing)?", r"循环|遍历|反复|不断|轮|回路|[Ll]oop"),
    (r"remov(?:e[sd]?|ing)|delet(?:e[sd]?|ing)", r"删|移除|移走|去|清|除|取|销"),
)
# A negation in Chinese, and what in English may have become one.
_NEGATED = (
    r"(?<!是否)(?<!能)不(?!同|断|仅|过|管|限|论|只|可变|变|停|一|久|必|止|妨)"
    r"|没有|尚未|并未|从未|无法|未能|未被"
)
_NEGATIVE = (
    r"\b(?:no|not|none|never|nothing|cannot|without|neither|nor|unless|fail\w*|except|avoid\w*|missing|empty"
    r"|prevent\w*|lack\w*|skip\w*|ignor\w*|stop\w*|free|instead|rather|drop\w*|discard\w*|reject\w*|refus\w*"
    r"|forbid\w*|only|stale|absent|exclu\w*|leav\w*|left|too|bad|wrong|false|null|nil|none|0|few|little|hard"
    r"|hardly|rarely|barely|until|before|beyond|exceed\w*|differ\w*|stay\w*|remain\w*|still|constant|fixed"
    r"|keep\w*|kept|same|immutable|abort\w*|den(?:y|ied|ies)|block\w*|less|within|at most|at least|or|whether"
    r"|may|optional|de[a-z]{3,}|mis[a-z]{3,}|dis(?!play|k|tan)[a-z]{3,}|un(?!der|ique|it|ion|iversal)[a-z]{2,}|non-?"
    r"[a-z]{2,}|in(?:valid|complet|correct|activ|accessib|visib|sufficien|secur|compatib|finit|defin|varian|consisten)\w*"
    r"|im(?:possib|mutab|plicit|perfect)\w*|ir(?:relevan|reversib|regular)\w*|illegal\w*|\w+less)\b|n't\b|\b0\b"
)
# Little words of English that have no business in a Chinese sentence.
_ENGLISH_WORDS = """
    the an of to and or but if unless unlike with without for from by into onto than then when while which
    that this these those is are was were be been will would should could must have has had not only just also
    even both each every all any some such instead because since until before after where who whose its their
"""
ENGLISH = frozenset(_ENGLISH_WORDS.split())
# Words that Chinese programmers leave in English.
_LEFT_ALONE_WORDS = """
    token bug shell hook commit cookie schema socket ok vs etc epsilon callback getter setter mock stub diff
    patch payload promise proxy session log tag trace buffer blob bit byte bytes mutex goroutine channel
    lambda kernel daemon middleware webhook url uri json html css http https api sdk cli gui utf ascii
    unicode regex
"""
_LEFT_ALONE = frozenset(_LEFT_ALONE_WORDS.split())
_WORD = re.compile(r"(?<![\w$.@/-])[A-Za-z]{2,}(?![\w$.(@/])", re.ASCII)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)*", re.ASCII)
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
    """List the words of a sentence whose meaning its translation lacks, and the numbers that it lacks."""
    bare, said = (marks.INLINE.sub(" ", text) for text in (words, translated))
    if to == "en":
        found = ((re.search(cue, bare), same) for cue, same in _FROM_CHINESE)
    else:
        found = (
            (re.search(rf"(?<![\w'-])(?:{cue})(?![\w'-])", bare, re.I), same) for cue, same in _FROM_ENGLISH
        )
    missing = [cue[0] for cue, same in found if cue is not None and not re.search(same, said, re.I)]
    said_numbers = set(_NUMBER.findall(said))
    return missing + [
        number for number in _NUMBER.findall(bare) if len(number) > 1 and number not in said_numbers
    ]


def added(words: str, translated: str, to: Locale) -> list[str]:
    """List the negations of a Chinese translation for which there is no reason in the English sentence."""
    if to != "zh":
        return []
    bare, said = (marks.INLINE.sub(" ", text) for text in (words, translated))
    found = re.search(_NEGATED, said)
    return [found[0]] if found is not None and not re.search(_NEGATIVE, bare, re.I) else []


def foreign(translated: str, known: Collection[str], to: Locale) -> list[str]:
    """List English words of a Chinese sentence: little ones, and those in small letters that no code has.

    `known` are the words that the file's code is made of.
    """
    if to != "zh":
        return []
    found = _WORD.findall(marks.INLINE.sub(" ", translated))
    return [
        word
        for word in dict.fromkeys(found)
        if word in ENGLISH or (word.islower() and word not in known and word not in _LEFT_ALONE)
    ]
