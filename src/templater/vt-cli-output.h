// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The files that a verb writes, as the command line names them.
 */
#pragma once

#include <gio/gio.h>

/*
 * The file at PATH for writing; NULL or "-": standard output. A regular file is replaced only when
 * the stream is closed; vt_cli_discard_output() leaves it as it was.
 */
GOutputStream *vt_cli_open_output (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Drops what was written, and the stream. NULL is allowed. */
void vt_cli_discard_output (GOutputStream *stream);

/* Checks --output and --output-format (may be NULL) of a verb that changes an image: whether the
 * file is free. What writes it looks again. */
gboolean vt_cli_check_new_image (const char *output,
                                 const char *output_format,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
