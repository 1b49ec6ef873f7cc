// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Finds what of zip archives no directory tells: members that were left out of it, archives whose
 * end is missing, and those in the middle of something else. Programs that read an archive from
 * its start find these; the engine goes by the directory if there is one.
 *
 * Pure comparison of bytes; nothing is unpacked.
 */
#pragma once

#include <glib.h>

typedef struct _VtEngineZip VtEngineZip;

/* Takes the SIZE bytes at DATA, which must stay, apart into what the members of the directory at
 * their end cover, and what they do not; without such a directory that is all of it. */
VtEngineZip *vt_engine_zip_new (const guint8 *data, gsize size);
void vt_engine_zip_free (VtEngineZip *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtEngineZip, vt_engine_zip_free)

/*
 * Gives the next piece that no directory tells of: it begins at START with the header of a member,
 * and ends no later than END. What begins behind LIMIT is not looked for. Whatever follows in the
 * same piece up to the end of an archive is in it. FALSE: there are no more.
 */
gboolean vt_engine_zip_next (VtEngineZip *self, gsize limit, gsize *start, gsize *end);
