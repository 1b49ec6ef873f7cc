// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What libarchive reads. Each format and filter is named: some that it has run programs.
 *
 * It answers in six ways. OK and EOF are what they say. After FAILED and RETRY the next member can
 * still be read, after FATAL nothing can. WARN is about attributes when it comes with a header;
 * with data it is a wrong checksum or size, and the member is not what was packed.
 */
#include "vt-unpack-archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <unistd.h>

#define BLOCK_SIZE ((gsize)128 * 1024)
/* Pieces without a byte in a row that are borne with. */
#define EMPTY_PIECES_MAX 100000U
/* Damaged headers that are passed over. */
#define RETRIES_MAX   10U
#define PASSWORDS_MAX 64U

/* Archives one after the other, as tar -i reads them. */
static int
support_tar (struct archive *archive)
{
  int status = archive_read_support_format_tar (archive);

  if (status != ARCHIVE_OK)
    return status;
  return archive_read_set_format_option (archive, "tar", "read_concatenated_archives", "1");
}

static const VtSupported formats[] = {
    {VT_FORMAT_7ZIP, archive_read_support_format_7zip},
    {VT_FORMAT_AR, archive_read_support_format_ar},
    {VT_FORMAT_CAB, archive_read_support_format_cab},
    {VT_FORMAT_ISO9660, archive_read_support_format_iso9660},
    {VT_FORMAT_LHA, archive_read_support_format_lha},
    {VT_FORMAT_RAR, archive_read_support_format_rar},
    {VT_FORMAT_RAR5, archive_read_support_format_rar5},
    {VT_FORMAT_TAR, support_tar},
    {VT_FORMAT_XAR, archive_read_support_format_xar},
    {VT_FORMAT_ZIP, archive_read_support_format_zip},
};

/* The archive that is read, and what bytes it is given. */
typedef struct {
  VtUnpacking *unpacking;
  struct archive *archive;
} Reader;

VtSupport
vt_support_find (const VtSupported *table, gsize n, VtFormat format)
{
  for (gsize i = 0; i < n; i++)
    if (table[i].format == format)
      return table[i].support;
  return NULL;
}

const char *
vt_archive_error (struct archive *archive)
{
  return archive_error_string (archive) ?: "damaged";
}

/* Encryption is told of by the same codes as damage. */
static VtReason
reason_of (const Reader *self, struct archive_entry *entry)
{
  gboolean encrypted = entry != NULL ? archive_entry_is_encrypted (entry) > 0
                                     : archive_read_has_encrypted_entries (self->archive) > 0;

  if (encrypted)
    return VT_REASON_ENCRYPTED;
  return g_str_has_prefix (vt_archive_error (self->archive), "Unsupported") ? VT_REASON_UNSUPPORTED
                                                                            : VT_REASON_DAMAGED;
}

/* As the archive has it, if that can be told in the locale; else as UTF-8. */
static const char *
name_of (struct archive_entry *entry)
{
  const char *name = archive_entry_pathname (entry);

  if (name == NULL)
    name = archive_entry_pathname_utf8 (entry);
  return name != NULL && name[0] != '\0' ? name : "data";
}

/* Whether the whole member came is in COMPLETE. FALSE: the archive cannot be read any further, or,
 * if COMPLETE, a limit was reached. */
static gboolean
read_data (Reader *self, VtMember *member, gboolean *complete)
{
  guint empty = 0;

  *complete = TRUE;
  for (;;) {
    const void *data = NULL;
    size_t n = 0;
    la_int64_t offset = 0;
    int status = archive_read_data_block (self->archive, &data, &n, &offset);

    if (status == ARCHIVE_EOF)
      return TRUE;
    if (status != ARCHIVE_OK)
      *complete = FALSE;
    if (status == ARCHIVE_RETRY || status == ARCHIVE_FAILED)
      return TRUE;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
      return FALSE;
    empty = n == 0 ? empty + 1 : 0;
    if (empty > EMPTY_PIECES_MAX) {
      *complete = FALSE;
      return FALSE;
    }
    if (n > 0 && !vt_member_write (member, (guint64)offset, data, n))
      return FALSE;
  }
}

