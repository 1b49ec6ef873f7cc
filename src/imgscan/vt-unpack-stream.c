// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Streams: files that are compressed, an archive or not. The bytes are unpacked by libarchive as
 * they are asked for, and what is in them is looked at like a container of its own.
 */
#include "vt-unpack-archive.h"

#include "vt-bytes.h"

/* Frames without data at the start of a compressed file. */
#define FRAMES_MAX 1000U

static const VtSupported streams[] = {
    {VT_FORMAT_BZIP2, archive_read_support_filter_bzip2},
    {VT_FORMAT_COMPRESS, archive_read_support_filter_compress},
    {VT_FORMAT_GZIP, archive_read_support_filter_gzip},
    {VT_FORMAT_LZ4, archive_read_support_filter_lz4},
    {VT_FORMAT_LZIP, archive_read_support_filter_lzip},
    {VT_FORMAT_LZMA, archive_read_support_filter_lzma},
    {VT_FORMAT_RPM, archive_read_support_filter_rpm},
    {VT_FORMAT_XZ, archive_read_support_filter_xz},
    {VT_FORMAT_ZSTD, archive_read_support_filter_zstd},
};

/* A stream that is being unpacked. */
typedef struct {
  VtUnpacking *unpacking;
  struct archive *archive;
  gboolean at_end;
} Stream;

static gssize
on_stream_read (gpointer source, guint8 *buffer, gsize n)
{
  Stream *self = source;
  la_ssize_t got;

  if (self->at_end)
    return 0;
  got = archive_read_data (self->archive, buffer, n);
  if (got < 0) {
    vt_unpacking_fail (self->unpacking, VT_REASON_DAMAGED, "%s", vt_archive_error (self->archive));
    return -1;
  }
  self->at_end = got == 0;
  return vt_unpacking_add (self->unpacking, (guint64)got) ? got : -1;
}

/* Nothing in it is an archive without members. */
static gboolean
start_stream (Stream *self)
{
  struct archive_entry *entry = NULL;
  int status = archive_read_next_header (self->archive, &entry);

  self->at_end = status == ARCHIVE_EOF;
  if (status == ARCHIVE_OK || status == ARCHIVE_EOF)
    return TRUE;
  return vt_unpacking_fail (self->unpacking, VT_REASON_DAMAGED, "%s",
                            vt_archive_error (self->archive));
}

gboolean
vt_format_is_stream (VtFormat format)
{
  return vt_support_find (streams, G_N_ELEMENTS (streams), format) != NULL;
}

/* FUNC takes all that is in STREAM. */
static gboolean
read_stream (Stream *stream, VtStreamFunc func, guint depth)
{
  VtUnpacking *unpacking = stream->unpacking;
  gboolean was_in_stream = unpacking->in_stream;
  g_auto (VtInput) inner = {0};
  gboolean result;

  vt_input_init (&inner, on_stream_read, stream);
  unpacking->in_stream = TRUE;
  result = func (unpacking, &inner, depth + 1);
  unpacking->in_stream = was_in_stream;
  return result;
}

gboolean
vt_unpack_stream (
    VtUnpacking *self, VtInput *input, VtFormat format, VtStreamFunc func, guint depth)
{
  VtSupport support = vt_support_find (streams, G_N_ELEMENTS (streams), format);
  g_autoptr (VtArchive) archive = NULL;
  Stream stream = {.unpacking = self};
  guint64 start = input->position;

  g_return_val_if_fail (support != NULL, FALSE);
  archive = vt_archive_new (self, support);
  if (archive == NULL)
    return FALSE;
  archive_read_support_format_raw (archive);
  archive_read_support_format_empty (archive);
  stream.archive = archive;
  return vt_archive_open_input (self, archive, input) && start_stream (&stream) &&
         read_stream (&stream, func, depth) && vt_archive_give_back (self, archive, input, start);
}

/* Zeros are what archives are padded with. */
static gboolean
expect_end (VtUnpacking *self, VtInput *input, const char *what)
{
  gboolean at_end;

  if (!vt_input_skip_zeros (input, &at_end))
    return FALSE;
  return at_end ||
         vt_unpacking_fail (self, VT_REASON_DAMAGED, "bytes behind the end of the %s", what);
}

/* What is in a stream: an archive, else one file. */
static gboolean
take_stream (VtUnpacking *self, VtInput *input, guint depth)
{
  VtContainerType type;

  if (!vt_input_look (input, &type))
    return FALSE;
  if (type.kind == VT_CONTAINER_CPIO)
    return vt_unpack_cpio (self, input, depth);
  if (type.format == VT_FORMAT_TAR)
    return vt_unpack_tar (self, input) && expect_end (self, input, "tar archive");
  return vt_unpacking_count (self) &&
         vt_unpack_bytes (self, input, "data", G_MAXUINT64, VT_REASON_NONE);
}

/* Frames that hold nothing may come before those of zstd and lz4; libarchive does not know zstd by
 * them. FORMAT gets that of what follows. */
static gboolean
skip_frames (VtUnpacking *self, VtInput *input, VtFormat *format)
{
  VtContainerType type = {.format = *format};

  for (guint i = 0; i < FRAMES_MAX && type.format == VT_FORMAT_SKIPPABLE; i++) {
    const guint8 *bytes;
    gsize n;

    if (!vt_input_peek (input, &bytes, &n) || n < 8 ||
        !vt_input_skip (input, 8 + (guint64)vt_le32 (bytes + 4)) || !vt_input_look (input, &type))
      break;
  }
  *format = type.format;
  return type.format == VT_FORMAT_ZSTD || type.format == VT_FORMAT_LZ4 ||
         vt_unpacking_fail (self, VT_REASON_DAMAGED, "no compressed data behind its first frame");
}

/* There is always an archive, be it one without members. */
static gboolean
take_payload (VtUnpacking *self, VtInput *input, guint depth)
{
  const guint8 *bytes;
  gsize n;

  if (!vt_input_peek (input, &bytes, &n))
    return FALSE;
  if (n == 0)
    return vt_unpacking_fail (self, VT_REASON_DAMAGED, "rpm: ends before its payload");
  return vt_unpack_cpio (self, input, depth);
}

gboolean
vt_unpack_archive (VtUnpacking *self, VtUnpackFile *file, VtFormat format)
{
  g_auto (VtInput) input = {0};

  vt_input_init (&input, vt_unpack_file_read, file);
  if (format == VT_FORMAT_WARC)
    return vt_unpack_warc (self, &input);
  if (format == VT_FORMAT_ZIP)
    return vt_unpack_zip (self, file);
  if (format == VT_FORMAT_ZLIB)
    return vt_unpack_zlib (self, &input);
  if (format == VT_FORMAT_SKIPPABLE && !skip_frames (self, &input, &format))
    return FALSE;
  if (!vt_format_is_stream (format))
    return vt_unpack_whole_file (self, file, format);
  return vt_unpack_stream (self, &input, format,
                           format == VT_FORMAT_RPM ? take_payload : take_stream, 0) &&
         expect_end (self, &input, "compressed data");
}
