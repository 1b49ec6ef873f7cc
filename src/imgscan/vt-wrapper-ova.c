// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * An OVA: a tar archive with a descriptor (OVF), perhaps a manifest and a certificate, and the
 * disks. Its images are what the descriptor calls a disk, and what begins like an image. They are
 * read where they lie, so each must lie in one piece; names are but names, and nothing is written
 * by them.
 */
#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <unistd.h>

#include "vt-wrapper-private.h"

typedef struct archive VtArchive;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtArchive, archive_read_free)

#define BLOCK_SIZE 512
/* How much is read at a time: headers lie far from each other. */
#define READ_SIZE ((gsize)16 * 1024)
/* Far more than any OVA has. */
#define MEMBERS_MAX 1000
/* Bytes of a descriptor; those of large machines have 100 KB. */
#define OVF_SIZE_MAX ((gsize)4 * 1024 * 1024)
/* Longest name in bytes: it goes into a message of vt-ipc. */
#define NAME_MAX_BYTES ((gsize)4096)

typedef struct {
  int fd;
  guint64 size;
  GPtrArray *members; /* of VtWrapperPart */
  GHashTable *names;  /* of the same names */
  GStrv disks;        /* what the descriptor names; NULL: there was none yet */
} Ova;

static void
ova_clear (Ova *self)
{
  g_clear_pointer (&self->names, g_hash_table_unref);
  g_clear_pointer (&self->members, g_ptr_array_unref);
  g_clear_pointer (&self->disks, g_strfreev);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Ova, ova_clear)

void
vt_wrapper_part_free (VtWrapperPart *self)
{
  g_free (self->name);
  g_free (self);
}

void
vt_wrapper_contents_clear (VtWrapperContents *self)
{
  g_clear_pointer (&self->images, g_ptr_array_unref);
  g_clear_pointer (&self->ignored, g_ptr_array_unref);
}

static gboolean G_GNUC_PRINTF (2, 3) fail (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error_literal (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_BAD, text);
  return FALSE;
}

static gboolean
fail_as (struct archive *archive, GError **error)
{
  return fail (error, "the archive is damaged or cut off: %s",
               archive_error_string (archive) ?: "unknown error");
}

static guint64
round_up (guint64 size)
{
  return (size + BLOCK_SIZE - 1) / BLOCK_SIZE * BLOCK_SIZE;
}

static gboolean
has_suffix (const char *name, const char *suffix)
{
  gsize length = strlen (name);

  return length >= strlen (suffix) &&
         g_ascii_strcasecmp (name + length - strlen (suffix), suffix) == 0;
}

/* Names that only pax headers have may be in no charset that the C library converts to. */
static const char *
get_name (struct archive_entry *entry)
{
  const char *name = archive_entry_pathname (entry);

  if (name == NULL)
    name = archive_entry_pathname_utf8 (entry);
  while (name != NULL && g_str_has_prefix (name, "./"))
    name += 2;
  return name != NULL && name[0] != '\0' && strlen (name) <= NAME_MAX_BYTES ? name : NULL;
}

static gboolean
read_ovf (Ova *self, const VtWrapperPart *member, GError **error)
{
  g_autofree char *text = NULL;

  if (self->disks != NULL)
    return fail (error, "it has two descriptors (.ovf)");
  if (member->size > OVF_SIZE_MAX)
    return fail (error, "its descriptor has more than %zu bytes", OVF_SIZE_MAX);
  text = g_malloc (member->size + 1);
  if (!vt_wrapper_read (self->fd, member->offset, text, member->size))
    return fail (error, "its descriptor cannot be read");
  self->disks = vt_wrapper_parse_ovf (text, member->size, error);
  return self->disks != NULL;
}

/* Whether the member's bytes, all of them, lie at its place one after the other. */
static gboolean
check_place (const Ova *self, const VtWrapperPart *member, gboolean sparse, GError **error)
{
  if (sparse)
    return fail (error, "'%s' lies in pieces; make the archive without --sparse", member->name);
  if (member->offset > self->size || member->offset % BLOCK_SIZE != 0 ||
      round_up (member->size) > self->size - member->offset)
    return fail (error, "the archive is cut off: '%s' goes beyond its end", member->name);
  return TRUE;
}

static gboolean
take_member (Ova *self, struct archive *archive, struct archive_entry *entry, GError **error)
{
  g_autoptr (VtWrapperPart) member = g_new0 (VtWrapperPart, 1);
  const char *name = get_name (entry);

  if (name == NULL)
    return fail (error, "it has a member without a name, or with one that is too long");
  if (archive_entry_filetype (entry) != AE_IFREG || archive_entry_hardlink (entry) != NULL)
    return TRUE;
  member->name = g_strdup (name);
  member->size = (guint64)MAX (0, archive_entry_size (entry));
  member->offset = (guint64)archive_filter_bytes (archive, 0);
  if (!check_place (self, member, archive_entry_sparse_count (entry) > 0, error) ||
      (has_suffix (name, ".ovf") && !read_ovf (self, member, error)))
    return FALSE;
  if (!g_hash_table_add (self->names, member->name))
    return fail (error, "it has two members of the name '%s'", name);
  g_ptr_array_add (self->members, g_steal_pointer (&member));
  return TRUE;
}

