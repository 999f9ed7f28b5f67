"""What an administrator allows on this machine, above the user's own settings. It can only take away.

`policy.toml` lies where only administrators write. `QWEN_LSP_POLICY` names one more, whose limits are added
to those. A policy that cannot be read allows nothing it could forbid. Knows settings by their dotted names.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from qwen_lsp.endpoints import ENGINE, URL_KEYS, is_http, is_loopback, matches, named

_MAX_BYTES = 1_000_000


class Policy(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """One file: what is not named in it is the user's to choose.

    `allowed_hosts`: the hosts of endpoints besides this machine. `redact`: secrets are also taken out of
    what an endpoint on this machine gets. `model_sources`: where models may come from. `engine_program`:
    whether the user may name a program as the engine.
    """

    allowed_hosts: tuple[str, ...] | None = None
    redact: bool = False
    model_sources: tuple[str, ...] | None = None
    engine_program: bool = True


NOTHING_ALLOWED = Policy(allowed_hosts=(), redact=True, model_sources=(), engine_program=False)


@dataclass(frozen=True, slots=True)
class Read:
    """A policy and where it stands; `problem` says why it could not be read."""

    source: str
    policy: Policy
    problem: str = ""


def system_file() -> Path:
    """Return where the administrator's policy lies."""
    if sys.platform == "win32":
        # Not from the environment, which is the user's to set.
        return Path("C:/ProgramData/qwen-lsp/policy.toml")
    if sys.platform == "darwin":
        return Path("/Library/Application Support/qwen-lsp/policy.toml")
    return Path("/etc/qwen-lsp/policy.toml")


def read_all() -> list[Read]:
    """Read the policies in force; a missing file is none."""
    found = [_read(system_file())]
    if named := os.environ.get("QWEN_LSP_POLICY"):
        found.append(_read(Path(named), must_exist=True))
    return [one for one in found if one is not None]


def _read(file: Path, *, must_exist: bool = False) -> Read | None:
    try:
        with file.open("rb") as stream:
            values = tomllib.loads(stream.read(_MAX_BYTES).decode("utf-8"))
        return Read(str(file), msgspec.convert(values, Policy))
    except (FileNotFoundError, NotADirectoryError) as error:
        return Read(str(file), NOTHING_ALLOWED, str(error)) if must_exist else None
    except (OSError, ValueError, msgspec.ValidationError) as error:  # tomllib's and Unicode's are ValueErrors
        return Read(str(file), NOTHING_ALLOWED, str(error))


def _allows(policy: Policy, url: str) -> bool:
    """Tell whether an endpoint may be used; what is no address is refused elsewhere."""
    if policy.allowed_hosts is None or not is_http(url) or is_loopback(url):
        return True
    return matches(url, policy.allowed_hosts)


def limited(
    values: Mapping[str, Any], policies: list[Read]
) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    """Return settings as the policies leave them, and (source, setting, why) of what they changed."""
    made = dict(values)
    changed: list[tuple[str, str, str]] = []
    for one in policies:
        policy = one.policy
        if one.problem:
            changed.append((one.source, "*", f"cannot be read, so nothing is allowed: {one.problem}"))
        for key in URL_KEYS:
            forbidden = [url for url in named(made[key]) if not _allows(policy, url)]
            changed += [(one.source, key, f"does not allow {url}") for url in forbidden]
            if forbidden:
                left = tuple(url for url in named(made[key]) if url not in forbidden)
                # What was to go to a place of its own does not go to completion's in its stead.
                made[key] = left or ("" if key == "endpoint.url" else ENGINE)
        if policy.redact:
            made["endpoint.redact"] = "always"
        if policy.model_sources is not None:
            allowed = policy.model_sources
            made["model.sources"] = tuple(name for name in made["model.sources"] if name in allowed)
        if not policy.engine_program and made["engine.program"]:
            changed.append((one.source, "engine.program", "does not allow a program of your own"))
            made["engine.program"] = ""
    return made, changed
