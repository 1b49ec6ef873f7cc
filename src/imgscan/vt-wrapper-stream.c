// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Unpacks a compressed part of a file, and says that it is whole only if it is.
 *
 * gzip goes through zlib (GIO's converter), the others through libarchive: that does not compare
 * gzip's checksums (3.6). It takes all that does not look like another compressed stream for the
 * end, so how much it took is compared with how much there is.
 */
#include <archive.h>
#include <archive_entry.h>
#include <gio/gio.h>

#include "vt-wrapper-private.h"

typedef struct archive VtArchive;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtArchive, archive_read_free)

/* Bytes that are read, and for gzip unpacked, at a time. */
#define BUFFER_SIZE ((gsize)256 * 1024)

typedef struct {
  const char *name;
  int code; /* of libarchive's filter */
  int (*support) (struct archive *archive);
} Filter;

static const Filter filters[VT_WRAPPER_N_KINDS] = {
    [VT_WRAPPER_GZIP] = {"gzip", ARCHIVE_FILTER_GZIP, NULL},
    [VT_WRAPPER_XZ] = {"xz", ARCHIVE_FILTER_XZ, archive_read_support_filter_xz},
    [VT_WRAPPER_ZSTD] = {"Zstandard", ARCHIVE_FILTER_ZSTD, archive_read_support_filter_zstd},
    [VT_WRAPPER_BZIP2] = {"bzip2", ARCHIVE_FILTER_BZIP2, archive_read_support_filter_bzip2},
};

struct _VtWrapperStream {
  const Filter *filter;
  int fd;
  guint64 start;
  guint64 size;
  guint64 loaded;        /* bytes of it that were read */
  guint8 *packed;        /* the last of these */
  guint8 *unpacked;      /* gzip: what came of it */
  gsize have;            /* gzip: bytes at PACKED that are not taken yet */
  gsize from;            /* gzip: where they begin */
  GConverter *converter; /* gzip, else NULL */
  gboolean in_member;    /* gzip: within one */
  guint64 members;       /* gzip: that are done */
  VtArchive *archive;    /* else NULL */
  GError *read_error;    /* what libarchive's callback cannot pass on */
};

static gboolean
fail_bad (VtWrapperStream *self, const char *what, GError **error)
{
  if (self->read_error != NULL)
    g_propagate_error (error, g_steal_pointer (&self->read_error));
  else
    g_set_error (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_BAD,
                 "the compressed data (%s) are damaged or cut off: %s", self->filter->name, what);
  return FALSE;
}

/* Reads on. The number of bytes, 0 at the end, -1 with READ_ERROR set. */
static gssize
load (VtWrapperStream *self)
{
  gsize n = (gsize)MIN (BUFFER_SIZE, self->size - self->loaded);

  if (!vt_wrapper_read (self->fd, self->start + self->loaded, self->packed, n)) {
    g_clear_error (&self->read_error);
    self->read_error = g_error_new_literal (VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_FILE,
                                            "it cannot be read, or became shorter meanwhile");
    return -1;
  }
  self->loaded += n;
  return (gssize)n;
}

static la_ssize_t
on_read (struct archive *archive, void *data, const void **buffer)
{
  VtWrapperStream *self = data;

  *buffer = self->packed;
  return load (self);
}

/* One filter and no other: libarchive would go on with what comes out of it. */
static gboolean
open_archive (VtWrapperStream *self, GError **error)
{
  struct archive_entry *entry;
  int status;

  self->archive = archive_read_new ();
  archive_read_support_format_raw (self->archive);
  archive_read_support_format_empty (self->archive);
  /* Another answer means that a program would be started for it. */
  if (self->filter->support (self->archive) != ARCHIVE_OK) {
    g_set_error (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_BAD, "libarchive was built without %s",
                 self->filter->name);
    return FALSE;
  }
  if (archive_read_open (self->archive, self, NULL, on_read, NULL) != ARCHIVE_OK)
    return fail_bad (self, archive_error_string (self->archive) ?: "no known beginning", error);
  if (archive_filter_count (self->archive) > 2) {
    g_set_error (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_BAD,
                 "it is compressed more than once; unpack it until it is so no more than once");
    return FALSE;
  }
  if (archive_filter_code (self->archive, 0) != self->filter->code)
    return fail_bad (self, "no known beginning", error);
  status = archive_read_next_header (self->archive, &entry);
  return status == ARCHIVE_OK || status == ARCHIVE_EOF ||
         fail_bad (self, archive_error_string (self->archive) ?: "unknown error", error);
}

