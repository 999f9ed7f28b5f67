"""What a constructor does with what it is given: said from its signature and body, without a model.

A small model describes the class, or claims methods; what is kept in which field, and what goes on to the
base class, stands in the code. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_lsp.messages import Locale
from qwen_lsp.syntax.code import Definition, Source

_NAMES = {"__init__", "constructor", "initialize"}
# Of more parameters than this only the first are named.
_MAX_NAMED = 7
_SUPER = re.compile(r"\bsuper(?:\(\))?(?:\.(?:__init__|initialize))?\s*\(")
_BASE = re.compile(r"\bextends\s+([\w$.]+)|\bclass\s+\w+\s*\(\s*([\w.]+)")


@dataclass(frozen=True, slots=True)
class Use:
    """What becomes of each parameter: `kept` maps it to the field that holds it, `passed` go to `base`."""

    kept: dict[str, str]
    passed: tuple[str, ...]
    base: str


def made_by(source: Source, definition: Definition) -> str:
    """Return the class that a constructor makes one of, "" for what is no constructor."""
    name, language = definition.name, source.language.id
    classes = {one.name for one in source.definitions() if not one.is_function}
    owner = _owner(source, definition)
    text = source.text[definition.span.start : definition.span.end]
    is_made_by_name = (
        language in ("javascript", "typescript") and re.search(r"^\s*this\.\w+ =", text, re.M) is not None
    )
    is_constructor = definition.is_function and (
        name in _NAMES or (name in classes and language != "go") or (name[:1].isupper() and is_made_by_name)
    )
    if not is_constructor:
        return ""
    return owner.name if owner is not None and not owner.is_function else name


def use_of(source: Source, definition: Definition, parameters: Sequence[str]) -> Use:
    """Tell what a constructor keeps and what it hands on."""
    body = source.text[definition.body.start : definition.body.end]
    for prose in reversed(source.prose()):
        if definition.body.start <= prose.span.start < definition.body.end:
            at = prose.span.start - definition.body.start
            body = body[:at] + body[prose.span.end - definition.body.start :]
    header = source.text[definition.header.start : definition.header.end]
    kept: dict[str, str] = {}
    for name in parameters:
        word = re.escape(name)
        assigned = re.search(
            r"^[ \t{]*(?:(?:self|this)\.|this\[|@)?(?P<field>[A-Za-z_$#]\w*)\]?\s*(?::[^=\n]+)?"
            rf"=\s*{word}\s*"
            r"(?:;|\|\||\?\?|\bor\b|\}|$)",
            body,
            re.MULTILINE,
        )
        is_field = assigned is not None and not re.search(
            rf"\b(?:var|let|const)\s+{re.escape(assigned['field'])}\b", body
        )
        if assigned is not None and is_field and assigned["field"] != name:
            kept[name] = assigned["field"]
        elif re.search(
            rf"(?:self|this)\.[#_]?{word}\s*(?::[^=\n]+)?=\s*{word}\b(?!\s*[.(\[])", body
        ) or re.search(
            rf"\b(?:private|public|protected|readonly|val|var)\s+(?:readonly\s+)?{word}\b", header
        ):
            kept[name] = name
    handed = _SUPER.search(body)
    given = _arguments(body, handed.end()) if handed is not None else ""
    passed = tuple(
        name for name in parameters if name not in kept and re.search(rf"(?<![\w.$]){name}(?![\w$])", given)
    )
    owner = _owner(source, definition)
    found = _BASE.search(source.text[owner.header.start : owner.header.end]) if owner is not None else None
    return Use(kept, passed, (found[1] or found[2]).rsplit(".", 1)[-1] if found is not None else "")


def _arguments(text: str, start: int) -> str:
    depth = 1
    for at in range(start, len(text)):
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if depth == 0:
            return text[start:at]
    return text[start:]


def summary(use: Use, first: str, locale: Locale) -> str:
    """Say what a constructor makes of its parameters; "" where it neither keeps nor hands on any.

    `first` is how the sentence begins: "Create a Cart", "创建 Cart 实例，".
    """
    kept, passed = list(use.kept), list(use.passed)
    if locale == "zh":
        base = f"父类 {use.base}" if use.base else "父类"
        said = [f"保存 {_listed(kept, locale)}"] if kept else []
        said += [f"将 {_listed(passed, locale)} 传给{base}"] if passed else []
        return f"{first}{'，并'.join(said)}" if said else ""
    said = [f"keeps {_listed(kept, locale)}"] if kept else []
    said += [f"passes {_listed(passed, locale)} on to {use.base or 'its base class'}"] if passed else []
    return f"{first} that {' and '.join(said)}." if said else ""


def from_parameters(parameters: Sequence[str], made: str, first: str, locale: Locale) -> str:
    """Say the least that is certain: what one is made from."""
    listed = _listed(parameters, locale)
    return f"根据 {listed} 创建 {made} 实例" if locale == "zh" else f"{first} from {listed}."


def of_parameter(use: Use, name: str, locale: Locale) -> str:
    """Say what becomes of a parameter, where that is certain and more than the summary says."""
    if name in use.kept:
        field = use.kept[name]
        if field == name:  # the summary says so
            return ""
        return f"保存在 {field} 中" if locale == "zh" else f"Kept in `{field}`."
    if name in use.passed:
        if locale == "zh":
            return f"传给{f'父类 {use.base}' if use.base else '父类'}"
        return f"Passed on to {use.base or 'the base class'}."
    return ""


def field_comment(source: Source, definition: Definition, field: str) -> str:
    """Return what the class says of a field in a comment of one line right above it, else ""."""
    owner = _owner(source, definition)
    if owner is None:
        return ""
    inside = source.text[owner.body.start : owner.body.end]
    found = re.search(
        rf"^[ \t]*(?:/\*\* ?(?P<block>[^\n]*?) ?\*/|///? ?(?P<line>[^\n]+))\n"
        rf"[ \t]*(?:[\w<>\[\], ?.]+ )?#?{re.escape(field)}\b\s*(?:[?!]?:|;|=)",
        inside,
        re.MULTILINE,
    )
    said = (found["block"] or found["line"] or "") if found is not None else ""
    return "" if said.startswith(("@", "TODO", "eslint")) else said.strip()


def _listed(names: Sequence[str], locale: Locale) -> str:
    if len(names) > _MAX_NAMED:
        shown = "、".join(names[: _MAX_NAMED - 1]) if locale == "zh" else ", ".join(names[: _MAX_NAMED - 1])
        n_more = len(names) - _MAX_NAMED + 1
        return f"{shown} 等 {len(names)} 个参数" if locale == "zh" else f"{shown} and {n_more} more"
    if len(names) == 1:
        return names[0]
    if locale == "zh":
        return f"{'、'.join(names[:-1])} 和 {names[-1]}"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _owner(source: Source, definition: Definition) -> Definition | None:
    around = [
        one
        for one in source.definitions()
        if one.span.start < definition.span.start and definition.span.end <= one.span.end
    ]
    return around[-1] if around else None
