// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-uploads.h"

struct _VtScandUploads {
  guint64 memory;
  guint64 max_per_agent;
  guint64 bytes;
  GHashTable *agents; /* char * to the number of its contents, as a pointer */
};

struct _VtScandRoom {
  VtScandUploads *uploads;
  char *agent;
  guint64 size;
};

VtScandUploads *
vt_scand_uploads_new (guint64 memory, guint64 max_per_agent)
{
  VtScandUploads *self = g_new0 (VtScandUploads, 1);

  self->memory = memory;
  self->max_per_agent = max_per_agent;
  self->agents = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

void
vt_scand_uploads_free (VtScandUploads *self)
{
  g_hash_table_unref (self->agents);
  g_free (self);
}

static guint
count_of (const VtScandUploads *self, const char *agent)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (self->agents, agent));
}

VtScandRoom *
vt_scand_uploads_take (VtScandUploads *self, const char *agent, guint64 size)
{
  guint count = count_of (self, agent);
  VtScandRoom *room;

  /* One that is larger than all the memory there may be has it alone. */
  if (count >= self->max_per_agent ||
      (self->bytes > 0 && (size > self->memory || self->bytes > self->memory - size)))
    return NULL;
  self->bytes += size;
  g_hash_table_insert (self->agents, g_strdup (agent), GUINT_TO_POINTER (count + 1));
  room = g_new (VtScandRoom, 1);
  *room = (VtScandRoom){self, g_strdup (agent), size};
  return room;
}

void
vt_scand_room_free (VtScandRoom *room)
{
  VtScandUploads *self = room->uploads;
  guint count = count_of (self, room->agent);

  self->bytes -= room->size;
  if (count > 1)
    g_hash_table_insert (self->agents, g_strdup (room->agent), GUINT_TO_POINTER (count - 1));
  else
    g_hash_table_remove (self->agents, room->agent);
  g_free (room->agent);
  g_free (room);
}

guint64
vt_scand_uploads_get_bytes (const VtScandUploads *self)
{
  return self->bytes;
}
