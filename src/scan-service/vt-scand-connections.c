// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-connections.h"

#define COUNTED_KEY "vt-scand-connection"

struct _VtScandConnections {
  grefcount references;
  guint64 max;
  guint64 max_per_address;
  guint length;
  GHashTable *addresses; /* char * to their number, as a pointer */
};

/* A socket that is counted. */
typedef struct {
  VtScandConnections *connections;
  char *address;
} Counted;

VtScandConnections *
vt_scand_connections_new (guint64 max, guint64 max_per_address)
{
  VtScandConnections *self = g_new0 (VtScandConnections, 1);

  g_ref_count_init (&self->references);
  self->max = max;
  self->max_per_address = max_per_address;
  self->addresses = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

void
vt_scand_connections_unref (VtScandConnections *self)
{
  if (!g_ref_count_dec (&self->references))
    return;
  g_hash_table_unref (self->addresses);
  g_free (self);
}

static guint
count_of (const VtScandConnections *self, const char *address)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (self->addresses, address));
}

static void
set_count (VtScandConnections *self, const char *address, guint count)
{
  if (count == 0)
    g_hash_table_remove (self->addresses, address);
  else
    g_hash_table_insert (self->addresses, g_strdup (address), GUINT_TO_POINTER (count));
}

static void
counted_free (gpointer data)
{
  Counted *counted = data;
  VtScandConnections *self = counted->connections;

  self->length--;
  set_count (self, counted->address, count_of (self, counted->address) - 1);
  vt_scand_connections_unref (self);
  g_free (counted->address);
  g_free (counted);
}

static char *
get_address (GSocket *socket)
{
  g_autoptr (GSocketAddress) address = g_socket_get_remote_address (socket, NULL);

  if (!G_IS_INET_SOCKET_ADDRESS (address))
    return g_strdup ("");
  return g_inet_address_to_string (
      g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address)));
}

gboolean
vt_scand_connections_admit (VtScandConnections *self, GSocket *socket)
{
  g_autofree char *address = get_address (socket);
  Counted *counted;

  if (self->length >= self->max || count_of (self, address) >= self->max_per_address)
    return FALSE;
  self->length++;
  set_count (self, address, count_of (self, address) + 1);
  g_ref_count_inc (&self->references);
  counted = g_new (Counted, 1);
  *counted = (Counted){self, g_steal_pointer (&address)};
  g_object_set_data_full (G_OBJECT (socket), COUNTED_KEY, counted, counted_free);
  return TRUE;
}
