# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""The catalogue: every probe with its name, which is its path, and its bytes."""

import pathlib
import struct
import tarfile
import zlib

import archives
import documents
import mails
import zips
from content import BODY, LEAD, MEMBERS, PASSWORD, PLAIN, PLAIN_MEMBERS, TEST, noise, text
from damage import DAMAGES, flip, replace

TESTFILES = pathlib.Path("/usr/share/clamav-testfiles")


def _alone(pack):
    """A maker of something that holds one content and no names: all of them in a row."""
    return lambda members: pack(b"".join(data for _, data in members[-1:]))


def _of_tar(pack):
    return lambda members: pack(archives.tar(members))


def _sfx(maker):
    return lambda members: archives.program() + maker(members)


# What holds several members, each with a name.
ARCHIVES = {
    "zip-stored": lambda m: zips.of(m, method=zips.STORED),
    "zip-deflated": zips.of,
    "zip-bzip2": lambda m: zips.of(m, method=zips.BZIP2),
    "zip-lzma": lambda m: zips.of(m, method=zips.LZMA),
    "zip-deflate64": lambda m: archives.zip_by_7z(m, "-mm=Deflate64"),
    "zip-ppmd": lambda m: archives.zip_by_7z(m, "-mm=PPMd"),
    "zip-zip64": lambda m: zips.of(m, zip64=True),
    "zip-descriptor": lambda m: zips.of(m, descriptor=True),
    "zip-self-extracting": _sfx(zips.of),
    "zip-java-module": lambda m: b"JM\x01\x00" + zips.of(m, descriptor=True),
    "zip-behind-junk": lambda m: b"junk" * 100 + zips.of(m),
    "7z-lzma2": archives.seven_zip,
    "7z-lzma": lambda m: archives.seven_zip(m, "-m0=lzma"),
    "7z-bzip2": lambda m: archives.seven_zip(m, "-m0=bzip2"),
    "7z-deflate": lambda m: archives.seven_zip(m, "-m0=deflate"),
    "7z-ppmd": lambda m: archives.seven_zip(m, "-m0=ppmd"),
    "7z-copy": lambda m: archives.seven_zip(m, "-m0=copy"),
    "7z-bcj": lambda m: archives.seven_zip(m, "-m0=bcj", "-m1=lzma"),
    "7z-bcj2": lambda m: archives.seven_zip(m, "-m0=bcj2", "-m1=lzma", "-m2=lzma", "-m3=lzma",
                                            "-mb0:1", "-mb0s1:2", "-mb0s2:3"),
    "7z-arm": lambda m: archives.seven_zip(m, "-m0=arm", "-m1=lzma2"),
    "7z-delta": lambda m: archives.seven_zip(m, "-m0=delta:4", "-m1=lzma2"),
    "7z-not-solid": lambda m: archives.seven_zip(m, "-ms=off"),
    "7z-plain-header": lambda m: archives.seven_zip(m, "-mhc=off"),
    "7z-self-extracting": _sfx(archives.seven_zip),
    "rar4": archives.rar4,
    "rar5": archives.rar5,
    "rar4-self-extracting": _sfx(archives.rar4),
    "cab-mszip": lambda m: archives.cab(m, "-z"),
    "cab-stored": archives.cab,
    "cab-self-extracting": _sfx(lambda m: archives.cab(m, "-z")),
    "iso-plain": archives.iso,
    "iso-rock-ridge": lambda m: archives.iso(m, "-R"),
    "iso-joliet": lambda m: archives.iso(m, "-J"),
    "tar-ustar": archives.tar,
    "tar-gnu": lambda m: archives.tar(m, tarfile.GNU_FORMAT, True),
    "tar-pax": lambda m: archives.tar(m, tarfile.PAX_FORMAT, True),
    "tar-v7": archives.tar_v7,
    "tar-sparse": archives.tar_sparse,
    "tar-gz": _of_tar(archives.gz),
    "tar-bz2": _of_tar(archives.bz),
    "tar-xz": _of_tar(archives.xz),
    "cpio-newc": lambda m: archives.bsdtar(m, "newc"),
    "cpio-odc": lambda m: archives.bsdtar(m, "odc"),
    "cpio-crc": archives.cpio_crc,
    "cpio-binary": lambda m: archives.cpio_binary(m, "<"),
    "cpio-binary-swapped": lambda m: archives.cpio_binary(m, ">"),
    "xar": lambda m: archives.bsdtar(m, "xar"),
    "lha": archives.lha,
    "arj": archives.arj,
    "arj-self-extracting": _sfx(archives.arj),
    "alz": archives.alz,
    "dmg": documents.dmg,
}

