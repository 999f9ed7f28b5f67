"""The page of each rule: written from its data and its fixtures, found again as a URI.

`python -m qwen_lsp.review.report.pages` writes docs/rules/ of a source tree again (a test compares them).
A wheel carries the pages, so an editor can open them without a network.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from qwen_lsp.context.named_files import write
from qwen_lsp.syntax.rules import Rule, all_rules

_PACKAGE = Path(__file__).parent
_SOURCE_TREE = _PACKAGE.parents[2]
_NAMES = {".py": "Python", ".js": "JavaScript", ".ts": "TypeScript", ".java": "Java", ".go": "Go", ".c": "C"}


@cache
def uri(rule: str) -> str | None:
    """Return where the page of a rule is on this machine; None for what is no rule of ours."""
    for folder in (_PACKAGE / "pages", _SOURCE_TREE / "docs" / "rules"):
        if rule in all_rules() and (file := folder / f"{rule}.md").is_file():
            return file.as_uri()
    return None


def page(rule: Rule, fixtures: Path) -> str:
    """Write the page of a rule in Markdown, English and Chinese; the examples are its fixtures."""
    facts = [rule.category, rule.severity, f"confidence {rule.confidence:g}"]
    if rule.cwe:
        facts.append(f"[CWE-{rule.cwe}](https://cwe.mitre.org/data/definitions/{rule.cwe}.html)")
    facts += ["fixable"] if any(match.fix for match in rule.match) else []
    facts += [] if rule.in_tests else ["silent in tests"]
    message = rule.message
    shown = any("{" in text for text in (message.en, message.zh))
    english = (
        f"{rule.scenario.en} {rule.why.en}" if shown else f"{message.en} {rule.scenario.en} {rule.why.en}"
    )
    chinese = f"{rule.scenario.zh}{rule.why.zh}" if shown else f"{message.zh}{rule.scenario.zh}{rule.why.zh}"
    parts = [
        f"# {rule.id}: {rule.title.en}",
        " · ".join(facts),
        english.replace("{", "`").replace("}", "`"),
        f"**{rule.title.zh}**：{chinese}".replace("{", "`").replace("}", "`"),
        f"To set one aside: `qwen-lsp: ignore[{rule.id}]` in a comment on the line or the line above.",
    ]
    bad = [file for file in sorted((fixtures / rule.id).glob("bad.*")) if file.suffix in _NAMES]
    for file in bad:
        good = file.with_stem("good")
        parts.append(f"## {_NAMES[file.suffix]}\n\nFound (the marked lines):\n\n{_block(file)}")
        if good.is_file():
            parts.append(f"Left alone:\n\n{_block(good)}")
    return "\n\n".join(parts) + "\n"


def _block(file: Path) -> str:
    return f"```{file.suffix[1:]}\n{file.read_text('utf-8').rstrip()}\n```"


def all_pages(fixtures: Path) -> dict[str, str]:
    """Write every page, and the list of them, by file name."""
    rules = all_rules().values()
    pages = {f"{rule.id}.md": page(rule, fixtures) for rule in rules}
    rows = "\n".join(
        f"| [{rule.id}]({rule.id}.md) | {rule.title.en} | {rule.severity} | {', '.join(_languages(rule))} |"
        for rule in rules
    )
    head = "# Rules\n\n| rule | what | severity | languages |\n| --- | --- | --- | --- |"
    pages["README.md"] = f"{head}\n{rows}\n"
    return pages


def _languages(rule: Rule) -> list[str]:
    names = {"js": "JavaScript, TypeScript", "cpp": "C++"}
    found = dict.fromkeys(name for match in rule.match for name in match.languages)
    return [names.get(name, name.capitalize()) for name in found] + (["any text"] if rule.pattern else [])


if __name__ == "__main__":
    for name, text in all_pages(_SOURCE_TREE / "fixtures" / "review" / "rules").items():
        write(_SOURCE_TREE / "docs" / "rules" / name, text.encode())
    sys.exit(0)
