"""Which state wins when several things are true at once, and that a remedy goes with every trouble."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from qwen_lsp.config import CompletionConfig, Config
from qwen_lsp.endpoints import EndpointConfig
from qwen_lsp.lsp.status import Facts, Trouble, judge
from qwen_lsp.model.state import Cause, State

OFF = Config(completion=CompletionConfig(enabled=False))
READY = Facts(Config(), State("ready"), model="tiny")
MISSING = Trouble("no_model")


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (READY, "ready"),
        (dataclasses.replace(READY, is_busy=True), "busy"),
        (dataclasses.replace(READY, is_slow=True), "slow"),
        (dataclasses.replace(READY, is_busy=True, is_slow=True), "busy"),
        (dataclasses.replace(READY, trouble=Trouble("late")), "slow"),
        (dataclasses.replace(READY, trouble=Trouble("failed", "500"), is_busy=True), "error"),
        (dataclasses.replace(READY, host=State("off")), "starting"),
        (dataclasses.replace(READY, host=State("off"), is_busy=True), "starting"),
        (dataclasses.replace(READY, host=State("off"), trouble=MISSING), "error"),
        (dataclasses.replace(READY, host=State("starting"), is_busy=True), "loading"),
        (dataclasses.replace(READY, host=State("starting", "", "died")), "starting"),
        (dataclasses.replace(READY, host=State("failed", "it died", "died"), is_busy=True), "error"),
        (dataclasses.replace(READY, host=State("asleep")), "asleep"),
        (dataclasses.replace(READY, host=State("asleep"), trouble=MISSING), "error"),
        (dataclasses.replace(READY, host=State("starting", "", "asleep")), "loading"),
        (dataclasses.replace(READY, config=OFF), "off"),
        (dataclasses.replace(READY, config=OFF, host=State("failed", "it died", "died")), "off"),
    ],
)
def test_the_state_that_matters_most(facts: Facts, state: str) -> None:
    status = judge(facts, "en")
    assert status.state == state
    assert status.model == "tiny"
    assert bool(status.remedy) == (state in ("off", "slow", "error")), "a remedy for trouble, and only for it"


@pytest.mark.parametrize("cause", [cause for cause in get_args(Cause) if cause])
@pytest.mark.parametrize("locale", ["en", "zh"])
def test_every_failure_says_what_to_do(cause: Cause, locale: str) -> None:
    at_endpoint = cause in ("address", "remote", "unreachable")
    config = Config(endpoint=EndpointConfig(url="http://here:1" if at_endpoint else ""))
    status = judge(Facts(config, State("failed", "the detail", cause)), "zh" if locale == "zh" else "en")
    assert status.state == "error"
    assert status.remedy
    assert ("http://here:1" in status.message) == at_endpoint
    if not at_endpoint:
        assert "qwen-lsp doctor" in status.remedy
    if cause == "remote":
        assert "allowedHosts" in status.remedy


def test_a_missing_model_is_to_be_pulled_by_its_name() -> None:
    status = judge(Facts(Config(), State("off"), model="tiny", trouble=MISSING), "en")
    assert status.message == "The model tiny is not on this machine."
    assert status.remedy == "Run `qwen-lsp models pull tiny` in a terminal."
