# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Documents that hold others: OLE2, OOXML, ODF, PDF, RTF, HTML, disk images of the Mac."""

import base64
import plistlib
import struct
import zlib

import zips
from content import PASSWORD, run, with_files

_FREE, _END, _FAT = 0xffffffff, 0xfffffffe, 0xfffffffd


def _chain(table, count):
    """Appends a chain of COUNT sectors to TABLE; its first sector."""
    if count == 0:
        return _END
    first = len(table)
    table.extend([*range(first + 1, first + count), _END])
    return first


def _entry(name, kind, start, size, right=_FREE, child=_FREE):
    raw = name.encode("utf-16-le")
    return (raw + bytes(64 - len(raw)) + struct.pack("<HBB", len(raw) + 2, kind, 1)
            + struct.pack("<III", _FREE, right, child) + bytes(36)
            + struct.pack("<IQ", start, size))


def ole2(streams):
    """A compound file of (name, data) pairs; each is the right neighbour of the one before."""
    table, minis, sectors, small = [], [], b"", b""
    entries = []
    for name, data in streams:
        if len(data) >= 4096:
            start = _chain(table, -(-len(data) // 512))
            sectors += data + bytes(-len(data) % 512)
        else:
            start = _chain(minis, -(-len(data) // 64))
            small += data + bytes(-len(data) % 64)
        right = len(entries) + 2 if len(entries) + 1 < len(streams) else _FREE
        entries.append(_entry(name, 2, start, len(data), right))
    root = _chain(table, -(-len(small) // 512))
    sectors += small + bytes(-len(small) % 512)
    entries.insert(0, _entry("Root Entry", 5, root, len(small), child=1))
    directory = b"".join(entries)
    directory += bytes(-len(directory) % 512)
    directory_at = _chain(table, len(directory) // 512)
    mini_table = struct.pack(f"<{len(minis)}I", *minis)
    mini_table += b"\xff" * (-len(mini_table) % 512)
    mini_at = _chain(table, len(mini_table) // 512)
    sectors += directory + mini_table
    blocks = 1
    while blocks * 128 < len(table) + blocks:
        blocks += 1
    fat_at = len(table)
    table += [_FAT] * blocks
    fat = struct.pack(f"<{len(table)}I", *table)
    fat += b"\xff" * (blocks * 512 - len(fat))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH6xIIIIIIIII", 0x3e, 3, 0xfffe, 9, 6, 0, blocks, directory_at, 0,
                        4096, mini_at, len(mini_table) // 512, _END, 0)
    difat = [*range(fat_at, fat_at + blocks)]
    head += struct.pack("<109I", *difat, *[_FREE] * (109 - blocks))
    return head + sectors + fat


def ole2_package(members):
    """A document with the last member as an embedded object, the others as they are."""
    name, data = members[-1]
    raw = name.encode() + b"\x00"
    body = struct.pack("<H", 2) + raw + raw + struct.pack("<II", 0x30000, len(raw)) + raw
    body += struct.pack("<I", len(data)) + data
    return ole2([(n.replace(".", "_"), d) for n, d in members[:-1]]
                + [("\x01Ole10Native", struct.pack("<I", len(body)) + body)])


def ole2_streams(members):
    return ole2([(name.replace(".", "_"), data) for name, data in members])


def encrypted_office(data):
    """What an office program makes of a document with a password: the container of MS-OFFCRYPTO,
    the document in it as bytes that nobody can read."""
    info = (b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n<encryption xmlns='
            b'"http://schemas.microsoft.com/office/2006/encryption"><keyData saltSize="16" '
            b'blockSize="16" keyBits="256" hashSize="64" cipherAlgorithm="AES" '
            b'cipherChaining="ChainingModeCBC" hashAlgorithm="SHA512" '
            b'saltValue="AAAAAAAAAAAAAAAAAAAAAA=="/></encryption>')
    package = struct.pack("<Q", len(data)) + data + bytes(-len(data) % 16)
    return ole2([("EncryptionInfo", struct.pack("<HHI", 4, 4, 0x40) + info),
                 ("EncryptedPackage", package)])


def old_encrypted_word(data):
    """A Word 97 document whose header says that it is encrypted."""
    fib = bytearray(1472)
    struct.pack_into("<HHHHHH", fib, 0, 0xa5ec, 0xc1, 0, 0x409, 0, 0x0100 | 0x0200)
    return ole2([("WordDocument", bytes(fib) + data), ("1Table", bytes(4096))])


def msi(members):
    """By msibuild: each member in the table of streams, as installers keep their cabinets."""
    def call(root):
        run("msibuild", "out.msi", "-s", "probe", "author", "Intel;1033",
            "{00000000-0000-0000-0000-000000000000}", cwd=root)
        for name, _ in members:
            run("msibuild", "out.msi", "-a", name.replace(".", "_"), name, cwd=root)
        return (root / "out.msi").read_bytes()
    return with_files(members, call)


_TYPES = ('<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
          'content-types"><Default Extension="bin" ContentType="application/octet-stream"/>'
          '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
          'officedocument.wordprocessingml.document.main+xml"/></Types>')


def docx(members):
    parts = [("[Content_Types].xml", _TYPES.encode()),
             ("_rels/.rels", b"<Relationships/>"), ("word/document.xml", b"<w:document/>")]
    return zips.of(parts + [("word/embeddings/" + name, data) for name, data in members])


def odt(members):
    mime = zips.Member("mimetype", b"application/vnd.oasis.opendocument.text", zips.STORED)
    return zips.make([mime] + [zips.Member("Object/" + name, data) for name, data in members])


def encrypted_odt(members):
    """Every part but the manifest is encrypted; that of a zip archive nothing is said."""
    names = "".join(
        f'<manifest:file-entry manifest:full-path="{name}"><manifest:encryption-data '
        f'manifest:checksum-type="SHA256"/></manifest:file-entry>' for name, _ in members)
    manifest = f"<manifest:manifest>{names}</manifest:manifest>".encode()
    mime = zips.Member("mimetype", b"application/vnd.oasis.opendocument.text", zips.STORED)
    return zips.make([mime, zips.Member("META-INF/manifest.xml", manifest)]
                     + [zips.Member(name, data, zips.STORED) for name, data in members])


def pdf(members, compress=True, directory=True):
    """A page, and each member as an attachment."""
    objects = []
    names = " ".join(f"({name}) {5 + 2 * i} 0 R" for i, (name, _) in enumerate(members))
    objects.append(b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[%s]>>>>>>"
                   % names.encode())
    objects.append(b"<</Type/Pages/Kids[3 0 R]/Count 1>>")
    objects.append(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>")
    for number, (name, data) in enumerate(members):
        packed = zlib.compress(data, 9) if compress else data
        how = b"/Filter/FlateDecode" if compress else b""
        objects.append(b"<</Type/EmbeddedFile%s/Length %d/Params<</Size %d>>>>\nstream\n"
                       % (how, len(packed), len(data)) + packed + b"\nendstream")
        objects.append(f"<</Type/Filespec/F({name})/EF<</F {4 + 2 * number} 0 R>>>>".encode())
    out, offsets = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start = len(out)
    if not directory:
        return out
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + (b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
                  % (len(objects) + 1, start))


def qpdf(data, *options):
    def call(root):
        run("qpdf", "--deterministic-id" if "--encrypt" not in options else "--static-id",
            "--warning-exit-0", *options, "in.pdf", "out.pdf", cwd=root)
        return (root / "out.pdf").read_bytes()
    return with_files([("in.pdf", data)], call)


def encrypted_pdf(members, user_password):
    return qpdf(pdf(members), "--encrypt", PASSWORD if user_password else "", "owner", "256", "--")


def rtf(members):
    out = b"{\\rtf1\\ansi probe\n"
    for name, data in members:
        raw = name.encode() + b"\x00"
        body = struct.pack("<H", 2) + raw + raw + struct.pack("<II", 0x30000, len(raw)) + raw
        body += struct.pack("<I", len(data)) + data + bytes(2)
        kind = b"Package\x00"
        native = struct.pack("<III", 0x501, 2, len(kind)) + kind + bytes(8)
        native += struct.pack("<I", len(body)) + body
        out += b"{\\object\\objemb{\\*\\objdata " + native.hex().encode() + b"}}\n"
    return out + b"}\n"


def html(members):
    links = "".join(f'<img src="data:image/png;base64,{base64.b64encode(data).decode()}">\n'
                    for _, data in members)
    return f"<html><body>\n{links}</body></html>\n".encode()


def dmg(members):
    """A property list that names blocks: each member is the beginning of one, in the clear or
    compressed."""
    image, tables = b"", []
    for number, (_, data) in enumerate(members):
        data += bytes(-len(data) % 512)
        packed = zlib.compress(data)
        block = struct.pack(">4sIQQQII24xII128sI", b"mish", 1, 0, len(data) // 512, 0, 0x208,
                            number, 2, 32, b"", 2)
        block += struct.pack(">IIQQQQ", 0x80000005, 0, 0, len(data) // 512, len(image),
                             len(packed))
        block += struct.pack(">IIQQQQ", 0xffffffff, 0, len(data) // 512, 0,
                             len(image) + len(packed), 0)
        image += packed
        tables.append({"Attributes": "0x0050", "CFName": "part", "Data": block,
                       "ID": str(number), "Name": "part"})
    xml = plistlib.dumps({"resource-fork": {"blkx": tables}})
    koly = struct.pack(">4sIIIQQQQQII16sII128sQQ120sII128sIQ12x", b"koly", 4, 512, 1, 0, 0,
                       len(image), 0, 0, 1, 1, b"", 2, 32, b"", len(image), len(xml), b"", 2, 32,
                       b"", 1, 1)
    return image + xml + koly
