# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Writes the tables of docs/detection.md; the text around them is left as it is."""

import pathlib

import outcomes
import probes

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "detection.md"
BEGIN = "<!-- tables -->"
_HEAD = "| probe | vtemplater | clamscan | clamscan, all alerts |\n|---|---|---|---|\n"

GROUPS = [
    ("Archives", lambda kind: kind in probes.ARCHIVES or kind in ("zip", "7z", "archive")),
    ("Compressed files", lambda kind: kind in probes.FILTERS),
    ("Documents", lambda kind: kind in probes.DOCUMENTS or kind == "document"),
    ("Mail", lambda kind: kind in probes.MAIL),
    ("Files of a type that the engine ignores, and of others like them",
     lambda kind: kind == "media"),
    ("Debian's clamav-testfiles", lambda kind: kind == "testfile"),
    ("Opened by vtemplater", lambda kind: kind.startswith("own-")),
]
# Not counted: there is nothing in these any more that could be found.
ANOTHER = "The content is another one now, and it was scanned"


def _summary(columns):
    names = ("vtemplater", "clamscan", "clamscan, all alerts")
    lines = "| of the probes that have, or had, the test content | " + " | ".join(names) + " |\n"
    lines += "|---|---|---|---|\n"
    tested = [probe for probe in columns[0]
              if not outcomes.is_empty(probe) and not outcomes.is_another(probe)]
    kinds = (("found", lambda o: o == "found"),
             ("said not to be scanned whole, or to be suspicious",
              lambda o: o not in ("found", "clean", "OK")),
             ("called clean", lambda o: o in ("clean", "OK")))
    for name, is_one in kinds:
        counts = [sum(1 for probe in tested if is_one(column[probe])) for column in columns]
        lines += f"| {name} | " + " | ".join(map(str, counts)) + " |\n"
    return lines


def _row(probe, columns):
    cells = [column[probe] for column in columns]
    if cells[0] == "clean" and outcomes.is_another(probe):
        cells[0] = f"clean: {probes.SCANNED_AS_ANOTHER[probe]}"
    return f"| {probe} | " + " | ".join(cells) + " |\n"


def _title(probe):
    if outcomes.is_another(probe):
        return ANOTHER
    kind = probe.partition("/")[0]
    return next(title for title, is_in in GROUPS if is_in(kind))


def write(columns):
    text = _summary(columns)
    for title in [*(title for title, _ in GROUPS), ANOTHER]:
        rows = [probe for probe in sorted(columns[0]) if _title(probe) == title]
        text += f"\n## {title}\n\n{_HEAD}" + "".join(_row(probe, columns) for probe in rows)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page[:page.index(BEGIN)] + BEGIN + "\n\n" + text, encoding="utf-8")
