# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Zip archives, field by field, so that each field can be wrong."""

import bz2
import dataclasses
import lzma
import struct
import zlib

STORED, DEFLATED, DEFLATE64, BZIP2, LZMA, UNKNOWN = 0, 8, 9, 12, 14, 97
_DOS_DATE = (40 << 9) | (1 << 5) | 1


def deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def _lzma(data):
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
    packed = lzma.compress(data, lzma.FORMAT_RAW, filters=filters)
    return struct.pack("<BBHBI", 9, 20, 5, 0x5d, 1 << 16) + packed


PACKERS = {STORED: bytes, DEFLATED: deflate, BZIP2: bz2.compress, LZMA: _lzma}


@dataclasses.dataclass
class Member:
    """One member; what is None is as it should be."""
    name: str
    data: bytes
    method: int = DEFLATED
    flags: int = 0
    packed: bytes = None
    crc: int = None
    packed_size: int = None
    real_size: int = None
    local_magic: bytes = b"PK\x03\x04"
    central_magic: bytes = b"PK\x01\x02"
    in_directory: bool = True
    zip64: bool = False
    descriptor: bool = False

    def __post_init__(self):
        if self.packed is None:
            self.packed = PACKERS[self.method](self.data)
        if self.crc is None:
            self.crc = zlib.crc32(self.data)
        if self.packed_size is None:
            self.packed_size = len(self.packed)
        if self.real_size is None:
            self.real_size = len(self.data)
        if self.descriptor:
            self.flags |= 8

    def _fields(self, known):
        crc, packed, real = (self.crc, self.packed_size, self.real_size) if known else (0, 0, 0)
        version = 45 if self.zip64 else 20
        return struct.pack("<HHHHHIII", version, self.flags, self.method, 0, _DOS_DATE, crc,
                           0xffffffff if self.zip64 else packed,
                           0xffffffff if self.zip64 else real)

    def _extra(self):
        if not self.zip64:
            return b""
        return struct.pack("<HHQQ", 1, 16, self.real_size, self.packed_size)

    def local(self):
        name = self.name.encode()
        extra = self._extra()
        whole = self.local_magic + self._fields(not self.descriptor)
        whole += struct.pack("<HH", len(name), len(extra)) + name + extra + self.packed
        if self.descriptor:
            whole += b"PK\x07\x08" + struct.pack("<III", self.crc, self.packed_size,
                                                 self.real_size)
        return whole

    def central(self, offset):
        name = self.name.encode()
        extra = self._extra()
        whole = self.central_magic + struct.pack("<H", 45 if self.zip64 else 20)
        whole += self._fields(True)
        whole += struct.pack("<HHHHHII", len(name), len(extra), 0, 0, 0, 0, offset)
        return whole + name + extra


def make(members, before=b"", comment=b"", end=True, count=None):
    """An archive of MEMBERS behind the bytes BEFORE, which the offsets leave out of account."""
    body = b""
    offsets = []
    for member in members:
        offsets.append(len(body))
        body += member.local()
    listed = [(m, o) for m, o in zip(members, offsets) if m.in_directory]
    directory = b"".join(member.central(offset) for member, offset in listed)
    number = len(listed) if count is None else count
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, number, number, len(directory),
                       len(body), len(comment)) + comment
    return before + body + directory + (tail if end else b"")


def of(members, **fields):
    """An archive of (name, data) pairs, each with FIELDS."""
    return make([Member(name, data, **fields) for name, data in members])


def traditional(data, password, crc):
    """DATA under the traditional encryption of zip, which is no secret any more."""
    table = [0] * 256
    for i in range(256):
        c = i
        for _ in range(8):
            c = (c >> 1) ^ (0xedb88320 if c & 1 else 0)
        table[i] = c
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte):
        keys[0] = (keys[0] >> 8) ^ table[(keys[0] ^ byte) & 0xff]
        keys[1] = ((keys[1] + (keys[0] & 0xff)) * 134775813 + 1) & 0xffffffff
        keys[2] = (keys[2] >> 8) ^ table[(keys[2] ^ (keys[1] >> 24)) & 0xff]

    for byte in password.encode():
        update(byte)
    out = bytearray()
    for byte in b"0123456789a" + bytes([crc >> 24]) + data:
        temp = keys[2] | 2
        out.append(byte ^ ((temp * (temp ^ 1)) >> 8) & 0xff)
        update(byte)
    return bytes(out)
