"""What a piece of source is made of: definitions, prose (comments and docstrings), names, tokens.

Code actions judge an answer by these: the code of a documented function is what it was, a rewritten one
keeps its signature, a translated file differs in prose alone. `parse` gives a Source, or None without a
grammar. Node types of all grammars are matched by their common words, so a new language needs no entry
here. Spans are in code points; bytes and nodes stay in here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import tree_sitter

from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.tree import Tree
from qwen_lsp.syntax.tree import parse as parse_tree
from qwen_lsp.text import Span

_FUNCTION = re.compile(
    r"^(async_|generator_)?(function|method|constructor|init|deinit|subroutine|operator|singleton_method)"
    r"(_(definition|declaration|item|signature_item))?$"
    r"|^(arrow_function|(generator_)?function_expression|local_function.*)$"
)
_TYPE = re.compile(
    r"^(class|struct|interface|trait|enum|impl|object|protocol|record|union|module|namespace|type)"
    r"(_(definition|declaration|item|specifier|alias_declaration))?$"
)
_LONE_CR = re.compile(r"\r(?!\n)")
# What is written around a definition and belongs to it: decorators, `export`, the name it is bound to.
_HOLDER = re.compile(
    r"^(decorated_definition|export_statement|template_declaration|lexical_declaration|variable_declaration"
    r"|variable_declarator|expression_statement|assignment_expression|pair|(public_)?field_definition)$"
)
# What may stand beside a definition in a selection that is meant for it.
_BESIDE = re.compile(r"comment|attribute|annotation|decorator|modifiers")
_NAME = re.compile(r"(^|_)(identifier|name|word|constant|variable)$")
_BINDING_PARENT = re.compile(
    r"param|pattern|declarator|import|binding|for_in_clause|^use_|alias|global_statement|nonlocal_statement"
    r"|as_pattern_target|^using_|const_spec|var_spec|short_var|range_clause|catch|except"
)
_FIELD_TOO = re.compile(r"^shorthand_(property|field)_identifier")
_SHORTHAND = "shorthand_property_identifier_pattern"  # JavaScript: `const { a } = b`
_BINDING_FIELDS = {"name", "left", "pattern", "alias", "declarator", "parameter"}
_TYPED = {"typed_parameter", "typed_default_parameter", "assignment", "function_definition"}


@dataclass(frozen=True, slots=True)
class Definition:
    """A function, method, class or other named piece.

    Shape: `span` covers all of it with decorators; `header` ends where the body begins; `body` is empty
    where there is none. `parameters` is None for what takes none.
    """

    name: str
    is_function: bool
    span: Span
    header: Span
    body: Span
    parameters: Span | None


@dataclass(frozen=True, slots=True)
class Prose:
    """A comment, or a string that documents; `text` is the whole of it with its marks."""

    span: Span
    text: str
    is_docstring: bool


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed text, ready to be asked."""

    tree: Tree

    @property
    def text(self) -> str:
        """The whole text."""
        return self.tree.text

    @property
    def language(self) -> Language:
        """The language that it was parsed as."""
        return self.tree.language

    @property
    def _root(self) -> tree_sitter.Node:
        return self.tree.syntax.root_node

    def _span(self, node: tree_sitter.Node) -> Span:
        return Span(self.tree.offset(node.start_byte), self.tree.offset(node.end_byte))

    def _walk(self) -> Iterator[tree_sitter.Node]:
        """Yield every node in order, outer ones first."""
        pending = [self._root]
        while pending:
            node = pending.pop()
            yield node
            pending += reversed(node.children)

    def error_count(self) -> int:
        """Count the places that the grammar could not make sense of."""
        count = 0
        pending = [self._root]
        while pending:
            node = pending.pop()
            count += node.is_error or node.is_missing
            if node.has_error:
                pending += node.children
        return count

    def definitions(self) -> list[Definition]:
        """List the definitions in their order, outer ones before those inside them."""
        return [self._definition(node) for node in self._walk() if _is_definition(node)]

    def functions(self) -> Iterator[tree_sitter.Node]:
        """Yield the nodes of functions in their order, for the other modules of this package."""
        return (node for node in self._walk() if _is_definition(node) and _FUNCTION.match(node.type))

    def _definition(self, node: tree_sitter.Node) -> Definition:
        whole = node
        while (holder := whole.parent) is not None and _HOLDER.match(holder.type):
            if sum(child.type == whole.type for child in holder.named_children) > 1:
                break  # one of several in `const a = ..., b = ...`
            whole = holder
        body = _body(node)
        end = self.tree.offset(node.end_byte)
        parameters = _field(node, "parameters")
        return Definition(
            _name(node),
            bool(_FUNCTION.match(node.type)),
            self._span(whole),
            Span(
                self.tree.offset(node.start_byte),
                self.tree.offset(body.start_byte) if body is not None else end,
            ),
            self._span(body) if body is not None else Span(end, end),
            self._span(parameters) if parameters is not None else None,
        )

    def enclosing(self, span: Span, *, functions_only: bool = False) -> Definition | None:
        """Return the definition that a span selects with what documents it, else the innermost around it."""
        start, end = self.tree.byte(span.start), self.tree.byte(span.end)
        node = self._root.descendant_for_byte_range(start, end)
        only = _only_definition(node, start, end) if node is not None else None
        if only is not None and (not functions_only or _FUNCTION.match(only.type)):
            return self._definition(only)
        while node is not None:
            held = node if _is_definition(node) else _held(node)
            if held is not None and (not functions_only or _FUNCTION.match(held.type)):
                return self._definition(held)
            node = node.parent
        return None

    def prose(self) -> list[Prose]:
        """List comments and docstrings in their order."""
        found: list[Prose] = []
        for node in self._walk():
            if "comment" in node.type and (node.parent is None or "comment" not in node.parent.type):
                found.append(self._prose(node, is_docstring=False))
            elif _is_docstring(node):
                found.append(self._prose(node.named_children[0], is_docstring=True))
        return found

    def _prose(self, node: tree_sitter.Node, *, is_docstring: bool) -> Prose:
        span = self._span(node)
        text = self.text[span.start : span.end]
        kept = text.rstrip("\r\n")  # some grammars count the line end to the comment
        return Prose(Span(span.start, span.start + len(kept)), kept, is_docstring)

    def tokens(self, *, with_types: bool = True) -> list[str]:
        """List the tokens of the code without its prose; without type annotations where asked.

        The structure of languages that indent is in it too, as one token for each block.
        """
        found: list[str] = []
        pending = [self._root]
        while pending:
            node = pending.pop()
            if "comment" in node.type or _is_docstring(node):
                continue
            if not with_types and _is_annotation(node):
                continue
            if node.type == "block":
                code = [child for child in node.named_children if "comment" not in child.type]
                found.append(f"block:{sum(not _is_docstring(child) for child in code)}")
            if node.child_count == 0 or "string" in node.type:
                text = (node.text or b"").decode("utf-8", "replace").strip()
                if text:
                    found.append(text)
            else:
                pending += reversed(node.children)
        return found

    def identifiers(self) -> set[str]:
        """Name everything that is named anywhere in the text."""
        return {_text(node) for node in self._walk() if node.child_count == 0 and _NAME.search(node.type)}

    def used(self) -> set[str]:
        """Name what is used as a plain identifier: not behind a dot, not a keyword argument's name."""
        return {
            _text(node)
            for node in self._walk()
            if node.type == "identifier" and not is_member(node) and not is_bound(node)
        }

    def bound(self) -> set[str]:
        """Name what the text itself defines, assigns, imports or takes as a parameter."""
        return {
            _text(node)
            for node in self._walk()
            if (_NAME.search(node.type) and is_bound(node)) or node.type == _SHORTHAND
        }

    def occurrences(self, name: str, within: Span) -> list[Span]:
        """List where a plain identifier stands inside a span."""
        return [
            span
            for node in self._walk()
            if node.type in ("identifier", "shorthand_property_identifier_pattern")
            and _text(node) == name
            and not is_member(node)
            and within.start <= (span := self._span(node)).start
            and span.end <= within.end
        ]

    def is_spelt_out(self, name: str, within: Span) -> bool:
        """Whether a variable's name is also the name of a field there, or part of a text: `{ name }`."""
        return any(
            within.start <= self._span(node).start < within.end
            and (
                (_text(node) == name and (is_key(node) or _FIELD_TOO.search(node.type) is not None))
                or (self.language.id == "rust" and "string" in node.type and f"{{{name}" in _text(node))
                or (node.type == "shorthand_field_initializer" and _text(node) == name)
            )
            for node in self._walk()
        )

    def locals(self, function: Definition) -> list[str]:
        """List the variables that a function assigns, without its parameters, in order of appearance."""
        inside = [
            node
            for node in self._walk()
            if node.type == "identifier" and is_bound(node) and self._is_in(node, function.body)
        ]
        nested = {inner.name for inner in self.definitions()}
        nested |= {
            _text(child)
            for node in self._walk()
            if node.type in ("global_statement", "nonlocal_statement") and self._is_in(node, function.body)
            for child in node.named_children
        }
        names = dict.fromkeys(_text(node) for node in inside if _is_local_binding(node))
        header = self.text[function.header.start : function.header.end]
        parameters = set(re.findall(r"\w+", header))
        return [name for name in names if name not in nested and name not in parameters]

    def _is_in(self, node: tree_sitter.Node, span: Span) -> bool:
        own = self._span(node)
        return span.start <= own.start and own.end <= span.end