/* The size that the archive tells; 0 where it tells none. */
static guint64
told_size (struct archive_entry *entry)
{
  return archive_entry_size_is_set (entry) ? (guint64)MAX (archive_entry_size (entry), 0) : 0;
}

/* A hole may be the last of it. */
static gboolean
is_whole (struct archive_entry *entry, const VtMember *member)
{
  return member->reason != VT_REASON_NONE || !archive_entry_size_is_set (entry) ||
         told_size (entry) == member->size ||
         (archive_entry_sparse_count (entry) > 0 && told_size (entry) > member->size);
}

static gboolean
take_file (Reader *self, struct archive_entry *entry)
{
  VtUnpacking *unpacking = self->unpacking;
  g_auto (VtMember) member = {0};
  gboolean complete;
  gboolean readable;

  vt_member_init (&member, unpacking, name_of (entry));
  if (told_size (entry) > unpacking->limits->max_member_size)
    vt_member_refuse (&member, VT_REASON_SIZE_LIMIT);
  readable = read_data (self, &member, &complete);
  if (!readable && complete) /* a limit */
    return FALSE;
  if (!complete || !is_whole (entry, &member))
    vt_member_refuse (&member, reason_of (self, entry));
  if (!vt_member_finish (&member, told_size (entry)))
    return FALSE;
  return readable ||
         vt_unpacking_fail (unpacking, reason_of (self, entry), "%s: %s",
                            archive_format_name (self->archive), vt_archive_error (self->archive));
}

/* Hard links are files to libarchive, without a byte. */
static gboolean
take_entry (Reader *self, struct archive_entry *entry)
{
  mode_t type = archive_entry_filetype (entry);

  if (!vt_unpacking_count (self->unpacking))
    return FALSE;
  return (type != AE_IFREG && type != 0) || take_file (self, entry);
}

static gboolean
take_entries (Reader *self)
{
  VtUnpacking *unpacking = self->unpacking;
  guint retries = 0;

  for (;;) {
    struct archive_entry *entry = NULL;
    int status = archive_read_next_header (self->archive, &entry);

    if (status == ARCHIVE_EOF)
      return unpacking->reason == VT_REASON_NONE;
    if (status == ARCHIVE_OK || status == ARCHIVE_WARN) {
      if (!take_entry (self, entry))
        return FALSE;
      continue;
    }
    vt_unpacking_fail (unpacking, reason_of (self, NULL), "%s: %s",
                       archive_format_name (self->archive) ?: "archive",
                       vt_archive_error (self->archive));
    /* A header is damaged, and the next one is behind it. */
    if (status != ARCHIVE_RETRY || ++retries > RETRIES_MAX)
      return FALSE;
  }
}

struct archive *
vt_archive_new (VtUnpacking *unpacking, VtSupport support)
{
  g_autoptr (VtArchive) archive = archive_read_new ();
  const char *const *passwords = unpacking->limits->passwords;

  if (support (archive) != ARCHIVE_OK) {
    /* WARN is an external program in the place of a library, too. */
    vt_unpacking_fail (unpacking, VT_REASON_DAMAGED, "libarchive: %s", vt_archive_error (archive));
    return NULL;
  }
  for (gsize i = 0; passwords != NULL && passwords[i] != NULL && i < PASSWORDS_MAX; i++)
    if (passwords[i][0] != '\0')
      archive_read_add_passphrase (archive, passwords[i]);
  return g_steal_pointer (&archive);
}

/* A file that can be read at any place. */
typedef struct {
  VtUnpackFile *file;
  guint8 *buffer;
} SeekableFile;

