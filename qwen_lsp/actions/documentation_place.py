"""Where new documentation goes, with the marks of its language: the edit that puts text there. Pure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from qwen_lsp.actions import layout
from qwen_lsp.syntax.code import Definition
from qwen_lsp.syntax.languages import Language
from qwen_lsp.text import Document, Edit, Span

_WIDTH = 88
# Languages whose documentation stands in `/** */`; others use the line comment, doubled or not.
BLOCK = {
    "javascript", "typescript", "typescriptreact", "java", "kotlin", "php", "scala", "c", "cpp", "css",
}  # fmt: skip
_LINE = {"rust": "///", "csharp": "///", "swift": "///", "lua": "---"}


def above(
    document: Document,
    definition: Definition,
    language: Language,
    lines: Sequence[str],
    *,
    may_be_inline: bool,
) -> Edit:
    """Put a comment above what it documents; `may_be_inline`: one line of text may stand in one line."""
    line = document.line_of(definition.span.start)
    indent = _indent_of(document.line(line))
    start = document.starts[line]
    wrapped = _wrapped("\n".join(lines), len(indent) + 3)
    marked = _marked(language.id, language.comment, wrapped, is_inline=may_be_inline)
    return Edit(
        Span(start, start), "".join(f"{indent}{mark}".rstrip() + document.line_ending for mark in marked)
    )


def is_inline(text: str) -> bool:
    """Whether the comments of a file that document on one line are most of them."""
    return 2 * len(re.findall(r"/\*\*[^\n]*\*/", text)) > text.count("/**")


def _marked(language: str, comment: str | tuple[str, str], lines: list[str], *, is_inline: bool) -> list[str]:
    if language in BLOCK:
        safe = [line.replace("*/", "* /") for line in lines]
        if is_inline and len(safe) == 1:
            return [f"/** {safe[0]} */"]
        return ["/**", *(f" * {line}" for line in safe), " */"]
    mark = _LINE.get(language) or (comment if isinstance(comment, str) else "")
    if mark:
        return [f"{mark} {line}" for line in lines]
    assert not isinstance(comment, str)
    return [f"{comment[0]} {line.replace(comment[1], '')} {comment[1]}" for line in lines]


def in_body(document: Document, definition: Definition, text: str) -> Edit:
    """Put a docstring where the body of what it documents begins."""
    ending = document.line_ending
    body = definition.body
    header_line = document.line_of(definition.header.start)
    own = _indent_of(document.line(header_line))
    unit = layout.indent_unit(document.text)
    is_inline = document.line_of(body.start) == document.line_of(_last_code(document.text, definition))
    indent = own + unit if is_inline else _indent_of(document.line(document.line_of(body.start)))
    # A backslash would need a raw string, three quotes would end it.
    safe = text.replace("\\", "\\\\").replace('"""', "'''")
    lines = layout.with_unit("\n".join(_wrapped(safe, len(indent))), unit).split("\n")
    if len(lines) == 1 and not lines[0].endswith('"'):
        literal = f'"""{lines[0]}"""'
    else:
        rest = [f"{indent}{line}" if line else "" for line in (*lines[1:], "")]
        rest[-1] = f'{indent}"""'
        literal = ending.join((f'"""{lines[0]}', *rest))
    if is_inline:
        before = (
            body.start - len(document.text[: body.start]) + len(document.text[: body.start].rstrip(" \t"))
        )
        return Edit(Span(before, body.start), f"{ending}{indent}{literal}{ending}{indent}")
    # In front of comments that open the body, too: a docstring stands first.
    line = document.line_of(_last_code(document.text, definition)) + 1
    return Edit(Span(document.starts[line], document.starts[line]), f"{indent}{literal}{ending}")


def _last_code(text: str, definition: Definition) -> int:
    """Return where the header's colon stands."""
    header = text[definition.header.start : definition.header.end]
    without = re.sub(r"#[^\n\r]*", lambda match: " " * len(match[0]), header)
    return definition.header.start + max(without.rfind(":"), 0)


def _indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _wrapped(text: str, used: int) -> list[str]:
    lines: list[str] = []
    for line in re.split(r"\n|(?<=[。；])(?=\S{30})", text):  # Chinese has no spaces to break at
        indent = _indent_of(line)
        if len(line) + used <= _WIDTH or not line.isascii():
            lines.append(line.rstrip())
        else:
            deeper = indent + ("    " if re.match(r"\s*[\w*]+.{0,30}?[:-] ", line) and indent else "")
            lines += textwrap.wrap(
                line.strip(),
                max(_WIDTH - used, 40),
                initial_indent=indent,
                subsequent_indent=deeper,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return lines
