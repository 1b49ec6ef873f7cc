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

/* Whether the directory, if there is one, tells of everything. */
static gboolean
check_hidden (VtUnpacker *self, const VtUnpackFile *file)
{
  g_autofree Source *source = g_new0 (Source, 1);
  g_autoptr (VtEngineZip) zip = NULL;
  guint64 start;
  guint64 end;

  source->fd = file->fd;
  zip = vt_engine_zip_new (peek, source, file->size);
  if (vt_engine_zip_has_directory (zip) && vt_engine_zip_next (zip, file->size, &start, &end))
    return vt_unpacker_fail (
        self, VT_REASON_DAMAGED,
        "zip: the directory does not tell of the member at byte %" G_GUINT64_FORMAT, start);
  return !source->failed ||
         vt_unpacker_fail (self, VT_REASON_READ_ERROR, "zip: some of it cannot be read");
}

gboolean
vt_unpack_zip (VtUnpacker *self, VtUnpackFile *file)
{
  return vt_unpack_whole_file (self, file, VT_FORMAT_ZIP) && check_hidden (self, file);
}
