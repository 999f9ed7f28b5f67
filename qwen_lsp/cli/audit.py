"""The command `qwen-lsp audit`: what left this machine, when, and where to."""

from __future__ import annotations

import json
import time

import click
import msgspec

from qwen_lsp.cli.echo import echo

_DAY_S = 86_400.0


@click.command(short_help="What left this machine (kept local).")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1), help="How far to look back.")
@click.option("--text", "with_text", is_flag=True, help="Show what was sent, where it was kept.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def audit(days: int, with_text: bool, as_json: bool) -> None:
    """Show every request to another host: its size, its files, and how many secrets were taken out."""
    from qwen_lsp.model import audit

    found = list(audit.read(time.time() - days * _DAY_S))
    if as_json:
        for sent in found:
            shown = sent if with_text else msgspec.structs.replace(sent, text="")
            echo(json.dumps(msgspec.to_builtins(shown), ensure_ascii=False))
        return
    if not found:
        echo(f"nothing left this machine in the last {days} days")
        return
    for sent in found:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(sent.at))
        redacted = f", {sent.n_redacted} secrets taken out" if sent.n_redacted else ""
        of = f" of {', '.join(sent.files)}" if sent.files else ""
        echo(f"{at}  {sent.host}{sent.path}  {sent.n_bytes:,} bytes{of}{redacted}  sha256 {sent.sha256[:12]}")
        if with_text:
            echo(f"  {sent.text or 'not kept: set `endpoint.keepSentText` in your settings file'}")
    hosts = sorted({sent.host for sent in found})
    total = sum(sent.n_bytes for sent in found)
    echo(f"{len(found)} requests, {total:,} bytes, to {', '.join(hosts)}; {audit.audit_file()}")
