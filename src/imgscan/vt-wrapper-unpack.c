// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Unpacks into a file with holes, and stops before it is too large, before the file system is full,
 * and where nothing but an attack has such a ratio.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vt-paths.h"
#include "vt-report.h"
#include "vt-wrapper-private.h"

/* Zeros are told from data in pieces of this size, that of a page and of most file systems' blocks.
 */
#define PIECE_SIZE ((gsize)4096)
/* Most bytes that are written before the room that is left is looked at again. */
#define ALLOWANCE_MAX ((guint64)64 * 1024 * 1024)
/* Unpacked bytes for a packed one, once so much is unpacked. An image of nothing but zeros comes to
 * 32,768 with Zstandard, the most that one of the formats allows but bzip2: that reaches a million.
 */
#define RATIO_MAX   40000
#define RATIO_AFTER ((guint64)1024 * 1024 * 1024)
/* Microseconds between two signs of life. */
#define PROGRESS_INTERVAL (G_USEC_PER_SEC / 2)

typedef struct {
  const VtWrapperUnpacking *job;
  VtWrapperStream *stream;
  guint64 unpacked;
  guint64 allowance; /* bytes that may be written before the next look at the room */
  gint64 told;       /* monotonic time of the last sign of life */
} Unpacker;

static gboolean
fail_too_large (const Unpacker *self, guint64 size, GError **error)
{
  g_autofree char *text = vt_report_format_size (size);
  g_autofree char *limit = vt_report_format_size (self->job->max_size);

  g_set_error (
      error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_LIMIT,
      "it unpacks to %s or more, and %s are allowed; raise --max-unpacked-image if you trust "
      "it",
      text, limit);
  return FALSE;
}

static gboolean
fail_no_room (const Unpacker *self, GError **error)
{
  guint64 reserve;
  g_autofree char *text = vt_report_format_size (self->unpacked);
  g_autofree char *packed = vt_report_format_size (self->job->size);
  g_autofree char *kept = NULL;

  vt_paths_get_room (self->job->out, &reserve);
  kept = vt_report_format_size (reserve);
  g_set_error (
      error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_SPACE,
      "no room in %s to unpack it: stopped at %s, from %s packed, so that %s stay free; set "
      "TMPDIR to a directory with more room",
      self->job->dir, text, packed, kept);
  return FALSE;
}

/* What is known before anything is written: data that were compressed do not become less. */
static gboolean
check_before (const Unpacker *self, GError **error)
{
  const VtWrapperUnpacking *job = self->job;
  guint64 hint = vt_wrapper_hint (job->in, job->offset, job->size, job->kind);

  if (hint > job->max_size)
    return fail_too_large (self, hint, error);
  /* Where compression brought nothing it may have cost a little. */
  if (vt_paths_get_room (job->out, NULL) < job->size - job->size / 16)
    return fail_no_room (self, error);
  return TRUE;
}

/* To be called before N bytes are written. Others write there too: half of the room is allowed. */
static gboolean
check_room (Unpacker *self, gsize n, GError **error)
{
  guint64 room;

  if (n <= self->allowance) {
    self->allowance -= n;
    return TRUE;
  }
  room = vt_paths_get_room (self->job->out, NULL);
  if (n > room)
    return fail_no_room (self, error);
  self->allowance = MIN ((room - n) / 2, ALLOWANCE_MAX);
  return TRUE;
}

static gboolean
check_size (const Unpacker *self, gsize more, GError **error)
{
  guint64 total = self->unpacked + more;

  if (total > self->job->max_size)
    return fail_too_large (self, total, error);
  if (total < RATIO_AFTER || total / RATIO_MAX < vt_wrapper_stream_get_taken (self->stream) + 1)
    return TRUE;
  g_set_error (
      error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_LIMIT,
      "it unpacks to more than %d times its size, as no real image does; unpack it yourself "
      "if you trust it",
      RATIO_MAX);
  return FALSE;
}

static gboolean
is_zero (const guint8 *data, gsize n)
{
  return data[0] == 0 && memcmp (data, data + 1, n - 1) == 0;
}

static gboolean
write_all (Unpacker *self, const guint8 *data, gsize n, guint64 offset, GError **error)
{
  if (!check_room (self, n, error))
    return FALSE;
  while (n > 0) {
    ssize_t written = pwrite (self->job->out, data, n, (off_t)offset);

    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0 && errno == ENOSPC)
      return fail_no_room (self, error);
    if (written < 0) {
      g_set_error (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_FILE, "unpacking into %s: %s",
                   self->job->dir, g_strerror (errno));
      return FALSE;
    }
    data += written;
    offset += (guint64)written;
    n -= (gsize)written;
  }
  return TRUE;
}

/* The length of the piece at OFFSET: to the next multiple of its size in the file. */
static gsize
piece_length (guint64 offset, gsize left)
{
  return MIN (left, PIECE_SIZE - (gsize)(offset % PIECE_SIZE));
}

/* Writes what is not zeros, neighbouring pieces together. */
static gboolean
put (Unpacker *self, const guint8 *data, gsize n, GError **error)
{
  gsize start = 0; /* of what is to be written */
  gsize at = 0;

  if (!check_size (self, n, error))
    return FALSE;
  while (at < n) {
    gsize length = piece_length (self->unpacked + at, n - at);
    gboolean zero = is_zero (data + at, length);

    if (zero && at > start &&
        !write_all (self, data + start, at - start, self->unpacked + start, error))
      return FALSE;
    at += length;
    if (zero)
      start = at;
  }
  if (at > start && !write_all (self, data + start, at - start, self->unpacked + start, error))
    return FALSE;
  self->unpacked += n;
  return TRUE;
}

static void
tell (Unpacker *self)
{
  gint64 now = g_get_monotonic_time ();

  if (now - self->told < PROGRESS_INTERVAL)
    return;
  self->told = now;
  self->job->progress (vt_wrapper_stream_get_taken (self->stream), self->unpacked,
                       self->job->user_data);
}

/* Zeros at the end are a hole too. */
static gboolean
finish (const Unpacker *self, GError **error)
{
  if (ftruncate (self->job->out, (off_t)self->unpacked) == 0)
    return TRUE;
  g_set_error (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_FILE, "unpacking into %s: %s",
               self->job->dir, g_strerror (errno));
  return FALSE;
}

gboolean
vt_wrapper_unpack (const VtWrapperUnpacking *job, GError **error)
{
  g_autoptr (VtWrapperStream) stream = NULL;
  Unpacker self = {.job = job};
  const guint8 *data = NULL;
  gssize n;

  if (!check_before (&self, error))
    return FALSE;
  stream = vt_wrapper_stream_new (job->in, job->offset, job->size, job->kind, error);
  if (stream == NULL)
    return FALSE;
  self.stream = stream;
  while ((n = vt_wrapper_stream_read (stream, &data, error)) > 0) {
    if (!put (&self, data, (gsize)n, error))
      return FALSE;
    tell (&self);
  }
  return n == 0 && finish (&self, error);
}
