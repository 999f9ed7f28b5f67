"""How a repository writes its commit messages: read from the subjects of its last commits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp import git
from qwen_lsp.messages import Locale
from qwen_lsp.text import has_han

_CONVENTIONAL = re.compile(r"^(\w+)(?:\(([^)]+)\))?!?: (.+)$")
_PREFIXED = re.compile(r"^([\w./-]{2,30}): (.+)$")
# Written by machines, which have a style of their own.
_NOT_STYLE = re.compile(r"^(?:Merge|Revert|Bump|\[pre-commit|build\(deps|chore\(deps|Release|v?\d+\.\d+)")
_TYPES = frozenset(
    ("feat", "fix", "docs", "test", "tests", "refactor", "chore", "perf", "ci", "build", "style", "revert")
)
_N_MESSAGES = 50
_MAJORITY = 0.5


@dataclass(frozen=True, slots=True)
class Style:
    """What the subjects have in common.

    `is_conventional`: `type(scope): text`; `scopes` are those in use. `has_prefix`: `place: text`. `is_past`:
    "Added", not "Add".
    """

    locale: Locale = "en"
    is_conventional: bool = False
    types: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    has_prefix: bool = False
    is_capital: bool = True
    has_period: bool = False
    is_past: bool = False


def learn(subjects: Sequence[str]) -> Style:
    """Read the style of subjects; without any, an English sentence in the imperative."""
    own = [one for one in subjects if one and not _NOT_STYLE.match(one)]
    if not own:
        return Style()
    matches = [match for one in own if (match := _CONVENTIONAL.match(one)) and match[1].lower() in _TYPES]
    is_conventional = len(matches) > _MAJORITY * len(own)
    prefixed = [match for one in own if (match := _PREFIXED.match(one))]
    has_prefix = not is_conventional and len(prefixed) > _MAJORITY * len(own)
    texts = [match[3] for match in matches] if is_conventional else own
    texts = [match[2] for match in prefixed] if has_prefix else texts
    words = [one.split()[0] for one in texts if one.split()]
    scopes = Counter(match[2] for match in matches if match[2])
    return Style(
        "zh" if _share(own, has_han) else "en",
        is_conventional,
        frozenset(match[1] for match in matches),
        frozenset(scopes) if sum(scopes.values()) > _MAJORITY * len(matches) else frozenset(),
        has_prefix,
        _share(words, lambda one: one[:1].isupper()),
        _share(texts, lambda one: one.endswith((".", "。"))),
        _share(words, lambda one: len(one) > 4 and one.lower().endswith("ed")),
    )


def _share(texts: Sequence[str], holds: Callable[[str], bool]) -> bool:
    return sum(map(holds, texts)) > _MAJORITY * len(texts)


def of_repository(root: Path, at: str = "HEAD") -> Style:
    """Read the style of the last commits before a place; the plain one in an empty repository."""
    done = git.run(root, "log", "--no-merges", f"-n{_N_MESSAGES}", "--format=%s", at, "--")
    return learn(done.stdout.decode("utf-8", "replace").splitlines() if done.code == 0 else ())
