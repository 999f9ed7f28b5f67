"""Documentation as parts - summary, parameters, result, errors - in the convention of a file.

Reads parts out of what a model wrote or of what stands there, says which of a contract are missing, and
writes them as lines. It knows neither the model nor where in a file documentation stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from qwen_lsp.syntax.contract import NOTHING, Contract

Style = Literal["google", "numpy", "rest", "tags", "xml", "plain"]
# Languages whose documentation has tags; `- ` is put before the meaning where JSDoc and TSDoc have it.
_TAGS = {"javascript", "typescript", "typescriptreact", "java", "kotlin", "php", "scala", "c", "cpp"}
_DASHED = {"javascript", "typescript", "typescriptreact"}
_NAME = r"[A-Za-z_$][\w$]*"
_PARAMETER = (
    re.compile(
        rf"@(?:param|arg|argument)(?:\s+\{{[^}}]*\}})?\s+[\[<]?\$?({_NAME})[^\s\]>]*[\]>]?\s*(?:-\s+)?(.*)"
    ),
    re.compile(rf":param\s+(?:[\w\[\], .]+\s)?({_NAME}):\s*(.*)"),
    re.compile(rf'<param name="({_NAME})">(.*?)(?:</param>|$)'),
)
_RESULT = (
    re.compile(r"@returns?(?:\s+\{[^}]*\})?\s+(.*)"),
    re.compile(r":(?:returns?|yields?):\s*(.*)"),
    re.compile(r"<returns>(.*?)(?:</returns>|$)"),
)
_ERROR = (
    re.compile(rf"@(?:throws|exception|raises?)(?:\s+\{{)?\s*({_NAME})\}}?\s*(?:-\s+)?(.*)"),
    re.compile(rf":raises?\s+({_NAME}):\s*(.*)"),
    re.compile(rf'<exception cref="({_NAME})">(.*?)(?:</exception>|$)'),
)
_SECTION = re.compile(
    r"\s*(Args|Arguments|Parameters|Returns?|Yields?|Raises|参数|返回值?|异常)\s*[:：]?\s*$"
)
_ITEM = re.compile(rf"\s+\*{{0,2}}({_NAME})\s*+(?:\([^)]*\)\s*+)?:\s*(.*)")
# How a model begins that talks about the code instead of describing it.
_PREAMBLE = re.compile(
    r"^(this|the)\s+(`?\w+`?\s+){0,3}(function|method|class|code|component|constructor)\s+"
    r"(of\s+(the\s+)?`?\w+`?\s+((struct|class|type|object|interface)\s+)?)?"
    r"(is\s+used\s+to\s+|will\s+|that\s+|which\s+)?"
    r"|^这(段代码)?是一?个?[^，,。]{0,20}(函数|方法|类|接口)[，,]\s*(它|其|该\w{1,3})?(会|将|用于|用来)?"
    r"|^(这个|该|此|本)?(函数|方法|类|代码)(是)?(用于|用来|会|将)?",
    re.IGNORECASE,
)
# A string of the answer may be so long; small models do not end one by themselves.
LONGEST = 200
# A shorter name is in many words that mean something else.
_MIN_PLAIN_CHARS = 3


@dataclass(frozen=True, slots=True)
class Parts:
    """Documentation in parts. Shape: `parameters` and `errors` map a name to its description."""

    summary: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    result: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


def style_of(language: str, others: list[str]) -> Style:
    """Return the convention of a file from its other documentation, else the language's usual one."""
    text = "\n".join(others)
    if language == "python":
        if re.search(r"^\s*(Parameters|Returns|Raises)\s*\n\s*-{3,}", text, re.MULTILINE):
            return "numpy"
        if re.search(r"^\s*:(param|returns?|raises)\b", text, re.MULTILINE):
            return "rest"
        if re.search(r"^\s*(Args|Returns|Raises):\s*$", text, re.MULTILINE):
            return "google"
        return "plain" if len(others) > 1 else "google"
    if language == "csharp":
        return "xml"
    if language in _TAGS:
        has_tags = re.search(r"@(param|returns?|throws)\b", text) is not None
        return "plain" if len(others) > 1 and not has_tags else "tags"
    return "plain"