VtWrapperStream *
vt_wrapper_stream_new (int fd, guint64 offset, guint64 size, VtWrapperKind kind, GError **error)
{
  g_autoptr (VtWrapperStream) self = g_new0 (VtWrapperStream, 1);

  g_return_val_if_fail (kind < VT_WRAPPER_N_KINDS && filters[kind].name != NULL, NULL);
  self->filter = &filters[kind];
  self->fd = fd;
  self->start = offset;
  self->size = size;
  self->packed = g_malloc (BUFFER_SIZE);
  if (kind == VT_WRAPPER_GZIP) {
    self->unpacked = g_malloc (BUFFER_SIZE);
    self->converter = G_CONVERTER (g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP));
  } else if (!open_archive (self, error)) {
    return NULL;
  }
  return g_steal_pointer (&self);
}

void
vt_wrapper_stream_free (VtWrapperStream *self)
{
  g_clear_pointer (&self->archive, archive_read_free);
  g_clear_object (&self->converter);
  g_clear_error (&self->read_error);
  g_free (self->unpacked);
  g_free (self->packed);
  g_free (self);
}

static gssize
read_archive (VtWrapperStream *self, const guint8 **data, GError **error)
{
  const void *block = NULL;
  size_t n = 0;
  la_int64_t offset;
  int status;

  do
    status = archive_read_data_block (self->archive, &block, &n, &offset);
  while (status == ARCHIVE_OK && n == 0);
  *data = block;
  if (status == ARCHIVE_OK)
    return (gssize)n;
  if (status != ARCHIVE_EOF)
    fail_bad (self, archive_error_string (self->archive) ?: "unknown error", error);
  else if (vt_wrapper_stream_get_taken (self) == self->size)
    return 0;
  else
    fail_bad (self, "something else follows them", error);
  return -1;
}

/* FALSE with no ERROR: the end. */
static gboolean
fill (VtWrapperStream *self, GError **error)
{
  gssize n;

  if (self->have > 0)
    return TRUE;
  n = load (self);
  self->from = 0;
  self->have = (gsize)MAX (n, 0);
  if (n > 0 || (n == 0 && !self->in_member))
    return n > 0;
  return fail_bad (self, "they end early", error);
}

/* One step of zlib's. The number of bytes that came of it, which may be 0; -1 on error. */
static gssize
convert (VtWrapperStream *self, GError **error)
{
  g_autoptr (GError) failure = NULL;
  gsize taken = 0;
  gsize made = 0;
  GConverterResult result =
      g_converter_convert (self->converter, self->packed + self->from, self->have, self->unpacked,
                           BUFFER_SIZE, G_CONVERTER_NO_FLAGS, &taken, &made, &failure);

  if (result == G_CONVERTER_ERROR) {
    gboolean between = self->members > 0 && !self->in_member;

    fail_bad (self, between ? "something else follows them" : failure->message, error);
    return -1;
  }
  self->in_member = result != G_CONVERTER_FINISHED;
  if (result == G_CONVERTER_FINISHED) {
    self->members++;
    g_converter_reset (self->converter);
  }
  self->from += taken;
  self->have -= taken;
  return (gssize)made;
}

/* Members, each with its header, checksum and size, one after the other as gzip(1) takes them. */
static gssize
read_gzip (VtWrapperStream *self, const guint8 **data, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  gssize n = 0;

  *data = self->unpacked;
  while (n == 0 && fill (self, &local_error))
    n = convert (self, &local_error);
  if (local_error == NULL)
    return n;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return -1;
}

gssize
vt_wrapper_stream_read (VtWrapperStream *self, const guint8 **data, GError **error)
{
  return self->archive != NULL ? read_archive (self, data, error) : read_gzip (self, data, error);
}

guint64
vt_wrapper_stream_get_taken (const VtWrapperStream *self)
{
  return self->archive != NULL ? (guint64)archive_filter_bytes (self->archive, -1)
                               : self->loaded - self->have;
}
