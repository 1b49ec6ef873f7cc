// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What fuzzers of file systems share. */
#pragma once

#include "fuzz.h"
#include "vt-fs.h"

typedef VtFs *(*FuzzFsOpen) (
    VtDisk *disk, guint64 start, guint64 size, char **refusal, GError **error);

/* Opens the SIZE bytes DATA, lists and reads what is there, and has to end well. */
void fuzz_fs (FuzzFsOpen open, const uint8_t *data, size_t size);
