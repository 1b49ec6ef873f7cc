#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Starts, ends and what lies between: KVM that does not work, kills, interrupts, the store."""

import json
import os
import re
import resource
import signal
import stat
import time

import harness
from harness import (Skip, assert_all_end, descendants, environment, equal, image, paths_of, run,
                     scan, scan_several, scratch, start, true, wait_until)

# An appliance that runs a tenth of the time is slow enough to be caught at its work.
RUN_S = 0.01
REST_S = 0.1
WITHOUT_KVM = "starting it again without (TCG, slower)"
# Starts an appliance, whatever the image holds.
GUESTFS = ("--backend", "guestfs")


def only_appliance(identities):
    found = [pid for (pid, _), name in identities.items() if name.startswith("qemu-system")]
    equal(len(found), 1, f"appliances among {identities}")
    return found[0]


def start_until(name, *words):
    """A running scan that has the process NAME below it, and all that is below it then."""
    process = start("scan", "--database", harness.SIGNATURES, *words)
    wait_until(lambda: process.poll() is not None or
               any(n.startswith(name) for n in descendants(process.pid).values()), name)
    equal(process.poll(), None, f"still running with {name}")
    return process, descendants(process.pid)


def test_kvm_that_does_not_work_is_noticed_and_remembered():
    # As a user runs it, and for real: nothing here says that KVM is broken.
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        raise Skip("no /dev/kvm that may be used")
    _, _, first = scan(image("clean.qcow2"), *GUESTFS, status=0)
    if WITHOUT_KVM not in first.stderr:
        raise Skip("KVM works here")
    equal(first.stderr.count(WITHOUT_KVM), 1, "said once")
    _, _, second = scan(image("clean.qcow2"), *GUESTFS, status=0)
    true(WITHOUT_KVM not in second.stderr, "the second run knows")


def test_kvm_that_hangs_is_given_up():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        raise Skip("no /dev/kvm that may be used")
    qemu = scratch / "hanging-qemu"
    qemu.write_text("#!/bin/sh\n"
                    "case \"$*\" in *-machine*accel=kvm*-kernel*) exec sleep 1000 ;; esac\n"
                    "exec qemu-system-x86_64 \"$@\"\n")
    qemu.chmod(qemu.stat().st_mode | stat.S_IXUSR)
    cache = scratch / "another-cache"
    hanging = dict(environment, LIBGUESTFS_HV=str(qemu), XDG_CACHE_HOME=str(cache))
    done = run("scan", "--database", harness.SIGNATURES, "--store", "none", "--launch-timeout", "5",
               *GUESTFS, image("clean.qcow2"), env=hanging)
    equal(done.returncode, 0, f"exit status: {done.stderr}")
    true("not up after 5 s" in done.stderr and WITHOUT_KVM in done.stderr, done.stderr)
    equal([entry.name for entry in cache.glob("vtemplater/kvm-broken")], ["kvm-broken"], "memory")


def test_appliance_that_stalls_is_given_up():
    # Long enough for the slowest step of an appliance that does not stall.
    process = start("scan", "--database", harness.SIGNATURES, "--store", "none", "--stall-timeout",
                    "30", "--progress", "plain", *GUESTFS, image("xfs.qcow2"))
    for line in process.stderr:
        if "inspecting" in line:
            break
    equal(process.poll(), None, "still running")
    started = descendants(process.pid)
    os.kill(only_appliance(started), signal.SIGSTOP)
    _, stderr = process.communicate(timeout=harness.TIMEOUT_S)
    equal(process.returncode, 2, f"exit status: {stderr}")
    true("no sign of life for 30 s" in stderr, stderr)
    assert_all_end(started)


def test_nothing_survives_kill_9():
    process, started = start_until("qemu-system", "--store", "none", image("xfs.qcow2"))
    names = set(started.values())
    true(any(name.startswith("qemu-nbd") for name in names), f"an export runs: {names}")
    process.kill()
    process.wait()
    assert_all_end(started)


