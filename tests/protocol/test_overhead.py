"""`bench overhead` over a real session: every key is asked about and answered by the loopback."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from qwen_lsp.bench import overhead
from qwen_lsp.cli.main import main

KINDS = {"english", "chinese_crlf"}


def test_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overhead, "DID_CHANGE_LINES", 400)
    monkeypatch.setattr(overhead, "VUE_LINES", 80)
    monkeypatch.setattr(overhead, "ONE_LINE_CHARS", (4000,))
    result = CliRunner().invoke(main, ["bench", "overhead", "--lines", "400", "--keys", "12", "--json"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.output)
    assert (figures["lines"], figures["keys"]) == (400, 12)
    assert set(figures["overhead_ms"]) == set(figures["did_change_ms"]) == KINDS
    assert set(figures["listing_ms"]) == KINDS
    assert set(figures["vue_ms"]) == {"script", "template"}
    assert set(figures["one_line_ms"]) == set(figures["usual_file_ms"]) == {"4000"}
    costs = [
        figures[name] for name in ("overhead_ms", "listing_ms", "vue_ms", "one_line_ms", "usual_file_ms")
    ]
    for cost in (cost for kinds in costs for cost in kinds.values()):
        assert 0 < cost["p50"] <= cost["p95"]


def test_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = overhead.Cost(1.0, 2.0, 0.5)
    kinds, sizes = {"english": cost}, {200_000: cost}
    report = overhead.Report(5000, 10, kinds, kinds, kinds, kinds, sizes, sizes)
    lines = overhead.as_text(report).split("\n")
    assert lines[1].split()[-3:] == ["1.0", "2.0", "0.5"]
    assert len(lines) == 7
    assert "Vue" in lines[4]
    assert "one line of 200 kB" in lines[5]
