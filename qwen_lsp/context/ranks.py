"""PageRank over the references of a repository: which files and definitions the others lean on.

A file passes its weight on to the names it uses, rare names getting more of it, and a name to the files
that define it. Names that half the repository defines lead nowhere.
Source: Page, Brin, Motwani and Winograd 1999; damping 0.85 as there.
"""

from __future__ import annotations

import math
import sqlite3
from collections import defaultdict

_DAMPING = 0.85
_ROUNDS = 20
_ENOUGH = 1e-4  # change of the whole in one round, relative
_MOST_DEFINERS = 5
_LEAST_CHARS = 3


def write_ranks(connection: sqlite3.Connection) -> None:
    """Compute the rank of every file (mean 1) and write it to the table of files, in the open transaction."""
    ranks = _ranks(connection)
    connection.execute("UPDATE files SET rank = 0")
    connection.executemany(
        "UPDATE files SET rank = ? WHERE id = ?", [(rank, id_) for id_, rank in ranks.items()]
    )


def definers(connection: sqlite3.Connection) -> dict[int, list[int]]:
    """Return, by number of the name, the files that define it, for names that tell anything."""
    rows = connection.execute(
        "SELECT d.name_id, min(d.file_id), group_concat(DISTINCT d.file_id) FROM definitions d "
        "JOIN names n ON n.id = d.name_id WHERE length(n.name) >= ? "
        "AND d.kind NOT IN ('heading', 'key', 'rule', 'element') "
        "GROUP BY d.name_id HAVING count(DISTINCT d.file_id) <= ?",
        (_LEAST_CHARS, _MOST_DEFINERS),
    )
    return {name: [int(part) for part in str(files).split(",")] for name, _, files in rows}


def _ranks(connection: sqlite3.Connection) -> dict[int, float]:
    files = [row[0] for row in connection.execute("SELECT id FROM files WHERE skipped = ''")]
    known = definers(connection)
    users: dict[int, list[int]] = defaultdict(list)
    for name, file in connection.execute("SELECT name_id, file_id FROM refs"):
        if name in known:
            users[name].append(file)
    edges: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for name, using in users.items():
        weight = 1 / math.log(2 + len(using)) / len(known[name])
        for source in using:
            for target in known[name]:
                if target != source:
                    edges[source][target] += weight
    ways = [
        (source, [(target, weight / sum(targets.values())) for target, weight in targets.items()])
        for source, targets in edges.items()
    ]
    rank = dict.fromkeys(files, 1.0)
    for _ in range(_ROUNDS):
        flow = dict.fromkeys(files, 0.0)
        for source, targets in ways:
            weight = rank[source]
            for target, share in targets:
                flow[target] += weight * share
        # What leads nowhere is shared by all, so the mean stays 1.
        rest = 1 - _DAMPING * sum(flow.values()) / max(len(files), 1)
        new = {file: rest + _DAMPING * weight for file, weight in flow.items()}
        change = sum(abs(new[file] - rank[file]) for file in files) / max(len(files), 1)
        rank = new
        if change < _ENOUGH:
            break
    return rank