def parse(text: str, language: Language | None) -> Source | None:
    """Parse a text whole; None without a grammar.

    The grammars know no lone CR as a line end: the Source has LF there, which moves nothing.
    """
    tree = parse_tree(_LONE_CR.sub("\n", text) if "\r" in text else text, language)
    return Source(tree) if tree is not None else None


def _is_definition(node: tree_sitter.Node) -> bool:
    if not _can_define(node.type) or not node.is_named or node.parent is None:
        return False
    return _body(node) is not None or node.named_child_count > 1


@cache
def _can_define(node_type: str) -> bool:
    return bool(_FUNCTION.match(node_type) or _TYPE.match(node_type))


def _held(node: tree_sitter.Node) -> tree_sitter.Node | None:
    """Return the definition that `export`, a decorator or a binding holds."""
    while _HOLDER.match(node.type):
        inner = [child for child in node.named_children if _is_definition(child) or _HOLDER.match(child.type)]
        if len(inner) != 1:
            return None
        node = inner[0]
        if _is_definition(node):
            return node
    return None


def _only_definition(node: tree_sitter.Node, start: int, end: int) -> tree_sitter.Node | None:
    """Return the definition that is all there is between two bytes, comments and attributes apart."""
    inside = [child for child in node.named_children if child.start_byte < end and child.end_byte > start]
    rest = [child for child in inside if not _BESIDE.search(child.type)]
    if len(rest) != 1 or len(inside) == len(node.named_children) == 1:
        return None
    return rest[0] if _is_definition(rest[0]) else _held(rest[0])


