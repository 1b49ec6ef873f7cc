// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Finds what of zip archives no directory tells: members that were left out of it, archives whose
 * end is missing, and those in the middle of something else. Programs that read an archive from
 * its start find these; the engine goes by the directory if there is one, and so does libarchive.
 *
 * Pure comparison of bytes; nothing is unpacked.
 */
#pragma once

#include <glib.h>

/* Three lengths of 16 bits and the rest of an entry: nobody asks for more at a time. */
#define VT_ENGINE_ZIP_PEEK ((gsize)3 * 65536)

/* The N bytes at OFFSET, which are there; they may be gone with the next call. NULL: a failure. */
typedef const guint8 *(*VtEngineZipPeek) (gpointer source, guint64 offset, gsize n);

/* The source is the bytes. */
const guint8 *vt_engine_zip_peek_memory (gpointer memory, guint64 offset, gsize n);

typedef struct _VtEngineZip VtEngineZip;

/* Takes the SIZE bytes of SOURCE apart into what the members of the directory at their end cover,
 * and what they do not; without such a directory that is all of it. */
VtEngineZip *vt_engine_zip_new (VtEngineZipPeek peek, gpointer source, guint64 size);
void vt_engine_zip_free (VtEngineZip *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtEngineZip, vt_engine_zip_free)

gboolean vt_engine_zip_has_directory (const VtEngineZip *self);

/* Leaves out what is before the first member that the directory tells of; gives how much that is.
 */
guint64 vt_engine_zip_leave_start (VtEngineZip *self);

/*
 * Gives the next piece that no directory tells of: it begins at START with the header of a member,
 * and ends no later than END. What begins behind LIMIT is not looked for. Whatever follows in the
 * same piece up to the end of an archive is in it. FALSE: there are no more.
 */
gboolean vt_engine_zip_next (VtEngineZip *self, guint64 limit, guint64 *start, guint64 *end);
