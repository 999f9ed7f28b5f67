"""The protocol's types without what only debuggers read of them: a sixth of the memory of a server.

attrs gives the methods that it writes for a class a copy of all names of the class's module, and keeps their
source text; there are more than five hundred such classes. Their memory is used again by what is loaded next,
so this comes first.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from types import CodeType, FunctionType

import attrs
from lsprotocol import types

_GENERATED = "<attrs generated "


def lighten() -> None:
    """Leave the generated methods only the names that they use."""
    for one in vars(types).values():
        if isinstance(one, type) and attrs.has(one):
            _lighten(one)
    for file in [file for file in linecache.cache if file.startswith(_GENERATED)]:
        del linecache.cache[file]


def _lighten(one: type) -> None:
    methods = [
        method
        for method in vars(one).values()
        if isinstance(method, FunctionType) and method.__code__.co_filename.startswith(_GENERATED)
    ]
    used = {"__builtins__", *(name for method in methods for name in _names(method.__code__))}
    for method in methods:
        scope = method.__globals__
        kept = {name: scope[name] for name in used & scope.keys()}
        scope.clear()  # a dictionary that only loses entries keeps its size
        scope.update(kept)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
