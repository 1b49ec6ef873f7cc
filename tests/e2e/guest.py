# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""A virtual machine that runs, told what to do on its serial line. Without KVM, so that it runs the
same everywhere, and without a network."""

import os
import re
import select
import subprocess
import time

QEMU = "qemu-system-x86_64"
MEMORY_MIB = 1024
BOOT_TIMEOUT_S = 180
# How long one command may take, or the way down.
STEP_TIMEOUT_S = 120
# What the line has said and nobody waited for, as a failure tells it.
TOLD_BYTES = 2000


class Guest:
    """As a context manager: whatever happens in it, QEMU has ended after it."""

    def __init__(self, disk, kernel, initrd, prompt):
        """DISK is a qcow2 image with the root in its first partition; PROMPT, the shell's."""
        self.prompt = prompt
        self.said = b""
        # pylint: disable=consider-using-with
        self.qemu = subprocess.Popen(
            [QEMU, "-accel", "tcg,thread=multi", "-m", str(MEMORY_MIB), "-nodefaults",
             "-no-user-config", "-display", "none", "-monitor", "none", "-nic", "none",
             "-no-reboot", "-serial", "stdio",
             "-drive", f"file={disk},format=qcow2,if=virtio",
             "-kernel", kernel, "-initrd", initrd,
             "-append", "root=/dev/vda1 ro console=ttyS0 quiet"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def expect(self, pattern, timeout=STEP_TIMEOUT_S):
        """Waits until the line says PATTERN, gives the match, and forgets what came before."""
        end = time.monotonic() + timeout
        line = self.qemu.stdout.fileno()
        while True:
            match = re.search(pattern, self.said)
            if match is not None:
                self.said = self.said[match.end():]
                return match
            ready, _, _ = select.select([line], [], [], max(0, end - time.monotonic()))
            more = os.read(line, 65536) if ready else b""
            if not more:
                why = "QEMU ended" if ready else f"not within {timeout} s"
                raise AssertionError(f"{pattern}: {why}: {self.said[-TOLD_BYTES:]!r}")
            self.said += more

    def say(self, text):
        self.qemu.stdin.write(text.encode() + b"\n")

    def log_in(self):
        self.expect(rb" login: ", BOOT_TIMEOUT_S)
        self.say("root")
        self.expect(re.escape(self.prompt.encode()))

    def run(self, command):
        """Gives back what COMMAND printed, the line's echo of it among that."""
        # What is echoed has no digit there.
        self.say(f"{command}; echo \"status $?.\"")
        match = self.expect(rb"(?s)(.*)status (\d+)\.")
        if match[2] != b"0":
            raise AssertionError(f"{command}: {match[0]!r}")
        return match[1].decode(errors="replace")

    def power_off(self):
        self.say("poweroff")
        # Else it would wait for somebody to read what it says.
        self.expect(rb"Power down")
        if self.qemu.wait(STEP_TIMEOUT_S) != 0:
            raise AssertionError(f"QEMU: exit status {self.qemu.returncode}")

    def kill(self):
        """As a power cut."""
        self.qemu.kill()
        self.qemu.wait()
        self.qemu.stdin.close()
        self.qemu.stdout.close()
