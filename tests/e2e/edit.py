#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Changes in images, and files taken out of them, on real file systems: by tests/edit-image.c."""

import hashlib
import os
import shutil
import subprocess

import harness
from harness import BUILD, SOURCE, Skip, environment, equal, image, scan, scratch, true

PROGRAM = BUILD / "tests" / "edit-image"
SCRIPTS = SOURCE / "tests" / "images"
HOME = "/home"
PASSPHRASE = "correct horse"
TEXT = "what is uploaded\n"
LABEL_DIRECTORY = b"system_u:object_r:var_lib_t:s0\0"
LABEL_NEIGHBOUR = b"system_u:object_r:neighbour_t:s0\0"
LABEL_UNIT = b"system_u:object_r:systemd_unit_file_t:s0\0"
LABEL_ODD = b"system_u:object_r:odd_t:s0\0"


def shell(command):
    """In the scratch directory, with the functions that make images."""
    subprocess.run(["/bin/sh", "-euc", f'. "{SCRIPTS}/functions.sh"; {command}'], cwd=scratch,
                   check=True, stdout=subprocess.DEVNULL)


def edit(path, *words, status=0, **options):
    """Runs edit-image; the result has what it printed."""
    done = subprocess.run([PROGRAM, *flags(options), "--", path, *words],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          cwd=scratch, env=environment, timeout=harness.TIMEOUT_S)
    print(f"# {done.stderr.strip()!r}")
    equal(done.returncode, status, "exit status")
    return done


def flags(options):
    words = []
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            words.append(f"--{name.replace('_', '-')}={one}" if one is not True
                         else f"--{name.replace('_', '-')}")
    return words


def refuse(path, *words, message):
    """An edit that is not made: nothing is changed, and no file is there."""
    before = digest(path)
    output = scratch / "refused.qcow2"
    done = edit(path, *words, output=output, status=1)
    true(message in done.stderr, f"{message!r} in {done.stderr!r}")
    equal(digest(path), before, "the image")
    true(not output.exists(), "no output")


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def source():
    (scratch / "source").write_text(TEXT)
    return "source"


def changes(top="/var/lib/vt"):
    return ("mkdir", top, "700", "mkdir", f"{top}/sub", "755",
            "upload", source(), f"{top}/sub/file", "640")


def change_and_read_back(path, **options):
    """The image itself stays as it is."""
    before = digest(path)
    done = edit(path, *changes(), fetch="/var/lib/vt/sub/file", **options)
    equal(done.stdout, f"/var/lib/vt/sub/file: {TEXT}\n", "what is fetched")
    equal(digest(path), before, "the image")


def phony(name, uuid, fs, *, prepare=None):
    """An image of one file system with a system in it."""
    tree = scratch / f"{name}-tree"
    (scratch / "fstab").write_text(f"UUID={uuid} / {fs} defaults 0 1\n")
    subprocess.run([SCRIPTS / "make-phony-linux.sh", "--fstab", scratch / "fstab", tree],
                   check=True)
    if prepare is not None:
        prepare(tree)
    output = scratch / f"{name}.qcow2"
    subprocess.run([SCRIPTS / "make-image.sh", "--fs", fs, "--uuid", uuid, "--tree", tree,
                    "--output", output], check=True)
    return output


def raw_of(path):
    raw = scratch / "disk.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", path, raw], check=True)
    return raw


