"""What an action can do something with, told by a language, a path or a comment alone.

The list of actions asks it at each selection, so it loads none of the ways, which know it too.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from qwen_lsp.messages import Locale
from qwen_lsp.text import has_han

# Documents without code to act on.
NO_CODE = {"json", "markdown", "yaml", "toml", "html", "vue", "css"}
# Where types are optional.
ANNOTATED = {"python", "typescript", "typescriptreact"}
# Where the grammar identifies a local variable without doubt.
RENAMED = {"python", "javascript", "typescript", "typescriptreact", "go", "java", "rust"}
# Comments that speak to tools.
_DIRECTIVE = re.compile(
    r"^\W*(!|noqa|type:|pylint|ruff|mypy|eslint|ts-|prettier|clang-format|nolint|go:|pragma|region|endregion|copyright"
    r"|c8 |istanbul |v8 ignore|biome-|stylelint-|jshint|jslint|webpack|nosonar|nosec|codecov|lcov"
    r"|spdx|fmt:|isort|coding[:=]|-\*-|<reference|@ts|todo\W*$)",
    re.IGNORECASE,
)
# What a comment or a docstring opens with.
OPENING = re.compile(r"^(/\*\*?!?|<!--|[rRuUbB]*(?:\"\"\"|'''|\"|'))[ \t]*")


def is_test_file(path: str) -> bool:
    """Whether a path is that of a test file already."""
    name = PurePosixPath(path).name
    return bool(
        re.match(r"test_.*\.py$|.*_test\.(py|go)$|.*\.(test|spec)\.[cm]?[jt]sx?$|.*Tests?\.java$", name)
    )


def is_directive(comment: str) -> bool:
    """Whether a comment speaks to a tool."""
    return _DIRECTIVE.match(OPENING.sub("", comment)) is not None


def to_translate(prose: str, to: Locale) -> bool:
    """Whether a comment is prose of the other language."""
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"`[^`]*`|@\w+|https?://\S+", " ", prose))
    if is_directive(prose):
        return False
    return has_han(prose) if to == "en" else len(words) >= 2 and not has_han(prose)
