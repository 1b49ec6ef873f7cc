// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-content.h"

#include <errno.h>
#include <unistd.h>

#include "vt-fd.h"
#include "vt-memfd.h"

/* Zeros for the holes of files that are only hashed. */
#define ZEROS_SIZE ((gsize)64 * 1024)
static const guint8 zeros[ZEROS_SIZE];

struct _VtContent {
  guint64 size;
  guint64 position; /* all before it is written or a hole */
  int file;         /* -1: only hashed */
  gboolean spooled; /* FILE is no memfd */
  VtContentPlace place;
  gboolean lost;    /* FILE could not be written */
  VtHasher *hasher; /* NULL: kept */
};

static gboolean
fail_with_errno (GError **error, const char *what)
{
  int saved_errno = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno), "%s: %s", what,
               g_strerror (saved_errno));
  return FALSE;
}

static VtContent *
content_new (guint64 size)
{
  VtContent *self = g_new0 (VtContent, 1);

  self->size = size;
  self->file = -1;
  return self;
}

VtContent *
vt_content_new_at (const VtContentPlace *place, guint64 size, guint64 data, GError **error)
{
  VtContent *self;
  int spool = -1;

  if (size > place->max_size && place->open_spool != NULL)
    spool = place->open_spool (size, data, place->user_data);
  if (spool < 0)
    return vt_content_new (size, place->max_size, error);
  self = content_new (size);
  self->file = spool;
  self->spooled = TRUE;
  self->place = *place;
  return self;
}

VtContent *
vt_content_new (guint64 size, guint64 max_size, GError **error)
{
  g_autoptr (VtContent) self = content_new (size);

  if (size > max_size) {
    self->hasher = vt_hasher_new ();
    return g_steal_pointer (&self);
  }
  self->file = vt_memfd_new ("content");
  if (self->file < 0 || ftruncate (self->file, (off_t)size) < 0) {
    fail_with_errno (error, "memory for a file's content");
    return NULL;
  }
  return g_steal_pointer (&self);
}

void
vt_content_free (VtContent *self)
{
  vt_fd_clear (&self->file);
  g_clear_pointer (&self->hasher, vt_hasher_free);
  g_free (self);
}

void
vt_content_skip (VtContent *self, guint64 offset)
{
  g_return_if_fail (offset >= self->position && offset <= self->size);
  while (self->hasher != NULL && self->position < offset) {
    gsize n = MIN (ZEROS_SIZE, offset - self->position);

    vt_hasher_update (self->hasher, zeros, n);
    self->position += n;
  }
  self->position = offset;
}

/* Once something could not be written, the rest is only passed over. */
static void
spool (VtContent *self, guint64 offset, const void *data, gsize n)
{
  if (self->lost || vt_fd_write_at (self->file, offset, data, n))
    return;
  self->lost = TRUE;
  if (self->place.lost != NULL)
    self->place.lost (self->size, errno, self->place.user_data);
}

gboolean
vt_content_write (VtContent *self, guint64 offset, const void *data, gsize n, GError **error)
{
  if (offset < self->position || offset > self->size || n > self->size - offset) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "%zu bytes at %" G_GUINT64_FORMAT " do not fit a file of %" G_GUINT64_FORMAT
                 " bytes written up to %" G_GUINT64_FORMAT,
                 n, offset, self->size, self->position);
    return FALSE;
  }
  vt_content_skip (self, offset);
  self->position += n;
  if (self->hasher != NULL)
    vt_hasher_update (self->hasher, data, n);
  else if (self->spooled)
    spool (self, offset, data, n);
  else if (!vt_fd_write_at (self->file, offset, data, n))
    return fail_with_errno (error, "memory for a file's content");
  return TRUE;
}

gboolean
vt_content_shorten (VtContent *self, guint64 size, GError **error)
{
  g_return_val_if_fail (self->file >= 0 && size >= self->position && size <= self->size, FALSE);
  if (ftruncate (self->file, (off_t)size) < 0)
    return fail_with_errno (error, "memory for a file's content");
  self->size = size;
  return TRUE;
}

gboolean
vt_content_finish (VtContent *self, int *memfd, VtDigest *digest, GError **error)
{
  vt_content_skip (self, self->size);
  *memfd = -1;
  if (self->hasher != NULL) {
    *digest = vt_hasher_finish (self->hasher);
    return TRUE;
  }
  if (self->spooled) {
    vt_fd_clear (&self->file);
    return TRUE;
  }
  if (!vt_memfd_seal (self->file))
    return fail_with_errno (error, "sealing a file's content");
  *memfd = vt_fd_steal (&self->file);
  return TRUE;
}

VtContentEnd
vt_content_get_end (const VtContent *self)
{
  if (self->hasher != NULL)
    return VT_CONTENT_HASHED;
  if (self->spooled)
    return self->lost ? VT_CONTENT_LOST : VT_CONTENT_SPOOLED;
  return VT_CONTENT_KEPT;
}

gboolean
vt_content_is_sealed (int memfd, guint64 size)
{
  guint64 sealed_size;

  return vt_memfd_is_sealed (memfd, &sealed_size) && sealed_size == size;
}