static la_ssize_t
on_file_read (struct archive *archive, void *data, const void **buffer)
{
  SeekableFile *self = data;
  gssize n = vt_unpack_file_read (self->file, self->buffer, BLOCK_SIZE);

  *buffer = self->buffer;
  if (n < 0)
    archive_set_error (archive, errno, "cannot read the container");
  return n;
}

static la_int64_t
on_file_skip (struct archive *archive, void *data, la_int64_t n)
{
  VtUnpackFile *file = ((SeekableFile *)data)->file;
  guint64 skipped = MIN ((guint64)MAX (n, 0), file->size - file->offset);

  file->offset += skipped;
  return (la_int64_t)skipped;
}

static la_int64_t
on_file_seek (struct archive *archive, void *data, la_int64_t offset, int whence)
{
  VtUnpackFile *file = ((SeekableFile *)data)->file;
  la_int64_t base = whence == SEEK_SET   ? 0
                    : whence == SEEK_CUR ? (la_int64_t)file->offset
                                         : (la_int64_t)file->size;

  if (offset < -base || offset > (la_int64_t)file->size - base) {
    archive_set_error (archive, EINVAL, "a place outside of the container");
    return ARCHIVE_FATAL;
  }
  file->offset = (guint64)(base + offset);
  return (la_int64_t)file->offset;
}

static gboolean
open_file (VtUnpacking *unpacking, struct archive *archive, SeekableFile *file)
{
  archive_read_set_read_callback (archive, on_file_read);
  archive_read_set_skip_callback (archive, on_file_skip);
  archive_read_set_seek_callback (archive, on_file_seek);
  archive_read_set_callback_data (archive, file);
  return archive_read_open1 (archive) == ARCHIVE_OK ||
         vt_unpacking_fail (unpacking, VT_REASON_DAMAGED, "%s", vt_archive_error (archive));
}

gboolean
vt_unpack_whole_file (VtUnpacking *self, VtUnpackFile *file, VtFormat format)
{
  VtSupport support = vt_support_find (formats, G_N_ELEMENTS (formats), format);
  g_autofree guint8 *buffer = g_malloc (BLOCK_SIZE);
  SeekableFile seekable = {file, buffer};
  g_autoptr (VtArchive) archive = NULL;
  Reader reader = {.unpacking = self};

  g_return_val_if_fail (support != NULL, FALSE);
  archive = vt_archive_new (self, support);
  reader.archive = archive;
  return archive != NULL && open_file (self, archive, &seekable) && take_entries (&reader);
}

static la_ssize_t
on_input_read (struct archive *archive, void *data, const void **buffer)
{
  const guint8 *bytes = NULL;
  gssize n = vt_input_take (data, &bytes);

  *buffer = bytes;
  if (n < 0)
    archive_set_error (archive, EIO, "what is before it cannot be unpacked");
  return n;
}

gboolean
vt_archive_open_input (VtUnpacking *self, struct archive *archive, VtInput *input)
{
  return archive_read_open (archive, input, NULL, on_input_read, NULL) == ARCHIVE_OK ||
         vt_unpacking_fail (self, VT_REASON_DAMAGED, "%s", vt_archive_error (archive));
}

gboolean
vt_archive_give_back (VtUnpacking *self, struct archive *archive, VtInput *input, guint64 start)
{
  guint64 used = (guint64)archive_filter_bytes (archive, -1);
  guint64 taken = input->position - start;

  return (used <= taken && vt_input_give_back (input, taken - used)) ||
         vt_unpacking_fail (self, VT_REASON_DAMAGED, "the end of an archive is not known");
}

gboolean
vt_unpack_tar (VtUnpacking *self, VtInput *input)
{
  g_autoptr (VtArchive) archive = vt_archive_new (self, support_tar);
  Reader reader = {.unpacking = self, .archive = archive};
  guint64 start = input->position;

  return archive != NULL && vt_archive_open_input (self, archive, input) &&
         take_entries (&reader) && vt_archive_give_back (self, archive, input, start);
}
