// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-members.h"

#include <archive.h>
#include <archive_entry.h>
#include <gio/gio.h>
#include <string.h>

#include "vt-bytes.h"
#include "vt-engine-arj.h"
#include "vt-engine-encoded.h"

#define CHUNK ((gsize)64 * 1024)

/* A member of a gzip file begins so (RFC 1952). What else follows the last one is not gzip's. */
#define GZIP_MAGIC "\x1f\x8b"

/* Of a file by Microsoft's compress.exe. */
#define SZDD_REAL_SIZE   10
#define SZDD_HEADER_SIZE 14

typedef struct archive VtArchive;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtArchive, archive_read_free)

typedef int (*SupportFunc) (struct archive *archive);

static int
support_rar (struct archive *archive)
{
  int result = archive_read_support_format_rar (archive);

  return result == ARCHIVE_OK ? archive_read_support_format_rar5 (archive) : result;
}

/* With a filter: the format is that of no archive, and there is one content. */
static const struct {
  const char *type;
  SupportFunc support;
  int filter;
} kinds[] = {
    {"CL_TYPE_ZIP", archive_read_support_format_zip, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_OOXML_WORD", archive_read_support_format_zip, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_OOXML_PPT", archive_read_support_format_zip, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_OOXML_XL", archive_read_support_format_zip, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_OOXML_HWP", archive_read_support_format_zip, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_7Z", archive_read_support_format_7zip, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_MSCAB", archive_read_support_format_cab, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_ISO9660", archive_read_support_format_iso9660, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_POSIX_TAR", archive_read_support_format_tar, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_OLD_TAR", archive_read_support_format_tar, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_CPIO_OLD", archive_read_support_format_cpio, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_CPIO_ODC", archive_read_support_format_cpio, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_CPIO_NEWC", archive_read_support_format_cpio, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_CPIO_CRC", archive_read_support_format_cpio, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_XAR", archive_read_support_format_xar, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_RAR", support_rar, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_LHA_LZH", archive_read_support_format_lha, ARCHIVE_FILTER_NONE},
    {"CL_TYPE_BZ", archive_read_support_format_raw, ARCHIVE_FILTER_BZIP2},
    {"CL_TYPE_XZ", archive_read_support_format_raw, ARCHIVE_FILTER_XZ},
};

typedef struct {
  VtEngineMembersBudget *budget;
  VtEngineMemberFunc func;
  gpointer user_data;
  VtHasher *hasher;
  VtEngineMember member; /* at hand */
  gboolean has_offsets;  /* the blocks of a member may have holes between them */
} Listing;

static VtReason
begin_member (Listing *self)
{
  self->member = (VtEngineMember){0};
  if (self->budget->members == 0)
    return VT_REASON_FILES_LIMIT;
  self->budget->members--;
  return VT_REASON_NONE;
}

static VtReason
add_to_member (Listing *self, const void *data, gsize size)
{
  if (size > self->budget->member_size - self->member.size)
    return VT_REASON_SIZE_LIMIT;
  if (size > self->budget->size)
    return VT_REASON_SCAN_LIMIT;
  self->member.size += size;
  self->budget->size -= size;
  vt_hasher_update (self->hasher, data, size);
  return VT_REASON_NONE;
}

/* Hands it on, if it has anything. */
static void
end_member (Listing *self)
{
  self->member.digest = vt_hasher_finish (self->hasher);
  self->member.has_digest = TRUE;
  if (self->member.size > 0)
    self->func (&self->member, self->user_data);
}

/* A member that only the engine can unpack: its size must do. */
static VtReason
hand_on_size (Listing *self, struct archive_entry *entry)
{
  (void)vt_hasher_finish (self->hasher);
  self->member = (VtEngineMember){
      .size = archive_entry_size_is_set (entry) ? (guint64)archive_entry_size (entry) : 0};
  if (self->member.size == 0)
    return VT_REASON_DAMAGED;
  self->func (&self->member, self->user_data);
  return VT_REASON_NONE;
}

static gboolean
is_unsupported (struct archive *archive)
{
  const char *message = archive_error_string (archive);

  return message != NULL && g_str_has_prefix (message, "Unsupported");
}

