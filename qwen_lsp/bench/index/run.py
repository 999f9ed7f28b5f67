"""`bench index`: what indexing a repository costs, against reading and parsing the same files and no more.

In a temporary folder: a generated repository, or a copy of a real one, under git. Bare cost and index are
measured in the same run, each phase as `qwen-lsp index` of its own, so memory and times are the real ones.
"""

from __future__ import annotations

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import tree_sitter

from qwen_lsp.bench.index import repos as index_repos
from qwen_lsp.context.gather import gather
from qwen_lsp.errors import InputError
from qwen_lsp.index.listing import list_files
from qwen_lsp.index.reader import Index
from qwen_lsp.index.source import MAX_BYTES
from qwen_lsp.model.tokens import estimate
from qwen_lsp.syntax.languages import find, grammar
from qwen_lsp.syntax.outline import _query as query_of
from qwen_lsp.text import Cursor, Document

_SAMPLE_S = 0.02
_GATHERS = 300
_GATHER_TOKENS = 512
# How long it takes is asked, not what the deadline leaves out.
_PATIENCE_MS = 10_000.0
_CODE = (".py", ".ts", ".js", ".java", ".go", ".rs", ".c", ".h", ".cpp", ".cs", ".kt", ".rb", ".php")
_TOUCHED, _SWITCHED = 0.01, 0.2


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured. Units are in the names; `_cpu_s` counts the child processes too.

    `cold_ratio_to_bare` and `warm_speedup` are ratios of wall times, `cold_cpu_ratio_to_bare` of processor
    times. `rss_bytes` is the peak of the indexing process and its children together while it indexed from
    nothing, `reader_rss_bytes` what an open index added to a process that asked it everything. `gather_` is
    for places in files that nobody has looked at before, `gather_open_` for the same places when the file is
    open in an editor and has been asked about.
    """

    files: int
    source_bytes: int
    index_bytes: int
    definitions: int
    files_per_s: float
    cold_ratio_to_bare: float
    cold_cpu_ratio_to_bare: float
    warm_speedup: float
    gather_ms_p50: float
    gather_ms_p95: float
    gather_ms_max: float
    gather_open_ms_p95: float
    rss_bytes: int
    reader_rss_bytes: int
    bare_s: float
    bare_cpu_s: float
    cold_s: float
    cold_cpu_s: float
    warm_s: float
    touched_files: int
    touched_s: float
    switched_files: int
    switched_s: float


@dataclass(frozen=True, slots=True)
class _Phase:
    """One run of `qwen-lsp index`."""

    values: Mapping[str, Any]
    seconds: float
    cpu_s: float
    rss_bytes: int


def run(source: Path | None, files: int, tell: Callable[[str], None]) -> Report:
    """Measure a generated repository of so many files, or a copy of `source`."""
    with tempfile.TemporaryDirectory(prefix="qwen-lsp-bench-") as folder:
        root = Path(folder) / "repository"
        root.mkdir()
        tell("writing the repository")
        written = index_repos.copy(source, root) if source else index_repos.generate(root, files)
        if not written:
            raise InputError(f"{source} holds no files; name the folder of a repository")
        index_repos.git(root, "init", "-q", "-b", "main")
        index_repos.commit(root)
        environment = {**os.environ, "QWEN_LSP_INDEX": str(Path(folder) / "index")}
        return _measure(root, written, environment, is_own=source is not None, tell=tell)


def _measure(
    root: Path,
    written: Sequence[Path],
    environment: Mapping[str, str],
    *,
    is_own: bool,
    tell: Callable[[str], None],
) -> Report:
    dice = random.Random(1)

    def phase(name: str) -> _Phase:
        tell(name)
        done = _index(root, environment)
        tell(f"{name}: {done.seconds:.2f} s")
        return done

    def change(share: float, seed: str) -> int:
        count = max(round(len(written) * share), 1)
        for number in dice.sample(range(len(written)), count):
            if is_own:
                with written[number].open("ab") as stream:
                    stream.write(b"\n")
            else:
                index_repos.write_file(root, number, seed)
        return count

    tell("reading and parsing")
    # Before and after, so that a machine that has become slower or faster counts for both.
    bare = [_bare(root)]
    cold = phase("cold")
    bare.append(_bare(root))
    warm = phase("warm")
    touched = change(_TOUCHED, " (touched)")
    after_touch = phase("after a change of 1 %")
    index_repos.commit(root)
    index_repos.git(root, "checkout", "-q", "-b", "other")
    switched = change(_SWITCHED, " (on another branch)")
    index_repos.commit(root)
    index_repos.git(root, "checkout", "-q", "main")
    _index(root, environment)
    index_repos.git(root, "checkout", "-q", "other")
    after_switch = phase("after a branch switch")
    tell("gathering")
    times, open_times, reader_bytes = _gathers(root, environment)
    bare_s, bare_cpu_s = (statistics.fmean(part) for part in zip(*bare, strict=True))
    n = int(cold.values["files"])
    return Report(
        files=n,
        source_bytes=int(cold.values["sourceBytes"]),
        index_bytes=int(cold.values["indexBytes"]),
        definitions=int(cold.values["definitions"]),
        files_per_s=n / cold.seconds,
        cold_ratio_to_bare=cold.seconds / bare_s,
        cold_cpu_ratio_to_bare=cold.cpu_s / bare_cpu_s,
        warm_speedup=cold.seconds / warm.seconds,
        gather_ms_p50=statistics.median(times),
        gather_ms_p95=statistics.quantiles(times, n=20)[-1],
        gather_ms_max=max(times),
        gather_open_ms_p95=statistics.quantiles(open_times, n=20)[-1],
        rss_bytes=cold.rss_bytes,
        reader_rss_bytes=reader_bytes,
        bare_s=bare_s,
        bare_cpu_s=bare_cpu_s,
        cold_s=cold.seconds,
        cold_cpu_s=cold.cpu_s,
        warm_s=warm.seconds,
        touched_files=touched,
        touched_s=after_touch.seconds,
        switched_files=switched,
        switched_s=after_switch.seconds,
    )


def _bare(root: Path) -> tuple[float, float]:
    """List and read the files, parse them and run the query on them; return wall and processor seconds."""
    paths = list_files(root).paths
    for language in {find("", path) for path in paths} - {None}:
        assert language is not None
        query_of(language)
    started, cpu = time.perf_counter(), time.process_time()
    for path in list_files(root).paths:
        language = find("", path)
        if language is None or (loaded := grammar(language)) is None or (query := query_of(language)) is None:
            continue
        data = (root / path).read_bytes()
        if len(data) <= MAX_BYTES:
            tree = tree_sitter.Parser(loaded).parse(data)
            tree_sitter.QueryCursor(query).captures(tree.root_node)
    return time.perf_counter() - started, time.process_time() - cpu


def _index(root: Path, environment: Mapping[str, str]) -> _Phase:
    """Run `qwen-lsp index` and watch its memory."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "qwen_lsp", "index", str(root), "--json"]
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, env=environment, stdout=out)
        peak = 0
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, _rss(watched))
            time.sleep(_SAMPLE_S)
        out.seek(0)
        values = json.load(out)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _Phase(values, float(values["seconds"]), cpu_s, peak)


