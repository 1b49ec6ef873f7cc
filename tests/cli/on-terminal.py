#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Runs a command on a terminal of its own, and types for it.

Usage: on-terminal.py TEXT COMMAND...

Types one line of TEXT (its lines are divided by '/') each time a prompt, which ends with ": ",
waits; when there is none left, an interrupt. Prints what the terminal showed, and exits with the
command's status.
"""

import os
import pty
import sys


def main():
    lines = sys.argv[1].split("/") if sys.argv[1] else []
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    shown = b""
    answered = 0
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
        if shown.endswith(b": ") and len(shown) > answered:
            answered = len(shown)
            line = (lines.pop(0) + "\n").encode() if lines else b"\x03"
            os.write(terminal, line)
    sys.stdout.write(shown.decode(errors="replace"))
    sys.stdout.flush()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.exit(status if status >= 0 else 128 - status)


main()
