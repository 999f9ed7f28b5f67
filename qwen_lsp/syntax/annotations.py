"""Where a function's header lacks types, and what syntax says of each for certain. Python and TypeScript.

`holes` reads a default that is a literal, what the body returns, what a protocol of the language asks for.
What stays open is for someone else to say. Nodes stay in here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import tree_sitter

from qwen_lsp.syntax.code import Definition, Source
from qwen_lsp.text import Span

# Stands for any type in a shape.
ANY = "…"
_OPEN = (ANY,)

_PYTHON_LITERALS = {"true": "bool", "false": "bool", "integer": "int", "float": "float", "string": "str"}
_TYPESCRIPT_LITERALS = {
    "true": "boolean",
    "false": "boolean",
    "number": "number",
    "string": "string",
    "template_string": "string",
}
_TYPESCRIPT_TRUTH = {"===", "!==", "==", "!=", "<", ">", "<=", ">=", "!", "instanceof", "in"}
# What Python's data model asks of a method, or its callers rely on.
_PYTHON_RETURNS = {
    **dict.fromkeys(
        ("__init__", "__del__", "__setattr__", "__delattr__", "__setitem__", "__delitem__"), "None"
    ),
    **dict.fromkeys(("__str__", "__repr__", "__format__"), "str"),
    **dict.fromkeys(("__len__", "__hash__", "__int__", "__index__"), "int"),
    **dict.fromkeys(("__bool__", "__contains__"), "bool"),
    "__bytes__": "bytes",
}
_NESTED = re.compile(r"function|lambda|class|method_definition")


@dataclass(frozen=True, slots=True)
class Hole:
    """A place that lacks a type.

    Shape: the type is written over `span`, between `before` and `after`. `name` is the parameter's, "" for
    what is returned. It has one of `shapes`, in which ANY stands for any type; without one it is certain.
    `takes_none` where None may be there as well, `has_value` where it cannot be None alone. `same_as` names a
    parameter that has the same type. `stars` stand before a parameter that takes many: the type is of each.
    """

    name: str
    span: Span
    before: str
    after: str = ""
    shapes: tuple[str, ...] = _OPEN
    takes_none: bool = False
    has_value: bool = False
    same_as: str = ""
    stars: str = ""

    @property
    def certain(self) -> str:
        """The type where there is no doubt, else ""."""
        return self.shapes[0] if len(self.shapes) == 1 and ANY not in self.shapes[0] else ""


def holes(source: Source, function: Definition) -> list[Hole]:
    """List what a function's header lacks, in order."""
    node = source.tree.syntax.root_node.descendant_for_byte_range(
        source.tree.byte(function.header.start), source.tree.byte(function.header.start + 1)
    )
    while node is not None and node.child_by_field_name("parameters") is None:
        node = node.parent
    if node is None:
        return []
    reader = _Python(source, node) if source.language.id == "python" else _TypeScript(source, node)
    return [*reader.parameters(), *reader.returned()]


@dataclass(frozen=True, slots=True)
class _Header:
    """One function's node, read by the rules of its language."""

    source: Source
    node: tree_sitter.Node

    def span(self, first: tree_sitter.Node, to: tree_sitter.Node | None = None) -> Span:
        """Return the place right behind a node, or from there to where another one begins."""
        tree = self.source.tree
        start = tree.offset(first.end_byte)
        return Span(start, tree.offset(to.start_byte) if to is not None else start)

    def field(self, name: str) -> tree_sitter.Node | None:
        """Return a part of the function."""
        return self.node.child_by_field_name(name)

    def own(self) -> Iterator[tree_sitter.Node]:
        """Yield the nodes of the body without those of functions and classes inside."""
        body = self.field("body")
        pending = [body] if body is not None else []
        while pending:
            node = pending.pop()
            yield node
            if node.is_named and not (node != body and _NESTED.search(node.type)):
                pending += reversed(node.children)

    def is_async(self) -> bool:
        """Whether the function is one that is awaited."""
        return any(child.type == "async" for child in self.node.children)

    def values(self) -> list[tree_sitter.Node | None]:
        """List what is returned; None for a `return` without a value."""
        returns = [node for node in self.own() if node.type == "return_statement"]
        return [next((c for c in node.named_children if c.type != "comment"), None) for node in returns]


