// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The process that holds the loaded engine and forks workers that share its memory.
 */
#pragma once

#include <gio/gio.h>

/* A VtChildFunc; speaks vt-engine-protocol-private.h with the pool. */
int vt_engine_host_run (int socket, GVariant *arguments);
