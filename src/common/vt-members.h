// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Where in a file something is: the names by which it is reached inside containers, the outermost
 * first. A list of strings as GLib has them (GStrv); NULL and the empty list are the file itself.
 * Names are bytes as the containers have them, valid UTF-8 or not.
 */
#pragma once

#include <glib.h>

/* Longest name that is kept, in bytes; of a longer one the end is cut off. */
#define VT_MEMBER_NAME_MAX 4096
/* Most bytes of all names in a list that vt_members_prepend() makes, as far as each keeps some. */
#define VT_MEMBERS_BYTES_MAX 4096
/* Most names in a list. */
#define VT_MEMBERS_MAX 128

/* NAME, the end of which may be cut off, then those of MEMBERS, which may be NULL. Free with
 * g_strfreev(). */
GStrv vt_members_prepend (const char *name, const char *const *members);

/* "path!member!inner"; free with g_free(). */
char *vt_members_join (const char *path, const char *const *members);

/* All names, each with its closing NUL, as one block for a database; unref with g_bytes_unref(). */
GBytes *vt_members_pack (const char *const *members);
/* The opposite, of a block that is not trusted. FALSE if it is none. MEMBERS gets NULL if there are
 * no names; free with g_strfreev(). */
gboolean vt_members_unpack (const void *data, gsize size, GStrv *members) G_GNUC_WARN_UNUSED_RESULT;