def _text(node: tree_sitter.Node | None) -> str:
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def _kind(node: tree_sitter.Node, kinds: dict[str, str]) -> str:
    """Return the type of a literal, "" for anything else."""
    while node.type in ("unary_operator", "unary_expression", "parenthesized_expression"):
        inner = node.named_children[-1:]
        if not inner or _text(node)[:1] in "!~":
            return ""
        node = inner[0]
    if node.type == "string" and re.match(r"(?i)r?br?['\"]", _text(node)):
        return "bytes"
    return kinds.get(node.type, "")


def _same(kinds: Sequence[str]) -> str:
    """Return the one type that all have, "" where they differ or one is not known."""
    return kinds[0] if kinds and len(set(kinds)) == 1 else ""


class _Python(_Header):
    __slots__ = ()

    def parameters(self) -> Iterator[Hole]:
        """Yield the parameters without a type; the receiver of a method needs none."""
        parameters = self.field("parameters")
        for number, node in enumerate(parameters.named_children if parameters is not None else ()):
            name: tree_sitter.Node | None = node
            value = None
            if node.type == "default_parameter":
                name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            elif node.type in ("list_splat_pattern", "dictionary_splat_pattern"):
                name = next(iter(node.named_children), None)
            if name is None or name.type != "identifier" or (number == 0 and self._has_receiver()):
                continue
            if value is None and self._is_only_a_key(_text(name)):
                continue
            if value is None:
                stars = _text(node)[: -len(_text(name))].strip() if node is not name else ""
                yield Hole(_text(name), self.span(name), ": ", stars=stars)
                continue
            span = self.span(name, value)
            is_plain = self.source.text[span.start : span.end].strip() == "="  # no comment in between
            place, after = (span, " = ") if is_plain else (self.span(name), "")
            yield Hole(_text(name), place, ": ", after, self._shapes(value), value.type == "none")

    def _is_only_a_key(self, name: str) -> bool:
        """Whether all that is done with a parameter is to look something up by it, as with any type."""
        body = self.field("body")
        pending, uses = [body] if body is not None else [], []
        while pending:
            node = pending.pop()
            pending += node.children
            if node.type == "identifier" and _text(node) == name:
                uses.append(node)
        return bool(uses) and all(
            one.parent is not None
            and one.parent.type == "subscript"
            and one in one.parent.children_by_field_name("subscript")
            for one in uses
        )

    @staticmethod
    def _shapes(value: tree_sitter.Node) -> tuple[str, ...]:
        if value.type == "list":
            return (f"list[{ANY}]",)
        if value.type == "dictionary":
            return (f"dict[{ANY}, {ANY}]",)
        kind = _kind(value, _PYTHON_LITERALS)
        if kind == "int":  # a whole number is often the default of what may be a fraction
            return ("int", "float")
        return (kind,) if kind else _OPEN

    def _class(self) -> tree_sitter.Node | None:
        node = self.node.parent
        if node is not None and node.type == "decorated_definition":
            node = node.parent
        holder = node.parent if node is not None and node.type == "block" else None
        return holder if holder is not None and holder.type == "class_definition" else None

    def _decorators(self) -> str:
        parent = self.node.parent
        if parent is None or parent.type != "decorated_definition":
            return ""
        return " ".join(_text(child) for child in parent.children if child.type == "decorator")

    def _has_receiver(self) -> bool:
        return self._class() is not None and "staticmethod" not in self._decorators()

    def returned(self) -> Iterator[Hole]:
        """Yield what is returned, where the header does not say it."""
        parameters = self.field("parameters")
        if parameters is None or self.field("return_type") is not None:
            return
        values = self.values()
        returned = [value for value in values if value is not None and value.type != "none"]
        shapes: tuple[str, ...] = _OPEN
        is_generator = any(node.type == "yield" and node.is_named for node in self.own())
        owner = self._class()
        name = _text(self.field("name"))
        if owner is not None and name in _PYTHON_RETURNS:
            shapes = (_PYTHON_RETURNS[name],)
        elif is_generator:
            if returned:  # a generator's own result: nothing simple
                return
            shapes = (f"AsyncIterator[{ANY}]" if self.is_async() else f"Iterator[{ANY}]",)
        elif not returned:
            if not self._is_stub():
                shapes = ("None",)
        elif owner is not None and name != "__new__" and {_text(value) for value in returned} == {"self"}:
            shapes = (_text(owner.child_by_field_name("name")),)
        elif kind := _same([_kind(value, _PYTHON_LITERALS) for value in returned]):
            shapes = ("int", "float") if kind == "int" else (kind,)
        is_partial = (
            bool(returned) and not is_generator and (len(returned) < len(values) or self._falls_through())
        )
        yield Hole("", self.span(parameters), " -> ", "", shapes, is_partial, bool(returned))

    def _is_stub(self) -> bool:
        """Whether the body only stands for others: nothing follows from it."""
        body = self.field("body")
        rest = [
            _text(node)
            for node in (body.named_children if body is not None else ())
            if "comment" not in node.type and not re.match(r"[rRuU]?['\"]", _text(node))
        ]
        return all(re.match(r"pass$|\.\.\.$|raise\b", line) for line in rest)

    def _falls_through(self) -> bool:
        body = self.field("body")
        last = next((n for n in reversed(body.named_children) if n.type != "comment"), None) if body else None
        if last is None:
            return False
        if last.type == "if_statement":
            return all(child.type != "else_clause" for child in last.children)
        is_assigning = last.type == "expression_statement" and "assignment" in last.named_children[0].type
        return is_assigning or last.type == "for_statement"


