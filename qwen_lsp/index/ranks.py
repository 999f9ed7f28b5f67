"""PageRank over the references of a repository: which files the others lean on.

A file passes its weight on to the names it uses, rare names getting more of it, and a name to the files
of like languages that define it. Names that many files define lead nowhere.
Source: Page, Brin, Motwani and Winograd 1999; damping 0.85 as there.
"""

from __future__ import annotations

import math
import sqlite3
from collections import defaultdict

_DAMPING = 0.85
_ROUNDS = 20
_ENOUGH = 1e-4  # change of the whole in one round, relative
_MAX_DEFINERS = 5
_MIN_CHARS = 3

# Which files define a name, by number of the name and family of languages.
Definers = dict[tuple[int, str], list[int]]


def write_ranks(connection: sqlite3.Connection) -> None:
    """Compute the rank of every file (mean 1) and write it, unless it was done for these files already."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'is_ranked'").fetchone()
    if row is not None and row[0]:
        return
    connection.execute("BEGIN IMMEDIATE")
    files = [row[0] for row in connection.execute("SELECT id FROM files WHERE skipped = ''")]
    ranks = _ranks(files, _edges(connection, _definers(connection)))
    connection.executemany("UPDATE files SET rank = ? WHERE id = ?", [(ranks[id_], id_) for id_ in files])
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('is_ranked', 1)")
    connection.execute("COMMIT")


def _definers(connection: sqlite3.Connection) -> Definers:
    rows = connection.execute(
        "SELECT d.name_id, f.family, group_concat(DISTINCT d.file_id) FROM definitions d "
        "JOIN names n ON n.id = d.name_id JOIN files f ON f.id = d.file_id WHERE length(n.name) >= ? "
        "AND d.kind NOT IN ('heading', 'key', 'rule', 'element') "
        "GROUP BY d.name_id, f.family HAVING count(DISTINCT d.file_id) <= ?",
        (_MIN_CHARS, _MAX_DEFINERS),
    )
    return {(name, family): [int(part) for part in str(files).split(",")] for name, family, files in rows}


def _edges(connection: sqlite3.Connection, definers: Definers) -> dict[int, dict[int, float]]:
    """Return, for each file, how strongly it leans on which others."""
    users: dict[tuple[int, str], list[int]] = defaultdict(list)
    for name, family, file in connection.execute(
        "SELECT r.name_id, f.family, r.file_id FROM refs r JOIN files f ON f.id = r.file_id"
    ):
        if (name, family) in definers:
            users[name, family].append(file)
    edges: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for name, using in users.items():
        weight = 1 / math.log(2 + len(using)) / len(definers[name])
        for source in using:
            for target in definers[name]:
                if target != source:
                    edges[source][target] += weight
    return edges


def _ranks(files: list[int], edges: dict[int, dict[int, float]]) -> dict[int, float]:
    shares = []
    for source, targets in edges.items():
        whole = sum(targets.values())
        shares.append((source, [(target, weight / whole) for target, weight in targets.items()]))
    rank = dict.fromkeys(files, 1.0)
    count = max(len(files), 1)
    for _ in range(_ROUNDS):
        flow = dict.fromkeys(files, 0.0)
        for source, ways in shares:
            weight = rank[source]
            for target, share in ways:
                flow[target] += weight * share
        # What leads nowhere is shared by all, so the mean stays 1.
        rest = 1 - _DAMPING * sum(flow.values()) / count
        new = {file: rest + _DAMPING * weight for file, weight in flow.items()}
        change = sum(abs(new[file] - rank[file]) for file in files) / count
        rank = new
        if change < _ENOUGH:
            break
    return rank
