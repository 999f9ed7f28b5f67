"""The boundary to a person: foreign text brings no control code, no line, no link, no command of its own."""

from __future__ import annotations

import io
import json
import unicodedata

import click
from click.testing import CliRunner
from rich.table import Table
from rich.text import Text

from qwen_lsp.cli.console import Console
from qwen_lsp.cli.echo import echo, progress
from qwen_lsp.review.report.markdown import escaped
from qwen_lsp.visible import message, visible, visible_path

HOSTILE = "a\x1b]52;c;ZXZpbA==\x07\x1b[2Jb\x9bc\x85d\u2028e\u202ef\u200bg\U000e0041h\rend"
ALL = [chr(number) for number in range(0x110000)]


def test_every_character_that_cannot_be_seen_is_written_as_an_escape() -> None:
    kept = [
        char
        for char in ALL
        if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs")
        and char not in "\n\t"
        and char == visible(char)
    ]
    assert [f"{ord(char):04x}" for char in kept] == []


def test_everything_else_stays() -> None:
    changed = [
        char
        for char in ALL
        if unicodedata.category(char) not in ("Cc", "Cf", "Zl", "Zp", "Cs", "Cn") and char != visible(char)
    ]
    assert changed == []
    assert visible("for x in 列表:\n\tpass  # é 😀") == "for x in 列表:\n\tpass  # é 😀"


def test_a_json_text_means_the_same() -> None:
    text = json.dumps({"text": HOSTILE}, ensure_ascii=False)
    assert json.loads(visible(text)) == {"text": HOSTILE}


def test_a_path_stays_on_its_line() -> None:
    name = "a\n# Heading\n@everyone ![](http://evil)\tb.py"
    assert "\n" not in visible_path(name)
    assert "\t" not in visible_path(name)
    assert "\n" not in escaped(name)


def test_a_message_has_no_link_and_no_command() -> None:
    for text in ("[Open](command:evil)", "[a] (http://x)", "<a href=x>", "COMMAND:evil.run", "](command:x"):
        shown = message(text)
        assert "](" not in shown
        assert "<a" not in shown
        assert "command:" not in shown.lower()
    assert message("`completion.lineTokens` expected `int`; [1, 2] is a list (of two)") == (
        "`completion.lineTokens` expected `int`; [1, 2] is a list (of two)"
    )


def controls(text: str) -> list[str]:
    return [
        char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") and char not in "\n\t"
    ]


def test_the_console_shows_every_text_visibly() -> None:
    out = io.StringIO()
    console = Console(file=out, width=400, color_system=None)
    console.print(HOSTILE)
    console.print(Text(HOSTILE, style="bold"), soft_wrap=True)
    table = Table(HOSTILE)
    table.add_row(HOSTILE)
    console.print(table)
    assert controls(out.getvalue()) == []
    assert out.getvalue().count("end") >= 2
    coloured = io.StringIO()
    Console(file=coloured, force_terminal=True, color_system="truecolor").print(Text("x", style="bold red"))
    assert "\x1b[" in coloured.getvalue(), "our own colours pass"


def test_plain_output_is_visible() -> None:
    @click.command()
    def show() -> None:
        echo(HOSTILE)
        echo(HOSTILE, err=True)
        progress("1/2 a\nb\x1b[2J")

    ran = CliRunner().invoke(show)
    assert controls(ran.stdout) == []
    assert controls(ran.stderr.replace("\r", "")) == []
    assert "a\\u000ab" in ran.stderr
