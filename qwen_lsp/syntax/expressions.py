"""What an expression is worth: a constant, a text put together from parts, something a user sent.

A local name stands for what was assigned to it in the enclosing function, or else in the module. Nothing is
executed and no other file is read, so the answers are guesses that lean towards "harmless".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import tree_sitter

from qwen_lsp.syntax.nodes import (
    FUNCTIONS,
    NAMES,
    SCOPES,
    STRINGS,
    SUMS,
    arguments_of,
    callee,
    descendants,
    enclosing,
    interpolated,
    is_async,
    leaves,
    operands,
    parameter_names,
    receiver,
    unwrapped,
)

Node = tree_sitter.Node

# How far a name is followed: beyond that it is taken for harmless.
_MAX_STEPS = 6


# kind -> (field of the names, field of the value); "" where the value is not known.
_BINDINGS = {
    "assignment": ("left", "right"),
    "augmented_assignment": ("left", "right"),
    "named_expression": ("name", "value"),
    "for_statement": ("left", "right"),
    "for_in_clause": ("left", "right"),
    "variable_declarator": ("name", "value"),
    "assignment_expression": ("left", "right"),
    "augmented_assignment_expression": ("left", "right"),
    "for_in_statement": ("left", "right"),
    "enhanced_for_statement": ("name", "value"),
    "short_var_declaration": ("left", "right"),
    "assignment_statement": ("left", "right"),
    "var_spec": ("name", "value"),
    "const_spec": ("name", "value"),
    "range_clause": ("left", "right"),
}
_PARAMETERS = {"parameters", "formal_parameters", "lambda_parameters", "parameter_list"}
_LITERALS = STRINGS | {
    *(
        "integer",
        "float",
        "true",
        "false",
        "none",
        "number",
        "null",
        "undefined",
        "regex",
        "character_literal",
    ),
    *("decimal_integer_literal", "hex_integer_literal", "decimal_floating_point_literal", "null_literal"),
    *("int_literal", "float_literal", "rune_literal", "nil", "boolean"),
}
_CALLS = {"call", "call_expression", "method_invocation"}
_COLLECTIONS = {"list", "tuple", "set", "array", "array_initializer", "literal_value", "composite_literal"}
_FORMATTERS = re.compile(
    r"(?:^|\.)(?:format|format_map|formatted|concat|Sprintf|Sprint|Sprintln|join|Join|replace|Replace|"
    r"ReplaceAll|replaceAll|substitute)$"
)
# Calls whose result cannot carry an attack: numbers, and what quotes or chooses for the caller.
_HARMLESS = re.compile(
    r"(?:^|\.)(?:int|float|len|bool|hash|id|Number|parseInt|parseFloat|Itoa|FormatInt|Atoi|valueOf|size|"
    r"length|count|uuid4|hex|time|now|randomUUID)$"
    r"|quote|escape|sanitiz|saniti[sz]e|clean|identifier|placeholder|encodeURI|secure_filename|urlencode"
    r"|(?:^|\.)(?:basename|Base)$",
    re.IGNORECASE,
)
# What comes out of these is what went in, more or less; of other functions it is not known.
_PASSES_ON = re.compile(
    r"(?i)(?:^|[.\s])(?:str|string|tostring|trim\w*|l?r?strip|lower|upper|to(?:lower|upper)(?:case)?|title|join\w*|resolve|"
    r"normali[sz]e|normpath|abspath|expanduser|path|paths\.get|file|decodeuri(?:component)?|unquote\w*|replace\w*|"
    r"get\w*|pop|encode|decode|concat|format|s?printf|f?sprint\w*|split\w*|slice|substring|substr|add|list|tuple|"
    r"os\.fspath|cast|url|of|text|raw|first|as_posix|loads?|parse)$"
)
_CONSTANT_NAME = re.compile(r"(?:^|\.)_*[A-Z][A-Z0-9_]*$")
_USER_INPUT = re.compile(
    r"\b(?:flask\.)?request\.(?:args|form|values|files|json|data|cookies|headers|query|params|body|GET|POST|"
    r"FILES|COOKIES|META|query_params|path_params|get_json|match_info)\b"
    r"|\breq\.(?:query|params|body|cookies|headers|param|files)\b"
    r"|\bctx\.(?:query|params|request\.(?:body|query))\b"
    r"|\.(?:getParameter|getHeader|getQueryString|getPathInfo|getCookies)\s*\("
    r"|\.URL\.Query\(\)|\.(?:FormValue|PostFormValue|PathValue)\(|\bmux\.Vars\("
    r"|\bc\.(?:Param|Query|PostForm|DefaultQuery|FormValue|QueryParam)\("
)
_HOLE = re.compile(r"\$?\{[^{}]*\}|%(?:\[\d+\])?[-+\d.]*[sdvqxr]")
_LOOKED_UP = re.compile(r"\.(?:get|getOrDefault|pop|setdefault)$")
_ROUTE = re.compile(r"\.(?:route|get|post|put|patch|delete|websocket)\s*\(|@(?:Get|Post|Put|Delete)Mapping")
_SENT_PARAMETER = re.compile(
    r"@(?:RequestParam|PathVariable|RequestHeader|QueryParam|PathParam|RequestBody)\b"
)


@dataclass(frozen=True, slots=True)
class _Binding:
    """One place where a name gets a value; `value` is None for a parameter or an unknown value."""

    at: int
    value: Node | None
    node: Node
    is_growth: bool = False


class Expressions:
    """Questions about the nodes of one tree; what was found out of a scope is kept for the next question."""

    def __init__(self, data: bytes, root: Node | None = None) -> None:
        self._data = data
        self._has_async = b"async" in data
        self._root = root
        self._functions: dict[str, list[Node]] | None = None
        self._scopes: dict[int, dict[str, list[_Binding]]] = {}
        self._chains: set[int] = set()
        self._asked: dict[int, int] = {}
        self._notes: dict[int, dict[str, str]] = {}
        self._entries: dict[int, dict[str, int]] = {}

    def first_entries(self, mapping: Node) -> dict[str, int]:
        """Return each key of a mapping of JSON or YAML, without quotes, and the line where it comes first."""
        found = self._entries.get(mapping.id)
        if found is None:
            found = self._entries[mapping.id] = {}
            for entry in mapping.named_children:
                key = entry.child_by_field_name("key")
                if key is not None:
                    found.setdefault(self.text(key).strip("\"'"), key.start_point[0])
        return found

    def note(self, node: Node, **words: str) -> None:
        """Keep words about a node for the message of a rule."""
        self._notes.setdefault(node.id, {}).update(words)

    def notes_of(self, nodes: Sequence[Node]) -> dict[str, str]:
        """Return what was noted about the first of some nodes."""
        return self._notes.get(nodes[0].id, {}) if nodes else {}

    def tokens(self, node: Node) -> list[str]:
        """Return the tokens of a node; a string is one token, with its blanks."""
        found: list[str] = []
        pending = [node]
        while pending:
            current = pending.pop()
            if not current.children or current.type in STRINGS:
                if "comment" not in current.type:
                    found.append(self.text(current))
            else:
                pending += reversed(current.children)
        return found

    def is_asked_before(self, chain: Node, condition: Node) -> bool:
        """Whether an earlier branch of an `if` chain has the same condition; each chain is read once."""
        if chain.id not in self._chains:
            self._read_chain(chain)
        line = self._asked.get(condition.id)
        if line is not None:
            self.note(condition, line=str(line))
        return line is not None

    def _read_chain(self, chain: Node) -> None:
        """Note the conditions that repeat an earlier one. An initializer makes conditions differ."""
        first: dict[tuple[str, ...], int] = {}
        branch: Node | None = chain
        while branch is not None:
            self._chains.add(branch.id)
            parts = [branch, *(one for one in branch.named_children if one.type == "elif_clause")]
            for part in parts:
                condition = part.child_by_field_name("condition")
                if condition is None or part.child_by_field_name("initializer") is not None:
                    continue
                tokens = tuple(self.tokens(condition))
                inner = tokens[1:-1] if tokens[:1] == ("(",) else tokens
                if "(" in inner:
                    continue
                if inner in first:
                    self._asked[condition.id] = first[inner]
                else:
                    first[inner] = condition.start_point[0] + 1
            branch = branch.child_by_field_name("alternative")
            if branch is not None and branch.type == "else_clause":
                branch = next((one for one in branch.named_children if one.type == "if_statement"), None)
            if branch is not None and branch.type != "if_statement":
                branch = None

    def functions_named(self, name: str) -> list[str]:
        """Return the texts of the functions of a name."""
        return [self.text(node) for node in self._named(name)]

    def _named(self, name: str) -> list[Node]:
        """Return the functions of a name in the whole text, which is read once."""
        if self._functions is None:
            self._functions = {}
            kinds = {"function_definition", "function_declaration", "method_definition"}
            for node in descendants(self._root, kinds) if self._root is not None else ():
                if (field := node.child_by_field_name("name")) is not None:
                    self._functions.setdefault(self.text(field), []).append(node)
        return self._functions.get(name, [])

    def text(self, node: Node) -> str:
        """Return the source of a node."""
        return self._data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def is_constant(self, node: Node, steps: int = _MAX_STEPS) -> bool:
        """Whether the value is written in the source: a literal, a constant's name, or made only of such."""
        node = unwrapped(node)
        if steps == 0:
            return True
        if node.type in _LITERALS:
            return all(self.is_constant(part, steps) for part in interpolated(node))
        if node.type in NAMES:
            name = self.text(node)
            if _CONSTANT_NAME.search(name):
                return True
            values = self._bindings(node, name)
            return bool(values) and all(
                binding.value is not None and self.is_constant(binding.value, steps - 1) for binding in values
            )
        if node.type in ("attribute", "member_expression", "field_access", "selector_expression"):
            return bool(_CONSTANT_NAME.search(self.text(node)))
        if node.type in _CALLS:
            called = callee(node)
            name = self.text(called) if called else ""
            if _HARMLESS.search(name):
                return True
            return bool(_FORMATTERS.search(name)) and all(
                self.is_constant(part, steps) for part in (*arguments_of(node), *receiver(node))
            )
        if node.type in ("generator_expression", "list_comprehension", "set_comprehension"):
            body = node.child_by_field_name("body")
            return body is not None and self.is_constant(body, steps)
        if node.type in ("conditional_expression", "ternary_expression"):
            sides = node.named_children
            chosen = (sides[0], sides[2]) if node.type == "conditional_expression" else sides[1:]
            return all(self.is_constant(side, steps) for side in chosen)
        if node.type in SUMS:
            return all(self.is_constant(part, steps) for part in leaves(node))
        if node.type in _COLLECTIONS or node.type in ("unary_operator", "spread_element"):
            return all(self.is_constant(part, steps) for part in node.named_children)
        return False

    def is_built(self, node: Node, steps: int = _MAX_STEPS) -> bool:
        """Whether a text is put together from parts, at least one of which is not constant."""
        node = unwrapped(node)
        if steps == 0:
            return False
        if node.type in STRINGS:
            return any(not self.is_constant(part) for part in interpolated(node))
        if node.type in SUMS:
            operator = node.child_by_field_name("operator")
            if operator is None or operator.type not in ("+", "%"):
                return False
            parts = list(operands(node))
            is_text = any(unwrapped(part).type in STRINGS or self.is_built(part, steps - 1) for part in parts)
            if not is_text and operator.type == "+":
                is_text = any(self._is_text_name(part) for part in parts)
            return is_text and any(not self.is_constant(part) for part in parts)
        if node.type in _CALLS:
            called = callee(node)
            if called is None or not _FORMATTERS.search(self.text(called)):
                return False
            parts = [*arguments_of(node), *receiver(node)]
            has_text = any(part.type in STRINGS or self.is_built(part, steps - 1) for part in parts)
            return has_text and not self.is_constant(node)
        if node.type in NAMES:
            return any(
                binding.value is not None
                and (
                    self.is_built(binding.value, steps - 1)
                    or (binding.is_growth and not self.is_constant(binding.value))
                )
                for binding in self._bindings(node, self.text(node))
                if binding.node.type not in ("for_statement", "for_in_clause", "range_clause")
            )
        return False

    def _is_text_name(self, node: Node) -> bool:
        node = unwrapped(node)
        return node.type in NAMES and any(
            binding.value is not None and unwrapped(binding.value).type in STRINGS
            for binding in self._bindings(node, self.text(node))
        )

    def literal_text(self, node: Node, steps: int = _MAX_STEPS) -> str:
        """Return the literal parts of a text, in order, following names."""
        found: list[str] = []
        pending = [(node, steps)]
        while pending:
            current, left = pending.pop()
            current = unwrapped(current)
            if current.type in STRINGS:
                found.append(self.text(current))
            elif current.type in NAMES and left:
                bindings = self._bindings(current, self.text(current))
                pending += [(one.value, left - 1) for one in reversed(bindings) if one.value]
            else:
                pending += [(part, left) for part in reversed(current.named_children)]
        return "".join(found)

    def text_with_holes(self, node: Node, steps: int = _MAX_STEPS) -> str:
        """Return a text that is put together, with NUL in place of what is written into it."""
        found: list[str] = []
        pending: list[tuple[Node | None, int]] = [(node, steps)]
        while pending:
            one, left = pending.pop()
            if one is None:  # what follows a text in a call is not written behind it
                found.append(" ; ")
                continue
            current = unwrapped(one)
            if current.type in STRINGS:
                found.append(_HOLE.sub("\0", self.text(current).strip("fFrRbBuU").strip("\"'`")))
            elif current.type in NAMES and left and (bindings := self._bindings(current, self.text(current))):
                values = [one.value for one in reversed(bindings) if one.value]
                pending += [(value, left - 1) for value in values]
                found += [] if values else ["\0"]
            elif not current.named_children or current.type in NAMES:
                found.append("\0")
            elif current.type in ("argument_list", "arguments"):
                for part in reversed(current.named_children):
                    pending += [(None, 0), (part, left)]
            else:
                pending += [(part, left) for part in reversed(current.named_children)]
        return "".join(found)

    def is_user_input(self, node: Node, steps: int = _MAX_STEPS) -> bool:
        """Whether something that a request brought is part of the value, and nothing cleaned it."""
        node = unwrapped(node)
        text = self.text(node)
        if steps == 0 or len(text) > 2000:
            return False
        if node.type in _CALLS and (given := node.child_by_field_name("arguments")) is not None:
            name = text[: len(text) - len(self.text(given))].rstrip()
            if _USER_INPUT.search(name + "("):
                return True
            if _HARMLESS.search(name) or not _PASSES_ON.search(name):
                return False
            if _LOOKED_UP.search(name):  # the key decides which value it is, and is no part of it
                parts = [*receiver(node), *arguments_of(node)[1:]]
                return any(self.is_user_input(part, steps - 1) for part in parts)
        elif _USER_INPUT.search(text) and not any(descendants(node, _CALLS)):
            return True
        if node.type in NAMES:
            for binding in self._bindings(node, text):
                if binding.value is None and self._is_sent(binding.node):
                    return True
                if binding.value is not None and self.is_user_input(binding.value, steps - 1):
                    return True
            return False
        if node.type in _LITERALS and node.type not in STRINGS:
            return False
        return any(self.is_user_input(part, steps - 1) for part in node.named_children)

    def _is_sent(self, parameter: Node) -> bool:
        """Whether a framework fills a parameter from a request."""
        scope = enclosing(parameter, FUNCTIONS)
        if scope is None:
            return False
        if parameter.type == "formal_parameter":
            return bool(_SENT_PARAMETER.search(self.text(parameter)))
        decorated = scope.parent
        if decorated is None or decorated.type != "decorated_definition":
            return False
        return any(
            child.type == "decorator" and _ROUTE.search(self.text(child))
            for child in decorated.named_children
        )

    def bindings(self, node: Node) -> list[Node]:
        """Return the values that the name at a node may have here."""
        return [
            binding.value for binding in self._bindings(node, self.text(node)) if binding.value is not None
        ]

    def is_async_function(self, name: str) -> bool:
        """Whether the file has functions of this name, and only asynchronous ones."""
        if not self._has_async:  # most files; finding their functions is a walk over the tree
            return False
        found = self._named(name)
        return bool(found) and all(is_async(node) for node in found)

    def _bindings(self, node: Node, name: str) -> list[_Binding]:
        scope = enclosing(node, SCOPES)
        while scope is not None:
            if scope.id not in self._scopes:
                self._scopes[scope.id] = self._read(scope)
            found = self._scopes[scope.id].get(name)
            if found:
                # In the same scope only what stands before counts, or all of it inside a loop.
                before = [binding for binding in found if binding.at <= node.start_byte]
                return before or found
            scope = enclosing(scope.parent, SCOPES) if scope.parent else None
        return []

    def _read(self, scope: Node) -> dict[str, list[_Binding]]:
        """List what is bound in a scope, not in the functions inside it."""
        found: dict[str, list[_Binding]] = {}

        def add(target: Node, value: Node | None, node: Node, *, is_growth: bool = False) -> None:
            if target.type in NAMES:
                found.setdefault(self.text(target), []).append(
                    _Binding(node.start_byte, value, node, is_growth)
                )
            elif target.type in ("expression_list", "pattern_list", "tuple_pattern") and value is not None:
                values = value.named_children if value.type in ("expression_list", "tuple") else []
                for number, part in enumerate(target.named_children):
                    given = values[number] if len(values) == len(target.named_children) else value
                    add(part, given, node)
            elif target.type in ("object_pattern", "array_pattern", "pattern_list", "tuple_pattern"):
                for part in descendants(target, NAMES):
                    add(part, value, node)

        pending = list(scope.children)
        while pending:
            node = pending.pop()
            if node.type in _PARAMETERS:
                for part in node.named_children:
                    for name in parameter_names(part):
                        found.setdefault(self.text(name), []).append(_Binding(node.start_byte, None, part))
                continue
            if node.type == "catch_clause" and (caught := node.child_by_field_name("parameter")):
                add(caught, None, node)
            if fields := _BINDINGS.get(node.type):
                value = node.child_by_field_name(fields[1])
                for target in node.children_by_field_name(fields[0]):
                    operator = node.child_by_field_name("operator")
                    grows = "augmented" in node.type or (operator is not None and operator.type == "+=")
                    add(target, value, node, is_growth=grows)
            if node.type not in SCOPES:
                pending.extend(node.children)
        for bindings in found.values():
            bindings.sort(key=lambda binding: binding.at)
        return found
