// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What the two readers by libarchive share: the one of archives, and the one of streams. */
#pragma once

#include <archive.h>

#include "vt-unpack-private.h"

typedef struct archive VtArchive;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtArchive, archive_read_free)

typedef int (*VtSupport) (struct archive *archive);

typedef struct {
  VtFormat format;
  VtSupport support;
} VtSupported;

/* NULL if FORMAT is not in TABLE, which has N. */
VtSupport vt_support_find (const VtSupported *table, gsize n, VtFormat format);

/* What ARCHIVE says is wrong; its own. */
const char *vt_archive_error (struct archive *archive);

/* An archive that knows one format or filter, and the passwords; NULL on failure, which is told. */
struct archive *vt_archive_new (VtUnpacking *unpacking,
                                VtSupport support) G_GNUC_WARN_UNUSED_RESULT;
/* Lets ARCHIVE read from INPUT. */
gboolean vt_archive_open_input (VtUnpacking *self,
                                struct archive *archive,
                                VtInput *input) G_GNUC_WARN_UNUSED_RESULT;
/* INPUT was at START when ARCHIVE was opened: it gets back what was not used. */
gboolean vt_archive_give_back (VtUnpacking *self,
                               struct archive *archive,
                               VtInput *input,
                               guint64 start) G_GNUC_WARN_UNUSED_RESULT;
