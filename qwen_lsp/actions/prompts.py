"""The exact messages for each action. Pure: a target and what is known about it in, messages out.

Small models follow short, concrete orders; docs/benchmarks.md has what was compared. The code to rewrite
stands last, next to the answer, and its fence is longer than any that it holds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from qwen_lsp.actions.target import Target
from qwen_lsp.actions.task import Diagnostic, Task
from qwen_lsp.messages import Locale
from qwen_lsp.model.chat import Message

_SYSTEM = "You are an expert programmer. You answer with code only, without explanations."
_SYSTEM_PROSE = "You are an expert programmer. You explain code precisely and briefly, in Markdown."

_ORDERS = {
    "fix": "Find and fix the bug in this {language} code. Change as little as possible.",
    "simplify": "Rewrite this {language} code so that it is simpler and easier to read. It must do exactly the "
    "same. Keep its names, parameters and comments.",
    "extract": "Extract the lines\n{lines}\ninto a new {language} function with a good name, placed before the "
    "function they stand in, and call it there. Everything else stays as it is.",
    "errors": "Add the error handling that is missing in this {language} code: check inputs, catch what can fail, "
    "release resources. Keep its names and parameters.",
    "optimise": "Make this {language} code faster. It must do exactly the same. Keep its names and parameters.",
    "edit": "Change this {language} code as follows: {instruction}",
}
_LANGUAGE_NAMES = {
    "javascript": "JavaScript",
    "typescript": "TypeScript",
    "typescriptreact": "TypeScript",
    "cpp": "C++",
    "csharp": "C#",
    "php": "PHP",
    "sql": "SQL",
    "html": "HTML",
    "css": "CSS",
    "shellscript": "shell",
}
_IN = {"en": "English", "zh": "Chinese (简体中文)"}


def language_name(task: Task) -> str:
    """Return what people call the language; "" for an unknown one."""
    language = task.language
    if language is None:
        return ""
    return _LANGUAGE_NAMES.get(language.id, language.id.capitalize())


def fence(code: str) -> str:
    """Return a fence that the code does not hold."""
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    return "`" * (longest + 1)


def opening(target: Target) -> str:
    """Return what an answer that is code begins with."""
    language = target.task.language
    return f"{fence(target.shown)}{language.id if language else ''}\n"


def rewrite(target: Target, signatures: Sequence[str]) -> list[Message]:
    """Ask for the region anew."""
    task = target.task
    order = _ORDERS.get(task.kind, "{instruction}").format(
        language=language_name(task), instruction=task.instruction.strip(), lines=_selected(target)
    )
    if task.custom is not None:
        order = _filled(task.custom.prompt, task)
    told = [told_of(task, target, diagnostic) for diagnostic in task.diagnostics]
    if task.kind == "fix" and task.instruction.strip():
        told.append(task.instruction.strip())
    if task.kind == "fix" and task.diagnostics:
        order = f"Fix this problem in the {language_name(task)} code. Change as little as possible."
    parts = [order, *told, *_known(signatures), _fenced(target), "Answer with the whole code."]
    return [Message("system", _SYSTEM), Message("user", "\n".join(parts))]


def again(messages: Sequence[Message], answer: str, problem: str) -> list[Message]:
    """Ask once more, having said what was wrong with the answer."""
    told = f"That is not right: {problem} Answer with the whole code again, corrected."
    return [*messages, Message("assistant", answer), Message("user", told)]


def explain(target: Target, signatures: Sequence[str]) -> list[Message]:
    """Ask what the code does."""
    task = target.task
    if task.custom is not None:
        order = _filled(task.custom.prompt, task)
    elif task.locale == "zh":
        order = f"用中文简要解释下面的 {language_name(task)} 代码：先用一句话说明它的作用，再分步说明它如何工作，最后指出需要注意的地方。"
    else:
        order = (
            f"Explain this {language_name(task)} code: first what it does in one sentence, then how it works step by "
            "step, then what to watch out for. Be brief."
        )
    told = [told_of(task, target, diagnostic) for diagnostic in task.diagnostics]
    asked = [task.instruction.strip()] if task.instruction.strip() else []
    parts = [order, *asked, *told, *_known(signatures), _fenced(target)]
    return [Message("system", _SYSTEM_PROSE), Message("user", "\n".join(parts))]


def docstring(target: Target, style: str) -> list[Message]:
    """Ask for the text of a documentation comment, and nothing but it."""
    task = target.task
    order = (
        f"Write the documentation of this {language_name(task)} code in {_IN[task.locale]}: one sentence that says what "
        f"it does{style}. Write only the text of the documentation: no code, no comment marks."
    )
    return [Message("system", _SYSTEM_PROSE), Message("user", f"{order}\n{_fenced(target)}")]


def header(target: Target, text: str) -> list[Message]:
    """Ask for the first line of a function with type annotations."""
    order = (
        f"Add type annotations to the parameters and the return value of this {language_name(target.task)} function. "
        f"Write only the new first line, in place of `{text}`"
    )
    return [Message("system", _SYSTEM), Message("user", f"{order}\n{_fenced(target)}")]


def names(target: Target, found: Sequence[str]) -> list[Message]:
    """Ask for better names of local variables, as a JSON object."""
    order = (
        f"Which of the local variables {', '.join(found)} of this {language_name(target.task)} function are named badly? "
        "Answer with a JSON object that gives each of those a descriptive new name; leave out good names."
    )
    return [Message("system", _SYSTEM), Message("user", f"{order}\n{_fenced(target)}")]


def translate(text: str, to: Locale, *, is_firm: bool = False) -> list[Message]:
    """Ask for one comment in the other language."""
    if to == "zh":
        order = "把下面的代码注释翻译成简体中文。只写译文，代码、名称和标点格式保持不变。"
        firm = "译文必须是中文。"
    else:
        order = "Translate this code comment into English. Write only the translation; keep code and names as they are."
        firm = "The answer must be in English."
    system = "You are a translator of technical texts."
    return [Message("system", system), Message("user", f"{order}{firm if is_firm else ''}\n\n{text}")]


def unit_test(target: Target, framework: str, importing: str, example: str) -> list[Message]:
    """Ask for a test of a definition."""
    task = target.task
    parts = [
        f"Write {framework} tests for this {language_name(task)} code. Test real results, and one edge case."
    ]
    if importing:
        parts.append(f"The test file already has this line: {importing}")
    if example:
        parts.append(f"Write it in the style of this test:\n{example}")
    parts += [_fenced(target), "Answer with the tests only; do not repeat the code."]
    return [Message("system", _SYSTEM), Message("user", "\n".join(parts))]


def told_of(task: Task, target: Target, diagnostic: Diagnostic) -> str:
    """Say what is wrong, where, in words that need no line numbers."""
    document = task.document
    line = document.line(document.line_of(diagnostic.span.start)).strip()
    source = f" ({diagnostic.source})" if diagnostic.source else ""
    where = f" in the line `{line}`" if line else ""
    return "\n".join((f"Problem{where}: {diagnostic.message.strip()}{source}", *diagnostic.related))


def _selected(target: Target) -> str:
    text = target.task.document.text[target.task.span.start : target.task.span.end].strip("\r\n")
    return f"```\n{text}\n```"


def _known(signatures: Sequence[str]) -> list[str]:
    if not signatures:
        return []
    return ["It uses these definitions:", "```", *signatures, "```"]


def _fenced(target: Target) -> str:
    return f"{opening(target)}{target.shown}\n{fence(target.shown)}"


def _filled(template: str, task: Task) -> str:
    """Fill in a template of the user's; other braces stay as they are."""
    told = "; ".join(diagnostic.message for diagnostic in task.diagnostics)
    values = {"language": language_name(task), "path": task.path, "diagnostics": told}
    return re.sub(r"\{(language|path|diagnostics)\}", lambda match: values[match[1]], template)
