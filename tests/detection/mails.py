# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Messages with attachments, and what they were once carried in."""

import base64
import binascii
import quopri
import struct

_HEAD = ("From: somebody@example.com\nTo: somebody@example.com\nSubject: probe\n"
         "Date: Wed, 01 Jan 2020 00:00:00 +0000\nMIME-Version: 1.0\n")


def uu(name, data):
    lines = b"".join(binascii.b2a_uu(data[i:i + 45]) for i in range(0, len(data), 45))
    return b"begin 644 " + name.encode() + b"\n" + lines + b"`\nend\n"


ENCODERS = {
    "base64": base64.encodebytes,
    "quoted-printable": quopri.encodestring,
    "7bit": bytes,
}


def message(members, encoding="base64", end=True):
    """Each member an attachment; without END the last boundary is missing."""
    out = (_HEAD + 'Content-Type: multipart/mixed; boundary="limit"\n\n').encode()
    out += b"--limit\nContent-Type: text/plain\n\nSee the attachments.\n"
    for name, data in members:
        out += (f"--limit\nContent-Type: application/octet-stream; name=\"{name}\"\n"
                f"Content-Transfer-Encoding: {encoding}\n"
                f"Content-Disposition: attachment; filename=\"{name}\"\n\n").encode()
        out += ENCODERS[encoding](data)
    return out + (b"--limit--\n" if end else b"")


def uu_message(members):
    out = (_HEAD + "Content-Type: text/plain\n\nSee below.\n\n").encode()
    return out + b"\n".join(uu(name, data) for name, data in members)


def mbox(members):
    line = b"From somebody@example.com Wed Jan  1 00:00:00 2020\n"
    return b"".join(line + message([member]) + b"\n" for member in members)


def nested(members, depth=2):
    inner = message(members)
    for _ in range(depth):
        out = (_HEAD + 'Content-Type: multipart/mixed; boundary="outer"\n\n').encode()
        inner = (out + b"--outer\nContent-Type: message/rfc822\n\n" + inner + b"--outer--\n"
                 ).replace(b'"outer"', f'"outer{len(inner)}"'.encode()).replace(
                     b"--outer\n", f"--outer{len(inner)}\n".encode()).replace(
                         b"--outer--\n", f"--outer{len(inner)}--\n".encode())
    return inner


def _attribute(level, tag, data):
    return (struct.pack("<BII", level, tag, len(data)) + data
            + struct.pack("<H", sum(data) & 0xffff))


def tnef(members):
    out = struct.pack("<IH", 0x223e9f78, 1)
    out += _attribute(1, 0x00089006, struct.pack("<I", 0x10000))
    out += _attribute(1, 0x00078008, b"IPM.Microsoft Mail.Note\x00")
    for name, data in members:
        out += _attribute(2, 0x00069002, struct.pack("<HIHHI", 1, 0, 0, 0, 0))
        out += _attribute(2, 0x00018010, name.encode() + b"\x00")
        out += _attribute(2, 0x0006800f, data)
    return out


def binhex(name, data):
    """BinHex 4.0, without its compression."""
    def crc(block):
        return struct.pack(">H", binascii.crc_hqx(block, 0))
    raw = name.encode()
    head = bytes([len(raw)]) + raw + b"\x00" + b"TEXTTEXT" + struct.pack(">HII", 0, len(data), 0)
    whole = head + crc(head) + data + crc(data) + crc(b"")
    whole = whole.replace(b"\x90", b"\x90\x00")
    digits = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
    bits = "".join(f"{byte:08b}" for byte in whole)
    bits += "0" * (-len(bits) % 6)
    text = ":" + "".join(digits[int(bits[i:i + 6], 2)] for i in range(0, len(bits), 6)) + ":"
    lines = "\r\n".join(text[i:i + 64] for i in range(0, len(text), 64))
    return b"(This file must be converted with BinHex 4.0)\r\n\r\n" + lines.encode() + b"\r\n"
