"""Which of the ranked candidates fit the budget, and how they are written. Pure and deterministic.

Signatures of one type stand below its first line, pieces of one file below its path; the file with the best
piece comes last, nearest to the cursor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qwen_lsp.context.place import Place
from qwen_lsp.context.snippets import Candidate, Dropped, Snippet
from qwen_lsp.syntax import languages
from qwen_lsp.text import Span

# Pieces with more words in common than this say the same.
SAME = 0.9
# Pieces of several lines that are more like the text at the cursor than this would be repeated by the
# model. Source: llama.vim's limit for chunks near the cursor.
TOO_NEAR = 0.5
_MIN_LINES_COMPARED = 3
_WHOLE_PART = 0.6
_LINE_TOKENS = 2  # the indentation and the end of a line
_MAX_CHARS_PER_TOKEN, _MIN_TOKENS = 8, 3
_HEADER_TOKENS = 4  # the marker and the line ends around a path
_WORD = re.compile(r"\w+")


@dataclass(slots=True)
class _Packed:
    """What has been chosen so far, and what it costs to write."""

    estimate: Callable[[str], int]
    kept: list[Snippet] = field(default_factory=list)
    tokens: int = 0
    heads: set[tuple[str, str]] = field(default_factory=set)

    def cost(self, candidate: Candidate, text: str) -> int:
        """The tokens that one more snippet takes, with the path and the type that it stands below."""
        tokens = self.estimate(text) + _LINE_TOKENS
        if (candidate.path, "") not in self.heads:
            tokens += self.estimate(candidate.path) + _HEADER_TOKENS
        if candidate.group and (candidate.path, candidate.group) not in self.heads:
            tokens += self.estimate(candidate.group) + _LINE_TOKENS
        return tokens

    def add(self, snippet: Snippet, tokens: int) -> None:
        self.kept.append(snippet)
        self.tokens += tokens
        self.heads |= {(snippet.path, ""), (snippet.path, snippet.group)}


def pack(
    ranked: Sequence[tuple[Candidate, Mapping[str, float]]],
    place: Place,
    budget_tokens: int,
    estimate: Callable[[str], int],
) -> tuple[list[Snippet], tuple[tuple[str, str], ...], int]:
    """Choose from the best downwards what fits; return every snippet, the files to write, and their tokens.

    Most of the budget is for whole snippets; of the next best there is room for the names.
    """
    around = set(_WORD.findall(place.around))
    packed = _Packed(estimate)
    snippets: list[Snippet] = []
    for candidate, parts in ranked:
        room = _WHOLE_PART * budget_tokens - packed.tokens
        # Counting tokens is most of the work, so what is certainly too long is not counted.
        is_too_long = len(candidate.text) > room * _MAX_CHARS_PER_TOKEN or room < _MIN_TOKENS
        tokens = len(candidate.text) // 4 if is_too_long else packed.cost(candidate, candidate.text)
        dropped = _dropped(candidate, place, around, packed.kept)
        if not dropped and (is_too_long or tokens > room):
            dropped = "budget"
        snippet = _snippet(candidate, parts, tokens, dropped)
        snippets.append(snippet)
        if not dropped:
            packed.add(snippet, tokens)
    for number, (candidate, parts) in enumerate(ranked):
        # A path or a type's first line for the sake of a name would cost more than it tells.
        is_headed = candidate.group and (candidate.path, candidate.group) in packed.heads
        if snippets[number].dropped != "budget" or not is_headed or candidate.name.startswith("__"):
            continue
        if budget_tokens - packed.tokens < _MIN_TOKENS:
            break
        tokens = packed.cost(candidate, candidate.name)
        if packed.tokens + tokens <= budget_tokens:
            named = replace(_snippet(candidate, parts, tokens, ""), text=candidate.name, is_name_only=True)
            snippets[number] = named
            packed.add(named, tokens)
    return snippets, write(packed.kept), packed.tokens


def _snippet(candidate: Candidate, parts: Mapping[str, float], tokens: int, dropped: Dropped) -> Snippet:
    return Snippet(
        candidate.path,
        candidate.span,
        candidate.text,
        candidate.source,
        round(sum(parts.values()), 3),
        dict(parts),
        tokens,
        dropped,
        candidate.name,
        candidate.group,
    )


def write(kept: Sequence[Snippet]) -> tuple[tuple[str, str], ...]:
    """Write the kept snippets file by file in the order of the code, the best file last."""
    files: dict[str, list[Snippet]] = {}
    for snippet in kept:
        files.setdefault(snippet.path, []).append(snippet)
    return tuple((path, _file(path, files[path])) for path in reversed(files))


def _file(path: str, snippets: Sequence[Snippet]) -> str:
    """Write the snippets of one file, members below their type."""
    language = languages.find("", path)
    opens = ":" if language is None or language.id == "python" else " {"
    lines: list[str] = []
    groups: dict[str, list[Snippet]] = {}
    for snippet in sorted(snippets, key=lambda snippet: (snippet.span.start, snippet.span.end)):
        groups.setdefault(snippet.group, []).append(snippet)
    if "" in groups:  # a type whose members follow is written with them
        groups[""] = [snippet for snippet in groups[""] if snippet.text not in groups]
    for group, members in groups.items():
        indent = "    " if group else ""
        if group:
            lines.append(group + opens)
        for snippet in members:
            if not snippet.is_name_only:
                lines += [indent + line if line else line for line in snippet.text.split("\n")]
        names = list(dict.fromkeys(snippet.name for snippet in members if snippet.is_name_only))
        if names:
            text = ", ".join(names)
            lines.append(indent + (language.comment_line(text) if language else f"# {text}"))
    return "\n".join(lines)


def _dropped(candidate: Candidate, place: Place, around: set[str], kept: Sequence[Snippet]) -> Dropped:
    if candidate.path == place.path and _overlap(candidate.span, place.shown):
        return "shown"
    for snippet in kept:
        if (snippet.path, snippet.group, snippet.text) == (candidate.path, candidate.group, candidate.text):
            return "duplicate"
        is_inside = snippet.path == candidate.path and _contains(snippet.span, candidate.span)
        if is_inside and candidate.text in snippet.text:
            return "duplicate"
    if candidate.text.count("\n") + 1 >= _MIN_LINES_COMPARED:
        own = set(_WORD.findall(candidate.text))
        if _likeness(own, around) > TOO_NEAR:
            return "similar"
        if any(_likeness(own, set(_WORD.findall(snippet.text))) > SAME for snippet in kept):
            return "duplicate"
    return ""


def _likeness(first: set[str], second: set[str]) -> float:
    return 2 * len(first & second) / (len(first) + len(second)) if first or second else 1.0


def _overlap(first: Span, second: Span) -> bool:
    return first.start < second.end and second.start < first.end


def _contains(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end