def _body(node: tree_sitter.Node) -> tree_sitter.Node | None:
    body = node.child_by_field_name("body")
    if body is not None:
        return body
    return next((child for child in node.children if re.search(r"(^|_)(body|block)$", child.type)), None)


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _field(node: tree_sitter.Node, name: str) -> tree_sitter.Node | None:
    """Find a field in the node or in its declarator (C and its kin nest the parameters there)."""
    found = node.child_by_field_name(name)
    inner = node.child_by_field_name("declarator")
    return found if found is not None or inner is None else _field(inner, name)


def _name(node: tree_sitter.Node) -> str:
    """Return what a definition is called; "" for one without a name."""
    named = node.child_by_field_name("name") or node.child_by_field_name("declarator")
    while named is not None and named.child_by_field_name("declarator") is not None:
        named = named.child_by_field_name("declarator")
    if named is not None:
        return _text(named)
    parent = node.parent
    if parent is not None and _HOLDER.match(parent.type):  # const name = () => ..., exports.name = ...
        outer = next(
            (
                found
                for field in ("name", "left", "key", "property")
                if (found := parent.child_by_field_name(field))
            ),
            None,
        )
        return re.split(r"[.\s]", _text(outer))[-1].strip("'\"") if outer is not None else ""
    first = next((child for child in node.named_children if _NAME.search(child.type)), None)
    return _text(first) if first is not None else ""


