"""Every command can be called without its options: what an option is by itself is one of its values."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click
import pytest

from qwen_lsp.cli.main import main


def every_option(command: click.Command, name: str = "qwen-lsp") -> Iterator[tuple[str, click.Option]]:
    if isinstance(command, click.Group):
        for child in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), child)
            assert found is not None
            yield from every_option(found, f"{name} {child}")
    yield from ((name, option) for option in command.params if isinstance(option, click.Option))


OPTIONS = [(f"{name} {option.opts[0]}", option) for name, option in every_option(main)]


@pytest.mark.parametrize("option", [option for _, option in OPTIONS], ids=[name for name, _ in OPTIONS])
def test_what_an_option_is_by_itself_is_a_value_that_it_takes(option: click.Option) -> None:
    context = click.Context(click.Command("any"))

    with contextlib.suppress(click.MissingParameter):
        option.handle_parse_result(context, {}, [])


def test_choices_are_among_them() -> None:
    assert sum(isinstance(option.type, click.Choice) for _, option in OPTIONS) > 5
