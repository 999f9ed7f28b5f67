"""What `bench windows` says of what it has seen. The windows themselves are in tests/model."""

from __future__ import annotations

import json
from collections import Counter

from qwen_lsp.bench.windows.beside import Beside
from qwen_lsp.bench.windows.run import Report, Seen


def test_figures_are_json() -> None:
    seen = Seen(2, keys=7, reasons=Counter(unsure=3, timeout=2), own_ms=[3.0, 3.0], memory_bytes=10)
    report = Report(seen, seen, 1.0, [0.1], Beside([1.0], [2.0], 1))
    values = json.loads(json.dumps(report.to_json()))
    assert values["many"]["reasons"] == {"unsure": 3, "timeout": 2}
    assert (values["many"]["errors"], values["many"]["keys"]) == (2, 7)
    assert values["many"]["own_ms"] == {"p50": 3.0, "p95": 3.0}
    assert values["memory_ratio"] == 1.0