def read(text: str) -> Parts:
    """Read the parts out of documentation without comment marks, or out of a JSON object."""
    if text.lstrip().startswith("{"):
        return _from_json(text)
    summary: list[str] = []
    parameters: dict[str, str] = {}
    errors: dict[str, str] = {}
    result, section, name, is_numpy = "", "", "", False
    for line in text.split("\n"):
        if (found := _first(_PARAMETER, line)) is not None:
            parameters[found[1]] = found[2].strip()
        elif (found := _first(_ERROR, line)) is not None:
            errors[found[1]] = found[2].strip()
        elif (found := _first(_RESULT, line)) is not None:
            result = found[1].strip()
        elif heading := _SECTION.match(line):
            section = heading[1].lower()
        elif re.fullmatch(r"\s*-{3,}\s*", line):
            is_numpy = True
        elif is_numpy and section.startswith("parameters") and line.strip():
            name = line.split(":")[0].strip() if not line[0].isspace() else name
            description = line.strip() if line[0].isspace() else ""
            parameters[name] = f"{parameters.get(name, '')} {description}".strip()
        elif section and (item := _ITEM.match(f" {line}")) and section[0] in "ap参":
            parameters[item[1]] = item[2].strip()
        elif section and (item := _ITEM.match(f" {line}")) and section.startswith(("raises", "异常")):
            errors[item[1]] = item[2].strip()
        elif section.startswith(("return", "yield", "返回")) and line.strip():
            result = result or re.sub(r"^[\w\[\], |.]+:\s+", "", line.strip())
        elif not section and not parameters and not result and not errors:
            summary.append(re.sub(r"</?(summary|para|remarks)>", "", line))
    return Parts("\n".join(summary).strip(), parameters, result, errors)


def _first(patterns: tuple[re.Pattern[str], ...], line: str) -> re.Match[str] | None:
    return next((found for pattern in patterns if (found := pattern.search(line))), None)


def _from_json(text: str) -> Parts:
    values = _so_far(text)
    if not isinstance(values, dict):
        return Parts()

    def named(key: str) -> dict[str, str]:
        found = values.get(key)
        return {k: _line(v) for k, v in found.items()} if isinstance(found, dict) else {}

    return Parts(
        _line(values.get("summary")), named("parameters"), _line(values.get("returns")), named("raises")
    )


def _so_far(text: str) -> object:
    """Read a JSON object as far as it is written; {} where nothing of it can be read."""
    closing: list[str] = []
    is_string = is_escaped = False
    whole, n_open = 0, 0  # so much ends behind a whole value, with so many objects open
    for at, sign in enumerate(text):
        if is_string:
            is_string = is_escaped or sign != '"'
            is_escaped = sign == "\\" and not is_escaped
            continue
        if sign == '"':
            is_string = True
        elif sign == "{":
            closing.append("}")
            whole, n_open = at + 1, len(closing)
        elif sign == "}" and closing:
            closing.pop()
        elif sign == ",":
            whole, n_open = at, len(closing)
    ends = text.rstrip("\\") if is_string else text
    for candidate in (text, ends + '"' * is_string + "".join(reversed(closing)), text[:whole] + "}" * n_open):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    return {}


def _line(value: object) -> str:
    return " ".join(str(value).split()) if isinstance(value, str) else ""


def missing(contract: Contract, there: Parts, text: str) -> Contract:
    """Return what of a contract the documentation that is there, whose text is `text`, does not speak of."""
    lowered = text.lower()
    named = [name for name in contract.parameters if name in there.parameters or _is_mentioned(name, text)]
    is_prose = not there.parameters and len(named) == len(contract.parameters)
    return Contract(
        () if is_prose else tuple(name for name in contract.parameters if name not in there.parameters),
        contract.has_result and not there.result and not re.search(r"\breturns?\b|返回", lowered),
        tuple(name for name in contract.errors if name not in there.errors and name.lower() not in lowered),
    )


def _is_mentioned(name: str, text: str) -> bool:
    """Whether prose speaks of a parameter: between marks, or a name that is no English word by itself."""
    if re.search(rf"([*`'\"]){re.escape(name)}\1", text):
        return True
    if re.search(rf"\b(given|specified|provided|passed) {re.escape(name)}\b", text, re.IGNORECASE):
        return True
    is_plain = len(name) < _MIN_PLAIN_CHARS or name.lower() in ("name", "value", "type", "data", "list")
    return not is_plain and re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", text) is not None


def fitting(parts: Parts, contract: Contract | None) -> Parts:
    """Keep of the parts what the contract has: real parameters in order, a result where there is one."""
    if contract is None:
        return Parts(tidy(parts.summary))
    return Parts(
        tidy(parts.summary),
        {name: text for name in contract.parameters if (text := whole(parts.parameters.get(name, "")))},
        whole(parts.result) if contract.has_result else "",
        {name: text for name in contract.errors if (text := whole(parts.errors.get(name, "")))},
    )


