"""The boundary to a code host: a token to post with never crosses a network in plain text."""

from __future__ import annotations

import pytest

from qwen_lsp.errors import InputError
from qwen_lsp.review.report.posting import PostingError, _Api
from tests.support.hub import closed_port_url


@pytest.mark.parametrize(
    "url",
    ["http://api.github.example", "http://10.0.0.7/api/v4", "ftp://127.0.0.1/", "", "file:///etc/passwd"],
)
def test_a_token_goes_nowhere_in_plain_text(url: str) -> None:
    with pytest.raises(InputError, match="only over https"):
        _Api(url, {"Authorization": "Bearer secret"})


def test_this_machine_is_not_a_network() -> None:
    with pytest.raises(PostingError, match="cannot be reached"):  # it was tried
        _Api(closed_port_url(), {})("GET", "/user")
