"""Which model the settings mean: its profile, and its file when it is needed.

Looking a name up is cheap and touches no file; the file is asked for only when an engine starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.config import Config
from qwen_lsp.errors import ModelNotFound
from qwen_lsp.model import catalog, store
from qwen_lsp.model.catalog import Profile


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """A profile, and how to get its file. `path` raises ModelNotFound, saying how to get it."""

    profile: Profile
    path: Callable[[], Path]


def chosen_model(config: Config, reported: str = "") -> ChosenModel:
    """Return the model that the settings mean; `reported` is what an endpoint calls its own.

    Raises: ModelNotFound when the name is not in the catalog.
    """
    if config.model.path:
        path = Path(config.model.path).expanduser()
        return ChosenModel(_profile_of_file(path), lambda: _existing(path))
    name = config.model.name.strip().lower()
    if name != "auto":
        return ChosenModel(catalog.find(name), lambda: store.choose(name).path)
    if config.endpoint.url:
        profile = catalog.endpoint_profile(config.endpoint.model or reported)
        return ChosenModel(profile, lambda: store.choose().path)
    try:
        model = store.choose()
        return ChosenModel(model.profile, lambda: store.choose(model.profile.name).path)
    except ModelNotFound:
        return ChosenModel(catalog.default_profile(), lambda: store.choose().path)


def _profile_of_file(path: Path) -> Profile:
    """Guess the profile of a user's own file by its name; Qwen's layout is the same for all sizes."""
    return catalog.guess(path.name) or catalog.default_profile()


def _existing(path: Path) -> Path:
    if path.is_file():
        return path
    raise ModelNotFound(f"`model.path` names {path}, which is not a file")
