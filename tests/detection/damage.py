# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Damage that can be done to any container without knowing what it is."""


def flip(data, offset, length=8):
    """LENGTH bytes from OFFSET on, every second bit turned."""
    middle = bytes(byte ^ 0x55 for byte in data[offset:offset + length])
    return data[:offset] + middle + data[offset + length:]


def replace(data, old, new, which=0):
    """The occurrence number WHICH of OLD is NEW; negative: from the end."""
    parts = data.split(old)
    if which < 0:
        which += len(parts) - 1
    if not 0 <= which < len(parts) - 1:
        raise ValueError(f"{old!r} does not stand there often enough")
    return old.join(parts[:which + 1]) + new + old.join(parts[which + 1:])


# In the middle of the first member; what is to be found lies behind it.
DAMAGES = {
    "cut": lambda data: data[:len(data) * 6 // 10],
    "tail-missing": lambda data: data[:-max(16, len(data) // 200)],
    "flipped": lambda data: flip(data, len(data) // 4),
}
