"""What a server and its indexing process say to one another: neither loads what only the other one needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import msgspec


@dataclass(slots=True)
class Report:
    """What bringing the index up to date did. Units: `source_bytes` are those of the files parsed now.

    `rebuilt` says why the index was rebuilt, "" if it was not.
    """

    files: int = 0
    definitions: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    changed: int = 0
    removed: int = 0
    seconds: float = 0.0
    source_bytes: int = 0
    index_bytes: int = 0
    rebuilt: str = ""
    problems: list[str] = field(default_factory=list)


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the parent wants: `update` a root (these files, or all), `forget` it, `watch` it; wait, go on."""

    kind: Literal["update", "forget", "watch", "pause", "resume"]
    root: str = ""
    paths: list[str] | None = None
    rebuild: str = ""
    is_careful: bool = False


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happens to a root: `progress` of files, `done` with the report, `failed` with a detail."""

    kind: Literal["progress", "done", "failed"]
    root: str
    done: int = 0
    total: int = 0
    report: Report | None = None
    detail: str = ""
