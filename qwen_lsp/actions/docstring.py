"""Write the documentation of a definition, in its language's own convention.

The model writes only the text; the marks, the indentation and the place are ours. So the code is what it
was by construction, and it is checked all the same.
"""

from __future__ import annotations

import re
import textwrap

from qwen_lsp.actions import checks, layout, prompts, reply, rewrite
from qwen_lsp.actions.model import Voice
from qwen_lsp.actions.prose import in_language
from qwen_lsp.actions.target import Target, choose
from qwen_lsp.actions.task import Knowledge, Proposal, Refused, Task
from qwen_lsp.syntax import code
from qwen_lsp.syntax.code import Definition
from qwen_lsp.text import Edit, Span, normalize_line_ends

_MOST_TOKENS = 220
_WIDTH = 88
# Languages whose documentation stands in `/** */`; others use the line comment, doubled or not.
_BLOCK = {
    "javascript", "typescript", "typescriptreact", "java", "kotlin", "php", "scala", "c", "cpp", "css",
}  # fmt: skip
_LINE = {"rust": "///", "csharp": "///", "swift": "///", "lua": "---"}
_STYLES = {
    "python": ", then a section `Args:` and a section `Returns:` (Google style) where they help",
    "javascript": ", then `@param name - meaning` and `@returns meaning` lines (JSDoc)",
    "typescript": ", then `@param name - meaning` and `@returns meaning` lines (TSDoc)",
    "typescriptreact": ", then `@param name - meaning` and `@returns meaning` lines (TSDoc)",
    "java": ", then `@param name meaning` and `@return meaning` lines (Javadoc)",
    "kotlin": ", then `@param name meaning` and `@return meaning` lines (KDoc)",
    "php": ", then `@param type $name meaning` and `@return type meaning` lines (PHPDoc)",
    "scala": ", then `@param name meaning` and `@return meaning` lines (Scaladoc)",
    "c": ", then `@param name meaning` and `@return meaning` lines (Doxygen)",
    "cpp": ", then `@param name meaning` and `@return meaning` lines (Doxygen)",
    "go": ". Begin it with the name, as Go does",
}
_LABEL = re.compile(
    r"^\s*\**(documentation|docstring|doc comment|description|summary"
    r"|(代码|函数|文档|功能)?(说明|文档|注释|描述))\**\s*[:：]\**\s*",
    re.IGNORECASE,
)


async def run(task: Task, voice: Voice, knowledge: Knowledge) -> Proposal | Refused:
    """Document the definition around the selection.

    Raises: EndpointError.
    """
    target = choose(task, "definition")
    if target is None or target.definition is None or target.source is None:
        return Refused("no_definition")
    if rewrite.room(target, voice) is None:
        return Refused("too_large")
    language, definition = target.source.language.id, target.definition
    place = _edit(target, definition, "")  # where it goes does not depend on what it says

    def in_place(written: str) -> str:
        text = _text_of(written, is_cut_off=False)
        return _edit(target, definition, text).new_text if isinstance(text, str) else ""

    messages = prompts.docstring(target, rewrite.signatures_of(target, knowledge), _STYLES.get(language, ""))
    failed: Refused | None = None
    for _ in range(2):
        answer = await voice.ask(
            messages, _MOST_TOKENS, original=target.shown, region=place.span, shown=in_place
        )
        result = _judged(target, definition, answer.text, answer.is_cut_off)
        if isinstance(result, Proposal):
            return result
        failed = failed or result
        if result.reason == "refusal":
            break
        wanted = "Chinese" if task.locale == "zh" else "English"
        messages = prompts.again_prose(messages, answer.text, f"Write plain text in {wanted}, without code.")
    assert failed is not None
    return failed


def _judged(target: Target, definition: Definition, answer: str, is_cut_off: bool) -> Proposal | Refused:
    text = _text_of(answer, is_cut_off)
    if isinstance(text, Refused):
        return text
    assert target.source is not None
    task, language = target.task, target.source.language
    if not in_language(_sentences(text), task.locale):
        return Refused("language")
    document = task.document
    edit = _edit(target, definition, text)
    after = document.text[: edit.span.start] + edit.new_text + document.text[edit.span.end :]
    parsed = code.parse(after, language)
    if parsed is None or (refused := checks.syntax(target.source, parsed)):
        return refused if parsed is not None and refused else Refused("syntax")
    if parsed.tokens() != target.source.tokens():
        return Refused("code_changed")
    return Proposal((edit,))


def _text_of(answer: str, is_cut_off: bool) -> str | Refused:
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


def _sentences(text: str) -> str:
    """Return the lines that say something, without the names and types that they are about."""
    return re.sub(
        r"^\s*(@\w+\s+\S+|Args:|Returns?:|Raises:|\w+\s*(\([^)]*\))?:)", "", text, flags=re.MULTILINE
    )


def _edit(target: Target, definition: Definition, text: str) -> Edit:
    """Put the text where documentation belongs, in place of what is there."""
    document, source = target.task.document, target.source
    assert source is not None
    language, ending = source.language, document.line_ending
    if language.id == "python":
        return _python_edit(target, definition, text)
    line = document.line_of(definition.span.start)
    indent = _indent_of(document.line(line))
    lines = _marked(language.id, language.comment, _wrapped(text, len(indent) + 3))
    new = "".join(f"{indent}{mark}".rstrip() + ending for mark in lines)
    start = document.starts[line]
    above = _documentation_above(target, line)
    return Edit(above if above is not None else Span(start, start), new)


def _documentation_above(target: Target, line: int) -> Span | None:
    """Find the documentation comment that ends on the line above, to take its place."""
    document, source = target.task.document, target.source
    assert source is not None
    first = line
    for prose in reversed(source.prose()):
        top, bottom = document.line_of(prose.span.start), document.line_of(prose.span.end)
        alone = not document.text[document.starts[top] : prose.span.start].strip()
        if prose.is_docstring or not alone or bottom != first - 1:
            continue
        if not re.match(r"/\*\*|///|---|#(?!!)|//|--", prose.text):
            break
        first = top
    return Span(document.starts[first], document.starts[line]) if first < line else None


def _marked(language: str, comment: str | tuple[str, str], lines: list[str]) -> list[str]:
    if language in _BLOCK:
        safe = [line.replace("*/", "* /") for line in lines]
        return ["/**", *(f" * {line}" for line in safe), " */"]
    mark = _LINE.get(language) or (comment if isinstance(comment, str) else "")
    if mark:
        return [f"{mark} {line}" for line in lines]
    assert not isinstance(comment, str)
    return [f"{comment[0]} {line.replace(comment[1], '')} {comment[1]}" for line in lines]


def _python_edit(target: Target, definition: Definition, text: str) -> Edit:
    document, source = target.task.document, target.source
    assert source is not None
    ending = document.line_ending
    body = definition.body
    existing = next(
        (prose for prose in source.prose() if prose.is_docstring and prose.span.start == body.start), None
    )
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
    if existing is not None:
        return Edit(existing.span, literal)
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
