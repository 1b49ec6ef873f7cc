#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Both ways of reading an image: they must say the same, and one must stand in for the other."""

import json
import os
import pathlib
import signal
import subprocess
import time

import harness
from harness import equal, image, run, scan, scratch, start, true


def scan_by(backend, name, *options, status=None):
    report, _, done = scan(image(name), "--backend", backend, *options, status=status)
    return report, (scratch / "manifest.jsonl").read_bytes(), done


def assert_same(name, backend, *options):
    """Compares what BACKEND finds with what the appliance finds; returns the former's report."""
    report, manifest, done = scan_by(backend, name, *options)
    reference, reference_manifest, _ = scan_by("guestfs", name, *options)
    true(len(reference_manifest) > 0, "the appliance finds files")
    equal(manifest == reference_manifest, True, "the manifests are the same")
    # Which of several copies the engine was given is a matter of threads.
    for entry in (*report["findings"], *report["incomplete"],
                  *reference["findings"], *reference["incomplete"]):
        del entry["source"]
    for part in ("systems", "filesystems", "findings", "incomplete"):
        equal(report[part], reference[part], part)
    return report, done


def test_features_of_ext():
    # One of its file systems has a feature that is left to the appliance: both ways in one scan.
    _, done = assert_same("ext-features.qcow2", "auto")
    equal(done.returncode, 1, "exit status")
    report, _, _ = scan_by("direct", "ext-features.qcow2", status=1)
    refused = [f["id"] for f in report["filesystems"] if f["reason"] is not None]
    equal(refused, ["/dev/sda6"], "file systems that are not read directly")


def test_system_and_mount_points():
    report, _ = assert_same("linux.qcow2", "direct")
    equal([system["distro"] for system in report["systems"]], ["debian"], "systems")
    equal([f["mountpoint"] for f in report["filesystems"]], ["/", "/home"], "mount points")


def test_full_file_system():
    report, _ = assert_same("full.qcow2", "direct")
    true(report["stats"]["clean"] > 100, "files")


def test_real_debian_system():
    if not (harness.IMAGES / "debian.qcow2").exists():
        raise harness.Skip("debian.qcow2, for which a mirror of Debian's packages is needed")
    report, done = assert_same("debian.qcow2", "direct")
    equal(done.returncode, 0, f"exit status: {done.stderr}")
    equal([system["distro"] for system in report["systems"]], ["debian"], "systems")
    true(report["stats"]["clean"] > 4000, "a whole system")


def test_overlay():
    assert_same("overlay.qcow2", "direct", "--allow-backing", image("base.qcow2"))


def test_fat_beside_ext():
    assert_same("multi-os.qcow2", "direct")


def test_cloud_image():
    report, _ = assert_same("cloud.qcow2", "direct")
    equal([system["distro"] for system in report["systems"]], ["debian"], "systems")
    equal([f["mountpoint"] for f in report["filesystems"]], ["/", "/boot/efi"], "mount points")
    equal([f["uuid"] for f in report["filesystems"]][1], "0000-0042", "UUID of the FAT")


def test_kinds_of_fat():
    assert_same("fat-features.qcow2", "direct")
    entries = [json.loads(line) for line in (scratch / "manifest.jsonl").read_text().splitlines()]
    equal({entry["inode"] for entry in entries}, {0}, "inodes, of which FAT has none")


def test_fat_with_an_mbr():
    assert_same("fat.vhd", "direct")


def test_ntfs():
    assert_same("ntfs.vhdx", "direct")


