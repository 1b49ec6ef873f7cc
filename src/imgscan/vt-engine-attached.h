// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Finds archives that are attached to a program, as those that unpack themselves have them.
 *
 * Their first bytes stand in many a program by chance: what is taken for one must have more of an
 * archive about it. Pure comparison of bytes; nothing is unpacked.
 */
#pragma once

#include <glib.h>

/* Whether the SIZE bytes at DATA have the directory of a zip archive at their end. */
gboolean vt_engine_attached_has_zip (const guint8 *data, gsize size);

/*
 * Gives where in the SIZE bytes at DATA the first archive other than zip begins at FROM or later,
 * and in TYPE (static) how the engine names its type; SIZE if there is none.
 */
gsize vt_engine_attached_find (const guint8 *data, gsize size, gsize from, const char **type);