def debugfs(raw, command):
    """Of the first partition."""
    done = subprocess.run(["/sbin/debugfs", "-R", command, f"{raw}?offset={1 << 20}"], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout


def mode_of(raw, path):
    fields = debugfs(raw, f"stat {path}").decode().split()
    return fields[fields.index("Mode:") + 1]


def label_of(raw, path):
    return debugfs(raw, f"ea_get -V {path} security.selinux").removesuffix(b"\n")


def check_file_system(raw):
    """As e2fsck sees the first partition."""
    shell(f"dd if={raw} of=fs bs=1M skip=1 count=12 status=none; e2fsck -fn fs >fsck 2>&1 || "
          "{ cat fsck >&2; exit 1; }")


def test_ext4():
    shutil.copy(image("linux.qcow2"), scratch / "linux.qcow2")
    path = scratch / "linux.qcow2"
    _, before, _ = scan(path, "--backend", "direct")
    output = scratch / "output.qcow2"
    unchanged = digest(path)
    edit(path, *changes(), "symlink", "../x", "/etc/link", "chmod", "/etc/hostname", "600",
         "remove", "/bin/true", "remove-tree", "/var/log", "remove-tree", "/nothing",
         "mkdir", f"{HOME}/vt", "755", "upload", source(), f"{HOME}/vt/file", "600", output=output)
    equal(digest(path), unchanged, "the image")
    _, after, _ = scan(output, "--backend", "direct")
    known = {(entry["path"], entry["inode"], entry["size"], entry["sha256"]) for entry in before}
    now = {(entry["path"], entry["inode"], entry["size"], entry["sha256"]) for entry in after}
    equal({entry[0] for entry in now - known}, {"/var/lib/vt/sub/file", f"{HOME}/vt/file"}, "new")
    equal({entry[0] for entry in known - now}, {"/bin/true"}, "gone")
    raw = raw_of(output)
    check_file_system(raw)
    equal(mode_of(raw, "/var/lib/vt"), "0700", "mode of a directory")
    equal(mode_of(raw, "/var/lib/vt/sub/file"), "0640", "mode of a file")
    equal(mode_of(raw, "/etc/hostname"), "0600", "mode that was changed")
    true(b'"../x"' in debugfs(raw, "stat /etc/link"), "the link")
    equal(debugfs(raw, "ls -p /var/lib/vt/sub").count(b"\n") - 1, 3, "nothing but the file")
    true(b"log" not in debugfs(raw, "ls -p /var"), "the tree is gone")


def test_in_place_and_again():
    path = scratch / "linux.qcow2"
    edit(path, *changes(), "symlink", "../x", "/etc/link", in_place=True)
    first = digest(path)
    done = edit(path, *changes(), "symlink", "../x", "/etc/link", in_place=True,
                fetch=["/var/lib/vt/sub/file", "/etc/link"])
    equal(done.stdout, f"/var/lib/vt/sub/file: {TEXT}\n", "what is fetched")
    true(digest(path) != first, "what is uploaded again is another file")
    subprocess.run(["qemu-img", "check", "-q", path], check=True)
    raw = raw_of(path)
    check_file_system(raw)


def prepare_labels(tree):
    (tree / "etc" / "selinux").mkdir()
    (tree / "etc" / "selinux" / "config").write_text("SELINUX=enforcing\n")
    units = tree / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    labels = {units: LABEL_UNIT, tree / "var" / "lib": LABEL_DIRECTORY,
              tree / "var" / "lib" / "dpkg": LABEL_NEIGHBOUR, tree / "etc": LABEL_ODD}
    for number, label in enumerate((LABEL_NEIGHBOUR, LABEL_NEIGHBOUR, LABEL_ODD)):
        (units / f"unit-{number}").write_text("")
        labels[units / f"unit-{number}"] = label
    labels[tree / "etc" / "hostname"] = LABEL_UNIT
    for path, label in labels.items():
        try:
            os.setxattr(path, "security.selinux", label)
        except OSError as error:
            raise Skip(f"labels cannot be set here: {error}") from error


def test_labels():
    path = phony("labels", "5eed0000-0000-4000-8000-0000000000a1", "ext4", prepare=prepare_labels)
    output = scratch / "labelled.qcow2"
    output.unlink(missing_ok=True)
    edit(path, *changes(), "upload", source(), "/etc/systemd/system/vt", "644",
         "symlink", "vt", "/etc/systemd/system/vt-link", "upload", source(), "/etc/hostname", "644",
         output=output)
    raw = raw_of(output)
    equal(label_of(raw, "/var/lib/vt"), LABEL_NEIGHBOUR, "as the directory beside it")
    equal(label_of(raw, "/var/lib/vt/sub"), LABEL_NEIGHBOUR, "as the directory above")
    equal(label_of(raw, "/var/lib/vt/sub/file"), LABEL_NEIGHBOUR, "as the directory above")
    equal(label_of(raw, "/etc/systemd/system/vt"), LABEL_NEIGHBOUR, "as most files beside it")
    equal(label_of(raw, "/etc/systemd/system/vt-link"), LABEL_UNIT, "as the directory")
    equal(label_of(raw, "/etc/hostname"), LABEL_UNIT, "as the file before")


def prepare_links(tree):
    (tree / "elsewhere").mkdir()
    (tree / "etc" / "keep").write_text("kept\n")
    (tree / "var" / "lib" / "vt").symlink_to("/elsewhere")
    (tree / "var" / "lib" / "file").symlink_to("/etc/keep")
    (tree / "srv").symlink_to("var")


def test_links_are_refused():
    path = phony("links", "5eed0000-0000-4000-8000-0000000000a2", "ext4", prepare=prepare_links)
    done = edit(path, fetch=["/var/lib/vt/x", "/var/lib/file", "/srv/lib/dpkg/status", "/etc/keep"])
    equal(done.stdout, "/etc/keep: kept\n\n", "files behind links are missing")
    refuse(path, "upload", source(), "/srv/lib/vt/x", "600", message="/srv is a symbolic link")
    refuse(path, *changes(), message="/var/lib/vt is a symbolic link")
    refuse(path, "upload", source(), "/var/lib/file", "600", message="/var/lib/file is a symbolic")
    refuse(path, "symlink", "other", "/var/lib/vt", message="is another symbolic link")


def test_other_refusals():
    refuse(image("ext4.qcow2"), "mkdir", "/vt", "700", message="no operating system")
    refuse(image("linux.qcow2"), "upload", source(), "/no/file", "600",
           message="/no is no directory")


def test_read_only_root():
    if shutil.which("mksquashfs") is None:
        raise Skip("mksquashfs")
    subprocess.run([SCRIPTS / "make-phony-linux.sh", scratch / "ro"], check=True)
    shell("mksquashfs ro ro.fs -quiet -no-progress; image_make_disk gpt ro.raw squashfs:ro.fs; "
          "image_convert ro.raw qcow2 ro.qcow2")
    refuse(scratch / "ro.qcow2", *changes(), message="read-only")


def test_xfs():
    path = phony("xfs", "5eed0000-0000-4000-8000-0000000000a3", "xfs")
    change_and_read_back(path)


def test_btrfs_subvolumes():
    change_and_read_back(image("btrfs-subvolumes.qcow2"))


def test_volume_group():
    subprocess.run([SCRIPTS / "make-phony-linux.sh", scratch / "lvm-tree"], check=True)
    shell(f"image_make_fs ext4 lvm-tree lvm.fs; "
          f'"{SCRIPTS}/make-lvm.py" --vg vg0 --output lvm.pv root=lvm.fs; '
          "image_make_disk gpt lvm.raw lvm:lvm.pv; image_convert lvm.raw qcow2 lvm.qcow2")
    change_and_read_back(scratch / "lvm.qcow2")


def test_encrypted():
    subprocess.run([SCRIPTS / "make-phony-linux.sh", scratch / "luks-tree"], check=True)
    subprocess.run([SCRIPTS / "make-image.sh", "--luks", PASSPHRASE, "--tree",
                    scratch / "luks-tree", "--output", scratch / "luks.qcow2"], check=True)
    change_and_read_back(scratch / "luks.qcow2", key=f"all:key:{PASSPHRASE}")
    done = edit(scratch / "luks.qcow2", fetch="/etc/hostname", status=1)
    true("encrypted" in done.stderr, "it may be there")


def test_fetch():
    path = image("linux.qcow2")
    names = ["/etc/hostname", "/etc", "/etc/hostname/x", "/nothing", f"{HOME}/no"]
    for backend in "direct", "guestfs":
        done = edit(path, fetch=names, backend=backend)
        equal(done.stdout, "/etc/hostname: phony-debian\n\n", backend)
        done = edit(path, fetch="/etc/hostname", backend=backend, max_size=5, status=1)
        true("/etc/hostname has" in done.stderr, done.stderr)
    edit(path, fetch="etc/hostname", status=1)


def test_fetch_without_a_system():
    done = edit(image("clean.qcow2"), fetch=["/etc/hostname", "/no"])
    true(done.stdout.startswith("/etc/hostname: ") and "/no" not in done.stdout, done.stdout)


harness.main(
    test_fetch,
    test_fetch_without_a_system,
    test_ext4,
    test_in_place_and_again,
    test_labels,
    test_links_are_refused,
    test_other_refusals,
    test_read_only_root,
    test_xfs,
    test_btrfs_subvolumes,
    test_volume_group,
    test_encrypted,
)
