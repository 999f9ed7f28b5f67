"""A process that keeps a core busy, as a compiler does. `main` never returns; it ends with its parent."""

from __future__ import annotations

import sys

from qwen_lsp.child import die_with_parent


def main() -> None:
    """Compute nothing, for good."""
    die_with_parent(int(sys.argv[1]))
    while True:
        pass
