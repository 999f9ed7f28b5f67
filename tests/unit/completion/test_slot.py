"""The one generation slot: what is ended is over for everybody who waits for it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from qwen_lsp.completion import stopping
from qwen_lsp.completion.cache import Cache
from qwen_lsp.completion.insertion_point import InsertionPoint
from qwen_lsp.completion.prompt import FimPrompt
from qwen_lsp.completion.slot import CompletionSlot
from qwen_lsp.completion.view import View
from qwen_lsp.config import CompletionConfig
from qwen_lsp.model import catalog
from qwen_lsp.model.client import Client, Endpoint
from tests.support.isolation import isolate_user
from tests.support.places import cursor


class LoadedHost:
    """A host whose client is never reached."""

    is_endpoint = False

    def idle_client(self) -> Client:
        return Client(Endpoint("http://127.0.0.1:9"))


async def test_what_is_ended_before_it_began_is_over_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A task cancelled before its first step never runs its own `finally`."""
    isolate_user(monkeypatch, tmp_path)
    slot = CompletionSlot(cast(Any, LoadedHost()), catalog.default_profile(), CompletionConfig(), Cache())
    place = cursor("x = ║\n")
    around = stopping.surroundings(place)
    view = View("u", FimPrompt("", "", "x = ", "\n"), around, "line", None, ())
    flight = slot.start_if_idle(view, InsertionPoint(place.document, place.offset))
    assert flight is not None
    slot.stop()
    waiting = flight.changed.wait()
    await asyncio.wait_for(waiting, 60)
    assert flight.is_done
    assert flight.is_stopped
    await slot.close()
