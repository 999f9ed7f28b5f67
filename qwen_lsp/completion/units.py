"""Where the first whole unit of an answer ends: the statement or the entry at the cursor, with its body.

A line at the cursor's indentation belongs to the unit while it closes or continues what the unit has opened:
by brackets and tags (syntax/brackets.py), by the words that close blocks (`end`, `fi`) and by those that
continue them (`else`, `catch`). Pure, linear in the answer, and right for a part of one.
"""

from __future__ import annotations

import re
from itertools import islice

from qwen_lsp.completion.surroundings import Surroundings, indent_of, opens_block
from qwen_lsp.syntax import brackets
from qwen_lsp.syntax.brackets import Balance

# Alone on their line, or with what may follow a closed block; `end = 3` is a name.
_CLOSING_WORD = re.compile(
    r"""\s*(?:(?:end|endif|endfor|endforeach|endwhile|endswitch|endcase|endfunction|endef|endmodule|fi|done|esac)
          (?![\w$-])(?!\s*[=:(\[])
      | until\b.+ | \\end\{ | \#\s*endif\b | \{/\w+\} | \{\{\s*/ | \{%-?\s*end
      | <\?php\s+end\w+ | [)\]}] | /?> | </ )""",
    re.VERBOSE | re.IGNORECASE,
)
_BRACKET_CLOSER = re.compile(r"\s*([)\]}]++[;,)]*+|end|fi|done|esac)\s*\Z")
# What continues a unit, by the words that its head may begin with.
_CLAUSES: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (
        re.compile(r"\s*\}?\s*(?:else|elif|elsif|elseif)\b"),
        re.compile(
            r"(?:if|unless|for|while|try|case|begin|with|match|ifeq|ifneq|ifdef|ifndef|when|foreach)\b|.*\bif\b"
        ),
    ),
    (
        re.compile(r"\s*\}?\s*(?:except|catch|finally|rescue|ensure|after)\b"),
        re.compile(r"(?:try|begin|def|do|receive|test|it)\b|.*\b(?:do|try)\b"),
    ),
    (re.compile(r"\s*(?:when|in)\b"), re.compile(r"(?:case|.*=\s*case)\b")),
    (re.compile(r"\s*(?:then|do)\b"), re.compile(r"(?:if|for|while|until|elif|select)\b")),
    (re.compile(r"\s*(?:\{:|\{\{\s*else|\{%-?\s*el)"), re.compile(r"\{")),
    (re.compile(r"\s*#\s*(?:else|elif)\b"), re.compile(r"#\s*if")),
    (re.compile(r"\s*while\s*\(.*\)\s*;"), re.compile(r"do\b")),
)
# Begins a line that goes on with the expression above it.
_LEADING_OPERATOR = re.compile(r"\s*(?:\?\.|\.\w|&&|\|\||\|>|=>|[?:+]\s|or\b|and\b)")
_ATTRIBUTE = re.compile(r"\s*(?:@[\w.]+(?:\(.*\))?|#!?\[.*\]|\[[\w.]+(?:\(.*\))?\]|template\s*<.*>)\s*\Z")


def balance_of(text: str, around: Surroundings) -> Balance:
    """Match the brackets of an answer in the cursor's language."""
    return brackets.balance(text, around.language)


def unit_end(line: str, number: int, lines: list[str], balance: Balance, around: Surroundings) -> int | None:
    """Return the number of lines of the first whole unit, when this line shows that it is over."""
    first = next((at for at, part in enumerate(islice(lines, number)) if part.strip()), None)
    if first is None or not line.strip() or balance.in_string[number]:
        return None
    if indent_of(line) < around.floor:
        closes = _BRACKET_CLOSER.match(line) and around.opens_block and indent_of(line) == around.indent
        return number + 1 if closes and line.rstrip() != around.next_line.rstrip() else number
    is_middle = around.goes_on and not around.opens_block and indent_of(around.next_line) >= around.indent
    if not is_middle and not around.wants_one_entry:
        return None
    # In the middle of a block a unit is a statement, with its body if that is not there already.
    if is_middle and indent_of(around.next_line) > around.indent:
        return None if balance.depths[number] > 0 and not opens_block(lines[first]) else number
    return None if continues(line, number, first, lines, balance, around) else number


def continues(
    line: str, number: int, first: int, lines: list[str], balance: Balance, around: Surroundings
) -> bool:
    """Tell whether a line goes on with the unit that begins at line `first`."""
    floor = around.floor
    if indent_of(line) > floor:
        return True
    above = next(at for at in range(number - 1, -1, -1) if lines[at].strip())
    above_line, head = lines[above], lines[first].strip()
    is_below_body = above > first and indent_of(above_line) > floor
    if balance.depths[number] > 0:  # open brackets: closed here, or filled at the same depth
        return bool(_CLOSING_WORD.match(line)) or not is_below_body
    if _ATTRIBUTE.match(above_line) or _is_lead(lines[first:number], around):
        return True
    if _CLOSING_WORD.match(line):  # a bracket or a tag that is not open closes what is outside
        return line.strip()[0] not in ")]}/><" and (is_below_body or (above == first and _opens_words(head)))
    if any(clause.match(line) and heads.match(head) for clause, heads in _CLAUSES):
        return True
    if line.strip()[0] == "{":  # a brace on its own line opens the body of the line above
        return not above_line.rstrip().endswith((";", "}", ","))
    return _LEADING_OPERATOR.match(line) is not None and not above_line.rstrip().endswith((";", ":"))


def _is_lead(lines: list[str], around: Surroundings) -> bool:
    """Whether the lines are nothing but comments and attributes, which belong to what follows."""
    mark = around.comment_mark
    starts = tuple(start for start in (mark, "<!--", "/*", "* " if mark == "//" else "", "*/") if start)
    return all(line.lstrip().startswith(starts) or _ATTRIBUTE.match(line) for line in lines if line.strip())


def _opens_words(head: str) -> bool:
    """Whether a head is of the kind that a word closes."""
    return (
        re.match(
            r"(?:if|unless|while|until|for|case|begin|def|class|module|do|function|#\s*if)\b|.*\bdo\b|\\begin",
            head,
        )
        is not None
    )
