# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""What stands in the probes, the signatures for it, and how the makers call programs.

Two contents are known to the signatures. TEST is known by its digest as a whole: it is found only
where a container is really opened. BODY is known by some bytes of it, wherever they stand. Neither
is harmful; both are made here, of nothing but a counter.
"""

import hashlib
import os
import pathlib
import subprocess
import tempfile

# 2020-01-01T00:00:00Z, the time of everything that has one.
TIME = 1577836800
PASSWORD = "secret"
_BODY = b"VTEMPLATER-PROBE-BODY-83c1"


def noise(size, name):
    """SIZE bytes that do not compress; the same for the same NAME."""
    blocks = (hashlib.sha256(f"{name} {n}".encode()).digest() for n in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def text(size, name):
    """SIZE bytes of lines of hexadecimal digits: they compress to about half."""
    digits = noise(size // 2 + 64, name).hex()
    lines = "\n".join(digits[i:i + 60] for i in range(0, len(digits), 60))
    return lines.encode()[:size]


# A multiple of 512 bytes: some containers know no other sizes.
TEST = text(1023, "the content that is to be found") + b"\n"
# A member before it, long enough to be damaged in the middle.
LEAD = text(24063, "a member before") + b"\n"
BODY = text(500, "before") + _BODY + text(500, "behind")
PLAIN = text(1023, "a content like any other") + b"\n"

# Bytes of the hole before it in a sparse file, which is known as a whole as well.
HOLE = 1 << 16

# What a container holds by default, and the same with nothing in it that would be found.
MEMBERS = [("lead.txt", LEAD), ("test.txt", TEST)]
PLAIN_MEMBERS = [("lead.txt", LEAD), ("plain.txt", PLAIN)]


# Of the file that is in each of Debian's clamav-testfiles.
_TESTFILE = "aa15bcf478d165efd2065190eb473bcb:544:Probe.Testfile"


def write_signatures(directory):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    known = [(TEST, "Probe.Test"), (bytes(HOLE) + TEST, "Probe.Sparse")]
    (directory / "probes.hsb").write_text("".join(
        f"{hashlib.sha256(data).hexdigest()}:{len(data)}:{name}:73\n" for data, name in known))
    (directory / "probes.hdb").write_text(_TESTFILE + "\n")
    (directory / "probes.ndb").write_text(f"Probe.Body:0:*:{_BODY.hex()}\n")


def run(*words, cwd, stdin=None):
    """Runs a program that must succeed, in CWD; its standard output."""
    environment = dict(os.environ, SOURCE_DATE_EPOCH=str(TIME), TZ="UTC", LC_ALL="C.UTF-8")
    done = subprocess.run([str(word) for word in words], cwd=cwd, input=stdin, env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        message = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise RuntimeError(f"{' '.join(map(str, words))}: {message}")
    return done.stdout


def with_files(members, function):
    """Calls FUNCTION with a directory that has MEMBERS as files; gives its result."""
    with tempfile.TemporaryDirectory(prefix="vt-probe-") as directory:
        root = pathlib.Path(directory) / "in"
        for name, data in members:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            os.utime(path, (TIME, TIME))
        root.mkdir(exist_ok=True)
        os.utime(root, (TIME, TIME))
        return function(root)


def pack(members, *words, output, arguments=None):
    """The file OUTPUT that a program makes of MEMBERS; their names are added to WORDS."""
    def call(root):
        names = [name for name, _ in members] if arguments is None else arguments
        run(*words, *names, cwd=root)
        return (root / output).read_bytes()
    return with_files(members, call)
