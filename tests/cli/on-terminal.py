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
import select
import signal
import sys
import termios
import time

WAIT_SECONDS = 20
AGAIN_SECONDS = 0.2
INTERRUPT = b"\x03"


def wait_for_silence(terminal):
    """The prompt is shown first, and the echo switched off, with interrupts provided for, then."""
    end = time.monotonic() + WAIT_SECONDS
    while termios.tcgetattr(terminal)[3] & termios.ECHO and time.monotonic() < end:
        time.sleep(0.001)


def read(terminal, again):
    """What comes next; b"" at the end. AGAIN is typed until something comes: an interrupt just
    before a read begins does not end it."""
    end = time.monotonic() + WAIT_SECONDS
    while not select.select([terminal], [], [], AGAIN_SECONDS)[0]:
        if time.monotonic() > end:
            raise TimeoutError("the command neither asks nor ends")
        os.write(terminal, again)
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""


def talk(terminal, lines):
    """Types LINES; all that was shown."""
    shown = b""
    again = b""
    while piece := read(terminal, again):
        shown += piece
        if shown.endswith(b": "):
            wait_for_silence(terminal)
            again = b"" if lines else INTERRUPT
            os.write(terminal, (lines.pop(0) + "\n").encode() if lines else INTERRUPT)
    return shown


def main():
    lines = sys.argv[1].split("/") if sys.argv[1] else []
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    try:
        shown = talk(terminal, lines)
    except TimeoutError as error:
        os.kill(child, signal.SIGKILL)
        shown = str(error).encode()
    sys.stdout.write(shown.decode(errors="replace"))
    sys.stdout.flush()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.exit(status if status >= 0 else 128 - status)


main()
