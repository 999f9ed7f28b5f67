"""How an object is made whose method is to be called: a test of a method has to make one. Pure."""

from __future__ import annotations

import re
import textwrap

from qwen_lsp.actions.target import Target
from qwen_lsp.syntax import contract
from qwen_lsp.syntax.code import Definition, Source
from qwen_lsp.text import Span, normalize_line_ends

_CONSTRUCTORS = ("__init__", "constructor", "initialize")
# A longer constructor is shown by its header alone.
_MAX_LINES = 14
_STATIC = re.compile(r"@(static|class)method\b|(^|\s)static\s")


def call_of(target: Target) -> str:
    """Write a call of what is tested, with the names of its parameters: `Cart(owner).total(rate)`."""
    source, tested = target.source, target.definition
    if source is None or tested is None:
        return ""
    owner = _owner(source, tested)
    if owner is None:
        return f"{tested.name}({_taken(source, tested)})"
    if tested.name in _CONSTRUCTORS:
        return f"{_new(source)}{owner.name}({_taken(source, tested)})"
    called = f"{tested.name}({_taken(source, tested)})"
    if _STATIC.search(source.text[tested.span.start : tested.header.end].split("(")[0]):
        return f"{owner.name}.{called}"
    maker = _maker(source, owner)
    given = _taken(source, maker) if maker is not None else ""
    return f"{_new(source)}{owner.name}({given}).{called}"


def shown(target: Target) -> list[str]:
    """Return the class of the method that is tested, as far as it says how one is made, as lines."""
    source, tested = target.source, target.definition
    owner = _owner(source, tested) if source is not None and tested is not None else None
    maker = _maker(source, owner) if source is not None and owner is not None else None
    if source is None or tested is None or owner is None or maker is None or maker == tested:
        return []
    header = " ".join(source.text[owner.header.start : owner.header.end].split())
    start = source.text.rfind("\n", 0, maker.span.start) + 1
    text = textwrap.dedent(normalize_line_ends(source.text[start : maker.span.end]))
    if text.count("\n") >= _MAX_LINES:
        text = " ".join(source.text[maker.header.start : maker.header.end].split())
    return [header, *(f"    {line}" for line in text.split("\n"))]


def misused(target: Target, tests: str) -> list[str]:
    """List how tests call a method or make its object as its class does not allow; Python tests are run.

    A method of an object is not called by the name of its class, and no object is made without what all
    constructors ask for.
    """
    source, tested = target.source, target.definition
    owner = _owner(source, tested) if source is not None and tested is not None else None
    if source is None or tested is None or owner is None or tested.parameters is None:
        return []
    found = []
    is_static = _STATIC.search(source.text[tested.span.start : tested.parameters.start]) is not None
    by_class = f"{owner.name}.{tested.name}("
    if not is_static and tested.name not in (*_CONSTRUCTORS, owner.name) and by_class in tests:
        found.append(f"{by_class[:-1]} without an object")
    makers = [one for one in source.definitions() if one.is_function and one.name == owner.name]
    made_bare = re.search(rf"\bnew {re.escape(owner.name)}\(\s*\)", tests)
    if source.language.id == "java" and makers and all(_taken(source, one) for one in makers) and made_bare:
        found.append(made_bare[0])
    return found


def _new(source: Source) -> str:
    return "" if source.language.id in ("python", "kotlin", "swift") else "new "


def _owner(source: Source, definition: Definition) -> Definition | None:
    """Return the class that a method stands in, None for a function of its own."""
    around = [
        one
        for one in source.definitions()
        if one.span.start < definition.span.start and definition.span.end <= one.span.end
    ]
    return around[-1] if around and not around[-1].is_function and around[-1].name else None


def _maker(source: Source, owner: Definition) -> Definition | None:
    return next(
        (
            one
            for one in source.definitions()
            if one.is_function
            and owner.body.start <= one.span.start < owner.body.end
            and one.name in (*_CONSTRUCTORS, owner.name)
            and _owner(source, one) == owner
        ),
        None,
    )


def _taken(source: Source, function: Definition) -> str:
    """Return the names of the parameters, "..." where some have none."""
    promise = contract.of(source, function)
    span = function.parameters or Span(0, 0)
    is_open = re.search(r"[{*]|\.\.\.|(?<![\w$])_", source.text[span.start : span.end])
    return "..." if is_open or promise is None else ", ".join(promise.parameters)
