"""The rest of a name that is being typed, from the names of the file and of the repository. No model.

It is what there is while a prompt is being read for the first time, and where the model is unsure. State:
the counted names of one document but for the cursor's line. Knows no LSP, no index and no model.
Source of the constants: docs/benchmarks.md, "The first text after a jump".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qwen_lsp.text import Cursor

# The names of a repository that begin with some letters, each with the number of files that it is in.
NamesOf = Callable[[Cursor, str], Mapping[str, int]]

MIN_TYPED = 3
"""Letters before a name is completed: after two of them 0.90 were right, after three 0.94."""

MIN_SHARE = 0.7
"""The part of all names beginning so, each as often as it occurs, that the suggested one must have."""

_MIN_REST = 2
_MAX_NAME = 80
# So many characters of a long file are counted on either side of the cursor.
_WINDOW_CHARS = 100_000
_TYPED = re.compile(rf"(?<![\w$])[A-Za-z_$][\w$]{{{MIN_TYPED - 1},{_MAX_NAME}}}\Z", re.ASCII)
NAME = re.compile(r"(?<![\w$])[A-Za-z_$][\w$]{3,}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Counted:
    """The names before and after one line of a document."""

    before: str
    after: str
    names: Counter[str]


class Names:
    """Completes names of one session; the file is counted again only when the cursor's line changes."""

    def __init__(self, of_repository: NamesOf | None = None) -> None:
        self._of_repository = of_repository
        self._counted = _Counted("", "", Counter())

    def rest(self, cursor: Cursor) -> str:
        """Return what is left of the name at the cursor; "" where none is likely enough."""
        document, at = cursor.document, cursor.offset
        typed = _typed(document.text, at)
        if not typed:
            return ""
        line = document.line_of(at)
        start, end = document.starts[line], document.line_end(line)
        found = Counter(
            {name: n for name, n in self._around(document.text, start, end).items() if name.startswith(typed)}
        )
        for part in (document.text[start : at - len(typed)], document.text[at:end]):
            found.update(name for name in NAME.findall(part[-_WINDOW_CHARS:]) if name.startswith(typed))
        if self._of_repository is not None:
            found.update(self._of_repository(cursor, typed))
        if not found:
            return ""
        name, n = max(found.items(), key=lambda item: (item[1], item[0]))
        is_likely = n >= MIN_SHARE * found.total()
        return name[len(typed) :] if is_likely and len(name) - len(typed) >= _MIN_REST else ""

    def _around(self, text: str, start: int, end: int) -> Counter[str]:
        before, after = text[max(start - _WINDOW_CHARS, 0) : start], text[end : end + _WINDOW_CHARS]
        if before != self._counted.before or after != self._counted.after:
            names = Counter(NAME.findall(before))
            names.update(NAME.findall(after))
            self._counted = _Counted(before, after, names)
        return self._counted.names


def _typed(text: str, at: int) -> str:
    """Return the beginning of a name before the cursor; "" inside a word and after a digit."""
    following = text[at : at + 1]
    if following.isalnum() or following in ("_", "$"):
        return ""
    match = _TYPED.search(text[max(at - _MAX_NAME - 1, 0) : at])
    return match.group() if match else ""
