// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Messages that are not whole, and of which the engine does not say so. */
#pragma once

#include <glib.h>

#include "vt-verdict.h"

/* NONE, or damaged: the SIZE bytes at DATA are a message or a mailbox, and the last boundary of one
 * of its messages is missing. */
VtReason vt_engine_mail_check (const guint8 *data, gsize size);
