"""Turns of phrase in English comments that are not translated word for word, and what they become. Pure.

A small model knows the words of "no-op" or "bail out" and puts them together; told what the whole means, it
writes that. Only phrases that mean one thing in code are listed.
"""

from __future__ import annotations

import re

_OBJECT = r"(?:an?|the|all|any|every|each|its|their|through)"
_TERMS: tuple[tuple[str, str], ...] = (
    (r"ad[ -]hoc", "临时的"),
    (r"ahead of time|up ?front", "预先"),
    (r"as-is|verbatim", "原样"),
    (r"back(s|ed|ing)? ?off", "退避"),
    (r"backwards?[ -]compat\w*", "向后兼容"),
    (r"bail(s|ed|ing)? out|return(s|ed|ing)? early|early return", "提前返回"),
    (r"best[ -]effort", "尽力而为"),
    (r"boilerplate", "样板代码"),
    (r"bubbl(es?|ed|ing) up", "向上传播"),
    (r"check(s|ed|ing)? against", "与之比对"),
    (r"can(?:'t|not) (?:ever )?fail", "不会失败"),
    (r"can(?:'t|not) (?:ever )?happen", "不会发生"),
    (r"clamp(s|ed|ing)?", "限制在范围内"),
    (r"(edge|corner)[ -]cases?", "边界情况"),
    (r"dangling", "悬空的"),
    (r"de-?dup(es?|ed|ing|licat\w+)?", "去重"),
    (r"deep[ -]cop(y|ies|ied)", "深拷贝"),
    (r"eager(ly)?", "立即"),
    (r"fall(s|ing)?[ -]?backs? (to|on)", "回退到"),
    (r"fall(s|ing)?[ -]through", "继续向下执行"),
    (r"falsy", "假值"),
    (r"fast[ -]path", "快速路径"),
    (r"for now", "暂时"),
    (r"happy[ -]path", "正常流程"),
    (r"hot[ -]path", "热路径"),
    (r"in the first case", "在第一种情况下"),
    (r"in the first place", "一开始"),
    (r"in[ -]flight", "进行中的"),
    (r"(?<!is )(?<!are )in[ -]place(?! of)", "原地"),
    (r"kick(s|ed|ing)? off", "启动"),
    (r"lazy|lazily", "惰性"),
    (r"(leave|leaves|left|leaving) (\S+ ){0,5}alone", "不改动"),
    (r"legacy", "旧版"),
    (r"no[ -]?op", "空操作"),
    (r"off[ -]by[ -]one", "差一错误"),
    (r"on the fly", "即时"),
    (r"opt(s|ed|ing)?[ -]in", "选择启用"),
    (r"opt(s|ed|ing)?[ -]out", "选择停用"),
    (r"orphan(ed|s)?", "孤立的"),
    (r"out of bounds", "越界"),
    (r"race conditions?", "竞态条件"),
    (r"reentrancy", "重入"),
    (r"reentrant", "可重入的"),
    (rf"round[ -]?trip(s?(?= {_OBJECT})|ped|ping)", "完整还原"),  # as a verb; requests go there and back
    (r"sanity[ -]check(s|ed|ing)?", "合理性检查"),
    (r"sentinel", "哨兵值"),
    (r"shallow[ -]cop(y|ies|ied)", "浅拷贝"),
    (r"short[ -]circuit(s|ed|ing)?", "短路"),
    (r"shim", "垫片"),
    (r"stale", "过期的"),
    (r"swallow(s|ed|ing)?", "吞掉"),
    (r"tap(s|ped|ping)? into", "接入"),
    (r"tear(s|ing)?[ -]?down", "清理"),
    (r"thread[ -]safe", "线程安全"),
    (r"truthy", "真值"),
    (r"under the hood", "在内部"),
    (r"work(s|ed|ing)? around", "绕过"),
    (r"workarounds?", "变通办法"),
)


# What a model writes for a phrase all the same, and what it means.
_REPAIRED: tuple[tuple[str, str, str], ...] = (
    (r"can(?:'t|not) (?:ever )?fail", "不能失败", "不会失败"),
    (r"can(?:'t|not) (?:ever )?happen", "不能发生", "不会发生"),
)


def repaired(words: str, translated: str) -> str:
    """Return a translation in which what cannot fail is not told that it must not."""
    for phrase, wrong, right in _REPAIRED:
        if re.search(rf"\b{phrase}\b", words, re.IGNORECASE):
            translated = translated.replace(wrong, right)
    return translated


def of(words: str) -> list[tuple[str, str]]:
    """List the phrases of a sentence as they stand in it, each with its translation."""
    found = (
        (re.search(rf"(?<![\w'-])(?:{phrase})(?![\w'-])", words, re.IGNORECASE), said)
        for phrase, said in _TERMS
    )
    return [(match[0], said) for match, said in found if match is not None]