def _is_docstring(node: tree_sitter.Node) -> bool:
    """Whether a statement is only a string, as Python's docstrings are."""
    return (
        node.type == "expression_statement"
        and node.named_child_count == 1
        and node.named_children[0].type == "string"
        and node.child_count == 1
    )


def _is_annotation(node: tree_sitter.Node) -> bool:
    if node.type in ("type", "type_annotation"):
        return True
    parent = node.parent
    return (
        parent is not None and node.type in (":", "->") and parent.type in _TYPED and not _ends_header(node)
    )


def _ends_header(node: tree_sitter.Node) -> bool:
    parent = node.parent
    return parent is not None and node.type == ":" and parent.type == "function_definition"


def is_member(node: tree_sitter.Node) -> bool:
    """Whether an identifier stands behind a dot, or names an argument."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "keyword_argument":
        return parent.child_by_field_name("name") == node
    return any(parent.child_by_field_name(name) == node for name in ("attribute", "property", "field"))


def is_key(node: tree_sitter.Node) -> bool:
    """Whether an identifier may name a field or a method rather than a variable: `T{name: 1}`, `name()`."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "literal_element":  # of Go, where it may be the key of a map, too
        outer = parent.parent
        return outer is not None and outer.type == "keyed_element" and outer.named_children[0] == parent
    return parent.type in ("method_invocation", "method_reference", "field_initializer") and (
        parent.child_by_field_name("name") == node
    )


def is_bound(node: tree_sitter.Node) -> bool:
    """Whether an identifier stands where it gets its meaning, by the words of the grammar."""
    inner = node
    for _ in range(4):
        parent = inner.parent
        if parent is None:
            return False
        if parent.type == "keyword_argument" or re.search(r"invocation|call", parent.type):
            return False
        if parent.type == "pair_pattern":  # `{ shorten: clip }`
            return parent.child_by_field_name("value") == inner
        if parent.type in ("default_parameter", "typed_default_parameter", "typed_parameter"):
            return parent.child_by_field_name("value") != inner and inner.type != "type"
        if _BINDING_PARENT.search(parent.type):
            return (
                parent.child_by_field_name("value") != inner and parent.child_by_field_name("right") != inner
            )
        if any(parent.child_by_field_name(name) == inner for name in _BINDING_FIELDS):
            # `left` of a comparison is no binding, `a.b = c` and `a[0] = c` bind no name.
            is_binary = "binary" in parent.type or "comparison" in parent.type or "boolean" in parent.type
            return not is_binary
        if inner.type not in ("identifier",) and not re.search(r"list|tuple|pattern|splat|spec", parent.type):
            return False
        if parent.type in ("attribute", "subscript", "member_expression", "subscript_expression"):
            return False
        inner = parent
    return False


def _is_local_binding(node: tree_sitter.Node) -> bool:
    inner = node
    for _ in range(5):
        parent = inner.parent
        if parent is None:
            return False
        if re.search(r"import|function|class|lambda|parameter|global|nonlocal|arrow", parent.type):
            return False
        if parent.type in ("assignment_expression", "assignment_statement"):  # declared somewhere else
            return False
        if re.search(
            r"assignment|declarat|for_|comprehension|with_|as_pattern|named_expression|short_var|let_",
            parent.type,
        ):
            return True
        inner = parent
    return False