class _TypeScript(_Header):
    __slots__ = ()

    def parameters(self) -> Iterator[Hole]:
        """Yield the parameters without a type; one with a default has the default's."""
        parameters = self.field("parameters")
        for node in parameters.named_children if parameters is not None else ():
            pattern = node.child_by_field_name("pattern")
            if pattern is None or any(node.child_by_field_name(part) for part in ("type", "value")):
                continue
            if pattern.type == "rest_pattern":
                yield Hole(_text(pattern).lstrip("."), self.span(pattern), ": ", "", (f"{ANY}[]",))
            elif pattern.type == "identifier":
                mark = next((child for child in node.children if child.type == "?"), pattern)
                yield Hole(_text(pattern), self.span(mark), ": ")

    def returned(self) -> Iterator[Hole]:
        """Yield what is returned, where the header does not say it and the body does.

        A wrong type would not compile, and what is left out the compiler knows by itself.
        """
        parameters, body = self.field("parameters"), self.field("body")
        words = {child.type for child in self.node.children}
        if parameters is None or self.field("return_type") is not None:
            return
        if _text(self.field("name")) == "constructor" or "set" in words:
            return
        values = self.values()
        returned = [value for value in values if value is not None]
        if "*" in words or "generator" in self.node.type or len(returned) < len(values):
            return
        if body is None or body.type != "statement_block":
            returned = [body] if body is not None else []
        elif returned and not re.match(r"return|throw", body.named_children[-1].type):
            return  # its end may be reached
        same = _same([_text(value) for value in returned]) if returned else ""
        same = same if same in {hole.name for hole in self.parameters()} else ""
        kind = _same([self._known(value) for value in returned]) or (ANY if same else "")
        if not returned:
            throws = body is None or any(child.type == "throw_statement" for child in body.named_children)
            kind = "" if throws else "void"
        if kind:
            shape = f"Promise<{kind}>" if self.is_async() else kind
            yield Hole("", self.span(parameters), ": ", "", (shape,), has_value=bool(returned), same_as=same)

    def _known(self, value: tree_sitter.Node) -> str:
        """Return the type of a value as it is declared, "" where it is not, or may be another here."""
        if kind := _kind(value, _TYPESCRIPT_LITERALS):
            return kind
        operator = value.child_by_field_name("operator")
        if operator is not None and operator.type in _TYPESCRIPT_TRUTH:
            return "boolean"
        field = re.fullmatch(r"this\.([\w$]+)", _text(value))
        if field is None:
            return ""
        owner = self.node.parent
        for member in owner.named_children if owner is not None else ():
            if _text(member.child_by_field_name("name")) == field[1] and member.type.endswith("definition"):
                declared = _text(member.child_by_field_name("type")).lstrip(": ")
                is_optional = any(child.type == "?" for child in member.children)
                return "" if is_optional or re.search(r"\||\bnull\b|\bundefined\b", declared) else declared
        return ""
