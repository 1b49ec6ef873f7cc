# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Archives other than zip: by Python, by the programs that make them, or byte by byte."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zlib

from content import HOLE, TIME, pack, run, with_files


def tar(members, layout=tarfile.USTAR_FORMAT, long_names=False):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=layout) as archive:
        for name, data in members:
            info = tarfile.TarInfo(("directory/" * 20 if long_names else "") + name)
            info.size, info.mtime = len(data), TIME
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def tar_v7(members):
    """As before POSIX: no magic. A header's checksum is all there is to know one by."""
    out = b""
    for name, data in members:
        header = bytearray(512)
        header[0:len(name)] = name.encode()
        header[100:124] = b"0000644\x000000000\x000000000\x00"
        header[124:148] = f"{len(data):011o}\x00{TIME:011o}\x00".encode()
        header[148:156] = b" " * 8
        header[148:156] = f"{sum(header):06o}\x00 ".encode()
        out += bytes(header) + data + bytes(-len(data) % 512)
    return out + bytes(10240)


def tar_sparse(members):
    """By GNU tar, the last member with a hole before its content."""
    def call(root):
        name = members[-1][0]
        with open(root / name, "r+b") as file:
            data = file.read()
            file.seek(0)
            file.write(bytes(len(data)))
            file.truncate(HOLE)
            file.seek(HOLE)
            file.write(data)
        return run("tar", "--format=gnu", "--sparse", "--hole-detection=raw", "--owner=0",
                   "--group=0", "--numeric-owner", "--sort=name", "-cf", "-",
                   *[n for n, _ in members], cwd=root)
    return with_files(members, call)


def bsdtar(members, layout, *options):
    return pack(members, "bsdtar", "--format", layout, *options, "--uid", "0", "--gid", "0",
                "-cf", "../out", output="../out")


def cpio_crc(members):
    def call(root):
        names = "".join(name + "\n" for name, _ in members).encode()
        return run("cpio", "--quiet", "--reproducible", "-o", "-H", "crc", cwd=root, stdin=names)
    return with_files(members, call)


def cpio_binary(members, order):
    """The oldest form, in the byte order ORDER: "<" or ">"."""
    out = b""
    for name, data in [*members, ("TRAILER!!!", b"")]:
        raw = name.encode() + b"\x00"
        fields = [0o070707, 0, 1, 0o100644, 0, 0, 1, 0, TIME >> 16, TIME & 0xffff, len(raw),
                  len(data) >> 16, len(data) & 0xffff]
        out += struct.pack(order + "13H", *fields) + raw + bytes(len(raw) % 2)
        out += data + bytes(len(data) % 2)
    return out + bytes(-len(out) % 512)


def seven_zip(members, *options):
    return pack(members, "7z", "a", "-bd", "-mtm=off", *options, "../out.7z", output="../out.7z")


def zip_by_7z(members, *options):
    return pack(members, "7z", "a", "-bd", "-tzip", *options, "../out.zip", output="../out.zip")


def cab(members, *options):
    return pack(members, "gcab", *options, "-c", "../out.cab", output="../out.cab")


def iso(members, *options):
    return pack(members, "xorriso", "-as", "mkisofs", "-quiet", *options, "-o", "../out.iso",
                output="../out.iso", arguments=["."])


def arj(members, *options):
    return pack(members, "arj", "a", "-y", *options, "../out.arj", output="../out.arj")


def gz(data, parts=1):
    size = len(data) // parts + 1
    return b"".join(gzip.compress(data[i:i + size], 9, mtime=0)
                    for i in range(0, len(data), size))


def bz(data, parts=1):
    size = len(data) // parts + 1
    return b"".join(bz2.compress(data[i:i + size]) for i in range(0, len(data), size))


def xz(data, parts=1):
    size = len(data) // parts + 1
    return b"".join(lzma.compress(data[i:i + size], preset=1) for i in range(0, len(data), size))


def filtered(program, *options):
    """A function that packs data through a program's standard input and output."""
    return lambda data: run(program, *options, cwd="/", stdin=data)


def lha(members):
    """Stored, with headers of level 0."""
    out = b""
    for name, data in members:
        raw = name.encode()
        head = b"-lh0-" + struct.pack("<IIIBB", len(data), len(data), 0, 0x20, 0)
        head += bytes([len(raw)]) + raw + struct.pack("<H", _crc16(data))
        out += bytes([len(head), sum(head) & 0xff]) + head + data
    return out + b"\x00"


def _crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xa001 if crc & 1 else 0)
    return crc


def _rar4_block(kind, flags, rest, data=b""):
    head = struct.pack("<BHH", kind, flags, 7 + len(rest)) + rest
    return struct.pack("<H", zlib.crc32(head) & 0xffff) + head + data


