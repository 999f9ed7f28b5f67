"""What a parser says of a piece of source: how many errors it holds, and what stands at a place.

Pieces are small (the window of a prompt), so they are parsed whole. A missing grammar gives None and
costs only the judgement (invariant 6). Bytes and nodes stay in here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import tree_sitter

from qwen_lsp.syntax import regions
from qwen_lsp.syntax.languages import Language, grammar

PlaceKind = Literal["code", "string", "comment"]

# Larger pieces are not parsed while a person waits: 5 ms at about 20 MB/s of the slower grammars.
_MAX_CHARS = 100_000


@lru_cache(maxsize=4)  # what stands at a cursor, and whether an answer fits there, is asked of the same text
def _parse(text: str, language: Language | None) -> tree_sitter.Tree | None:
    loaded = grammar(language) if language and len(text) <= _MAX_CHARS else None
    return tree_sitter.Parser(loaded).parse(text.encode("utf-8", "replace")) if loaded else None


def error_count(text: str, language: Language | None) -> int | None:
    """Count the places that the grammar could not make sense of; None without a grammar.

    The parts of a file in other languages are parsed with theirs.
    """
    tree = _parse(text, language)
    if tree is None:
        return None
    count = 0
    for region in regions.regions(text, language):
        count += error_count(text[region.start : region.end], region.language) or 0
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
    if language is not None and language.id in regions.HOSTS:
        text, offset = before + after, len(before)
        region = regions.at(text, offset, language)
        if region.language is not language:
            return place_kind(text[region.start : offset], text[offset : region.end], region.language)
    tree = _parse(before + after, language)
    at = len(before.encode("utf-8", "replace"))
    if tree is None or at == 0:
        return "code"
    # The byte before the cursor decides: at the end of a comment the user is still writing it.
    for node in reversed(_path_to(tree, at - 1)):
        is_inside = node.start_byte < at and (at < node.end_byte or "comment" in node.type)
        if is_inside and "comment" in node.type:
            return "comment"
        if is_inside and ("string" in node.type or node.type == "template_substitution"):
            return "code" if node.type in ("interpolation", "template_substitution") else "string"
        if node.type in ("interpolation", "template_substitution"):
            return "code"
    return "code"


def _path_to(tree: tree_sitter.Tree, at: int) -> list[tree_sitter.Node]:
    """List the nodes that hold a byte, the root first; `parent` would search from the root each time."""
    walk = tree.walk()
    path = [tree.root_node]
    while walk.goto_first_child_for_byte(at) is not None:
        node = walk.node
        if node is None or node.start_byte > at:
            break
        path.append(node)
    return path
