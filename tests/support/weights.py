"""The real weights of the default model, for every suite that needs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.model import catalog, store

# Before any test is isolated from the user, whose models these are.
MODELS = store.directory()
PROFILE = catalog.default_profile()
FILE = store.path(PROFILE)


def required_file() -> Path:
    """Return the weights' file; skip and say what is missing when there is none."""
    if FILE is None:
        pytest.skip(
            f"{PROFILE.title} is not in {MODELS}; get it with `make model` (`qwen-lsp models pull`), "
            "or name the folder that has it in QWEN_LSP_MODELS"
        )
    return FILE
