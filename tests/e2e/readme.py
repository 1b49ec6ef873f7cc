#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""The README's life of a template, as it stands there."""

import os
import pty
import re
import shutil
import subprocess
import termios

import harness
from harness import PROGRAM, SIGNATURES, SOURCE, equal, image, scratch, true, wait_until

PASSPHRASE = b"correct horse battery staple\n"


def read_lines():
    text = (SOURCE / "README.md").read_text(encoding="utf-8")
    section = text[text.index("## The life of a template"):]
    block = re.search(r"```\n(.*?)```", section, re.DOTALL).group(1)
    return block.strip().splitlines()


def make_directory():
    """Where the program is in PATH, and the official signatures need not be installed."""
    directory = scratch / "life"
    programs = scratch / "bin"
    directory.mkdir()
    programs.mkdir()
    wrapper = programs / "vtemplater"
    wrapper.write_text("#!/bin/sh\nverb=$1\nshift\ncase $verb in\n"
                       f"  seed | scan | clean) set -- --database '{SIGNATURES}' \"$@\" ;;\nesac\n"
                       f"exec '{PROGRAM}' \"$verb\" \"$@\"\n")
    wrapper.chmod(0o755)
    shutil.copyfile(image("debian.qcow2"), directory / "golden.qcow2")
    return directory, dict(harness.environment, PATH=f"{programs}:{os.environ['PATH']}")


def run_on_terminal(line, directory, environment):
    """Runs a line of shell, and answers what asks for a passphrase."""
    master, slave = pty.openpty()
    process = subprocess.Popen(["sh", "-c", line], cwd=directory, env=environment, stdin=slave,
                               stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    screen = b""
    answered = 0
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        screen += data
        while len(re.findall(rb"(?i)passphrase[^\r\n]*: ?", screen)) > answered:
            answered += 1
            wait_until(lambda: not termios.tcgetattr(master)[3] & termios.ECHO, "no echo", 20)
            os.write(master, PASSPHRASE)
    os.close(master)
    text = screen.decode(errors="replace")
    for shown in text.splitlines():
        print(f"# {shown}")
    return process.wait(), text


def test_life_of_a_template():
    lines = read_lines()
    equal(len(lines), 6, "lines")
    directory, environment = make_directory()
    for line in lines:
        print(f"# $ {line}", flush=True)
        status, text = run_on_terminal(line, directory, environment)
        equal(status, 0, f"exit status of {line}")
        if " scan " in line:
            true("Scanned: 0 files" in text, "nothing of the clone is scanned")
        if " clean " in line:
            true("nothing infected was found" in text, "nothing of the clone is infected")


harness.main(test_life_of_a_template)
