#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Makes a qcow2 overlay that holds only the clusters in which two raw disks differ.

Usage: make-overlay.py --before RAW --after RAW --base BASE.qcow2 OVERLAY.qcow2

BASE has the content of the first disk; the overlay names it as given here. This is what a clone
that ran for a while looks like: qemu-img convert -B would copy all the rest as well.
"""

import argparse
import os
import subprocess
import sys
import tempfile

CLUSTER = 65536


def changed_clusters(before, after):
    """Yields (offset, content) for each cluster of the second file that is not as in the first."""
    offset = 0
    while True:
        old = before.read(CLUSTER)
        new = after.read(CLUSTER)
        if not new:
            return
        if old != new:
            yield offset, new
        offset += len(new)


def main():
    parser = argparse.ArgumentParser(description="Make a qcow2 overlay of the differences.")
    parser.add_argument("--before", required=True, metavar="RAW")
    parser.add_argument("--after", required=True, metavar="RAW")
    parser.add_argument("--base", required=True, metavar="BASE.qcow2")
    parser.add_argument("overlay", metavar="OVERLAY.qcow2")
    arguments = parser.parse_args()

    overlay = os.path.abspath(arguments.overlay)
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", arguments.base, overlay],
        check=True,
    )
    with tempfile.TemporaryDirectory(dir=os.path.dirname(overlay)) as scratch:
        commands = []
        with open(arguments.before, "rb") as before, open(arguments.after, "rb") as after:
            for number, (offset, content) in enumerate(changed_clusters(before, after)):
                with open(os.path.join(scratch, str(number)), "wb") as piece:
                    piece.write(content)
                commands.append(f"write -q -s {number} {offset} {len(content)}\n")
        subprocess.run(
            ["qemu-io", "-f", "qcow2", overlay],
            input="".join(commands),
            text=True,
            check=True,
            cwd=scratch,
            stdout=subprocess.DEVNULL,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
