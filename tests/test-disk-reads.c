// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Reading ahead on a disk that answers late, in the wrong order, not everywhere, or no more: this
 * program has a disk of its own in the place of vt-disk. */
#include "vt-disk-reads.h"

#define KIB ((guint64)1024)

G_DEFINE_QUARK (vt - disk - error - quark, vt_disk_error)

typedef struct {
  guint64 offset;
  guint8 *buffer;
  gsize size;
  VtDiskDone done;
  gpointer user_data;
} Pending;

struct _VtDisk {
  GArray *pending; /* of Pending */
  guint requests;
  guint most;       /* under way at once */
  guint64 bad;      /* offset of a bad sector */
  guint lost_after; /* requests */
};

static gboolean
fill (VtDisk *self, guint64 offset, guint8 *buffer, gsize size, GError **error)
{
  if (self->requests > self->lost_after) {
    g_set_error (error, VT_DISK_ERROR, VT_DISK_ERROR_LOST, "lost");
    return FALSE;
  }
  if (self->bad >= offset && self->bad < offset + size) {
    g_set_error (error, VT_DISK_ERROR, VT_DISK_ERROR_READ, "bad");
    return FALSE;
  }
  for (gsize i = 0; i < size; i++)
    buffer[i] = (guint8)((offset + i) / 512);
  return TRUE;
}

gboolean
vt_disk_read (VtDisk *self, guint64 offset, void *buffer, gsize size, GError **error)
{
  return fill (self, offset, buffer, size, error);
}

gboolean
vt_disk_submit (VtDisk *self,
                guint64 offset,
                void *buffer,
                gsize size,
                VtDiskDone done,
                gpointer user_data,
                GError **error)
{
  Pending pending = {offset, buffer, size, done, user_data};

  self->requests++;
  g_array_append_val (self->pending, pending);
  self->most = MAX (self->most, self->pending->len);
  return TRUE;
}

/* The latest first. */
gboolean
vt_disk_wait (VtDisk *self, guint max_in_flight, GError **error)
{
  gboolean lost = self->requests > self->lost_after;

  while (self->pending->len > (lost ? 0 : max_in_flight)) {
    Pending pending = g_array_index (self->pending, Pending, self->pending->len - 1);
    g_autoptr (GError) failure = NULL;

    g_array_set_size (self->pending, self->pending->len - 1);
    if (!fill (self, pending.offset, pending.buffer, pending.size, &failure))
      g_assert_nonnull (failure);
    pending.done (failure, pending.user_data);
  }
  if (lost)
    g_set_error (error, VT_DISK_ERROR, VT_DISK_ERROR_LOST, "lost");
  return !lost;
}

typedef struct {
  VtDisk disk;
  VtDiskReads *reads;
  guint64 next;  /* piece */
  guint64 bytes; /* of the present piece */
  guint unreadable;
  guint marks;
  guint stop_after; /* marks */
} Fixture;

static gboolean
on_piece (const VtDiskPiece *piece, const guint8 *data, gpointer user_data, GError **error)
{
  Fixture *self = user_data;

  g_assert_cmpuint (GPOINTER_TO_SIZE (piece->owner), ==, self->next);
  if (piece->size == 0) {
    self->next++;
    self->bytes = 0;
    if (++self->marks <= self->stop_after)
      return TRUE;
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "enough");
    return FALSE;
  }
  g_assert_cmpuint (piece->position, ==, self->bytes);
  self->bytes += piece->size;
  if (data == NULL)
    self->unreadable++;
  for (guint64 i = 0; data != NULL && i < piece->size; i += 511)
    g_assert_cmpuint (data[i], ==, (guint8)((piece->offset + i) / 512));
  return TRUE;
}

static void
set_up (Fixture *self, gconstpointer data)
{
  self->disk.pending = g_array_new (FALSE, FALSE, sizeof (Pending));
  self->disk.bad = G_MAXUINT64;
  self->disk.lost_after = G_MAXUINT;
  self->stop_after = G_MAXUINT;
  self->reads = vt_disk_reads_new (&self->disk, on_piece, self);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  vt_disk_reads_free (self->reads);
  g_assert_cmpuint (self->disk.pending->len, ==, 0);
  g_array_unref (self->disk.pending);
}

/* A file of one piece, with its mark. */
static gboolean
add (Fixture *self, gsize number, guint64 offset, guint64 size, GError **error)
{
  VtDiskPiece piece = {GSIZE_TO_POINTER (number), 0, offset, size};
  VtDiskPiece mark = {GSIZE_TO_POINTER (number), 0, 0, 0};

  return vt_disk_reads_add (self->reads, &piece, error) &&
         vt_disk_reads_add (self->reads, &mark, error);
}

static void
test_order_and_bounds (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < 300; i++)
    g_assert_true (
        add (self, i, (i * 7919 % 300) * 3000 * KIB, (i * 37 % 2500) * KIB + 700, &error));
  g_assert_true (vt_disk_reads_finish (self->reads, &error));
  g_assert_cmpuint (self->marks, ==, 300);
  g_assert_cmpuint (self->unreadable, ==, 0);
  g_assert_cmpuint (self->disk.most, >, 8);
  g_assert_cmpuint (self->disk.most, <=, 32);
}

static void
test_neighbours_come_together (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < 50; i++)
    g_assert_true (add (self, i, i * 10 * KIB, 4 * KIB, &error));
  g_assert_true (add (self, 50, 600 * KIB, KIB, &error));
  g_assert_true (vt_disk_reads_finish (self->reads, &error));
  g_assert_cmpuint (self->marks, ==, 51);
  g_assert_cmpuint (self->disk.requests, ==, 2);
}

static void
test_bad_sector_costs_one_piece (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  self->disk.bad = 41 * KIB;
  for (gsize i = 0; i < 50; i++)
    g_assert_true (add (self, i, i * 10 * KIB, 4 * KIB, &error));
  g_assert_true (vt_disk_reads_finish (self->reads, &error));
  g_assert_cmpuint (self->marks, ==, 50);
  g_assert_cmpuint (self->unreadable, ==, 1);
}

static void
test_lost_connection (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  gboolean good = TRUE;

  self->disk.lost_after = 40;
  for (gsize i = 0; good && i < 300; i++)
    good = add (self, i, i * 3000 * KIB, 5 * KIB, &error);
  g_assert_false (good);
  g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_LOST);
}

/* What is under way then still has its buffers. */
static void
test_taker_stops (Fixture *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  gboolean good = TRUE;

  self->stop_after = 3;
  for (gsize i = 0; good && i < 300; i++)
    good = add (self, i, i * 3000 * KIB, 5 * KIB, &error);
  g_assert_false (good);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (self->disk.pending->len, >, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, test) g_test_add ("/disk-reads/" name, Fixture, NULL, set_up, test, tear_down)
  ADD ("order-and-bounds", test_order_and_bounds);
  ADD ("neighbours-come-together", test_neighbours_come_together);
  ADD ("bad-sector-costs-one-piece", test_bad_sector_costs_one_piece);
  ADD ("lost-connection", test_lost_connection);
  ADD ("taker-stops", test_taker_stops);
  return g_test_run ();
}
