"""Where snippets come from: each source is a small function from a Look at a place to candidates.

`SOURCES` lists them in the order in which they are asked, the most useful first: what is late is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from qwen_lsp.context.lookup import CALLED, KEYWORDS, MAX_MEMBERS, MAX_NAMES, Look
from qwen_lsp.context.place import TYPE_KINDS
from qwen_lsp.context.signatures import brief
from qwen_lsp.context.snippets import Candidate, Source
from qwen_lsp.index.reader import IndexedDefinition
from qwen_lsp.index.words import words_of
from qwen_lsp.syntax.outline import Import
from qwen_lsp.text import Span, normalize_line_ends

_MAX_IMPORTED_FILES = 8
_MAX_IMPORTS = 30
_MAX_OF_EACH = 60
_SEARCH_WORDS = 24
_SIMILAR_CHUNKS = 4
_MAX_CHUNK_CHARS = 4000  # longer pieces are data
_LINES_AT_USE = 4  # around a call, a test or a copied line

_WORD = re.compile(r"[^\W\d]\w*")


def receiver_members(look: Look) -> list[Candidate]:
    """What may stand after the dot: the members of the receiver's type, or what its module defines."""
    chain = look.place.receiver
    if not chain:
        return []
    if types := look.type_of_chain(chain):
        return [found for one in types[:2] for found in _members(look, one, "receiver", 1.0)]
    modules = [entry for entry in look.imports if _local_name(entry) == chain[-1]]
    return [
        _candidate(look, one, "receiver", 1.0)
        for entry in modules[:1]
        for path in look.files_of(entry)[:1]
        for one in look.index.members_of(path, "", limit=MAX_MEMBERS)
    ]


def _local_name(entry: Import) -> str:
    return entry.alias or entry.name or entry.module.rpartition(".")[2]


def members(look: Look) -> list[Candidate]:
    """Members and signatures of the types that variables in scope have."""
    return [
        found
        for one, nearness in look.types_in_scope().items()
        for found in _members(look, one, "member", nearness)[:_MAX_OF_EACH]
    ]


def definitions(look: Look) -> list[Candidate]:
    """Definitions of the names used near the cursor, walking away from it; those of this file are known."""
    found: list[Candidate] = []
    place = look.place
    imported = {entry.alias or entry.name for entry in look.imports}
    names = [
        name
        for name in place.near
        if (len(name) > 2 and name not in KEYWORDS) or name in imported or not name.isascii()
    ]
    for name in names[:MAX_NAMES]:
        for one in look.resolve(name):
            if one.path == place.path:
                continue
            found.append(_candidate(look, one, "definition", place.near[name]))
            if one.kind in TYPE_KINDS:
                found += _members(look, one, "definition", 0.8 * place.near[name])[:_MAX_OF_EACH]
    return found


def enclosing(look: Look) -> list[Candidate]:
    """The signatures of the type around the cursor and of what it is made from, where they are not shown."""
    types = [one for one in look.place.enclosing if one.kind in TYPE_KINDS]
    return [found for one in types[-1:] for found in _members(look, one, "enclosing", 0.7)]


def imported(look: Look) -> list[Candidate]:
    """What the imported files and names offer, used yet or not."""
    found: list[Candidate] = []
    files: dict[str, None] = {}
    for entry in look.imports[:_MAX_IMPORTS]:
        if entry.name and entry.name != "*":
            name = entry.alias or entry.name
            # What is imported and not used yet is about to be.
            nearness = 1.0 if _is_unused(look.place.cursor.document.text, name) else 0.4
            for one in look.resolve(name):
                if one.path != look.place.path:
                    found.append(_candidate(look, one, "import", nearness))
                    if one.kind in TYPE_KINDS and nearness == 1.0:
                        found += _members(look, one, "import", 0.8)[:_MAX_OF_EACH]
        else:
            files.update(dict.fromkeys(look.files_of(entry)[:1]))
    for path in list(files)[:_MAX_IMPORTED_FILES]:
        top = look.index.members_of(path, "", limit=_MAX_OF_EACH)
        found += [_candidate(look, one, "import", 0.2) for one in top]
    return found