def whole(text: str) -> str:
    """Return a description without the sentence that the limit on its length has cut off."""
    if len(text) < LONGEST or re.search(r"[.。!)]$", text):
        return text
    ended = re.match(r".*(?:[a-z`)]\.(?= )|。)", text)
    return ended[0] if ended is not None else ""


def tidy(summary: str) -> str:
    """Let a summary begin with what is done, and leave out what a model says about its own answer."""
    text = _PREAMBLE.sub("", summary.strip())
    return text[:1].upper() + text[1:]


def shortened(wanted: Contract, style: Style, language: str, max_lines: int) -> Contract:
    """Leave out errors, then the result, then the parameters, until a line for each and a summary fit."""
    for less in (wanted, replace(wanted, errors=()), replace(wanted, errors=(), has_result=False)):
        parts = Parts(
            "…", dict.fromkeys(less.parameters, "…"), "…" * less.has_result, dict.fromkeys(less.errors, "…")
        )
        if len(lines(parts, style, language)) <= max_lines:
            return less
    return NOTHING


def first_sentence(summary: str) -> str:
    """Return the one sentence that was asked for: what a small model adds to it is where it goes wrong.

    A summary of several lines was meant to be longer.
    """
    if "\n" in summary:
        return summary
    return re.split(r"(?<=[。！])|(?<=[a-z`)][.!])(?<!e\.g\.)(?<!i\.e\.) +(?=[A-Z])", summary, maxsplit=1)[0]


def named_first(parts: Parts, name: str) -> Parts:
    """Begin the summary with the name, as Go does."""
    summary = parts.summary
    if not name or re.match(rf"{re.escape(name)}\b", summary):
        return parts
    rest = summary[:1].lower() + summary[1:] if summary[1:2].islower() else summary
    return replace(parts, summary=f"{name} {rest}")


def lines(parts: Parts, style: Style, language: str, indent: str = "    ") -> list[str]:
    """Write the parts as lines without comment marks."""
    if style == "xml":
        written = ["<summary>", *parts.summary.split("\n"), "</summary>"] if parts.summary else []
        written += [f'<param name="{name}">{text}</param>' for name, text in parts.parameters.items()]
        written += [f"<returns>{parts.result}</returns>"] if parts.result else []
        return written + [
            f'<exception cref="{name}">{text}</exception>' for name, text in parts.errors.items()
        ]
    blocks = [parts.summary.split("\n")] if parts.summary else []
    if style == "plain":
        return [line for block in blocks for line in block]
    if style in ("tags", "rest"):
        tags = _tagged(parts, style, "- " if language in _DASHED else "", language)
        blocks += [tags] if tags else []
    else:
        blocks += _sections(parts, style, indent)
    return [line for number, block in enumerate(blocks) for line in ([""] if number else []) + block]


def _tagged(parts: Parts, style: Style, dash: str, language: str) -> list[str]:
    if style == "rest":
        return [
            *(f":param {name}: {text}" for name, text in parts.parameters.items()),
            *([f":returns: {parts.result}"] if parts.result else []),
            *(f":raises {name}: {text}" for name, text in parts.errors.items()),
        ]
    dollar = "$" if language == "php" else ""
    result = "returns" if language in _DASHED else "return"
    return [
        *(f"@param {dollar}{name} {dash}{text}" for name, text in parts.parameters.items()),
        *([f"@{result} {parts.result}"] if parts.result else []),
        *(f"@throws {name} {text}" for name, text in parts.errors.items()),
    ]


def _sections(parts: Parts, style: Style, indent: str) -> list[list[str]]:
    def listed(heading: str, items: Mapping[str, str]) -> list[str]:
        if style == "numpy":
            rows = [line for name, text in items.items() for line in (name, indent + text)]
            return [heading, "-" * len(heading), *rows]
        return [f"{heading}:", *(f"{indent}{name}: {text}" for name, text in items.items())]

    result = ["Returns", "-------"] if style == "numpy" else ["Returns:"]
    blocks = [
        listed("Parameters" if style == "numpy" else "Args", parts.parameters),
        [*result, f"{indent}{parts.result}"],
        listed("Raises", parts.errors),
    ]
    wanted = (parts.parameters, parts.result, parts.errors)
    return [block for block, is_there in zip(blocks, wanted, strict=True) if is_there]
