// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A place on disk for one content that is too large for memory. It is a file without a name, which
 * the kernel removes however this process ends.
 *
 * Whoever writes it is not trusted: that nobody can write to it any more is checked before it is
 * read.
 */
#pragma once

#include <gio/gio.h>

typedef struct _VtSpool VtSpool;

/*
 * Makes one for SIZE bytes, all of it a hole yet, in $TMPDIR, or else /var/tmp. Fails
 * (G_IO_ERROR_NO_SPACE) when there is no room for DATA bytes, with a reserve that is left to
 * others.
 */
VtSpool *vt_spool_new (guint64 size, guint64 data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_spool_free (VtSpool *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtSpool, vt_spool_free)

guint64 vt_spool_get_size (const VtSpool *self);

/* The descriptor to write by, now the caller's; once. */
int vt_spool_steal_writer (VtSpool *self);

/* When it is written and no descriptor to write by is left anywhere: one to read by, now the
 * caller's. -1: somebody can still write, or its size is another. */
int vt_spool_finish (VtSpool *self);
