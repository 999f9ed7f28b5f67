"""What of a model's answer is documentation, without the marks, fences, labels and code that came along."""

from __future__ import annotations

import re
import textwrap

from qwen_lsp.actions import reply
from qwen_lsp.actions.task import Refused
from qwen_lsp.text import normalize_line_ends

_LABEL = re.compile(
    r"^\s*\**(documentation|docstring|doc comment|description|summary"
    r"|(代码|函数|文档|功能)?(说明|文档|注释|描述))\**\s*[:：]\**\s*",
    re.IGNORECASE,
)


def text_of(answer: str, *, is_cut_off: bool) -> str | Refused:
    """Return the documentation without marks, fences and code that came along."""
    answer = normalize_line_ends(answer).strip()
    if reply.is_refusal(answer):
        return Refused("refusal", answer.split("\n")[0][:120])
    if reply.is_looping(answer):
        return Refused("loop")
    text = reply.prose_so_far(answer)
    # A whole literal, or one that the answer begins and does not end.
    quoted = re.search(r'("""|\'\'\')(.*?)(\1)', text, re.DOTALL) or re.match(
        r'("""|\'\'\')(.*)()', text, re.DOTALL
    )
    block = re.search(r"/\*\*?(.*?)(\*/|$)", text, re.DOTALL)
    if quoted and quoted[2].strip():
        text = quoted[2]
    elif block and block[1].strip():
        text = block[1]
    lines = [re.sub(r"^\s*(\*+(?!\*)|///?|#+|--+)( |$)", "", line) for line in text.strip().split("\n")]
    text = _LABEL.sub("", textwrap.dedent("\n".join(lines)).strip())
    text = text.replace("**", "")
    if is_cut_off:  # only whole lines
        text = text.rpartition("\n")[0] or text
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    if not text:
        return Refused("empty")
    if re.search(
        r"^\s*(def |class |function |func |fn |public |return\b|import |#include)", text, re.MULTILINE
    ):
        return Refused("chatter")
    return text
