"""The exact messages for each action. Pure: a target and what is known about it in, messages out.

Every question begins with the code and what it uses, and ends with the order: so the questions about one
region share their beginning, which the engine has read already (`context`), and the order stands next to
the answer. Orders are short and concrete, which small models follow best. Fences are longer than any
that the code holds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from qwen_lsp.actions.target import Target
from qwen_lsp.actions.task import Diagnostic, Task
from qwen_lsp.messages import Locale
from qwen_lsp.model.generation import Message
from qwen_lsp.syntax.contract import Contract

_SYSTEM = Message("system", "You are an expert programmer. You do exactly what is asked, and briefly.")
_TRANSLATOR = Message("system", "You are a translator of technical texts.")

_ORDERS = {
    "fix": "Find and fix the bug in this {language} code. Change as little as possible.",
    "fix this": "Fix this problem in the {language} code. Change as little as possible.",
    "simplify": "Rewrite this {language} code so that it is simpler and easier to read. It must do exactly "
    "the same. Keep its names, parameters and comments.",
    "extract": "Move these lines into a new {language} function with a good name, written before the "
    "function they stand in, and call it in their place. Everything else stays as it is:\n{lines}",
    "errors": "Add the error handling that is missing in this {language} code: check inputs, catch what can "
    "fail, release resources. Keep its names and parameters.",
    "optimise": "Make this {language} code faster. It must do exactly the same. Keep its names and "
    "parameters.",
    "edit": "Change this {language} code as follows: {instruction}",
}
# Actions that may well add a comment.
_COMMENTING = {"errors", "edit"}
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
_IN = {"en": "in English", "zh": "in Simplified Chinese (简体中文)"}


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


def context(target: Target, signatures: Sequence[str]) -> list[Message]:
    """Return what all questions about a region begin with: to be read ahead."""
    return _question(target, signatures, [])


def _question(target: Target, signatures: Sequence[str], order: Sequence[str]) -> list[Message]:
    known = ["Definitions that are used:", "```", *signatures, "```"] if signatures else []
    code = f"{opening(target)}{target.shown}\n{fence(target.shown)}"
    return [_SYSTEM, Message("user", "\n".join((*known, code, *order)))]


def rewrite(target: Target, signatures: Sequence[str], detail: str = "") -> list[Message]:
    """Ask for the whole region; `detail` is ours, the instruction is the user's."""
    task = target.task
    details = [described(task, diagnostic) for diagnostic in task.diagnostics]
    kind = "fix this" if task.kind == "fix" and details else task.kind
    order = _ORDERS.get(kind, "{instruction}").format(
        language=language_name(task), instruction=task.instruction.strip(), lines=_selected(task)
    )
    if task.custom is not None:
        order = _filled(task.custom.prompt, task)
    elif task.kind != "edit" and task.instruction.strip():
        details.append(task.instruction.strip())
    if detail:
        details.append(detail)
    if task.locale == "zh" and task.kind in _COMMENTING:
        details.append("Write new comments in Simplified Chinese (简体中文).")
    return _question(
        target, signatures, [order, *details, "Answer with the whole code, without explanation."]
    )


def again(messages: Sequence[Message], answer: str, problem: str) -> list[Message]:
    """Ask for code once more, with what was wrong with the answer."""
    details = f"That is not right: {problem} Answer with the whole code again, corrected."
    return [*messages, Message("assistant", answer), Message("user", details)]


def again_prose(messages: Sequence[Message], answer: str, problem: str) -> list[Message]:
    """Ask for prose once more."""
    return [*messages, Message("assistant", answer), Message("user", problem)]


def explain(target: Target, signatures: Sequence[str]) -> list[Message]:
    """Ask what the code does."""
    task = target.task
    if task.custom is not None:
        order = _filled(task.custom.prompt, task)
    elif task.locale == "zh":
        order = (
            f"用中文简要解释这段 {language_name(task)} 代码：先用一句话说明它的作用，再分步说明它如何工作，"
            "最后指出需要注意的地方。不要重复代码。"
        )
    else:
        order = (
            f"Explain this {language_name(task)} code: first what it does in one sentence, then how it works "
            "step by step, then what to watch out for. Be brief, and do not repeat the code."
        )
    details = [described(task, diagnostic) for diagnostic in task.diagnostics]
    asked = [task.instruction.strip()] if task.instruction.strip() else []
    return _question(target, signatures, [order, *asked, *details])


def documentation(target: Target, contract: Contract, locale: Locale, *, is_new: bool) -> str:
    """Order a JSON object that says what a definition does and what its parts mean."""
    wanted = ['"summary": one sentence that says what it does, beginning with a verb'] if is_new else []
    if contract.parameters:
        wanted.append(f'"parameters": what each of {", ".join(contract.parameters)} means, in a few words')
    if contract.has_result:
        wanted.append('"returns": what it returns, in a few words')
    if contract.errors:
        wanted.append(f'"raises": when it raises {", ".join(contract.errors)}')
    return (
        f"Document this {language_name(target.task)} code {_IN[locale]}. Say only what the code shows. "
        f"Answer with a JSON object: {'; '.join(wanted)}."
    )


