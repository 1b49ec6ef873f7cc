# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""What the tests of templates share: an image to make one of, its clones, and changes in these.

Clones are changed without an appliance: a clone's disk is written out, changed with debugfs, and
the clusters that are not as they were are written into the clone, as a machine would have done.
"""

import base64
import contextlib
import functools
import hashlib
import json
import re
import shutil
import sqlite3
import struct
import subprocess
import uuid

from harness import (SIGNATURES, SOURCE, equal, paths_of, run, scan, scan_several, scratch,
                     true)

SCRIPTS = SOURCE / "tests" / "images"
CLUSTER = 65536
BLOCK = 1024
PARTITION = 1 << 20
ROOT_UUID = "5eed0000-0000-4000-8000-0000000000c1"
HOME_UUID = "5eed0000-0000-4000-8000-0000000000c2"
ROOT_MIB = 48
# With as many inodes, the files lie in several block groups.
INODES = 384
MANY = 200
# Harmless, and found by the signature that write_database() makes.
FORGED = b"vtemplater: a content that was forged\n"
THREAT = "Test.Forged.UNOFFICIAL"
# Beyond the end of its file: nothing scans it as long as it is there.
SLACK_SIZE = 100
VICTIMS = ("content", "other", "linked", "removed", "replaced", "redirected", "grown", "dated",
           "entry", "second", "moved", "zeroed", "journal")
PAYLOAD_TYPE = b"application/vnd.in-toto+json"
TEMPLATE_DIR = "/var/lib/vtemplater/template"
DATABASE = f"{TEMPLATE_DIR}/clean.db"
ENVELOPE = f"{TEMPLATE_DIR}/clean.dsse.json"


def shell(command):
    """In the scratch directory, with the functions that make images."""
    subprocess.run(["/bin/sh", "-euc", f'. "{SCRIPTS}/functions.sh"; {command}'], cwd=scratch,
                   check=True, stdout=subprocess.DEVNULL)


def tool(*words, **options):
    """Runs a program that must succeed; what it printed."""
    done = subprocess.run([*map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False, cwd=scratch, **options)
    equal(done.returncode, 0, f"{words}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def digest(path):
    """SHA-256 of a file on the host."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_database(name, **signatures):
    """A signature database: the demonstration's, and bodies of files by their threats' names."""
    directory = scratch / name
    shutil.copytree(SIGNATURES, directory)
    lines = [f"{threat.replace('_', '.')}:0:*:{body.hex()}\n"
             for threat, body in signatures.items()]
    (directory / "test.ndb").write_text("".join(lines))
    return directory


def make_keys(name):
    """A key pair without a passphrase; the files of the private and of the public one."""
    done = run("keygen", "--no-passphrase", "--out", scratch / name)
    equal(done.returncode, 0, done.stderr)
    return scratch / f"{name}.key", scratch / f"{name}.pub"


