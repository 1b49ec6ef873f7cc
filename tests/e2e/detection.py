#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Every kind of file system and image format: what is found, and whether all files are seen.

In each image stand all of Debian's clamav-testfiles; they must be found under the names that
clamscan gives them. The manifest must be what the kernel shows of the same file system.
"""

import json
import pathlib
import subprocess

import harness
from harness import equal, image, scan, scratch, true

TESTFILES = pathlib.Path("/usr/share/clamav-testfiles")


def expected_findings():
    """clamscan's word on the test files: base name to threat."""
    done = subprocess.run(["clamscan", "--no-summary", "--infected", "--recursive",
                           f"--database={harness.SIGNATURES}", TESTFILES],
                          stdout=subprocess.PIPE, text=True, check=False)
    findings = {}
    for line in done.stdout.splitlines():
        path, _, threat = line.removesuffix(" FOUND").rpartition(": ")
        findings[pathlib.PurePath(path).name] = threat
    equal(len(findings), len(list(TESTFILES.iterdir())), "test files that clamscan finds")
    findings["eicar.com"] = "Demo.EICAR-Test-File.UNOFFICIAL"
    return findings


EXPECTED = expected_findings()
HOME = "/home"


def kernel_manifest(path):
    output = scratch / "kernel.jsonl"
    with open(output, "w", encoding="utf-8") as stream:
        subprocess.run([harness.SOURCE / "tests" / "images" / "kernel-manifest.py", path],
                       stdout=stream, check=True)
    return output


def compare_with_kernel(path, *options):
    done = subprocess.run([harness.SOURCE / "tests" / "images" / "compare-manifests.py", *options,
                           scratch / "manifest.jsonl", kernel_manifest(path)],
                          stdout=subprocess.PIPE, text=True, check=False)
    equal(done.returncode, 0, f"manifest and kernel: {done.stdout}")


def detect(name, *options):
    report, manifest, _ = scan(image(name), *options, status=1)
    found = {pathlib.PurePosixPath(f["path"]).name: f["threat"] for f in report["findings"]}
    equal(found, EXPECTED, "findings")
    equal(report["incomplete"], [], "incomplete")
    equal(len(manifest), report["stats"]["files"], "lines of the manifest")
    clean = sum(1 for entry in manifest if entry["verdict"] == "clean")
    equal(clean, report["stats"]["clean"], "clean lines of the manifest")
    true(clean > 100, "the image has more than the test files")
    return report


def detect_and_compare(name, *options):
    detect(name)
    compare_with_kernel(image(name), *options)


def test_ext4_in_qcow2():
    detect_and_compare("ext4.qcow2")


def test_ext2_in_raw_without_partitions():
    detect("ext2.raw")


def test_ext3_in_vmdk_with_mbr():
    detect("ext3.vmdk")


def test_xfs_in_qcow2():
    detect_and_compare("xfs.qcow2")


def test_btrfs_in_vdi():
    detect_and_compare("btrfs.vdi")


def test_ntfs_in_vhdx():
    detect("ntfs.vhdx")


def test_fat_in_vhd():
    detect("fat.vhd", "--backend", "direct")


def test_iso9660():
    detect("iso9660.raw")


def test_lvm_in_qcow2():
    report = detect("lvm.qcow2")
    names = {filesystem["id"] for filesystem in report["filesystems"]}
    true({"/dev/sda1", "/dev/vg0/root", "/dev/vg0/data"} <= names, f"file systems: {names}")


def test_luks_with_its_key():
    detect("luks.qcow2", "--key", "all:key:correct horse")


def test_luks_without_a_key():
    for options in ([], ["--key", "all:key:wrong"]):
        report, manifest, done = scan(image("luks.qcow2"), *options, status=3)
        equal(manifest, [], "manifest")
        equal([entry["reason"] for entry in report["incomplete"]], ["encrypted"], "incomplete")
        true("correct" not in done.stderr, "no secret is told")


def test_clean_image_is_clean():
    report, manifest, _ = scan(image("clean.qcow2"), status=0)
    equal(report["findings"] + report["incomplete"], [], "findings and incomplete")
    equal({entry["verdict"] for entry in manifest}, {"clean"}, "verdicts")
    sources = {entry["source"] for entry in manifest}
    equal(sources, {"engine", "store", "hardlink", "empty"}, "sources")


def test_empty_file_system():
    report, manifest, _ = scan(image("empty.qcow2"), status=0)
    equal((report["stats"]["files"], manifest), (0, []), "files")


