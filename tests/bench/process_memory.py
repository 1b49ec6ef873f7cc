# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Peak memory of a program and all it started, sampled from /proc while it runs."""

import os
import threading

INTERVAL = 0.2
# The appliance is a virtual machine of a fixed size, the same for every scanner that uses one.
LEFT_OUT = "qemu"


def read(path):
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def table():
    """Yields (pid, parent, session, name) of every process."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            head, _, tail = read(f"/proc/{entry}/stat").rpartition(b") ")
            fields = tail.split()
            if len(fields) > 3:
                name = head.partition(b" (")[2].decode(errors="replace")
                yield int(entry), int(fields[1]), int(fields[3]), name


def family(leader):
    """The process itself, its descendants, and what else is in the session that it leads."""
    processes = list(table())
    members = {leader}
    grown = True
    while grown:
        grown = False
        for pid, parent, session, _ in processes:
            if pid not in members and (parent in members or session == leader):
                members.add(pid)
                grown = True
    return [(pid, name) for pid, _, _, name in processes if pid in members]


def proportional_bytes(pid):
    for line in read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def memfds(pid):
    """Memory files that the process holds open, mapped or not: {inode: bytes}."""
    found = {}
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return found
    for name in names:
        try:
            if os.readlink(f"{folder}/{name}").startswith("/memfd:"):
                status = os.stat(f"{folder}/{name}")
                found[status.st_ino] = status.st_blocks * 512
        except OSError:
            pass
    return found


class Sampler:
    """Watches the session leader from start() to stop(); the peaks are bytes."""

    def __init__(self, leader):
        self.leader = leader
        self.peak = 0
        self.memfd_peak = 0
        self.processes = 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.loop, daemon=True)

    def start(self):
        self.thread.start()

    def stop(self):
        self.done.set()
        self.thread.join()

    def loop(self):
        while not self.done.is_set():
            self.sample()
            self.done.wait(INTERVAL)

    def sample(self):
        total = 0
        files = {}
        members = [pid for pid, name in family(self.leader) if not name.startswith(LEFT_OUT)]
        for pid in members:
            total += proportional_bytes(pid)
            files.update(memfds(pid))
        self.peak = max(self.peak, total)
        self.memfd_peak = max(self.memfd_peak, sum(files.values()))
        self.processes = max(self.processes, len(members))