def test_interrupt_ends_the_start():
    process, started = start_until("qemu-system", "--store", "none", image("xfs.qcow2"))
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=harness.TIMEOUT_S)
    equal(process.returncode, 2, "exit status")
    true("partial" in stderr and "PARTIAL" in stdout, f"says that it is partial: {stdout}{stderr}")
    assert_all_end(started)


def test_interrupt_ends_all_that_go_on():
    images = [image("xfs.qcow2")] * 6
    process, started = start_until("qemu-system", "--store", "none", "--jobs", "4", *images)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=harness.TIMEOUT_S)
    equal(process.returncode, 2, "exit status")
    partial, left = stdout.count("PARTIAL"), stderr.count("stopped before it was begun")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    at_a_time = max(1, min(4, memory // 2**31, files // 2048 if files >= 0 else 4))
    equal(partial, at_a_time, f"going on, at a time: {stdout}{stderr}")
    equal(partial + left, len(images), f"each is told of: {stdout}{stderr}")
    assert_all_end(started)


def count_verdicts(store):
    done = run("cache", "stats", "--store", store, "--format", "json")
    return json.loads(done.stdout)["verdicts"] if done.returncode == 0 and done.stdout else 0


def test_interrupt_keeps_what_was_scanned():
    store = scratch / "interrupted.db"
    # Only a terminal is told often enough how far the scan is.
    master, slave = os.openpty()
    os.set_blocking(master, False)
    process = start("scan", "--database", harness.SIGNATURES, "--store", store, image("xfs.qcow2"),
                    stderr=slave)
    os.close(slave)
    screen = bytearray()

    def shows(pattern):
        try:
            screen.extend(os.read(master, 65536))
        except BlockingIOError:
            pass
        equal(process.poll(), None, f"still running: {screen!r}")
        return re.search(pattern, screen)
    wait_until(lambda: shows(b"scanning"), "the first file")
    started = descendants(process.pid)
    appliance = only_appliance(started)
    os.kill(appliance, signal.SIGSTOP)
    while not shows(rb"scanning, [1-9]\d+ of \d+ files"):
        os.kill(appliance, signal.SIGCONT)
        time.sleep(RUN_S)
        os.kill(appliance, signal.SIGSTOP)
        time.sleep(REST_S)
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=harness.TIMEOUT_S)
    os.close(master)
    equal(process.returncode, 1 if " FOUND" in stdout else 2, "exit status")
    true("PARTIAL" in stdout, f"says that it is partial: {stdout}")
    assert_all_end(started)
    kept = count_verdicts(store)
    true(kept > 0, "verdicts are kept")
    report, _, _ = scan(image("xfs.qcow2"), status=1, store=store)
    true(report["stats"]["from_store"] >= kept, f"{report['stats']['from_store']} of {kept} used")
    true(report["stats"]["scanned"] > 0, "the rest is scanned")


def stats(report):
    return {key: report["stats"][key] for key in ("files", "infected", "incomplete")}


def test_second_scan_needs_no_engine():
    store = scratch / "store.db"
    first, _, _ = scan(image("ext4.qcow2"), status=1, store=store)
    true(first["stats"]["scanned"] > 100, "the first scan uses the engine")
    second, _, _ = scan(image("ext4.qcow2"), status=1, store=store)
    equal(stats(second), stats(first), "the same result")
    equal(second["stats"]["scanned"], 0, "files that went to the engine")
    equal(second["stats"]["seconds"]["load"], 0, "time for loading the engine")
    equal([f["threat"] for f in second["findings"]], [f["threat"] for f in first["findings"]],
          "findings")
    # A similar image: only what is new in it.
    third, _, _ = scan(image("xfs.qcow2"), status=1, store=store)
    true(third["stats"]["scanned"] < 20, f"scanned of a similar image: {third['stats']['scanned']}")
    # Other limits are another engine: nothing is believed.
    fourth, _, _ = scan(image("ext4.qcow2"), "--max-file-size", "200M", status=1, store=store)
    equal(fourth["stats"]["scanned"], first["stats"]["scanned"], "scanned under other limits")


def test_killed_scan_goes_on_where_it_was():
    store = scratch / "killed.db"
    process = start("scan", "--database", harness.SIGNATURES, "--store", store, "--progress",
                    "plain", image("xfs.qcow2"))
    wait_until(lambda: process.poll() is not None or (store.exists() and count_verdicts(store) > 0),
               "verdicts")
    process.kill()
    process.communicate()
    kept = count_verdicts(store)
    true(kept > 0, "verdicts are kept")
    report, _, _ = scan(image("xfs.qcow2"), status=1, store=store)
    true(report["stats"]["from_store"] >= kept, f"{report['stats']['from_store']} of {kept} used")


def test_limits_make_incomplete():
    report, _, done = scan(image("clean.qcow2"), "--max-file-size", "64K", status=3)
    true({entry["reason"] for entry in report["incomplete"]} == {"size-limit"}, "reasons")
    true(all(entry["sha256"] for entry in report["incomplete"]), "digests")
    done = run("scan", "--database", harness.SIGNATURES, "--store", "none", "--max-file-size",
               "64K", "--allow-incomplete", image("clean.qcow2"))
    equal(done.returncode, 0, "exit status with --allow-incomplete")
    true("INCOMPLETE (size-limit)" in done.stdout, "told all the same")


def test_failures_are_told():
    for words, text in (
            ([image("noise.raw")], "no file system that is known"),
            ([image("blank.raw")], "no file system that is known"),
            ([scratch / "missing.qcow2"], "no such file"),
            (["--snapshot", "nothing", image("snapshot.qcow2")], "no internal snapshot 'nothing'"),
            (["--key", "all:passphrase:x", image("luks.qcow2")], "--key takes")):
        done = run("scan", "--database", harness.SIGNATURES, "--store", "none", *words)
        equal(done.returncode, 2, f"exit status of {words}: {done.stderr}")
        true(text in done.stderr, f"{text!r} in {done.stderr!r}")
        words = done.stdout.lower().replace("clean: 0", "")
        true("clean" not in words, f"no word of clean: {done.stdout}")


def test_several_images():
    names = ["clean.qcow2", "noise.raw", "ext4.qcow2", "missing.qcow2", "clean.qcow2", "xfs.qcow2"]
    images = [scratch / name if name == "missing.qcow2" else image(name) for name in names]
    reports, done = scan_several(images, status=1)
    equal(paths_of(reports), [str(path) for path in images], "order of the reports")
    equal([report["error"] is not None for report in reports],
          [False, True, False, True, False, False], "what failed")
    for words in "no file system that is known", "no such file":
        equal(done.stderr.count(words), 1, f"{words!r} in {done.stderr!r}")
    alone = {name: scan(image(name))[0] for name in ("clean.qcow2", "ext4.qcow2", "xfs.qcow2")}
    for name, report in zip(names, reports):
        if name in alone:
            equal(stats(report), stats(alone[name]), name)
            equal([f["threat"] for f in report["findings"]],
                  [f["threat"] for f in alone[name]["findings"]], name)
    # Most of what is in these images is the same: who came first had it scanned.
    total = sum(report["stats"]["scanned"] for report in reports)
    most = max(report["stats"]["scanned"] for report in alone.values())
    true(most <= total < most + 20, f"scanned: {total} in all, {most} of one alone")


def test_inspect():
    done = run("inspect", "--format", "json", image("multi-os.qcow2"))
    equal(done.returncode, 0, done.stderr)
    seen = json.loads(done.stdout)
    equal([system["distro"] for system in seen["systems"]], ["debian", "fedora"], "systems")
    equal(len(seen["filesystems"]), 4, "file systems")
    text = run("inspect", image("multi-os.qcow2"))
    true("/dev/sda3: ext4" in text.stdout and "mounted at /home" in text.stdout, text.stdout)


if __name__ == "__main__":
    harness.main(*[value for name, value in list(globals().items()) if name.startswith("test_")])