def _is_unused(text: str, name: str) -> bool:
    """Say whether a name stands only once in a text; most are found to stand twice without reading it all."""
    first = text.find(name)
    return first >= 0 and text.find(name, first + len(name)) < 0


def callers(look: Look) -> list[Candidate]:
    """Where the function being written is called, and tested."""
    functions = [one for one in look.place.enclosing if one.kind in CALLED]
    found: list[Candidate] = []
    for function in functions[-1:]:
        for path in look.index.files_referencing(function.name, limit=6, near=look.place.path):
            at = look.index.first_reference(path, function.name) if path != look.place.path else None
            if at is None:
                continue
            source: Source = "test" if "test" in PurePosixPath(path).stem.lower() else "caller"
            if candidate := _lines(look, path, at, source, 0.8, function.name):
                found.append(candidate)
    return found[:4]


def diagnosed(look: Look) -> list[Candidate]:
    """Definitions of the names that messages on the cursor's lines speak of."""
    names = dict.fromkeys(name for text in look.recent.diagnostics for name in _WORD.findall(text))
    found = [one for name in list(names)[:MAX_NAMES] if len(name) > 2 for one in look.resolve(name)]
    return [_candidate(look, one, "diagnostic", 1.0) for one in found if one.path != look.place.path]


def edits(look: Look) -> list[Candidate]:
    """What the user changed a moment ago."""
    return list(look.recent.edits)


def copied(look: Look) -> list[Candidate]:
    """What the user cut or copied."""
    return list(look.recent.copied)


def viewed(look: Look) -> list[Candidate]:
    """What the user looked at."""
    return list(look.recent.viewed)


def similar(look: Look) -> list[Candidate]:
    """Code that shares the rarest words with the text near the cursor."""
    words: dict[str, None] = {}
    for name in look.place.near:
        words.update(dict.fromkeys(sorted(words_of(name))))
        if len(words) >= _SEARCH_WORDS:
            break
    found: list[Candidate] = []
    chunks = look.index.search(list(words)[:_SEARCH_WORDS], limit=2 * _SIMILAR_CHUNKS)
    best = chunks[0].score if chunks else 1.0
    for chunk in chunks:
        if len(found) == _SIMILAR_CHUNKS:
            break
        length = chunk.span.end - chunk.span.start
        if chunk.path == look.place.path or length > _MAX_CHUNK_CHARS:
            continue
        text = look.index.text_of(chunk.path, chunk.span)
        if text and text.strip():
            found.append(
                Candidate(chunk.path, chunk.span, _plain(text), "similar", chunk.score / (best or 1.0))
            )
    return found


SOURCES: tuple[tuple[str, Callable[[Look], list[Candidate]]], ...] = (
    ("receiver", receiver_members),
    ("diagnostic", diagnosed),
    ("edit", edits),
    ("copied", copied),
    ("definition", definitions),
    ("member", members),
    ("enclosing", enclosing),
    ("import", imported),
    ("caller", callers),
    ("viewed", viewed),
    ("similar", similar),
)


def _members(look: Look, owner: IndexedDefinition, source: Source, nearness: float) -> list[Candidate]:
    return [_candidate(look, one, source, nearness) for one in look.members(owner)]


def _candidate(look: Look, one: IndexedDefinition, source: Source, nearness: float) -> Candidate:
    text = brief(one.signature, one.kind)
    return Candidate(one.path, one.span, text, source, nearness, one.name, look.owner_signature(one))


def _lines(look: Look, path: str, at: int, source: Source, nearness: float, name: str) -> Candidate | None:
    text = look.index.text_of(path)
    if text is None:
        return None
    start = end = at
    for _ in range(_LINES_AT_USE):
        start = text.rfind("\n", 0, max(start - 1, 0)) + 1
    for _ in range(_LINES_AT_USE):
        newline = text.find("\n", end + 1)
        end = newline if newline >= 0 else len(text)
    return Candidate(path, Span(start, end), _plain(text[start:end]), source, nearness, name)


def _plain(text: str) -> str:
    return normalize_line_ends(text).strip("\n")
