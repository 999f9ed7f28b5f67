"""Which model the settings mean: its profile, and its file when it is needed.

Looking a name up is cheap; the file of a model is asked for only when an engine starts. A file of the user's
own is known by its metadata, whatever it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from qwen_lsp.config import Config
from qwen_lsp.endpoints import ENGINE
from qwen_lsp.errors import ModelError, ModelNotFound
from qwen_lsp.model import catalog, gguf, hardware, recommend, speed, store
from qwen_lsp.model.catalog import Profile


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """A profile, and how to get its file. `path` raises ModelNotFound, saying how to get it."""

    profile: Profile
    path: Callable[[], Path]


def chosen_model(config: Config, reported: str = "") -> ChosenModel:
    """Return the model that the settings mean.

    `reported` is what an endpoint calls its own, or ENGINE where the engine on this machine answers; "" means
    the first of the list, which is not asked yet.

    Raises: ModelNotFound when the name is not in the catalog.
    """
    if config.model.path:
        path = Path(config.model.path).expanduser()
        return ChosenModel(_profile_of_file(path), lambda: _own_file(path))
    name = config.model.name.strip().lower()
    if name != "auto":
        return ChosenModel(catalog.find(name), lambda: store.choose(name).path)
    if (reported or config.endpoint.urls[0]) != ENGINE:
        profile = catalog.endpoint_profile(config.endpoint.model or reported)
        return ChosenModel(profile, lambda: store.choose().path)
    try:
        model = store.choose()
        return ChosenModel(model.profile, lambda: store.choose(model.profile.name).path)
    except ModelNotFound:
        return ChosenModel(recommended().best.profile, lambda: store.choose().path)


def recommended() -> recommend.Recommendation:
    """Return what suits this machine, by what is remembered of it; asks no other program."""
    return recommend.recommend(hardware.known(), speed.remembered())


def _profile_of_file(path: Path) -> Profile:
    """Return the profile of a user's own file: the nearest of the catalog, with the file's own facts.

    A file that cannot be read yet, or is none, is named by its name; `path` then says what is wrong.
    """
    by_name = catalog.guess(path.name) or catalog.default_profile()
    try:
        facts = gguf.read(path, _fim_tokens())
    except ModelError:
        return by_name
    nearest = catalog.nearest(
        max(facts.billions, 0.01),
        is_qwen3=facts.architecture.startswith("qwen3"),
        is_base="base" in f"{path.name} {facts.name}".lower(),
    )
    return replace(
        nearest,
        title=facts.name or path.name,
        context_tokens=facts.context_tokens or nearest.context_tokens,
        kv_bytes_per_token=facts.kv_bytes_per_token,
        size_bytes=facts.size_bytes,
    )


def _own_file(path: Path) -> Path:
    if not path.is_file():
        raise ModelNotFound(f"`model.path` names {path}, which is not a file")
    missing = _fim_tokens() - gguf.read(path, _fim_tokens()).tokens
    if missing:
        raise ModelError(
            f"`model.path` names {path}, whose vocabulary lacks {', '.join(sorted(missing))}: "
            "it cannot fill in the middle; choose a Qwen Coder model (qwen-lsp models list)"
        )
    return path


def _fim_tokens() -> frozenset[str]:
    tokens = catalog.default_profile().tokens
    return frozenset((tokens.fim_prefix, tokens.fim_suffix, tokens.fim_middle))