def findings_by_fs(report):
    found = {}
    for finding in report["findings"]:
        found.setdefault(finding["fs"], set()).add(finding["path"])
    return found


def test_several_systems():
    report, _, _ = scan(image("multi-os.qcow2"), status=1)
    equal([system["distro"] for system in report["systems"]], ["debian", "fedora"], "systems")
    mounted = {f["id"]: f["mountpoint"] for f in report["filesystems"]}
    equal(mounted, {"/dev/sda1": "/", "/dev/sda2": "/", "/dev/sda3": "/home", "/dev/sda4": None},
          "mount points")
    found = findings_by_fs(report)
    equal(found["/dev/sda3"], {HOME + "/guest/clam.exe"}, "a partition of the first system")
    equal(found["/dev/sda4"], {"/clam.zip"}, "a partition that nobody claims")
    true("/root/infected/clam.exe" in found["/dev/sda2"], "the second system")
    text = harness.run("scan", "--database", harness.SIGNATURES, "--store", "none",
                       image("multi-os.qcow2")).stdout
    true(f"\n{HOME}/guest/clam.exe: " in "\n" + text, "the first system's paths stand alone")
    true("\n/dev/sda2:/root/infected/clam.exe: " in text, "others' have the file system before")


def test_btrfs_subvolumes():
    report, manifest, _ = scan(image("btrfs-subvolumes.qcow2"), status=1)
    names = [entry["fs"] + entry["path"] for entry in manifest]
    equal(len(names), len(set(names)), "files listed twice")
    ids = {f["id"]: f["mountpoint"] for f in report["filesystems"]}
    equal(ids.get("btrfsvol:/dev/sda1/root"), "/", "root volume")
    equal(ids.get("btrfsvol:/dev/sda1/home"), "/home", "home volume")
    found = findings_by_fs(report)
    # libguestfs does not list the default volume, and a top volume does not show it.
    for volume in ("home", "home-snapshot", "default"):
        true("/infected/clam.exe" in str(found.get(f"btrfsvol:/dev/sda1/{volume}")), volume)


def test_overlay_shows_its_own_state():
    report, _, _ = scan(image("overlay.qcow2"), "--allow-backing", image("base.qcow2"), status=1)
    equal({f["path"] for f in report["findings"]}, {"/etc/hostname", "/srv/clam.exe"}, "findings")
    equal(report["image"]["format"], "qcow2", "format")
    scan(image("base.qcow2"), status=0)


def test_internal_snapshot():
    report, _, _ = scan(image("snapshot.qcow2"), status=1)
    equal(len(report["findings"]), 2, "findings in the present state")
    report, _, _ = scan(image("snapshot.qcow2"), "--snapshot", "clean", status=0)
    equal(report["image"]["snapshot"], "clean", "snapshot")


def test_block_device():
    def losetup(*words):
        return subprocess.run(["losetup", *words], stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.DEVNULL, check=False)
    made = losetup("--find", "--show", "--read-only", image("ext2.raw"))
    if made.returncode != 0:
        raise harness.Skip("no loop device can be made")
    try:
        report, _, _ = scan(made.stdout.strip(), status=1)
    finally:
        losetup("--detach", made.stdout.strip())
    equal(len(report["findings"]), len(EXPECTED), "findings")
    equal(report["image"]["format"], "raw", "format")


def test_include_and_exclude():
    report, manifest, _ = scan(image("ext4.qcow2"), "--include", "/infected/*", "--exclude",
                               "*.exe", status=1)
    paths = [entry["path"] for entry in manifest]
    true(all(p.startswith("/infected/") and not p.endswith(".exe") for p in paths), "paths")
    true(report["stats"]["excluded"] > 100, "excluded files are counted")
    equal(report["stats"]["files"], len(paths), "files")
    _, _, done = scan(image("ext4.qcow2"), "--exclude", "/infected/*", status=0)
    equal(done.returncode, 0, "exit status without the infected")


def test_several_images():
    done = harness.run("scan", "--database", harness.SIGNATURES, "--store", "none", "--format",
                       "json", image("clean.qcow2"), image("noise.raw"), image("fat.vhd"))
    equal(done.returncode, 1, "exit status")
    reports = json.loads(done.stdout)["reports"]
    equal([bool(r["error"]) for r in reports], [False, True, False], "errors")
    equal([len(r["findings"]) for r in reports], [0, 0, len(EXPECTED)], "findings")


if __name__ == "__main__":
    harness.main(*[value for name, value in list(globals().items()) if name.startswith("test_")])
