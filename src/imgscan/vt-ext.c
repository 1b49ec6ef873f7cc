// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-ext-private.h"

#define SUPER_OFFSET 1024

G_DEFINE_QUARK (vt - ext - error - quark, vt_ext_error)

gboolean
vt_ext_refuse (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  if (error != NULL)
    *error = g_error_new_valist (VT_EXT_ERROR, VT_EXT_ERROR_REFUSED, format, arguments);
  va_end (arguments);
  return FALSE;
}

/* FAILURE, of the disk, is taken. */
static gboolean
fail_to_read (GError *failure, const char *what, GError **error)
{
  if (g_error_matches (failure, VT_DISK_ERROR, VT_DISK_ERROR_LOST)) {
    g_propagate_prefixed_error (error, failure, "%s: ", what);
    return FALSE;
  }
  g_set_error (error, VT_EXT_ERROR, VT_EXT_ERROR_UNREADABLE, "%s: %s", what, failure->message);
  g_error_free (failure);
  return FALSE;
}

gboolean
vt_ext_check (VtExt *self, errcode_t code, const char *what, GError **error)
{
  GError *failure = vt_ext_io_take_failure (self->io);

  if (failure != NULL)
    return fail_to_read (failure, what, error);
  return code == 0 || vt_ext_refuse (error, "%s: %s", what, error_message (code));
}

void
vt_ext_settle (GError *failure, char **refusal, GError **error)
{
  if (failure->domain != VT_EXT_ERROR) {
    g_propagate_error (error, failure);
    return;
  }
  *refusal = g_strdup (failure->message);
  g_error_free (failure);
}

void
vt_ext_free (VtExt *self)
{
  g_clear_pointer (&self->fs, ext2fs_free);
  g_clear_pointer (&self->zones, g_array_unref);
  g_clear_pointer (&self->bitmaps, g_hash_table_unref);
  g_clear_pointer (&self->io, vt_ext_io_free);
  g_free (self);
}

/* Looks at the superblock first: libext2fs would allocate whatever it says. */
static gboolean
judge_first (VtExt *self, guint64 size, GError **error)
{
  struct ext2_super_block super;
  GError *failure = NULL;

  if (size < SUPER_OFFSET + sizeof super)
    return vt_ext_refuse (error, "%" G_GUINT64_FORMAT " bytes hold no file system", size);
  if (!vt_ext_io_read (self->io, SUPER_OFFSET, &super, sizeof super, &failure))
    return fail_to_read (failure, "superblock", error);
  return vt_ext_judge_superblock (&super, size, error);
}

static gboolean
open_and_judge (VtExt *self, guint64 size, GError **error)
{
  initialize_ext2_error_table ();
  return judge_first (self, size, error) &&
         vt_ext_check (self, vt_ext_io_open (self->io, EXT2_FLAG_64BITS, &self->fs), "file system",
                       error) &&
         vt_ext_zones_find (self, error) && vt_ext_judge_state (self, error);
}

VtExt *
vt_ext_open (VtDisk *disk, guint64 start, guint64 size, char **refusal, GError **error)
{
  g_autoptr (VtExt) self = g_new0 (VtExt, 1);
  guint64 disk_size = vt_disk_get_size (disk);
  GError *failure = NULL;

  *refusal = NULL;
  self->disk = disk;
  self->start = start;
  self->io = vt_ext_io_new (disk, start, size);
  self->bitmaps = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->zones = g_array_new (FALSE, FALSE, sizeof (VtExtZone));
  if (start > disk_size || size > disk_size - start)
    vt_ext_refuse (&failure,
                   "a partition of %" G_GUINT64_FORMAT " bytes at %" G_GUINT64_FORMAT
                   " is not within its disk of %" G_GUINT64_FORMAT,
                   size, start, disk_size);
  else if (open_and_judge (self, size, &failure))
    return g_steal_pointer (&self);
  vt_ext_settle (failure, refusal, error);
  return NULL;
}

void
vt_ext_set_alive (VtExt *self, VtExtAliveFunc func, gpointer user_data)
{
  self->alive = func;
  self->alive_data = user_data;
}
