"""What stopping and the filters need to know of the cursor: indentation, what follows, what encloses it.

Read once, from the snapshot, before the first await. Pure; it parses nothing, because code at the cursor
is broken more often than not. Indentation counts characters of leading white space, a tab as one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qwen_lsp.syntax import regions
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.parsing import PlaceKind
from qwen_lsp.text import Cursor, normalize_line_ends

_OPENER = re.compile(r"(?:[:{(\[]|\bthen|\bdo|=>)\s*\Z")
# The head of a function in the languages we know, on one line, by its looks: code at the cursor is
# broken more often than not, so a parser would miss it.
_FUNCTION_HEAD = re.compile(
    r"\s*(?!(?:if|for|while|switch|catch|else|with|elif|return|do)\b)"
    r"(?:.*\b(?:def|function|func|fn|fun|sub|defp)\b.*(?:[:{(,]|\bdo)"
    r"|(?:local\s+)?(?:def|function)\b[^={]*"  # Ruby, Lua, Julia: the line's end opens the body
    r"|.*\)\s*(?:->.*|:\s*\S.*|throws\s.*|const\s*|async\*?\s*)?\{|[-+]\s*\(.*\{|.*=>\s*\{)\s*\Z"
)
# The head may stand above a brace on a line of its own.
_LONE_BRACE = re.compile(r"\s*\{\s*\Z")
# What lies further from the cursor on an overlong line (minified code, data) decides nothing here.
_MAX_LINE_CHARS = 2000
_MAX_HEAD_CHARS = 400  # a longer line is no head of a function
_OPENER_CHARS = 5  # `then` and what makes it a word
_INDENT = re.compile(r"[^\S\r\n]*")
_PAIR_REST = re.compile(r"""\s*(?:[)\]}][)\]};,]*|\"{3}|'{3}|</[\w.:-]+>)\s*\Z""")
_PAIRS = {"}": "{", ")": "(", "]": "[", '"': '"""', "'": "'''", "<": ">"}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The cursor's surroundings; all texts have LF line ends.

    Shape: of an overlong line `line_prefix` is the end and `line_suffix` the beginning. `function_indent` is
    that of the head of the enclosing function, -1 outside of one. `comment_mark` opens a line comment, empty
    where the language has none. `is_pair` tells that the cursor stands between an opening sign and its
    partner, as editors leave it. `is_row`: the line above is one of a list of rows, as VALUES of SQL.
    """

    line_prefix: str
    line_suffix: str
    indent: int
    next_line: str
    opens_block: bool
    function_indent: int = -1
    place: PlaceKind = "code"
    comment_mark: str = ""
    language: Language | None = None
    is_pair: bool = False
    is_row: bool = False

    @property
    def is_blank(self) -> bool:
        """Whether nothing but white space stands before the cursor on its line."""
        return not self.line_prefix.strip()

    @property
    def goes_on(self) -> bool:
        """Whether the enclosing function goes on after the cursor."""
        return bool(self.next_line) and indent_of(self.next_line) > self.function_indent

    @property
    def floor(self) -> int:
        """The least indentation that still belongs to the answer."""
        return self.indent + 1 if self.opens_block and not self.is_blank else self.indent

    @property
    def wants_one_entry(self) -> bool:
        """Whether the place is a list of entries (fields, settings, rules) and not a sequence of steps.

        What a model adds to such a list after the first entry is invented. A statement of SQL goes over lines
        of equal indentation.
        """
        is_free = self.language is not None and self.language.id == "sql" and not self.is_row
        return self.function_indent < 0 and not is_free and (self.is_blank or not self.opens_block)


def surroundings(cursor: Cursor, language: Language | None = None, place: PlaceKind = "code") -> Surroundings:
    """Read the cursor's surroundings from the document, in the language of the part that the cursor is in."""
    document, offset = cursor.document, cursor.offset
    language = regions.at(document.text, offset, language).language
    line = document.line_of(offset)
    line_start, line_end = document.starts[line], document.line_end(line)
    line_prefix = document.text[max(line_start, offset - _MAX_LINE_CHARS) : offset]
    line_suffix = document.text[offset : min(line_end, offset + _MAX_LINE_CHARS)]
    following = normalize_line_ends(document.text[line_end : line_end + 4000]).split("\n")
    before = normalize_line_ends(document.text[max(line_start - 8000, 0) : line_start]).split("\n")
    mark = language.comment if language and isinstance(language.comment, str) else ""
    next_line = next((line for line in following if line.strip()), "")
    match = _INDENT.match(document.text, line_start, offset)
    assert match is not None  # it may be empty
    indent = match.end() - line_start
    opens = opens_block(line_prefix)
    if not line_prefix:  # nothing typed yet: the indentation will come with the answer
        last = next((line for line in reversed(before) if line.strip()), "")
        inner = max(indent_of(last) + opens_block(last), indent_of(next_line))
    else:
        inner = indent + (1 if opens else 0)
    return Surroundings(
        line_prefix=line_prefix,
        line_suffix=line_suffix,
        indent=indent,
        next_line=next_line,
        opens_block=opens,
        function_indent=_function_indent([*before, line_prefix], inner),
        place=place,
        comment_mark=mark,
        language=language,
        is_pair=_is_pair(line_prefix, line_suffix, place),
        is_row=_is_row(before, line_prefix),
    )


def indent_of(line: str) -> int:
    """Return how many characters of white space a line begins with."""
    return len(line) - len(line.lstrip())


def opens_block(line: str) -> bool:
    """Tell whether a line ends with what a block or a list is opened with."""
    return _OPENER.search(line.rstrip()[-_OPENER_CHARS:]) is not None


def _is_pair(line_prefix: str, line_suffix: str, place: PlaceKind) -> bool:
    """Tell whether the cursor stands between the two halves of a pair.

    Nothing but further closing signs stands to its right, but for braces: a block is written between them
    whatever follows (`reduce((a, b) => {}, 0)`).
    """
    rest, before = line_suffix.strip(), line_prefix.rstrip()
    is_block = place == "code" and rest.startswith("}") and before.endswith("{")
    if is_block and not before.endswith(("${", "{{", "#{")):
        return True
    return bool(_PAIR_REST.match(line_suffix)) and before.endswith(_PAIRS[rest[0]])


def _is_row(before: list[str], line_prefix: str) -> bool:
    above = next((line for line in reversed(before) if line.strip()), "").strip()
    return not line_prefix.strip() and above.startswith("(") and above.endswith("),")


def _function_indent(lines: list[str], inner: int) -> int:
    """Return the indentation of the nearest function head that encloses text indented by `inner`."""
    below_brace = False
    for line in reversed(lines):
        if not line.strip():
            continue
        if indent_of(line) < inner or (below_brace and indent_of(line) == inner):
            inner = indent_of(line)
            is_short = len(line) <= _MAX_HEAD_CHARS
            if is_short and _FUNCTION_HEAD.match(line + " {" if below_brace else line):
                return inner
        below_brace = bool(_LONE_BRACE.match(line)) and indent_of(line) == inner
    return -1
