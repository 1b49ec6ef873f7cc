// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-uploads.h"

#define MEMORY  1000
#define PER_ONE 3

static VtScandRoom *
take (VtScandUploads *uploads, const char *agent, guint64 size)
{
  VtScandRoom *room = vt_scand_uploads_take (uploads, agent, size);

  g_assert_nonnull (room);
  return room;
}

static void
assert_none (VtScandUploads *uploads, const char *agent, guint64 size)
{
  guint64 before = vt_scand_uploads_get_bytes (uploads);

  g_assert_null (vt_scand_uploads_take (uploads, agent, size));
  g_assert_cmpuint (vt_scand_uploads_get_bytes (uploads), ==, before);
}

static void
test_memory (void)
{
  g_autoptr (VtScandUploads) uploads = vt_scand_uploads_new (MEMORY, PER_ONE);
  g_autoptr (VtScandRoom) first = take (uploads, "a", 600);
  g_autoptr (VtScandRoom) second = NULL;

  assert_none (uploads, "b", 401);
  assert_none (uploads, "b", G_MAXUINT64);
  second = take (uploads, "b", 400);
  g_assert_cmpuint (vt_scand_uploads_get_bytes (uploads), ==, MEMORY);
  assert_none (uploads, "c", 1);
  g_clear_pointer (&first, vt_scand_room_free);
  first = take (uploads, "c", 600);
}

static void
test_per_agent (void)
{
  g_autoptr (VtScandUploads) uploads = vt_scand_uploads_new (MEMORY, PER_ONE);
  VtScandRoom *rooms[PER_ONE];

  for (gsize i = 0; i < PER_ONE; i++)
    rooms[i] = take (uploads, "a", 0);
  assert_none (uploads, "a", 0);
  vt_scand_room_free (take (uploads, "b", 1));
  vt_scand_room_free (rooms[0]);
  rooms[0] = take (uploads, "a", 5);
  assert_none (uploads, "a", 0);
  for (gsize i = 0; i < PER_ONE; i++)
    vt_scand_room_free (rooms[i]);
  g_assert_cmpuint (vt_scand_uploads_get_bytes (uploads), ==, 0);
  vt_scand_room_free (take (uploads, "a", 1));
}

/* Else it could never be scanned. */
static void
test_larger_than_all (void)
{
  g_autoptr (VtScandUploads) uploads = vt_scand_uploads_new (MEMORY, PER_ONE);
  g_autoptr (VtScandRoom) room = take (uploads, "a", 2 * MEMORY);

  assert_none (uploads, "b", 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/scand-uploads/memory", test_memory);
  g_test_add_func ("/scand-uploads/per-agent", test_per_agent);
  g_test_add_func ("/scand-uploads/larger-than-all", test_larger_than_all);
  return g_test_run ();
}
