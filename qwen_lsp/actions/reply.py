"""What a chat model wrote, taken apart: the code in it, or why there is none.

Takes fences, chatter, half an answer, refusals and loops; never raises. It knows nothing of the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qwen_lsp.actions.task import Refused
from qwen_lsp.text import normalize_line_ends

_FENCE = re.compile(r"^[ \t]*(?P<marks>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)$", re.MULTILINE)
# How models begin when they will not do it, or talk about what they do.
_REFUSAL = re.compile(
    r"^\W*(i('m| am) (very |so )?(sorry|unable|not able)|sorry\b|i can(no|')t|i apologi[sz]e|as an ai\b"
    r"|as a language model|unfortunately,? i|抱歉|对不起|很遗憾|我(无法|不能|没办法)"
    r"|作为(一个|一名)?(ai|人工智能|语言模型))",
    re.IGNORECASE,
)
_CHATTER = re.compile(
    r"^\W*(sure|certainly|of course|here('s| is| are)|below is|okay|ok\b|the (following|above|code|function)"
    r"|the (updated|fixed)|this (code|function|version)|i('ve| have)|let me|let's|note\b|explanation|in this"
    r"|to (fix|add|make)|you can|好的|当然|以下|下面|这是|这段|修改后|解释|说明|注意)",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"^[ \t]*+((#|//|--|/\*|<!--)[ \t]*+)?((\.\.\.|…)[ \t]*+)?\(?((the )?(rest|remainder) of"
    r"|(existing|remaining|other|previous|same|your) (code|implementation|methods|functions|lines)|unchanged"
    r"|(其余|其他|剩余|原有|省略).{0,8}(代码|部分|不变|内容))",
    re.IGNORECASE | re.MULTILINE,
)
_LOOP_LINES, _LOOP_TIMES, _LOOP_PERIOD = 8, 4, 6


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block. `is_closed` is False when the answer ended inside it."""

    text: str
    is_closed: bool


def blocks(reply: str) -> list[Block]:
    """List the fenced blocks of a reply; a longer fence may hold shorter ones."""
    found: list[Block] = []
    opened: re.Match[str] | None = None
    for match in _FENCE.finditer(reply):
        if opened is None:
            opened = match
        elif match["marks"].startswith(opened["marks"]) and not match["info"].strip():
            found.append(Block(reply[opened.end() + 1 : match.start()], True))
            opened = None
        elif match["info"].strip() and not reply[opened.end() : match.start()].strip():
            opened = match  # opened twice: the first was the one that the answer had to begin with
    if opened is not None:
        found.append(Block(reply[opened.end() + 1 :], False))
    return found


def code_of(reply: str, original: str) -> str | Refused:
    """Return the code that a reply is about; of several blocks the one most like the original.

    Reasons: `empty`, `refusal`, `chatter`, `loop`, `placeholder`.
    """
    reply = normalize_line_ends(reply)
    fenced = [block for block in blocks(reply) if block.text.strip()]
    if not fenced and _REFUSAL.match(reply.strip()):
        return Refused("refusal", _first_line(reply))
    text = max(fenced, key=lambda block: _likeness(block.text, original)).text if fenced else _unfenced(reply)
    text = text.rstrip().strip("\n")
    if is_looping(text, original) or is_looping(text.rpartition("\n")[0], original):  # it ends in mid-line
        return Refused("loop")
    if not text.strip():
        prose = _FENCE.sub("", reply).strip()
        return Refused("chatter" if prose else "empty", _first_line(prose))
    if _REFUSAL.match(re.sub(r"^\W+", "", text)):
        return Refused("refusal", _first_line(text))
    if (match := _PLACEHOLDER.search(text)) and match.group().strip() not in original:
        return Refused("placeholder", match.group().strip())
    return text


def _unfenced(reply: str) -> str:
    """Drop sentences before and after code that came without fences."""
    lines = [line for line in reply.split("\n") if not _FENCE.match(line)]
    while lines and (
        not lines[0].strip() or _CHATTER.match(lines[0]) or lines[0].rstrip().endswith(("：", "。"))
    ):
        lines.pop(0)
    while lines and (not lines[-1].strip() or _CHATTER.match(lines[-1]) or lines[-1].rstrip().endswith("。")):
        lines.pop()
    return "\n".join(lines)


def _likeness(text: str, original: str) -> float:
    """Return the share of the original's words that a text has, and a little for its length."""
    words, wanted = set(re.findall(r"\w+", text)), set(re.findall(r"\w+", original))
    return len(words & wanted) / max(len(wanted), 1) + min(len(text), 2000) / 1e6


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.split("\n") if line.strip(" `~\t")]
    return lines[0][:120] if lines else ""


def is_looping(reply: str, original: str = "") -> bool:
    """Whether the end of a text says the same lines over and over, which the original does not."""
    lines = [line.strip() for line in reply.rstrip().split("\n")]
    for period in range(1, _LOOP_PERIOD + 1):
        n = max(_LOOP_TIMES * period, _LOOP_LINES)
        tail = lines[-n:]
        if len(tail) < n or not any(tail):
            continue
        if all(tail[i] == tail[i % period] for i in range(len(tail))):
            return "\n".join(tail) not in "\n".join(line.strip() for line in original.split("\n"))
    last = lines[-1]
    return bool(re.search(r"(.{4,80}?)\1{9,}$", last[-800:])) and last not in original


def so_far(reply: str) -> str:
    """Return what is to be seen of an answer that is still being written: the code without fences."""
    reply = normalize_line_ends(reply)
    fenced = blocks(reply)
    return (fenced[0].text if fenced else "" if reply.lstrip().startswith("`") else reply).strip("\n")


def is_refusal(text: str) -> bool:
    """Whether a text begins as models do that will not answer."""
    return _REFUSAL.match(text.strip()) is not None


def prose_so_far(reply: str) -> str:
    """Return prose without a fence around the whole of it."""
    text = normalize_line_ends(reply).strip()
    fenced = blocks(text)
    return fenced[0].text.strip() if fenced and text.startswith(("`", "~")) else text
