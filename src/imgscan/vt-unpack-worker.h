// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The process that opens containers (vt-unpack.h), in a sandbox, one after the other. What it is
 * sent and sends is in vt-unpack-protocol-private.h.
 */
#pragma once

#include <gio/gio.h>

/* A VtChildFunc (vt-spawner.h). */
int vt_unpack_worker_main (int socket, GVariant *arguments);
