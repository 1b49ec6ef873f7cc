// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Zip archives: libarchive goes by the directory, and those who do not may see more in them. */
#include "vt-unpack-private.h"

#include "vt-engine-zip.h"

typedef struct {
  int fd;
  gboolean failed;
  guint8 bytes[VT_ENGINE_ZIP_PEEK];
} Source;

static const guint8 *
peek (gpointer source, guint64 offset, gsize n)
{
  Source *self = source;
  VtUnpackFile file = {.fd = self->fd, .offset = offset, .size = offset + n};

  for (gsize have = 0; have < n;) {
    gssize got = vt_unpack_file_read (&file, self->bytes + have, n - have);

    if (got <= 0) {
      self->failed = TRUE;
      return NULL;
    }
    have += (gsize)got;
  }
  return self->bytes;
}

/* Whether the directory tells of everything in ZIP from where it goes on. */
static gboolean
check_hidden (VtUnpacking *self, const Source *source, VtEngineZip *zip)
{
  guint64 start;
  guint64 end;

  if (vt_engine_zip_next (zip, G_MAXUINT64, &start, &end))
    return vt_unpacking_fail (
        self, VT_REASON_DAMAGED,
        "zip: the directory does not tell of the member at byte %" G_GUINT64_FORMAT, start);
  return !source->failed ||
         vt_unpacking_fail (self, VT_REASON_READ_ERROR, "zip: some of it cannot be read");
}

gboolean
vt_unpack_zip (VtUnpacking *self, VtUnpackFile *file)
{
  g_autofree Source *source = g_new0 (Source, 1);
  g_autoptr (VtEngineZip) zip = NULL;

  if (!vt_unpack_whole_file (self, file, VT_FORMAT_ZIP))
    return FALSE;
  source->fd = file->fd;
  zip = vt_engine_zip_new (peek, source, file->size);
  return !vt_engine_zip_has_directory (zip) || check_hidden (self, source, zip);
}

/* What is before the archive comes as a file of its own: whatever is in that is found there. */
static gboolean
take_start (VtUnpacking *self, VtUnpackFile *file, guint64 size)
{
  g_auto (VtInput) input = {0};

  vt_input_init (&input, vt_unpack_file_read, file);
  return vt_unpacking_count (self) && vt_unpack_bytes (self, &input, "data", size, VT_REASON_NONE);
}

gboolean
vt_unpack_attached (VtUnpacking *self, VtUnpackFile *file)
{
  g_autofree Source *source = g_new0 (Source, 1);
  g_autoptr (VtEngineZip) zip = NULL;

  source->fd = file->fd;
  zip = vt_engine_zip_new (peek, source, file->size);
  if (!vt_engine_zip_has_directory (zip))
    return vt_unpacking_fail (self, VT_REASON_DAMAGED, "zip: no directory before its end");
  if (!take_start (self, file, vt_engine_zip_leave_start (zip)))
    return FALSE;
  file->offset = 0;
  return vt_unpack_whole_file (self, file, VT_FORMAT_ZIP) && check_hidden (self, source, zip);
}