# What holds one content.
FILTERS = {
    "gzip": _alone(archives.gz),
    "gzip-parts": _alone(lambda data: archives.gz(data, 3)),
    "bzip2": _alone(archives.bz),
    "bzip2-parts": _alone(lambda data: archives.bz(data, 3)),
    "xz": _alone(archives.xz),
    "xz-parts": _alone(lambda data: archives.xz(data, 3)),
    "uuencoded": lambda m: mails.uu(*m[-1]),
    "binhex": lambda m: mails.binhex(*m[-1]),
}

DOCUMENTS = {
    "ole2-streams": documents.ole2_streams,
    "ole2-package": documents.ole2_package,
    "msi": documents.msi,
    "docx": documents.docx,
    "odt": documents.odt,
    "pdf": documents.pdf,
    "pdf-stored": lambda m: documents.pdf(m, compress=False),
    "pdf-object-streams": lambda m: documents.qpdf(documents.pdf(m), "--object-streams=generate"),
    "pdf-owner-password": lambda m: documents.encrypted_pdf(m, False),
    "rtf": documents.rtf,
    "html-data": documents.html,
}

MAIL = {
    "mail-base64": mails.message,
    "mail-quoted-printable": lambda m: mails.message(m, "quoted-printable"),
    "mail-7bit": lambda m: mails.message(m, "7bit"),
    "mail-uuencoded": mails.uu_message,
    "mail-nested": mails.nested,
    "mbox": mails.mbox,
    "tnef": lambda m: mails.tnef(m[-1:]),
}

# Opened by this program and not by the engine.
OWN = {
    "deb": lambda m: archives.ar([("debian-binary", b"2.0\n"),
                                  ("control.tar.xz", archives.xz(archives.tar([]))),
                                  ("data.tar.xz", archives.xz(archives.tar(m)))]),
    "ar": archives.ar,
    "rpm": archives.rpm,
    "zstd": _alone(archives.filtered("zstd", "-q")),
    "lz4": _alone(archives.filtered("lz4", "-q")),
    "zlib": _alone(lambda data: zlib.compress(data, 9)),
    "git-object": _alone(lambda data: zlib.compress(b"blob %d\x00" % len(data) + data)),
    "lzip": _alone(archives.filtered("lzip")),
    "lzma": _alone(archives.filtered("xz", "--format=lzma")),
    "lzop": _alone(archives.filtered("lzop")),
    "compress": _alone(archives.filtered("compress", "-c", "-f")),
    "tar-zst": _of_tar(archives.filtered("zstd", "-q")),
    "tar-lz4": _of_tar(archives.filtered("lz4", "-q")),
    "cpio-zst": lambda m: archives.filtered("zstd", "-q")(archives.bsdtar(m, "newc")),
    "initramfs": archives.initramfs,
    "squashfs": archives.squashfs,
    "warc": lambda m: archives.bsdtar(m, "warc"),
    "ext4": archives.ext4,
    "qcow2": archives.qcow2,
}

KINDS = {**ARCHIVES, **FILTERS, **DOCUMENTS, **MAIL}


