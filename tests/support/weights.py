"""The real weights of the smallest model, and of others, for every suite that needs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.model import catalog, store
from qwen_lsp.model.catalog import Profile

# Before any test is isolated from the user, whose models these are.
MODELS = store.directory()
PROFILE = catalog.default_profile()
FILE = store.path(PROFILE)


def required_file(profile: Profile = PROFILE) -> Path:
    """Return the weights' file of a model; skip and say what is missing when there is none."""
    file = FILE if profile == PROFILE else store.path(profile)
    if file is None:
        pull = f"qwen-lsp models pull {profile.name}"
        way = "`make model` (`qwen-lsp models pull`)" if profile == PROFILE else f"`{pull}`"
        pytest.skip(
            f"{profile.title} is not in {MODELS}; get it with {way}, "
            "or name the folder that has it in QWEN_LSP_MODELS"
        )
    return file
