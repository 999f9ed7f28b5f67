"""What a parser says of a piece of source: how many errors it holds, and what stands at a place.

Pieces are small (the window of a prompt), so they are parsed whole. A missing grammar gives None and
costs only the judgement (invariant 6). Bytes and nodes stay in here.
"""

from __future__ import annotations

from typing import Literal

import tree_sitter

from qwen_lsp.syntax.languages import Language, grammar

PlaceKind = Literal["code", "string", "comment"]

# Larger pieces are not parsed while a person waits: 5 ms at about 20 MB/s of the slower grammars.
_MAX_CHARS = 100_000


def _parse(text: str, language: Language | None) -> tree_sitter.Tree | None:
    loaded = grammar(language) if language and len(text) <= _MAX_CHARS else None
    return tree_sitter.Parser(loaded).parse(text.encode("utf-8", "replace")) if loaded else None


def error_count(text: str, language: Language | None) -> int | None:
    """Count the places that the grammar could not make sense of; None without a grammar."""
    tree = _parse(text, language)
    if tree is None:
        return None
    count = 0
    pending = [tree.root_node]
    while pending:
        node = pending.pop()
        if node.is_error or node.is_missing:
            count += 1
        elif node.has_error:
            pending.extend(node.children)
    return count


def first_error(text: str, language: Language | None) -> int | None:
    """Return the offset of the first place that the grammar could not make sense of; None for none."""
    tree = _parse(text, language)
    if tree is None or not tree.root_node.has_error:
        return None
    node = tree.root_node
    while not (node.is_error or node.is_missing):
        inner = next((child for child in node.children if child.has_error or child.is_missing), None)
        if inner is None:
            break
        node = inner
    return len(text.encode("utf-8", "replace")[: node.start_byte].decode("utf-8", "replace"))


def place_kind(before: str, after: str, language: Language | None) -> PlaceKind:
    """Say what the cursor between two texts stands in; `code` where nothing is known."""
    tree = _parse(before + after, language)
    at = len(before.encode("utf-8", "replace"))
    if tree is None or at == 0:
        return "code"
    # The byte before the cursor decides: at the end of a comment the user is still writing it.
    node: tree_sitter.Node | None = tree.root_node.descendant_for_byte_range(at - 1, at)
    while node is not None:
        is_inside = node.start_byte < at and (at < node.end_byte or "comment" in node.type)
        if is_inside and "comment" in node.type:
            return "comment"
        if is_inside and ("string" in node.type or node.type == "template_substitution"):
            return "code" if node.type in ("interpolation", "template_substitution") else "string"
        if node.type in ("interpolation", "template_substitution"):
            return "code"
        node = node.parent
    return "code"