/* Headers follow the data of the member before, or that is not stored as it is. */
static gboolean
check_distance (const Ova *self, guint64 position, GError **error)
{
  const VtWrapperPart *last;

  if (self->members->len == 0)
    return TRUE;
  last = g_ptr_array_index (self->members, self->members->len - 1);
  /* Directories and links lie between. */
  if (position >= last->offset + round_up (last->size))
    return TRUE;
  return fail (error, "'%s' is not stored as it is", last->name);
}

/* Without the mark nobody knows what may have followed. */
static gboolean
check_end (const Ova *self, guint64 position, GError **error)
{
  static const guint8 zeros[BLOCK_SIZE];
  guint8 block[BLOCK_SIZE];

  if (position <= self->size && vt_wrapper_read (self->fd, position, block, BLOCK_SIZE) &&
      memcmp (block, zeros, BLOCK_SIZE) == 0)
    return check_distance (self, position, error);
  return fail (error, "the archive is cut off: its end is not marked");
}

static gboolean
read_members (Ova *self, GError **error)
{
  g_autoptr (VtArchive) archive = archive_read_new ();
  struct archive_entry *entry;
  guint count = 0;
  int status;

  archive_read_support_format_tar (archive);
  if (lseek (self->fd, 0, SEEK_SET) != 0 ||
      archive_read_open_fd (archive, self->fd, READ_SIZE) != ARCHIVE_OK)
    return fail_as (archive, error);
  /* WARN: a name in no known charset, which is passed on as it is. */
  while ((status = archive_read_next_header (archive, &entry)) == ARCHIVE_OK ||
         status == ARCHIVE_WARN) {
    if (++count > MEMBERS_MAX)
      return fail (error, "it has more than %d members", MEMBERS_MAX);
    if (!check_distance (self, (guint64)archive_read_header_position (archive), error) ||
        !take_member (self, archive, entry, error))
      return FALSE;
  }
  if (status != ARCHIVE_EOF)
    return fail_as (archive, error);
  return check_end (self, (guint64)archive_read_header_position (archive), error);
}

/* A descriptor names files by URIs: as they are, or with escapes. */
static gboolean
names_member (const char *href, const char *name)
{
  g_autofree char *plain = NULL;

  if (g_str_has_prefix (href, "./"))
    href += 2;
  plain = g_uri_unescape_string (href, NULL);
  return g_str_equal (href, name) || g_strcmp0 (plain, name) == 0;
}

static gboolean
is_disk (const Ova *self, const char *name)
{
  for (char **href = self->disks; href != NULL && *href != NULL; href++)
    if (names_member (*href, name))
      return TRUE;
  return FALSE;
}

static gboolean
check_disks (const Ova *self, GError **error)
{
  for (char **href = self->disks; href != NULL && *href != NULL; href++) {
    gboolean found = FALSE;

    for (guint i = 0; i < self->members->len && !found; i++)
      found =
          names_member (*href, ((const VtWrapperPart *)g_ptr_array_index (self->members, i))->name);
    if (!found)
      return fail (error, "the disk '%s', which its OVF names, is not in the archive", *href);
  }
  return TRUE;
}

static gboolean
is_image (const Ova *self, const VtWrapperPart *member)
{
  VtWrapperKind kind = vt_wrapper_recognise (self->fd, member->offset, member->size);

  return is_disk (self, member->name) || kind != VT_WRAPPER_NONE ||
         vt_wrapper_is_image (self->fd, member->offset, member->size);
}

/* What belongs to every OVA and holds no files: descriptor, manifest, certificate. */
static gboolean
is_paper (const char *name)
{
  return has_suffix (name, ".ovf") || has_suffix (name, ".mf") || has_suffix (name, ".cert");
}

static gboolean
sort_out (Ova *self, VtWrapperContents *contents, GError **error)
{
  while (self->members->len > 0) {
    VtWrapperPart *member = g_ptr_array_steal_index (self->members, 0);

    if (is_image (self, member)) {
      g_ptr_array_add (contents->images, member);
      continue;
    }
    if (!is_paper (member->name))
      g_ptr_array_add (contents->ignored, g_strdup (member->name));
    vt_wrapper_part_free (member);
  }
  if (contents->images->len == 0)
    return fail (error, "there is no disk in the archive");
  if (contents->images->len > VT_WRAPPER_IMAGES_MAX)
    return fail (error, "there are more than %d disks in the archive", VT_WRAPPER_IMAGES_MAX);
  return TRUE;
}

gboolean
vt_wrapper_list_ova (int fd, guint64 size, VtWrapperContents *contents, GError **error)
{
  g_auto (Ova) self = {.fd = fd, .size = size};

  self.members = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_wrapper_part_free);
  self.names = g_hash_table_new (g_str_hash, g_str_equal);
  contents->images = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_wrapper_part_free);
  contents->ignored = g_ptr_array_new_with_free_func (g_free);
  return read_members (&self, error) && check_disks (&self, error) &&
         sort_out (&self, contents, error);
}