def sentence(name: str, locale: Locale) -> str:
    """Order the one sentence of documentation that a short definition needs."""
    if locale == "zh":
        what = f" `{name}` 的" if name else ""
        return (
            f"现在写{what}文档注释：一句简短的简体中文，以动词开头，说清具体的条件和结果，不要只重复名称。"
            "只写这一句，不要代码和注释符号。"
        )
    what = f" of `{name}`" if name else ""
    return (
        f"Now say it {_IN[locale]} in one short sentence for the documentation{what}, beginning with a verb. "
        "Write only the sentence: no code, no comment marks."
    )


# Asked for a sentence that says more than the name.
MORE = {
    "en": "That only repeats the name. Say exactly what it does: with what, when, to what effect.",
    "zh": "这只是重复了名称。请具体说明：用什么、在什么条件下、做了什么、得到什么结果。只写一句。",
}


def more(called: Sequence[str], locale: Locale) -> str:
    """Ask for more than the name; `called` is what the code calls, to speak of."""
    if not called:
        return MORE[locale]
    names = ", ".join(f"`{name}`" for name in called)
    return f"{MORE[locale]}代码调用了 {names}。" if locale == "zh" else f"{MORE[locale]} It calls {names}."


# Asked for a sentence that is no longer than what it documents.
SHORTER = {
    "en": "That is too long for so short a function. Say it in at most twelve words.",
    "zh": "对这么短的函数来说太长了。请用一句不超过二十个字的话说完。",
}
PLAINLY = {
    "en": "Say in two or three plain sentences what this code does, and what it is for.",
    "zh": "用两三句话说明这段代码做什么、有什么用。",
}


def plainly(
    target: Target, signatures: Sequence[str], around: Sequence[str], locale: Locale
) -> list[Message]:
    """Ask what code does, in as many words as that takes; `around` is what it stands in."""
    surroundings = ["It stands in:", "```", *around, "```"] if around else []
    return _question(target, signatures, [*surroundings, PLAINLY[locale]])


def next_order(messages: Sequence[Message], order: str) -> list[Message]:
    """Give an order after what has been said."""
    return [*messages, Message("user", order)]


def header(target: Target, signatures: Sequence[str], text: str) -> list[Message]:
    """Ask for the first line of a function with type annotations."""
    order = (
        f"Add type annotations to the parameters and the return value of this {language_name(target.task)} "
        f"function. Write only the new first line, in place of `{text}`"
    )
    return _question(target, signatures, [order])


def names(target: Target, signatures: Sequence[str], found: Sequence[str]) -> list[Message]:
    """Ask for better names of local variables, as a JSON object."""
    order = (
        f"Give the local variables {', '.join(found)} of this {language_name(target.task)} function names "
        "that say what they hold. Answer with a JSON object from old names to new ones; leave out good names."
    )
    return _question(target, signatures, [order])


def function_name(target: Target, parameters: Sequence[str], results: Sequence[str]) -> list[Message]:
    """Ask for the name of a function that the code becomes, as a JSON object."""
    takes = f" that takes {', '.join(parameters)}" if parameters else ""
    gives = f"{' and' if takes else ' that'} returns {', '.join(results)}" if results else ""
    is_python = target.task.language is not None and target.task.language.id == "python"
    style, example = ("snake_case", "load_prices") if is_python else ("camelCase", "loadPrices")
    order = (
        f"This {language_name(target.task)} code becomes a function{takes}{gives}. What is a good name for "
        f"it? A verb and what it is done to, in {style}, as in "
        f'{{"name": "{example}"}}. Answer with a JSON object.'
    )
    return _question(target, [], [order])


def unit_test(
    target: Target, signatures: Sequence[str], framework: str, importing: str, example: str
) -> list[Message]:
    """Ask for a test of a definition."""
    what = f"{framework} tests for this {language_name(target.task)} code"
    parts = [f"Write {what}: two short ones, what it does and one edge case."]
    if importing:
        parts.append(f"The test file already has this line: {importing}")
    if example:
        parts.append(f"Write it in the style of this test:\n{example}")
    return _question(target, signatures, [*parts, "Answer with the tests only; do not repeat the code."])


def calls(target: Target, signatures: Sequence[str], call: str) -> list[Message]:
    """Ask for calls that a test of a definition should make; `call` is one, with names of parameters."""
    order = (
        f"Write eight different calls of `{call}` that a unit test should make: ordinary values first, then "
        f"edge cases, so that every branch of the {language_name(target.task)} code runs. One call a line, "
        "with literal values that stand in the line itself. Write only the calls: no results and no comments."
    )
    return _question(target, signatures, [order])