def _zip_probes():
    def zipped(**fields):
        lead = zips.Member("lead.txt", LEAD, **fields)
        return zips.make([lead, zips.Member("test.txt", TEST)])

    def test(**fields):
        return zips.make([zips.Member("lead.txt", LEAD), zips.Member("test.txt", TEST, **fields)])

    whole = zips.of(MEMBERS)
    packed = zips.deflate(TEST)
    yield "wrong-checksum", test(crc=1, packed=zips.deflate(TEST[:-1] + b"x"))
    yield "says-it-is-shorter", test(real_size=500)
    yield "says-it-is-longer", test(real_size=5000)
    yield "packed-size-too-small", test(packed_size=len(packed) // 2)
    yield "packed-size-too-large", test(packed_size=1 << 24)
    yield "packed-size-none", test(packed_size=0)
    yield "method-unknown", test(method=zips.UNKNOWN, packed=packed)
    yield "method-wrong", test(method=zips.BZIP2, packed=packed)
    yield "stored-says-it-is-shorter", test(method=zips.STORED, packed_size=100)
    yield "local-header-damaged", test(local_magic=b"PK\x03\x05")
    yield "local-header-damaged-before", zipped(local_magic=b"PK\x03\x05")
    yield "directory-entry-damaged", test(central_magic=b"PK\x01\x03")
    yield "directory-entry-damaged-before", zipped(central_magic=b"PK\x01\x03")
    yield "not-in-the-directory", test(in_directory=False)
    yield "not-in-the-directory-before", zips.make(
        [zips.Member("test.txt", TEST, in_directory=False), zips.Member("lead.txt", LEAD)])
    yield "no-end", zips.make([zips.Member(n, d) for n, d in MEMBERS], end=False)
    yield "end-tells-fewer", zips.make([zips.Member(n, d) for n, d in MEMBERS], count=1)
    yield "comment", zips.make([zips.Member(n, d) for n, d in MEMBERS], comment=b"c" * 60000)
    yield "data-flipped", flip(whole, whole.index(packed) + len(packed) // 2, 4)
    yield "within-a-program", archives.program() + whole + bytes(200000)
    described = zips.of(MEMBERS, descriptor=True)
    yield "within-a-program-sizes-behind", archives.program() + described + bytes(200000)
    yield "two-behind-a-program", archives.program() + described + zips.of(PLAIN_MEMBERS)
    yield "encrypted", _encrypted_zip(LEAD, TEST)
    yield "encrypted-one-of-two", _encrypted_zip(None, TEST)
    yield "encrypted-aes", archives.zip_by_7z(MEMBERS, "-mem=AES256", "-p" + PASSWORD)
    yield "encrypted-self-extracting", archives.program() + _encrypted_zip(LEAD, TEST)


def _encrypted_zip(first, second):
    members = []
    for name, data in (("lead.txt", first), ("test.txt", second)):
        plain = data is None
        member = zips.Member(name, LEAD if plain else data, flags=0 if plain else 1)
        if not plain:
            member.packed = zips.traditional(member.packed, PASSWORD, member.crc)
            member.packed_size = len(member.packed)
        members.append(member)
    return zips.make(members)


def _seven_zip_probes():
    whole = archives.seven_zip(MEMBERS, "-mhc=off")
    yield "header-checksum-wrong", flip(whole, 8, 4)
    yield "header-offset-wrong", flip(whole, 12, 2)
    yield "header-damaged", flip(whole, len(whole) - 40)
    yield "encrypted", archives.seven_zip(MEMBERS, "-p" + PASSWORD)
    yield "encrypted-names", archives.seven_zip(MEMBERS, "-p" + PASSWORD, "-mhe=on")
    yield "method-unknown", replace(whole, b"\x21\x21\x01", b"\x21\x7e\x01", -1)


def _other_archive_probes():
    yield "rar4-encrypted", archives.rar4(MEMBERS, encrypted=True)
    yield "rar4-encrypted-names", archives.rar4(MEMBERS, hide_names=True)
    yield "rar5-encrypted", archives.rar5(MEMBERS, encrypted=True)
    yield "rar5-encrypted-names", archives.rar5(MEMBERS, hide_names=True)
    yield "rar4-wrong-checksum", archives.rar4(MEMBERS, crc_error=1)
    yield "rar5-wrong-checksum", archives.rar5(MEMBERS, crc_error=1)
    yield "rar4-method-unknown", archives.rar4(MEMBERS, method=0x3f)
    yield "rar5-method-unknown", archives.rar5(MEMBERS, method=6)
    yield "arj-encrypted", archives.arj(MEMBERS, "-g" + PASSWORD)
    cab = archives.cab(MEMBERS, "-z")
    yield "cab-method-unknown", cab[:66 - 24] + b"\x0f\x00" + cab[66 - 22:]
    yield "cab-checksum-wrong", flip(cab, cab.index(b"CK") - 8, 4)
    yield "cab-second-block-damaged", flip(cab, len(cab) - 600)
    tar = archives.tar(MEMBERS)
    yield "tar-second-header-damaged", flip(tar, tar.index(b"test.txt") + 148, 4)
    yield "tar-second-size-too-large", _tar_with_size(tar, 0o7777777777)
    newc = archives.bsdtar(MEMBERS, "newc")
    yield "cpio-second-header-damaged", flip(newc, newc.rindex(b"070701", 0, newc.index(
        b"test.txt")), 6)
    yield "cpio-checksum-wrong", flip(archives.cpio_crc(MEMBERS), 2000)
    yield "gzip-checksum-wrong", archives.gz(LEAD)[:-8] + archives.gz(PLAIN)[-8:]
    yield "gzip-second-part-damaged", _second_damaged(archives.gz)
    yield "bzip2-second-part-damaged", _second_damaged(archives.bz)
    yield "xz-second-part-damaged", _second_damaged(archives.xz)
    yield "uuencoded-two-files", mails.uu("lead.txt", LEAD) + mails.uu("test.txt", TEST)
    yield "uuencoded-in-a-text", b"See below.\n\n" + mails.uu("test.txt", TEST)
    yield "binhex-two-files", mails.binhex("lead.txt", LEAD) + mails.binhex("test.txt", TEST)
    yield "binhex-in-a-text", b"See below.\n\n" + mails.binhex("test.txt", TEST)
    yield "gzip-with-junk-behind", archives.gz(TEST) + b"junk" * 10


def _second_damaged(pack):
    first, second = pack(LEAD), pack(TEST)
    return first + flip(second, len(second) // 3)


def _tar_with_size(tar, size):
    start = tar.index(b"test.txt")
    header = bytearray(tar[start:start + 512])
    header[124:136] = f"{size:011o}\x00".encode()
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\x00 ".encode()
    return tar[:start] + bytes(header) + tar[start + 512:]


def _document_probes():
    yield "office-encrypted", documents.encrypted_office(noise(9000, "office"))
    yield "word97-encrypted", documents.old_encrypted_word(TEST)
    yield "odt-encrypted", documents.encrypted_odt([("content.xml", noise(4000, "odt"))])
    yield "pdf-encrypted", documents.encrypted_pdf(MEMBERS, True)
    yield "pdf-no-directory", documents.pdf(MEMBERS, directory=False)
    pdf = documents.pdf(MEMBERS)
    yield "pdf-filter-unknown", pdf.replace(b"/FlateDecode", b"/OtherDecode")
    yield "pdf-filter-of-pictures", pdf.replace(b"/FlateDecode", b"/CCITTFaxDecode")
    yield "pdf-filter-elsewhere", pdf.replace(b"/Filter/FlateDecode", b"/Filter 99 0 R").replace(
        b"xref\n", b"99 0 obj\n/FlateDecode\nendobj\nxref\n", 1)
    yield "pdf-filter-escaped", pdf.replace(b"/FlateDecode", b"/Flate#44ecode")
    yield "pdf-length-wrong", pdf.replace(b"/Length ", b"/Length 1", 2)
    ole = documents.ole2_streams(MEMBERS)
    yield "ole2-table-damaged", flip(ole, len(ole) - 512, 200)
    yield "ole2-directory-damaged", flip(ole, ole.index("lead_txt".encode("utf-16-le")) + 116, 4)
    yield "ole2-start-out-of-range", _ole2_start(ole, 0xfffff)


def _ole2_start(ole, sector):
    at = ole.index("test_txt".encode("utf-16-le")) + 116
    return ole[:at] + struct.pack("<I", sector) + ole[at + 4:]


# Types of which the engine says that it ignores them, and what they begin with.
IGNORED = {"mp3": b"ID3\x03\x00", "ogg": b"OggS\x00", "sqlite": b"SQLite format 3\x00",
           "real-media": b".RMF\x00", "graphics": b"BM\x00\x00", "png": b"\x89PNG\r\n\x1a\n",
           "mpeg": b"\x00\x00\x01\xba", "riff": b"RIFF\x00\x01\x00\x00WAVE"}


# Formats that nothing here can make.
_DAMAGED_TESTFILES = ("clam.chm", "clam.exe.szdd", "clam.sis", "clam-nsis.exe", "clam.ea05.exe",
                      "clam.ea06.exe", "clam_IScab_int.exe", "clam_ISmsi_int.exe", "clam.ole.doc",
                      "clam.ppt", "clam.impl.zip")


def _testfile_probes():
    for path in sorted(TESTFILES.iterdir()):
        data = path.read_bytes()
        yield path.name, data
        if path.name in _DAMAGED_TESTFILES:
            # What an installer installs is behind the program.
            damage = "tail-missing" if path.suffix == ".exe" else "cut"
            yield f"{path.name}-{damage}", DAMAGES[damage](data)


def _many_files(number):
    return [(f"{n}", b"member %d\n" % n) for n in range(number)] + [("test.txt", TEST)]


def too_many():
    many = _many_files(10001)
    yield "zip-stored/too-many-files", zips.of(many, method=zips.STORED)
    yield "tar-gz/too-many-files", archives.gz(archives.tar(many))
    for kind in ("ar", "tar-zst", "cpio-zst", "squashfs", "warc"):
        yield f"own-{kind}/too-many-files", OWN[kind](many)


def _kind_probes(kind, make):
    whole = make(MEMBERS)
    yield f"{kind}/with", whole
    yield f"{kind}/without", make(PLAIN_MEMBERS)
    for damage, change in DAMAGES.items():
        yield f"{kind}/{damage}", change(whole)


def usual():
    """Probes for the limits that a user has: (name, bytes)."""
    for kind, make in KINDS.items():
        yield from _kind_probes(kind, make)
    for kind, make in OWN.items():
        yield from _kind_probes(f"own-{kind}", make)
        yield f"own-{kind}/in-zip", zips.of([("inner", make(MEMBERS))])
    for prefix, probes in (("zip/", _zip_probes()), ("7z/", _seven_zip_probes()),
                           ("archive/", _other_archive_probes()),
                           ("document/", _document_probes()),
                           ("testfile/", _testfile_probes())):
        for name, data in probes:
            yield prefix + name, data
    for kind, start in IGNORED.items():
        yield f"media/{kind}", start + BODY
    yield from nested()
    yield from too_many()


def nested(depth=25):
    for kind in ("zip-deflated", "tar-ustar", "gzip", "7z-lzma2", "cab-mszip", "mail-base64"):
        yield f"{kind}/nested", _nest(KINDS[kind], depth)
    for kind in ("ar", "zstd", "tar-zst", "cpio-zst", "warc", "squashfs", "ext4"):
        yield f"own-{kind}/nested", _nest(OWN[kind], 3 if kind == "ext4" else depth)


def _nest(make, depth):
    data = TEST
    for _ in range(depth):
        data = make([("inner", data)])
    return data


def small_members():
    """One member beyond a limit of 100 KiB, with the content at its end."""
    large = [("large.txt", bytes(200 * 1024) + BODY)]
    for kind, make in KINDS.items():
        yield f"{kind}/member-over-the-file-size", make(large)
    for kind, make in OWN.items():
        yield f"own-{kind}/member-over-the-file-size", make(large)


def small_sum():
    """More than 100 KiB in all; the content is the last member."""
    many = [(f"member{n}.txt", text(24000, f"member {n}")) for n in range(8)]
    yield "zip/not-in-the-directory-over-the-scan-size", zips.make(
        [*[zips.Member(*member) for member in many],
         zips.Member("test.txt", TEST, in_directory=False)])
    for kind, make in {**ARCHIVES, **DOCUMENTS, **MAIL}.items():
        yield f"{kind}/over-the-scan-size", make([*many, ("test.txt", TEST)])
    for kind, make in OWN.items():
        yield f"own-{kind}/over-the-scan-size", make([*many, ("test.txt", TEST)])


# The damage has made another content of it, or a shorter one, and all programs that unpack it agree
# on that; it was scanned. Nothing that anybody could unpack was passed over. Everything else that
# is clean must never have had the test content in it.
SCANNED_AS_ANOTHER = {
    "own-compress/cut": "the format has neither an end nor checksums",
    "own-compress/tail-missing": "the format has neither an end nor checksums",
}

# Names of the sets of probes; of each the probes, and the limits they are scanned with, for this
# program and for clamscan.
SETS = {
    "usual": (usual, ["--max-file-size", "256M", "--max-scan-size", "1G"],
              ["--max-filesize=256M", "--max-scansize=1G"]),
    "file-size": (small_members, ["--max-file-size", "100K"], ["--max-filesize=100K"]),
    "scan-size": (small_sum, ["--max-scan-size", "100K"], ["--max-scansize=100K"]),
}


def write(name, directory):
    """The probes of a set as files; how many."""
    count = 0
    for path, data in SETS[name][0]():
        target = pathlib.Path(directory) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        count += 1
    return count
