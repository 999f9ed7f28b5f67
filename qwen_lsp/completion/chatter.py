"""Signs that a model talks or stammers instead of writing code, in English and in Chinese. Pure.

Source: openings that Qwen2.5-Coder-Instruct and its kin write after code or in its place.
"""

from __future__ import annotations

import re

from qwen_lsp.text import has_han

# Anywhere, also in a comment or a string: nobody completes code with these.
_REFUSAL = re.compile(
    r"""(?im)^[^\S\n]*(?:[#/*\-"']+[^\S\n]*)*+(?:
        as \s an \s (?:ai|artificial \s intelligence|large \s language) \b
      | i(?:'m|\s am) \s (?:very \s )? sorry,? \s (?:but|i)\b
      | i \s (?:cannot|can't|am \s unable \s to|can \s not) \s
        (?:help|assist|provide|complete|fulfill|generate)\b
      | (?:很|非常)?抱歉[，,]?\s*我?(?:无法|不能)
      | 对不起[，,]\s*我?(?:无法|不能)
      | 作为(?:一个|一名)?\s*(?:AI|人工智能|语言模型|大语言模型)
    )""",
    re.VERBOSE,
)
# At the start of a line where code is expected.
_TALK = re.compile(
    r"""\s*(?:
        (?:Sure|Certainly|Of\ course|Absolutely)[,!.]\s
      | Here(?:'s|\ is|\ are)\ (?:the|a|an|your|how|some|my)\b
      | (?:The|This)\ (?:above\ |following\ |given\ |provided\ )?
        (?:code|function|program|script|solution|implementation|method|class)\ (?:above\ |below\ )?[a-z]+
      | In\ this\ (?:code|example|implementation|function|case|solution)\b
      | (?:Explanation|Output|Note|Example\ usage)\ ?:\s*(?:$|[A-Z])
      | (?:Please\ (?:note|let|provide)|Let\ me\ know|I\ hope\ this|You\ can\ (?:use|run|test))\b
      | To\ (?:solve|complete|fix|implement)\ this\b
      | (?:以下|下面|这里)是
      | (?:当然(?:可以)?|好的|没问题)[，,。！!]
      | (?:这段|上述|以上|该|这个)(?:代码|函数|程序|方法|实现)
      | (?:请注意|希望(?:这|对|能)|解释|说明|注意)[：:，,这对能]
    )""",
    re.VERBOSE,
)
# A comment in place of the code that it announces.
_STAND_IN = re.compile(
    r"""\s*(?:\#|//|--|;|%|/?\*|<!--|\{/\*).*(?:
        \bplaceholder\ (?:for|logic|implementation|code)\b
      | \byour\ (?:own\ )?(?:code|logic|implementation)\ (?:goes\ )?here\b
      | \b(?:add|put|write|insert|implement)\ your\b | \breplace\ (?:this|it)\ with\b
      | \bfor\ example,\ you\ (?:might|could|can|may)\b | \bhere,?\ we\ (?:just|simply)\b
      | 在(?:此处?|这里)(?:添加|编写|实现|写)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_PHRASE = re.compile(r"(.{3,60}?)\1\1+")
_PLACEHOLDER = re.compile(r"<(?:NAME|EMAIL|KEY|PASSWORD|IP_ADDRESS|REDACTED)>")


def is_refusal(text: str) -> bool:
    """Tell whether a line of the text says that the model will not answer."""
    return _REFUSAL.search(text) is not None


def is_talk(line: str) -> bool:
    """Tell whether a line speaks to the user; one that is a comment of the code does not match."""
    return _TALK.match(line) is not None


def is_stand_in(line: str) -> bool:
    """Tell whether a line is a comment that says what code should stand there."""
    return _STAND_IN.match(line) is not None


def has_placeholder(text: str) -> bool:
    """Tell whether a text has a mark in it that stands for what was taken out of training data."""
    return _PLACEHOLDER.search(text) is not None


def repeats_a_phrase(line: str) -> bool:
    """Tell whether a line says the same thing three times in a row; figures and rules (`----`) may."""
    return any(_is_phrase(match.group(1)) for match in _PHRASE.finditer(line))


def _is_phrase(text: str) -> bool:
    """Whether it has words enough to be one: Han characters say more with less."""
    return len({char for char in text if char.isalpha()}) >= 3 and (len(text) >= 6 or has_han(text))