def _rss(process: psutil.Process) -> int:
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += int(one.memory_info().rss)
    except psutil.Error:
        pass
    return total


def _gathers(root: Path, environment: Mapping[str, str]) -> tuple[list[float], list[float], int]:
    """Gather at places all over the repository, in files on disk and then in the same ones as open documents.

    Return the milliseconds of both, and the memory that the index took.
    """
    os.environ["QWEN_LSP_INDEX"] = environment["QWEN_LSP_INDEX"]
    dice = random.Random(2)
    code = [path for path in list_files(root).paths if path.endswith(_CODE)]
    before = psutil.Process().memory_info().rss
    index = Index(root)
    times: list[float] = []
    open_times: list[float] = []
    for path in dice.choices(code, k=_GATHERS):
        text = index.text_of(path)
        if not text:
            continue
        document = Document((root / path).as_uri(), text, path=str(root / path))
        line = dice.randrange(document.line_count)
        cursor = Cursor(document, document.line_end(line))
        asked = partial(gather, cursor, path, index, _GATHER_TOKENS, estimate, deadline_ms=_PATIENCE_MS)
        times.append(asked().elapsed_ms)
        index.set_overlay(path, text, "")
        open_times.append(asked().elapsed_ms)
        index.drop_overlay(path)
    index.close()
    return times, open_times, max(psutil.Process().memory_info().rss - before, 0)


def as_json(report: Report) -> str:
    """Return the report as one JSON object."""
    return json.dumps(asdict(report), indent=2)


def as_text(report: Report) -> str:
    """Return the report as lines."""
    r = report
    return "\n".join(
        [
            f"{r.files:,} files, {r.source_bytes / 1e6:.1f} MB, {r.definitions:,} definitions",
            f"read and parse only  {r.bare_s:8.2f} s   processor {r.bare_cpu_s:.2f} s",
            f"cold                 {r.cold_s:8.2f} s   processor {r.cold_cpu_s:.2f} s   "
            f"{r.files_per_s:.0f} files/s   {r.cold_ratio_to_bare:.2f} times the bare cost "
            f"(processor: {r.cold_cpu_ratio_to_bare:.2f})",
            f"warm                 {r.warm_s:8.2f} s   {r.warm_speedup:.0f} times faster than cold",
            f"{r.touched_files:,} files changed  {r.touched_s:.2f} s; "
            f"branch switch of {r.switched_files:,}  {r.switched_s:.2f} s",
            f"gather               median {r.gather_ms_p50:.1f} ms, p95 {r.gather_ms_p95:.1f} ms, "
            f"at most {r.gather_ms_max:.1f} ms; in open files p95 {r.gather_open_ms_p95:.1f} ms",
            f"memory               indexing {r.rss_bytes / 1e6:.0f} MB, "
            f"reading {r.reader_rss_bytes / 1e6:.0f} MB; index file {r.index_bytes / 1e6:.1f} MB",
        ]
    )