# Comments as people write them, translated: a condition without a subject, a name, half a sentence.
_TRANSLATED = {
    "zh": (
        (
            "if not, maybe it's already in the pool, so look there",
            "如果不是，它可能已经在池中，因此到那里查找",
        ),
        ("Return a `list` copy of the rows. Handy for tests.", "返回 `list` 形式的行副本，便于测试。"),
        (
            "Unlike `copy`, this simply returns `None` if the file is missing, instead of raising an error.",
            "与 `copy` 不同，文件不存在时它只返回 `None`，而不会引发错误。",
        ),
        ("Prepare the options for the next request", "为下一次请求准备选项"),
        (
            "The buffer, which would otherwise grow without limit, is emptied once a minute.",
            "缓冲区每分钟清空一次，否则会无限增长。",
        ),
        (
            "Was crashing on old phones; only happens when the app is opened from a notification",
            "曾在旧手机上崩溃；只有从通知打开应用时才会发生",
        ),
        (
            "Size of the `block` in bytes, used by the later reads",
            "`block` 的大小（以字节为单位），供之后的读取使用",
        ),
        ("the caller must not close it before the flush", "调用方不得在刷新之前关闭它"),
    ),
    "en": (
        ("如果不是，可能已经在池中，到那里查找", "If not, it may already be in the pool, so look there"),
        ("loadRows的返回结果，未找到时为null", "Result of loadRows, null when nothing is found"),
        ("刷新之前不能关闭，否则会丢数据", "Must not be closed before the flush, or data is lost"),
    ),
}


def translate(
    text: str,
    to: Locale,
    keep: Sequence[str] = (),
    *,
    is_firm: bool = False,
    left_out: Sequence[str] = (),
    foreign: Sequence[str] = (),
    before: tuple[str, str] | None = None,
    terms: Sequence[tuple[str, str]] = (),
) -> list[Message]:
    """Ask for a sentence of a comment in the other language.

    `terms` are phrases of it with what they become; `before` is the sentence before it and what it became;
    `keep` are words that must stay as they are, `left_out` words whose meaning an earlier answer lacks,
    `foreign` words that it should not have.
    """
    kept = "、".join(keep) if to == "zh" else ", ".join(keep)
    lacking = "、".join(left_out) if to == "zh" else ", ".join(left_out)
    if to == "zh":
        order = (
            "把下面的代码注释翻译成简体中文，译文要准确、通顺，像中文程序员自己写的注释。不要漏译。"
            "只写译文，代码和名称保持不变。"
        )
        firm = "译文必须是中文。" + (f"译文中原样保留：{kept}。" if keep else "")
        firm += f"不要漏译：{lacking}。" if left_out else ""
        firm += f"译文中不应出现：{'、'.join(foreign)}。" if foreign else ""
    else:
        order = "Translate this code comment into English. Write only the translation; keep code and names."
        firm = " The answer must be in English." + (f" Keep as it is: {kept}." if keep else "")
        firm += f" Do not leave out what these say: {lacking}." if left_out else ""
        firm += f" There must be no {', '.join(foreign)} in it." if foreign else ""
    shown = [
        message
        for original, translated in (*_TRANSLATED[to], *([before] if before is not None else []))
        for message in (Message("user", f"{order}\n\n{original}"), Message("assistant", translated))
    ]
    known = f"其中{'，'.join(f'“{phrase}”译为“{said}”' for phrase, said in terms)}。" if terms else ""
    return [_TRANSLATOR, *shown, Message("user", f"{order}{known}{firm if is_firm else ''}\n\n{text}")]


def described(task: Task, diagnostic: Diagnostic) -> str:
    """Say what is wrong, and where in words that need no line numbers."""
    document = task.document
    span = diagnostic.span
    number = document.line_of(span.start)
    line = document.line(number).strip()
    is_whole = span.start == span.end or document.line_of(span.end) != number  # names no place of its own
    source = f" ({diagnostic.source})" if diagnostic.source else ""
    where = f" in the line `{line}`" if line and not is_whole else ""
    return "\n".join((f"Problem{where}: {diagnostic.message.strip()}{source}", *diagnostic.related))


def _selected(task: Task) -> str:
    text = task.document.text[task.span.start : task.span.end].strip("\r\n")
    return f"{fence(text)}\n{text}\n{fence(text)}"


def _filled(template: str, task: Task) -> str:
    """Fill in a template of the user's; other braces stay as they are."""
    details = "; ".join(diagnostic.message for diagnostic in task.diagnostics)
    values = {"language": language_name(task), "path": task.path, "diagnostics": details}
    return re.sub(r"\{(language|path|diagnostics)\}", lambda match: values[match[1]], template)