/* A hole in a sparse member reads as zeros. The reader of xar tells offsets that are none. */
static VtReason
add_block (Listing *self, const void *block, gsize size, gint64 offset)
{
  static const guint8 zeros[CHUNK];
  VtReason reason = VT_REASON_NONE;

  while (self->has_offsets && reason == VT_REASON_NONE && (guint64)offset > self->member.size)
    reason = add_to_member (self, zeros, MIN (sizeof zeros, (guint64)offset - self->member.size));
  return reason == VT_REASON_NONE ? add_to_member (self, block, size) : reason;
}

static VtReason
end_member_of (Listing *self, struct archive_entry *entry)
{
  guint64 size = self->member.size;

  end_member (self);
  return archive_entry_size_is_set (entry) && (guint64)archive_entry_size (entry) != size
             ? VT_REASON_DAMAGED
             : VT_REASON_NONE;
}

static VtReason
read_member (Listing *self, struct archive *archive, struct archive_entry *entry)
{
  VtReason reason = begin_member (self);

  while (reason == VT_REASON_NONE) {
    const void *block = NULL;
    size_t size = 0;
    la_int64_t offset = 0;
    int result = archive_read_data_block (archive, &block, &size, &offset);

    if (result == ARCHIVE_EOF)
      return end_member_of (self, entry);
    if (result == ARCHIVE_FAILED && is_unsupported (archive))
      return hand_on_size (self, entry);
    if (result != ARCHIVE_OK)
      return VT_REASON_DAMAGED;
    reason = add_block (self, block, size, offset);
  }
  return reason;
}

static gboolean
is_wanted (struct archive_entry *entry)
{
  return archive_entry_filetype (entry) == AE_IFREG &&
         !(archive_entry_size_is_set (entry) && archive_entry_size (entry) == 0);
}

/* A warning with a header is about its name or its attributes; one with the data is damage. */
static VtReason
read_all (Listing *self, struct archive *archive)
{
  for (;;) {
    struct archive_entry *entry;
    VtReason reason = VT_REASON_NONE;
    int result = archive_read_next_header (archive, &entry);

    if (result == ARCHIVE_EOF)
      return VT_REASON_NONE;
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
      return VT_REASON_DAMAGED;
    if (archive_entry_is_data_encrypted (entry) || archive_entry_is_metadata_encrypted (entry))
      return VT_REASON_ENCRYPTED;
    if (is_wanted (entry))
      reason = read_member (self, archive, entry);
    if (reason != VT_REASON_NONE)
      return reason;
  }
}

static VtReason
list_with_libarchive (Listing *self, gsize kind, const guint8 *data, gsize size)
{
  g_autoptr (VtArchive) archive = archive_read_new ();
  VtReason reason;

  if (archive == NULL || kinds[kind].support (archive) != ARCHIVE_OK)
    return VT_REASON_ENGINE_ERROR;
  if (kinds[kind].filter != ARCHIVE_FILTER_NONE &&
      archive_read_append_filter (archive, kinds[kind].filter) != ARCHIVE_OK)
    return VT_REASON_ENGINE_ERROR;
  if (archive_read_open_memory (archive, data, size) != ARCHIVE_OK)
    return VT_REASON_DAMAGED;
  self->has_offsets = kinds[kind].support != archive_read_support_format_xar;
  reason = read_all (self, archive);
  if (reason == VT_REASON_DAMAGED && archive_read_has_encrypted_entries (archive) > 0)
    return VT_REASON_ENCRYPTED;
  return reason;
}

/* Unpacks one member at DATA; its packed size is added to USED. */
static VtReason
inflate (Listing *self, GConverter *converter, const guint8 *data, gsize size, gsize *used)
{
  VtReason reason = VT_REASON_NONE;

  g_converter_reset (converter);
  while (reason == VT_REASON_NONE) {
    guint8 chunk[CHUNK];
    gsize taken;
    gsize made;
    GConverterResult result =
        g_converter_convert (converter, data + *used, size - *used, chunk, sizeof chunk,
                             G_CONVERTER_INPUT_AT_END, &taken, &made, NULL);

    if (result == G_CONVERTER_ERROR)
      return VT_REASON_DAMAGED;
    *used += taken;
    reason = add_to_member (self, chunk, made);
    if (result == G_CONVERTER_FINISHED)
      break;
  }
  return reason;
}

