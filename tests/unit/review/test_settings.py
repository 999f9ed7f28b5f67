"""A repository's own settings of the review."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from qwen_lsp.errors import ConfigError
from qwen_lsp.review import settings


def of(root: Path, text: str) -> settings.Settings:
    (root / settings.FILE).write_text(text)
    return settings.load(root, is_trusted=True).settings


def test_an_old_name_is_read_with_a_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert of(tmp_path, "[review]\nleast_confidence = 0.7\n").min_confidence == 0.7
    assert "`least_confidence` is now called `min_confidence`" in caplog.text
    caplog.clear()
    assert of(tmp_path, "[review]\nmin_confidence = 0.6\n").min_confidence == 0.6
    assert caplog.text == ""


def test_a_name_that_never_was_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="maximal_confidence"):
        of(tmp_path, "[review]\nmaximal_confidence = 0.7\n")