def rar4(members, encrypted=False, hide_names=False, method=0x30, crc_error=0):
    """Stored: there is no free packer. What is said to be encrypted is noise, as it would be."""
    out = b"Rar!\x1a\x07\x00" + _rar4_block(0x73, 0x80 if hide_names else 0, bytes(6))
    for name, data in members:
        raw = name.encode()
        rest = struct.pack("<IIBIIBBHI", len(data), len(data), 3, zlib.crc32(data) ^ crc_error,
                           0x50210000, 29, method, len(raw), 0o100644) + raw
        out += _rar4_block(0x74, 0x8000 | (4 if encrypted else 0), rest, data)
    return out + _rar4_block(0x7b, 0x4000, b"")


def _vint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def _rar5_block(fields, data=b""):
    body = fields
    whole = _vint(len(body)) + body
    return struct.pack("<I", zlib.crc32(whole)) + whole + data


def rar5(members, encrypted=False, hide_names=False, crc_error=0, method=0):
    out = b"Rar!\x1a\x07\x01\x00"
    if hide_names:
        out += _rar5_block(_vint(4) + _vint(0) + _vint(0) + _vint(0) + b"\x0f" + bytes(16))
    out += _rar5_block(_vint(1) + _vint(0) + _vint(0))
    for name, data in members:
        raw = name.encode()
        extra = b""
        if encrypted:
            record = _vint(1) + _vint(0) + _vint(0) + b"\x0f" + bytes(32)
            extra = _vint(len(record)) + record
        flags = 2 | (1 if extra else 0)
        fields = _vint(2) + _vint(flags) + (_vint(len(extra)) if extra else b"")
        fields += _vint(len(data)) + _vint(4) + _vint(len(data)) + _vint(0o100644)
        fields += struct.pack("<I", zlib.crc32(data) ^ crc_error) + _vint(method << 7) + _vint(1)
        fields += _vint(len(raw)) + raw + extra
        out += _rar5_block(fields, data)
    return out + _rar5_block(_vint(5) + _vint(0) + _vint(0))


def alz(members):
    """Stored."""
    out = b"ALZ\x01\x0a\x00\x00\x00"
    for name, data in members:
        raw = name.encode()
        out += b"BLZ\x01" + struct.pack("<HBIBB", len(raw), 0x20, 0x50210000, 0x40, 0)
        out += struct.pack("<BBIII", 0, 0, zlib.crc32(data), len(data), len(data)) + raw + data
    return out + b"CLZ\x01" + bytes(8) + b"CLZ\x02"


def ar(members):
    out = b"!<arch>\n"
    for name, data in members:
        out += f"{name + '/':16}{TIME:<12}{0:<6}{0:<6}{'100644':8}{len(data):<10}`\n".encode()
        out += data + b"\n" * (len(data) % 2)
    return out


def program(size=4096):
    """The head of an ELF program, and zeros."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, 0, 0, 64, 56, 0, 64, 0, 0)
    return head + bytes(size - len(head))


def initramfs(members):
    """As Debian has it: one archive for the processor, padding, and a compressed one."""
    first = bsdtar([("kernel/x86/microcode/x.bin", bytes(100))], "newc")
    return first + bytes(-len(first) % 4096) + filtered("zstd", "-q")(bsdtar(members, "newc"))


def squashfs(members):
    return pack(members, "mksquashfs", ".", "../out", "-quiet", "-no-progress", "-all-root",
                output="../out", arguments=[])


def ext4(members):
    def call(root):
        run("mke2fs", "-q", "-t", "ext4", "-U", "clear", "-E", "hash_seed="
            "00000000-0000-0000-0000-000000000001", "-d", ".", "../out", "1M", cwd=root)
        return (root / "../out").read_bytes()
    return with_files(members, call)


def qcow2(members):
    def call(root):
        (root / "raw").write_bytes(ext4(members))
        run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "raw", "out", cwd=root)
        return (root / "out").read_bytes()
    return with_files([], call)


_SPEC = """Name: probe
Version: 1
Release: 1
Summary: probe
License: none
BuildArch: noarch
%define _binary_payload w3.zstdio
%description
Probe.
%install
mkdir -p %{buildroot}/opt && cp MEMBERS/* %{buildroot}/opt
%files
/opt
"""


def rpm(members):
    def call(root):
        (root.parent / "probe.spec").write_text(_SPEC.replace("MEMBERS", str(root)))
        run("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {root.parent}/top",
            "--define", "_build_id_links none", "../probe.spec", cwd=root)
        return next(root.parent.glob("top/RPMS/noarch/*.rpm")).read_bytes()
    return with_files(members, call)
