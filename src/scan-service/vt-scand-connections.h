// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The connections of a server, within bounds: so many in all, and so many from one address.
 */
#pragma once

#include <gio/gio.h>

typedef struct _VtScandConnections VtScandConnections;

VtScandConnections *vt_scand_connections_new (guint64 max, guint64 max_per_address);
/* Connections that are left keep it. */
void vt_scand_connections_unref (VtScandConnections *self);

/* Counts SOCKET until it is gone. FALSE: there is no room for it. */
gboolean vt_scand_connections_admit (VtScandConnections *self, GSocket *socket);