/* libarchive does not look at the checksum of gzip. */
static VtReason
list_gzip (Listing *self, const guint8 *data, gsize size)
{
  g_autoptr (GZlibDecompressor) converter = g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP);
  gsize used = 0;
  VtReason reason = begin_member (self);

  while (reason == VT_REASON_NONE && size - used > strlen (GZIP_MAGIC) &&
         memcmp (data + used, GZIP_MAGIC, strlen (GZIP_MAGIC)) == 0)
    reason = inflate (self, G_CONVERTER (converter), data, size, &used);
  if (reason == VT_REASON_NONE)
    end_member (self);
  return reason;
}

static void
hand_on_arj_size (guint64 size, gpointer listing)
{
  Listing *self = listing;

  self->member = (VtEngineMember){.size = size};
  if (size > 0)
    self->func (&self->member, self->user_data);
}

static VtReason
list_arj (Listing *self, const guint8 *data, gsize size)
{
  return vt_engine_arj_list (data, size, hand_on_arj_size, self);
}

/* One content, of a size that is told. */
static VtReason
list_szdd (Listing *self, const guint8 *data, gsize size)
{
  if (size < SZDD_HEADER_SIZE)
    return VT_REASON_DAMAGED;
  self->member = (VtEngineMember){.size = vt_le32 (data + SZDD_REAL_SIZE)};
  if (self->member.size > 0)
    self->func (&self->member, self->user_data);
  return VT_REASON_NONE;
}

static VtReason
on_decoded_begin (gpointer listing)
{
  return begin_member (listing);
}

static VtReason
on_decoded (gpointer listing, const void *data, gsize size)
{
  return add_to_member (listing, data, size);
}

static void
on_decoded_end (gpointer listing)
{
  end_member (listing);
}

static const VtEngineDecoded decoded_funcs = {on_decoded_begin, on_decoded, on_decoded_end};

static VtReason
list_uu (Listing *self, const guint8 *data, gsize size)
{
  return vt_engine_encoded_list_uu (data, size, &decoded_funcs, self);
}

static VtReason
list_binhex (Listing *self, const guint8 *data, gsize size)
{
  return vt_engine_encoded_list_binhex (data, size, &decoded_funcs, self);
}

/* What libarchive does not do, or not well enough. */
static const struct {
  const char *type;
  VtReason (*list) (Listing *self, const guint8 *data, gsize size);
} others[] = {
    {"CL_TYPE_GZ", list_gzip},
    {"CL_TYPE_ARJ", list_arj},
    {"CL_TYPE_MSSZDD", list_szdd},
    {"CL_TYPE_UUENCODED", list_uu},
    {"CL_TYPE_BINHEX", list_binhex},
    /* The engine decodes what is in the text of a message. */
    {"CL_TYPE_MAIL", list_uu},
};

static gboolean
find_kind (const char *type, gsize *kind)
{
  for (*kind = 0; *kind < G_N_ELEMENTS (kinds); (*kind)++)
    if (strcmp (kinds[*kind].type, type) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
find_other (const char *type, gsize *other)
{
  for (*other = 0; *other < G_N_ELEMENTS (others); (*other)++)
    if (strcmp (others[*other].type, type) == 0)
      return TRUE;
  return FALSE;
}

gboolean
vt_engine_members_can_list (const char *type)
{
  gsize i;

  return find_other (type, &i) || find_kind (type, &i);
}

VtReason
vt_engine_members_list (const char *type,
                        const guint8 *data,
                        gsize size,
                        VtEngineMembersBudget *budget,
                        VtEngineMemberFunc func,
                        gpointer user_data)
{
  g_autoptr (VtHasher) hasher = vt_hasher_new ();
  Listing listing = {.budget = budget, .func = func, .user_data = user_data, .hasher = hasher};
  gsize i;

  if (find_other (type, &i))
    return others[i].list (&listing, data, size);
  g_return_val_if_fail (find_kind (type, &i), VT_REASON_ENGINE_ERROR);
  return list_with_libarchive (&listing, i, data, size);
}