def test_features_of_ntfs():
    # What the fuzzer begins with: compressed files, links, DOS names, a date in 1601, many pieces.
    corpus = harness.BUILD / "tests" / "fuzz" / "ntfs-corpus"
    volumes = [(corpus / name).read_bytes() for name in ("usual", "records")]
    margin = 1 << 20
    disk = scratch / "ntfs-features.raw"
    disk.write_bytes(bytes(margin) + b"".join(volumes) + bytes(margin))
    table = "label: dos\n"
    start = margin
    for volume in volumes:
        table += f"start={start // 512}, size={len(volume) // 512}, type=7\n"
        start += len(volume)
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    subprocess.run(["sfdisk", "-q", disk], input=table, text=True, check=True,
                   env=dict(os.environ, PATH=path), stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    report, _ = assert_same(disk, "direct")
    equal([f["path"] for f in report["incomplete"]], ["/wof"], "incomplete")


def test_windows_system():
    # Which system it is has to be told by the appliance; it is read directly all the same.
    assert_same("windows.qcow2", "auto")
    _, _, done = scan_by("auto", "windows.qcow2", "--verbose", status=1)
    true("operating systems cannot be told directly: /dev/sda1" in done.stderr, done.stderr)
    true("is not read directly" not in done.stderr, done.stderr)


def test_without_an_appliance():
    no_appliance = dict(harness.environment, LIBGUESTFS_HV="/bin/false")
    for name, status in (("ext4.qcow2", 1), ("ext2.raw", 1), ("clean.qcow2", 0),
                         ("fat.vhd", 1), ("multi-os.qcow2", 1), ("cloud.qcow2", 1)):
        done = run("scan", "--database", harness.SIGNATURES, "--store", "none", image(name),
                   env=no_appliance)
        equal(done.returncode, status, f"{name}: {done.stderr}")
    done = run("scan", "--database", harness.SIGNATURES, "--store", "none", "--backend", "direct",
               image("xfs.qcow2"), env=no_appliance)
    equal(done.returncode, 3, f"what cannot be read directly is incomplete: {done.stdout}")
    true("clean" not in done.stdout.lower().replace("clean files: 0", ""), done.stdout)


def test_nothing_to_read_is_not_clean():
    for name in ("blank.raw", "noise.raw"):
        done = run("scan", "--database", harness.SIGNATURES, "--store", "none", "--backend",
                   "direct", image(name))
        true(done.returncode in (2, 3), f"exit status of {name}: {done.returncode} {done.stdout}")
        true("clean" not in done.stdout.lower().replace("clean files: 0", ""), done.stdout)


def test_journal_to_be_replayed():
    report, done = assert_same("dirty.qcow2", "auto")
    equal(report["incomplete"], [], "incomplete")
    _, _, done = scan_by("auto", "dirty.qcow2", "--verbose", status=0)
    true("/dev/sda1 is not read directly: " in done.stderr and "journal" in done.stderr,
         f"the reason is told: {done.stderr}")


def parents_and_names():
    return {pid: (entry[0], entry[2]) for pid, entry in harness.processes().items()}


def find_walker(main):
    """The process that parses the image: its parent, the reader, has qemu-nbd for a child, too."""
    table = parents_and_names()
    below = {pid for pid, _ in harness.descendants(main)}
    exporters = {parent for pid, (parent, name) in table.items()
                 if pid in below and name.startswith("qemu-nbd")}
    for pid, (parent, name) in table.items():
        if pid in below and parent in exporters and name.startswith("vtemplater"):
            return pid
    return None


def is_sandboxed(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return (int(fields["Seccomp_filters"]) > 0 and fields["NoNewPrivs"] == "1" and
            int(fields["CapEff"], 16) == 0 and
            (os.getuid() != 0 or fields["Uid"].split()[0] != "0"))


def stop_walker(*options):
    """A scan whose walker is stopped, in its sandbox and before it is through."""
    for _ in range(20):
        process = start("scan", "--database", harness.SIGNATURES, "--store", "none", *options,
                        image("ext4.qcow2"))
        while process.poll() is None:
            walker = find_walker(process.pid)
            if walker is not None and is_sandboxed(walker):
                os.kill(walker, signal.SIGSTOP)
                if find_walker(process.pid) == walker:
                    return process, walker
            time.sleep(0.001)
        process.communicate()
    raise AssertionError("no walker could be caught")


def expect_fall_back(process, why):
    stdout, stderr = process.communicate(timeout=harness.TIMEOUT_S)
    equal(process.returncode, 1, f"exit status: {stderr}")
    true(why in stderr, f"{why!r} in {stderr!r}")
    true("\nInfected files: 45\n" in stdout, f"all is found: {stdout}")


def test_crash_of_the_walker():
    process, walker = stop_walker()
    os.kill(walker, signal.SIGSEGV)
    os.kill(walker, signal.SIGCONT)
    expect_fall_back(process, "cannot be read directly: its reader crashed")


def test_hang_of_the_walker():
    process, _ = stop_walker()
    expect_fall_back(process, "cannot be read directly: its reader hangs")


def test_inspect_tells_the_same():
    for name in ("linux.qcow2", "cloud.qcow2"):
        seen = {}
        for backend in ("direct", "guestfs"):
            done = run("inspect", "--backend", backend, "--format", "json", image(name))
            equal(done.returncode, 0, done.stderr)
            seen[backend] = json.loads(done.stdout)
        equal(seen["direct"], seen["guestfs"], f"inspection of {name}")


if __name__ == "__main__":
    harness.main(*[value for name, value in list(globals().items()) if name.startswith("test_")])
