// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A command's output, from the appliance through its serial port.
 *
 * A serial port has no end of file, so a trailer that nobody can foresee follows the output, with
 * the command's exit status.
 */
#pragma once

#include "vt-guestfs.h"

typedef struct _VtPortStream VtPortStream;

/*
 * Runs COMMAND, a line for the appliance's shell, in the directory where the file system is
 * mounted. Its standard error is kept for vt_port_stream_finish().
 */
VtPortStream *vt_port_stream_start (VtAppliance *appliance,
                                    const char *command,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_port_stream_free (VtPortStream *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtPortStream, vt_port_stream_free)

/*
 * Gives the next bytes, valid until the next call, and their number; the trailer is among them. 0:
 * the command is gone without a trailer. -1: error.
 */
gssize vt_port_stream_read (VtPortStream *self, const guint8 **data, GError **error);

/* Whether the trailer has come: nothing follows it. */
gboolean vt_port_stream_is_complete (VtPortStream *self);

/*
 * Reads up to the trailer. STATUS gets the exit status and MESSAGES what the command printed on
 * standard error, cut after a few lines.
 */
gboolean vt_port_stream_finish (VtPortStream *self, int *status, char **messages, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
