// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-disk-reads.h"

/* A request, in bytes, and how many there are at most: 32 MiB. */
#define REQUEST_SIZE ((guint64)1024 * 1024)
#define REQUESTS_MAX 32

/* Bytes between two pieces that are rather read and dropped than skipped. */
#define GAP_MAX ((guint64)32 * 1024)

/* Of one request. */
#define PIECES_MAX 4096

typedef struct {
  VtDiskReads *reads;
  guint64 offset;
  guint64 size;
  guint8 *buffer; /* from when it is sent */
  GArray *pieces; /* of VtDiskPiece */
  gboolean done;
  GError *error;
} Request;

struct _VtDiskReads {
  VtDisk *disk;
  VtDiskPieceFunc func;
  gpointer user_data;
  Request *open;     /* to which pieces are added */
  GQueue sent;       /* of Request, owned */
  guint under_way;   /* of these, not done */
  GPtrArray *unused; /* buffers of REQUEST_SIZE, owned */
};

static void
request_free (gpointer data)
{
  Request *request = data;

  if (request->buffer != NULL)
    g_ptr_array_add (request->reads->unused, request->buffer);
  g_clear_error (&request->error);
  g_array_unref (request->pieces);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Request, request_free)

VtDiskReads *
vt_disk_reads_new (VtDisk *disk, VtDiskPieceFunc func, gpointer user_data)
{
  VtDiskReads *self = g_new0 (VtDiskReads, 1);

  self->disk = disk;
  self->func = func;
  self->user_data = user_data;
  self->unused = g_ptr_array_new_with_free_func (g_free);
  g_queue_init (&self->sent);
  return self;
}

void
vt_disk_reads_free (VtDiskReads *self)
{
  g_autoptr (GError) error = NULL;

  /* The disk writes into the buffers as long as it is at it; it is done with all when this fails.
   */
  if (self->under_way > 0 && !vt_disk_wait (self->disk, 0, &error))
    g_debug ("reading ahead: %s", error->message);
  g_assert (self->under_way == 0);
  g_clear_pointer (&self->open, request_free);
  g_queue_clear_full (&self->sent, request_free);
  g_ptr_array_unref (self->unused);
  g_free (self);
}

static void
on_done (const GError *error, gpointer data)
{
  Request *request = data;

  request->done = TRUE;
  request->reads->under_way--;
  if (error != NULL)
    request->error = g_error_copy (error);
}

/* Reads a piece alone, of a request that could not be read whole. NULL without ERROR: the medium.
 */
static const guint8 *
read_alone (VtDiskReads *self, const VtDiskPiece *piece, guint8 *buffer, GError **error)
{
  g_autoptr (GError) failure = NULL;

  if (vt_disk_read (self->disk, piece->offset, buffer, piece->size, &failure))
    return buffer;
  if (!g_error_matches (failure, VT_DISK_ERROR, VT_DISK_ERROR_READ))
    g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

static gboolean
hand_out_piece (VtDiskReads *self, Request *request, const VtDiskPiece *piece, GError **error)
{
  g_autoptr (GError) failure = NULL;
  const guint8 *data = NULL;

  if (piece->size > 0) {
    data = request->buffer + (piece->offset - request->offset);
    if (request->error != NULL)
      data =
          read_alone (self, piece, request->buffer + (piece->offset - request->offset), &failure);
  }
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  return self->func (piece, data, self->user_data, error);
}

/* Waits for the request that was sent first, and hands out its pieces. */
static gboolean
hand_out (VtDiskReads *self, GError **error)
{
  g_autoptr (Request) request = NULL;

  while (!((Request *)g_queue_peek_head (&self->sent))->done)
    if (!vt_disk_wait (self->disk, self->under_way - 1, error))
      return FALSE;
  request = g_queue_pop_head (&self->sent);
  if (request->error != NULL &&
      !g_error_matches (request->error, VT_DISK_ERROR, VT_DISK_ERROR_READ)) {
    g_propagate_error (error, g_steal_pointer (&request->error));
    return FALSE;
  }
  for (guint i = 0; i < request->pieces->len; i++)
    if (!hand_out_piece (self, request, &g_array_index (request->pieces, VtDiskPiece, i), error))
      return FALSE;
  return TRUE;
}

static gboolean
start (VtDiskReads *self, Request *request, GError **error)
{
  if (request->size == 0) {
    request->done = TRUE;
    return TRUE;
  }
  request->buffer = self->unused->len > 0
                        ? g_ptr_array_steal_index_fast (self->unused, self->unused->len - 1)
                        : g_malloc (REQUEST_SIZE);
  self->under_way++;
  if (vt_disk_submit (self->disk, request->offset, request->buffer, request->size, on_done, request,
                      error))
    return TRUE;
  self->under_way--;
  request->done = TRUE;
  return FALSE;
}

static gboolean
send_open (VtDiskReads *self, GError **error)
{
  Request *request;

  if (self->open == NULL)
    return TRUE;
  while (self->sent.length >= REQUESTS_MAX)
    if (!hand_out (self, error))
      return FALSE;
  request = g_steal_pointer (&self->open);
  g_queue_push_tail (&self->sent, request);
  return start (self, request, error);
}

/* Bytes at OFFSET that the open request can still take. */
static guint64
get_room (const VtDiskReads *self, guint64 offset)
{
  const Request *request = self->open;

  if (request == NULL || request->pieces->len >= PIECES_MAX)
    return 0;
  if (request->size == 0)
    return REQUEST_SIZE;
  if (offset < request->offset || offset > request->offset + request->size + GAP_MAX ||
      offset >= request->offset + REQUEST_SIZE)
    return 0;
  return request->offset + REQUEST_SIZE - offset;
}

static gboolean
make_open (VtDiskReads *self, GError **error)
{
  if (!send_open (self, error))
    return FALSE;
  self->open = g_new0 (Request, 1);
  self->open->reads = self;
  self->open->pieces = g_array_new (FALSE, FALSE, sizeof (VtDiskPiece));
  return TRUE;
}

static void
append (Request *request, const VtDiskPiece *piece)
{
  g_array_append_val (request->pieces, *piece);
  if (piece->size == 0)
    return;
  if (request->size == 0)
    request->offset = piece->offset;
  request->size = MAX (request->size, piece->offset + piece->size - request->offset);
}

gboolean
vt_disk_reads_add (VtDiskReads *self, const VtDiskPiece *piece, GError **error)
{
  VtDiskPiece part = *piece;
  guint64 left = piece->size;

  if (left == 0) {
    if ((self->open == NULL || self->open->pieces->len >= PIECES_MAX) && !make_open (self, error))
      return FALSE;
    append (self->open, &part);
    return TRUE;
  }
  while (left > 0) {
    if (get_room (self, part.offset) == 0 && !make_open (self, error))
      return FALSE;
    part.size = MIN (left, get_room (self, part.offset));
    append (self->open, &part);
    part.offset += part.size;
    part.position += part.size;
    left -= part.size;
  }
  return TRUE;
}

gboolean
vt_disk_reads_finish (VtDiskReads *self, GError **error)
{
  if (!send_open (self, error))
    return FALSE;
  while (!g_queue_is_empty (&self->sent))
    if (!hand_out (self, error))
      return FALSE;
  return TRUE;
}
