"""Links to files and placeholders of translations, each with its reverse case."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, ChangedFile, compare
from qwen_lsp.review.find import beside
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax import links, translations
from tests.unit.review.repositories import committed_and_reviewed

SOURCE = '{\n  "menu": {\n    "hello": "Hello {name}",\n    "n": "{{count}} files"\n  }\n}\n'
PO = 'msgid ""\nmsgstr ""\n\n#, python-format\nmsgid "Hello %(name)s"\nmsgstr "{}"\n\n'


def in_repository(
    tmp_path: Path, files: dict[str, str | bytes], change: dict[str, str | bytes]
) -> list[Finding]:
    """Review a change of committed files by these rules."""
    return [one for one in committed_and_reviewed(tmp_path / "r", files, change) if one.rule in beside.RULES]


def test_a_link_to_a_file_that_is_not_there(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"docs/a.md": "# a\n\n[old](gone.md)\n", "docs/img/b.png": b"\x89PNG\r\n"}
    text = "# a\n\n[old](gone.md)\n\nSee [the guide](../guide.md#how) and ![b](img/b.png) and [c](c.md).\n"
    (one,) = in_repository(tmp_path, files, {"docs/a.md": text, "docs/c.md": "c\n"})
    assert (one.rule, one.severity, one.start_line) == (beside.LINK, "info", 5)
    assert "`guide.md`" in one.message


@pytest.mark.parametrize(
    "line",
    [
        "[a](https://example.org/x.md)",
        "[a](/x.md)",
        "[a](#x.md)",
        "[a](x)",
        "[a]({{ site.url }}/x.md)",
        "`[a](x.md)`",
        "    [a](x.md)",
        "<!-- [a](x.md) -->",
        "```\n[a](x.md)\n```",
        "[a](../../../x.md)",
        "[a](a.md 'a')",
    ],
)
def test_no_link_to_a_missing_file(tmp_path: Path, line: str) -> None:
    assert in_repository(tmp_path, {"docs/a.md": "# a\n"}, {"docs/a.md": f"# a\n\n{line}\n"}) == []


def test_a_new_text_with_many_missing_files_is_a_copy(tmp_path: Path) -> None:
    text = "[a](a.md) [b](b.md)\n"
    assert len(in_repository(tmp_path / "1", {"x": "x"}, {"README.md": text})) == 1
    assert in_repository(tmp_path / "2", {"x": "x"}, {"README.md": f"{text}[c](c.md)\n"}) == []


@pytest.mark.parametrize(
    ("translated", "wanted", "found"),
    [
        ('    "hello": "Hallo {Name}"', "{name}", "{Name}"),
        ('    "hello": "Hallo {{name}}"', "{name}", "{{name}}"),
        ('    "n": "{{Anzahl}} Dateien"', "{{count}}", "{{Anzahl}}"),
        ('    "n": "{{count} Dateien"', "{{count}}", "{{count}"),
    ],
)
def test_a_spoilt_placeholder(tmp_path: Path, translated: str, wanted: str, found: str) -> None:
    text = f'{{\n  "menu": {{\n{translated}\n  }}\n}}\n'
    (one,) = in_repository(tmp_path, {"locales/en.json": SOURCE}, {"locales/de.json": text})
    assert (one.rule, one.severity, one.start_line) == (beside.PLACEHOLDER, "warning", 3)
    assert f"`{wanted}`" in one.message
    assert f"`{found}`" in one.message


@pytest.mark.parametrize(
    "translated",
    [
        '    "hello": "Hallo {name}"',
        '    "hello": "Hallo"',
        '    "hello": ""',
        '    "n": "{{ count }} Dateien"',
        '    "n": "{count, plural, one {eine Datei} other {# Dateien}}"',
        '    "other": "{Name}"',
    ],
)
def test_a_placeholder_that_is_right_or_left_out(tmp_path: Path, translated: str) -> None:
    text = f'{{\n  "menu": {{\n{translated}\n  }}\n}}\n'
    assert in_repository(tmp_path, {"l/en.json": SOURCE}, {"l/de-DE.json": text}) == []


def test_a_spoilt_placeholder_that_was_there_before(tmp_path: Path) -> None:
    text = '{\n  "menu": {\n    "hello": "Hallo {Name}"\n  }\n}\n'
    moved = text.replace('"menu": {', '"menu": {\n    "n": "{{count}}",')
    assert in_repository(tmp_path, {"l/en.json": SOURCE, "l/de.json": text}, {"l/de.json": moved}) == []


@pytest.mark.parametrize(
    ("translated", "words"),
    [
        ("Hallo %(Name)s", "`%(Name)s`"),
        ("Hallo %(name)s", ""),
        ("", ""),
    ],
)
def test_gettext_without_a_repository(translated: str, words: str) -> None:
    after = PO.replace("{}", translated)
    file = ChangedFile(compare("de.po", PO.replace("{}", "-"), after), PO.replace("{}", "-"), after)
    report = asyncio.run(reviewer.review(Change("t", (file,))))
    found = [one for one in report.findings if one.rule == beside.PLACEHOLDER]
    assert [words in one.message for one in found] == ([True] if words else [])


def test_gettext_counts_conversions() -> None:
    entry = '#, c-format\nmsgid "%s of %d"\nmsgstr "{}"\n\n'
    assert [one.line for one in translations.in_po(entry.replace("{}", "%s von"))] == [2]
    assert translations.in_po(entry.replace("{}", "%2$d von %1$s")) == []
    assert translations.in_po(entry.replace("#,", "#, fuzzy,").replace("{}", "%s von")) == []
    assert translations.in_po(entry.replace("#, c-format\n", "").replace("{}", "%s von")) == []


def test_where_the_source_of_a_translation_stands() -> None:
    assert "locales/en.json" in translations.sources("locales/pt-BR.json")
    assert "web/locales/en/views/a.json" in translations.sources("web/locales/zh_Hant/views/a.json")
    assert list(translations.sources("locales/en.json")) == []
    assert list(translations.sources("package.json")) == []


def test_links_of_a_text() -> None:
    text = "[a](a.md)\n~~~\n[b](b.md)\n~~~\n- ![c](<c.png>) [d](d%20e.md?x=1)\n"
    assert list(links.relative(text)) == [(0, "a.md"), (4, "c.png"), (4, "d e.md")]