def text_of(name, size=2500):
    line = f"what the template has in {name}\n".encode()
    return (line * (size // len(line) + 1))[:size]


def fill(tree):
    """Victims lie apart from each other, so that one can be changed without the rest."""
    srv = tree / "srv"
    (srv / "many").mkdir(parents=True)
    for name in VICTIMS:
        (srv / name).write_bytes(text_of(name))
        (srv / f"{name}-distance").write_bytes(text_of(f"{name}-distance", 2 * CLUSTER))
    (srv / "slack").write_bytes(text_of("slack", SLACK_SIZE))
    (srv / "also-linked").hardlink_to(srv / "linked")
    for number in range(MANY):
        (srv / "many" / f"file-{number}").write_bytes(text_of(f"file-{number}", 900))
    # Too many extents for the inode.
    with open(srv / "islands", "wb") as file:
        for number in range(10):
            file.seek(number * 16 * BLOCK)
            file.write(text_of(f"island {number}", 4 * BLOCK))


def make_image(path, *, extra=None):
    """A phony Debian of two ext4 file systems; EXTRA is called with the tree of the first."""
    name = path.stem
    (scratch / "fstab").write_text(f"UUID={ROOT_UUID} / ext4 defaults 0 1\n"
                                   f"UUID={HOME_UUID} /home ext4 defaults 0 2\n")
    tree = scratch / f"{name}-tree"
    home = scratch / f"{name}-home"
    tool(SCRIPTS / "make-phony-linux.sh", "--fstab", scratch / "fstab", tree)
    fill(tree)
    if extra is not None:
        extra(tree)
    home.mkdir()
    (home / "notes").write_bytes(text_of("notes", 5000))
    shell(f"image_fix_times {tree}; image_fix_times {home}; truncate -s {ROOT_MIB}M {name}.root; "
          f"mke2fs -q -F -t ext4 -b {BLOCK} -N {INODES} -O metadata_csum,^metadata_csum_seed "
          f"-U {ROOT_UUID} -L root -E hash_seed={ROOT_UUID},lazy_itable_init=0,nodiscard "
          f"-d {tree} {name}.root; "
          f"image_make_fs ext4 {home} {name}.home 0 {HOME_UUID} home; "
          f"image_make_disk gpt {name}.raw ext4:{name}.root ext4:{name}.home")
    raw = scratch / f"{name}.raw"
    poke(raw, blocks(raw, "/srv/slack")[0], text_of("slack", SLACK_SIZE) + FORGED)
    tool("qemu-img", "convert", "-O", "qcow2", raw, path)
    shutil.rmtree(tree)
    shutil.rmtree(home)
    for end in "root", "home", "raw":
        (scratch / f"{name}.{end}").unlink()


def clone_of(base, name):
    path = scratch / f"{name}.qcow2"
    path.unlink(missing_ok=True)
    tool("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, path)
    return path


def raw_of(path, name="disk.raw", *options):
    raw = scratch / name
    tool("qemu-img", "convert", *options, "-O", "raw", path, raw)
    return raw


@contextlib.contextmanager
def editing(clone):
    """The clone's disk as a raw file; what is changed in it is changed in the clone."""
    before = raw_of(clone, "before.raw")
    after = scratch / "after.raw"
    shutil.copyfile(before, after)
    yield after
    commands = []
    offset = 0
    with open(before, "rb") as old, open(after, "rb") as new:
        while content := new.read(CLUSTER):
            if content != old.read(CLUSTER):
                piece = scratch / f"piece-{len(commands)}"
                piece.write_bytes(content)
                commands.append(f"write -q -s {piece} {offset} {len(content)}\n")
            offset += len(content)
    tool("qemu-io", "-f", "qcow2", clone, input="".join(commands).encode())
    for piece in scratch.glob("piece-*"):
        piece.unlink()


def debugfs(raw, *commands, partition=PARTITION):
    """Changes a file system, and fails if a command does."""
    done = subprocess.run(["/sbin/debugfs", "-w", "-f", "-", f"{raw}?offset={partition}"],
                          input="".join(f"{command}\n" for command in commands), cwd=scratch,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
    errors = [line for line in done.stderr.splitlines() if not line.startswith("debugfs 1.")]
    equal(errors, [], f"errors of {commands}")
    return done.stdout


def ask(raw, command):
    """What debugfs prints for a command."""
    return tool("/sbin/debugfs", "-R", command, f"{raw}?offset={PARTITION}").decode()


def blocks(raw, path):
    """Of the content, and of what says where it is."""
    return [int(word) for word in ask(raw, f"blocks {path}").split()]


def inode_of(raw, path):
    return int(re.match(r"Inode: (\d+)", ask(raw, f"stat {path}"))[1])


def stat_of(raw, path):
    """Size, generation and times, as debugfs takes them."""
    text = ask(raw, f"stat {path}")
    values = {"generation": re.search(r"Generation: (\d+)", text)[1],
              "size": re.search(r"Size: (\d+)", text)[1]}
    for field in "atime", "ctime", "mtime", "crtime":
        seconds, extra = re.search(rf"{field}: 0x([0-9a-f]+):([0-9a-f]+)", text).groups()
        values[field] = f"@{int(seconds, 16)}"
        values[f"{field}_extra"] = f"0x{extra}"
    return values


def poke(raw, block, content, offset=0):
    """Changes a block's bytes, and nothing else."""
    with open(raw, "r+b") as file:
        file.seek(PARTITION + block * BLOCK + offset)
        file.write(content)


def peek(raw, block, count=1):
    with open(raw, "rb") as file:
        file.seek(PARTITION + block * BLOCK)
        return file.read(count * BLOCK)


def forged(size=2500):
    """A content of a size that is found."""
    return (FORGED * (size // len(FORGED) + 1))[:size]


def free_blocks(raw, count, distance=0):
    """COUNT in a row that no file has, far away from all that have; the first of them."""
    goal = ((ROOT_MIB - 4) << 20) // BLOCK + distance
    found = [int(word) for word in ask(raw, f"ffb {count} {goal}").split(":")[1].split()]
    equal(found, list(range(found[0], found[0] + count)), "free blocks")
    return found[0]


def extent_node(raw, path):
    """The first block of a file's extent tree."""
    return int(re.search(r"\(ETB0\):(\d+)", ask(raw, f"stat {path}"))[1])


def crc32c(value, data):
    """As ext4 has it: neither begun nor ended with a complement."""
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value


def seal_extent_node(raw, path, node):
    """The node with the right checksum, for whoever forges one can calculate."""
    generation = int(stat_of(raw, path)["generation"])
    value = crc32c(0xFFFFFFFF, uuid.UUID(ROOT_UUID).bytes)
    value = crc32c(value, struct.pack("<II", inode_of(raw, path), generation))
    room = struct.unpack_from("<H", node, 4)[0]
    end = 12 + 12 * room
    equal(struct.unpack_from("<H", node)[0], 0xF30A, "magic number of a node")
    return bytes(node[:end]) + struct.pack("<I", crc32c(value, node[:end]))


def table_of(raw, path):
    """A file's block group, and where that has its inodes: the first block, and how many."""
    group = int(re.search(r"part of block group (\d+)", ask(raw, f"imap {path}"))[1])
    stats = ask(raw, "stats")
    per_group = int(re.search(r"Inodes per group: *(\d+)", stats)[1])
    start = re.search(rf"Group +{group}: .*inode table at (\d+)", stats)[1]
    return group, int(start), per_group * 256 // BLOCK


class Template:
    """A template that was seeded, and how its clones are scanned."""

    def __init__(self, path, keys, database):
        self.path = path
        self.private, self.public = keys
        self.database = database
        self.envelope = path.with_name(path.name + ".dsse.json")
        self.beside = path.with_name(path.name + ".clean.db")

    def count_unread(self):
        """Files that need not be read of a clone in which nothing is changed: those of the cache,
        and the two that are the cache."""
        with contextlib.closing(sqlite3.connect(self.beside)) as database:
            return database.execute("SELECT count(*) FROM file").fetchone()[0] + 2

    def seed(self, *options, status=0):
        done = run("seed", "--database", self.database, "--store", "none", "--sign-key",
                   self.private, *options, self.path)
        print(f"# {done.stderr.strip()!r}")
        equal(done.returncode, status, f"exit status: {done.stderr}")
        return done

    def scan(self, clone, *options, status=0, **others):
        """Of a clone, against this template."""
        others.setdefault("database", self.database)
        report, files, done = scan(clone, "--template", self.path, "--pubkey", self.public,
                                   *options, status=status, **others)
        return report, {(entry["fs"], entry["path"]): entry for entry in files}, done

    def scan_several(self, clones, *options, **others):
        """Of several clones in one run; a report of each, in their order."""
        others.setdefault("database", self.database)
        reports, _ = scan_several(clones, "--template", self.path, "--pubkey", self.public,
                                  *options, **others)
        equal(paths_of(reports), [str(clone) for clone in clones], "order of the reports")
        return reports

    def scan_and_compare(self, clone, *options, **others):
        """The same; and a scan that knows of no template must come to the same contents."""
        report, files, done = self.scan(clone, *options, **others)
        plain = [word for word in options if word not in ("--backend", "guestfs")]
        _, truth, _ = scan(clone, "--backend", "direct", "--allow-backing", scratch, *plain,
                           database=others.get("database", self.database))
        seen, there = contents(files.values()), contents(truth)
        differences = {name: (seen.get(name), there.get(name)) for name in {*seen, *there}
                       if seen.get(name) != there.get(name)}
        equal(differences, {}, "differences to what a full scan finds")
        return report, files, done


@functools.cache
def template():
    """The one that a test program makes."""
    path = scratch / "template.qcow2"
    make_image(path)
    made = Template(path, make_keys("key"), write_database("database", Test_Forged=FORGED.strip()))
    made.seed()
    return made


def contents(files):
    """What must not depend on how it was found out."""
    return {(entry["fs"], entry["path"]): (entry["inode"], entry["size"], entry["sha256"],
                                           entry["verdict"], entry["threat"]) for entry in files}


def on_root(files, path):
    """The entry of a file of the first file system."""
    found = [entry for (_, name), entry in files.items() if name == path]
    equal(len(found), 1, f"entries of {path}")
    return found[0]


def assert_found(report, files, *paths):
    """The forged content is found in these and in no other; nothing of the template's counted."""
    equal(sorted(entry["path"] for entry in report["findings"]), sorted(paths), "found in")
    for path in paths:
        entry = on_root(files, path)
        equal(entry["threat"], THREAT, path)
        true(entry["source"] != "template", f"source of {path}: {entry['source']}")


def read_payload(envelope):
    """The bytes of the statement in an envelope, not verified."""
    return base64.b64decode(json.loads(envelope.read_text(encoding="utf-8"))["payload"])


def authenticated(payload):
    """What is signed of a statement."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE, len(payload), payload)


def sign(envelope, payload, private, key_id):
    """Writes an envelope, with nothing but openssl."""
    (scratch / "signed").write_bytes(authenticated(payload))
    signature = tool("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", private, "-in", "signed")
    envelope.write_text(json.dumps({
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE.decode(),
        "signatures": [{"keyid": key_id, "sig": base64.b64encode(signature).decode()}],
    }), encoding="utf-8")


def key_id_of(envelope):
    return json.loads(envelope.read_text(encoding="utf-8"))["signatures"][0]["keyid"]
