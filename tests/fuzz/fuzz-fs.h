// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What the fuzzers of file systems share. */
#pragma once

#include "vt-fs.h"

typedef VtFs *(*FuzzFsOpen) (
    VtDisk *disk, guint64 start, guint64 size, char **refusal, GError **error);

/* Opens an image's bytes, lists and reads all, and looks for PATH. */
void fuzz_fs (FuzzFsOpen open_fs, const char *path, const guint8 *data, gsize size);
