"""The protocol's types without what nobody reads of them: a quarter of the memory of a server.

attrs gives the methods that it writes for a class a copy of all names of the class's module, and keeps their
source text; and each class gets a `__repr__`, an `__eq__` and a class of its fields of its own, where one
of each can do it for all. There are more than five hundred such classes. Each is made light before the next
one is made, which then finds the memory free: so this comes before anything else loads them.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

import attrs

_GENERATED = "<attrs generated "
_TYPES = "lsprotocol.types"


def lighten() -> None:
    """Load the types, or take those that are loaded, and leave them what they use."""
    if _TYPES not in sys.modules:
        _load()
    for one in vars(sys.modules[_TYPES]).values():
        if isinstance(one, type) and attrs.has(one):
            _lighten(one)
    for file in [file for file in linecache.cache if file.startswith(_GENERATED)]:
        del linecache.cache[file]


def _load() -> None:
    define = attrs.define

    def define_light(*args: Any, **options: Any) -> Any:
        made = define(*args, **options)
        if not isinstance(made, type):  # called with options, it returns a decorator
            return lambda one: _lighten(made(one))
        return _lighten(made)

    attrs.define = define_light
    try:
        from lsprotocol import types as types
    finally:
        attrs.define = define


def _lighten(one: type) -> type:
    methods = [method for method in vars(one).values() if _is_generated(method)]
    used = {"__builtins__", *(name for method in methods for name in _names(method.__code__))}
    for method in methods:
        scope = method.__globals__
        kept = {name: scope[name] for name in used & scope.keys()}
        scope.clear()  # a dictionary that only loses entries keeps its size
        scope.update(kept)
        linecache.cache.pop(method.__code__.co_filename, None)
    fields = _Fields(attrs.fields(one))
    setattr(one, "__attrs_attrs__", fields)  # noqa: B010  # which mypy does not know
    if all(field.repr is True and field.eq is True for field in fields):
        for name, shared in (("__repr__", _repr), ("__eq__", _eq)):
            if _is_generated(vars(one).get(name)):
                setattr(one, name, shared)
    return one


def _is_generated(method: object) -> bool:
    return isinstance(method, FunctionType) and method.__code__.co_filename.startswith(_GENERATED)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


class _Fields(tuple["attrs.Attribute[Any]", ...]):
    """The fields of a class, each also by its name."""

    __slots__ = ()

    def __getattr__(self, name: str) -> attrs.Attribute[Any]:
        for field in self:
            if field.name == name:
                return field
        raise AttributeError(name)


def _repr(self: Any) -> str:
    values = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in attrs.fields(type(self)))
    return f"{type(self).__qualname__}({values})"


def _eq(self: Any, other: Any) -> bool:
    if other.__class__ is not self.__class__:
        return NotImplemented  # type: ignore[no-any-return]  # Python asks the other one then
    fields = attrs.fields(type(self))
    return all(getattr(self, field.name) == getattr(other, field.name) for field in fields)
