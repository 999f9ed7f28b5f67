"""Which model suits a machine. A case is a file in fixtures/machines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from qwen_lsp.model import catalog
from qwen_lsp.model.hardware import Gpu, Machine
from qwen_lsp.model.recommend import MAX_FIRST_TEXT_S, MAX_LINE_S, estimate, recommend
from qwen_lsp.model.speed import Speed
from tests.support.places import REPOSITORY

CASES = sorted((REPOSITORY / "fixtures" / "machines").glob("*.json"))


class Engine(msgspec.Struct):
    build: str
    model: str


class Case(msgspec.Struct):
    machine: Machine
    model: str
    engine: Engine | None


def case(file: Path) -> Case:
    return msgspec.json.decode(file.read_bytes(), type=Case)


def named(name: str) -> Machine:
    return case(REPOSITORY / "fixtures" / "machines" / f"{name}.json").machine


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_a_reasoned_choice(file: Path) -> None:
    wanted = case(file)
    found = recommend(wanted.machine)
    assert found.best.profile.name == wanted.model, found.reasons
    assert found.best.fits
    assert any("first text after" in reason for reason in found.reasons)
    upgrade = found.upgrade
    assert (upgrade and Engine(upgrade.build, upgrade.best.profile.name)) == wanted.engine


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_nothing_larger_would_come_in_time(file: Path) -> None:
    machine = case(file).machine
    found = recommend(machine)
    for one in found.estimates:
        if one.profile.billions > found.best.profile.billions and one.profile.kind == "instruct":
            assert not one.suits or one.profile.licence != "Apache-2.0", one.profile.name
    assert not found.best.suits or found.best.first_text_s <= MAX_FIRST_TEXT_S
    assert not found.best.suits or found.best.line_s <= MAX_LINE_S


def test_a_processor_that_the_engine_s_wheel_cannot_use() -> None:
    reasons = " ".join(recommend(named("netbook-4-gb")).reasons)
    assert "no AVX2" in reasons
    assert "`engine.program`" in reasons
    assert "no model is quick enough" in reasons
    assert "AVX2" not in " ".join(recommend(named("laptop-2-cores")).reasons)


def test_what_was_measured_wins_over_what_is_computed() -> None:
    laptop = named("laptop-2-cores")
    quick = {"qwen2.5-coder-1.5b": Speed(read=210.0, write=40.0)}
    assert recommend(laptop, quick).best.profile.name == "qwen2.5-coder-1.5b"
    slow = {"qwen2.5-coder-1.5b": Speed(read=20.0, write=4.0)}
    assert recommend(named("desktop-8-cores-16-gb"), slow).best.profile.name == "qwen2.5-coder-0.5b"


def test_one_model_s_speed_speaks_for_the_others() -> None:
    speeds = {"qwen2.5-coder-0.5b": Speed(read=3000.0, write=400.0)}
    seven = catalog.find("qwen2.5-coder-7b")
    assert estimate(seven, named("desktop-8-cores-16-gb"), {}).is_quick is False
    assert estimate(seven, named("desktop-8-cores-16-gb"), speeds).is_quick is True


def test_a_busy_minute_does_not_change_the_model() -> None:
    profile, machine = catalog.find("qwen2.5-coder-0.5b"), named("laptop-2-cores")
    assert estimate(profile, machine, {profile.name: Speed(read=85.0, write=13.0)}).is_quick
    assert not estimate(profile, machine, {profile.name: Speed(read=70.0, write=13.0)}).is_quick


def test_the_command_that_replaces_the_engine() -> None:
    upgrade = recommend(named("nvidia-8-gb")).upgrade
    assert upgrade
    assert upgrade.command("/v/bin/python") == (
        "/v/bin/python -m pip install --force-reinstall --no-deps "
        "--index-url https://xorbitsai.github.io/xllamacpp/whl/cu128 xllamacpp"
    )
    assert upgrade.command("/v/bin/python", has_pip=False).startswith(
        "uv pip install --python /v/bin/python "
    )


def test_a_gpu_that_shares_a_pc_s_memory_is_no_graphics_card() -> None:
    laptop = named("laptop-2-cores")
    shared = replace(laptop, engine_gpus=(Gpu("Intel Iris Xe", "intel", 8 * 1024**3, is_shared=True),))
    assert recommend(shared).best == recommend(laptop).best
