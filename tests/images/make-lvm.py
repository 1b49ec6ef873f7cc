#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Writes an LVM2 physical volume with linear logical volumes, without device-mapper or root.

Usage: make-lvm.py --vg NAME --output PV LV=FILE...

Each FILE's content becomes the logical volume of that name. Identifiers and times are fixed. The
layout is what pvcreate makes by default: label in sector 1, metadata area from 4 KiB to 1 MiB,
data from 1 MiB in extents of 4 MiB.
"""

import argparse
import os
import shutil
import struct
import sys

SECTOR = 512
AREA_START = 4096
DATA_START = 1 << 20
EXTENT = 4 << 20
CREATED = 1700000000

CRC_SEED = 0xF597A6CF
CRC_POLYNOMIAL = 0xEDB88320


def checksum(data):
    """LVM's CRC-32: the ordinary polynomial, its own seed, no final inversion."""
    crc = CRC_SEED
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (CRC_POLYNOMIAL if crc & 1 else 0)
    return crc


def identifier(number):
    """A 32-character id of those LVM takes: 0-9, a-z, A-Z."""
    return f"5eedLVM0{number:024d}"


def dashed(text):
    """Ids are written in groups of 6, 4, 4, 4, 4, 4 and 6 characters."""
    groups = []
    for length in (6, 4, 4, 4, 4, 4, 6):
        groups.append(text[:length])
        text = text[length:]
    return "-".join(groups)


def volume_text(name, number, first, count):
    return f"""{name} {{
id = "{dashed(identifier(100 + number))}"
status = ["READ", "WRITE", "VISIBLE"]
flags = []
creation_time = {CREATED}
creation_host = "localhost"
segment_count = 1

segment1 {{
start_extent = 0
extent_count = {count}

type = "striped"
stripe_count = 1

stripes = [
"pv0", {first}
]
}}
}}
"""


def metadata_text(group, volumes, total):
    logical = "\n".join(
        volume_text(name, number, first, count)
        for number, (name, first, count) in enumerate(volumes)
    )
    return f"""{group} {{
id = "{dashed(identifier(1))}"
seqno = 1
format = "lvm2"
status = ["RESIZEABLE", "READ", "WRITE"]
flags = []
extent_size = {EXTENT // SECTOR}
max_lv = 0
max_pv = 0
metadata_copies = 0

physical_volumes {{

pv0 {{
id = "{dashed(identifier(2))}"
device = "/dev/unknown"

status = ["ALLOCATABLE"]
flags = []
dev_size = {(DATA_START + total * EXTENT) // SECTOR}
pe_start = {DATA_START // SECTOR}
pe_count = {total}
}}
}}

logical_volumes {{

{logical}
}}

}}
# Written by make-lvm.py

contents = "Text Format Volume Group"
version = 1

description = ""

creation_host = "localhost"
creation_time = {CREATED}

"""


def label_sector(size):
    """The label header and, behind it, the header of the physical volume."""
    header = identifier(2).encode() + struct.pack("<Q", size)
    header += struct.pack("<QQ", DATA_START, 0) + struct.pack("<QQ", 0, 0)
    header += struct.pack("<QQ", AREA_START, DATA_START - AREA_START) + struct.pack("<QQ", 0, 0)
    header += struct.pack("<IIQQ", 2, 1, 0, 0)
    tail = struct.pack("<I", 32) + b"LVM2 001" + header
    tail = tail.ljust(SECTOR - 20, b"\0")
    return b"LABELONE" + struct.pack("<QI", 1, checksum(tail)) + tail


def area_header(text):
    body = b" LVM2 x[5A%r0N*>" + struct.pack("<IQQ", 1, AREA_START, DATA_START - AREA_START)
    body += struct.pack("<QQII", SECTOR, len(text), checksum(text), 0)
    body = body.ljust(SECTOR - 4, b"\0")
    return struct.pack("<I", checksum(body)) + body


def main():
    parser = argparse.ArgumentParser(description="Write an LVM2 physical volume into a file.")
    parser.add_argument("--vg", required=True, metavar="NAME")
    parser.add_argument("--output", required=True, metavar="PV")
    parser.add_argument("volumes", nargs="+", metavar="LV=FILE")
    arguments = parser.parse_args()

    layout = []
    total = 0
    for volume in arguments.volumes:
        name, path = volume.split("=", 1)
        count = -(-os.stat(path).st_size // EXTENT)
        layout.append((name, path, total, count))
        total += count
    text = metadata_text(arguments.vg, [(n, f, c) for n, _, f, c in layout], total).encode()
    text += b"\0"
    size = DATA_START + total * EXTENT

    with open(arguments.output, "wb") as output:
        output.truncate(size)
        output.seek(SECTOR)
        output.write(label_sector(size))
        output.seek(AREA_START)
        output.write(area_header(text) + text)
        for _, path, first, _ in layout:
            output.seek(DATA_START + first * EXTENT)
            with open(path, "rb") as source:
                shutil.copyfileobj(source, output, EXTENT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
