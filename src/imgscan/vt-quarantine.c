// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "vt-fd.h"
#include "vt-memfd.h"

#define CONTENT_SUFFIX ".vtq"
#define ENTRY_SUFFIX   ".json"
/* What an entry is called until it is whole. */
#define NEW_SUFFIX ".json.new"

#define MODE_DIRECTORY 0700
#define MODE_FILE      0600

/* Bytes of ID.json; all that is in it has its own bounds. */
#define ENTRY_SIZE_MAX ((gsize)4 * 1024 * 1024)
/* Bytes that are worked on at a time. */
#define PIECE ((gsize)64 * 1024)

G_DEFINE_QUARK (vt_quarantine_error_quark, vt_quarantine_error)

struct _VtQuarantine {
  char *path;
  int dir;
};

static gboolean
fail (const VtQuarantine *self,
      const char *name,
      VtQuarantineError code,
      const char *why,
      GError **error)
{
  g_set_error (error, VT_QUARANTINE_ERROR, (gint)code, "quarantine: %s/%s: %s", self->path, name,
               why);
  return FALSE;
}

static gboolean
fail_with_errno (const VtQuarantine *self, const char *name, GError **error)
{
  return fail (self, name, VT_QUARANTINE_ERROR_SYSTEM, g_strerror (errno), error);
}

static gboolean
sync_parent (const char *path)
{
  g_autofree char *parent = g_path_get_dirname (path);
  vt_autofd fd = open (parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  return fd >= 0 && fsync (fd) == 0;
}

/* Whoever can write there chooses what is put back into images, as whose file and with which
 * rights. */
static gboolean
check_directory (const VtQuarantine *self, GError **error)
{
  struct stat info;

  if (fstat (self->dir, &info) < 0)
    return fail_with_errno (self, "", error);
  if (info.st_uid == geteuid () && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0)
    return TRUE;
  return fail (self, "", VT_QUARANTINE_ERROR_DIRECTORY,
               "it is another user's, or others may write to it", error);
}

VtQuarantine *
vt_quarantine_open (const char *path, gboolean create, GError **error)
{
  g_autoptr (VtQuarantine) self = g_new0 (VtQuarantine, 1);

  self->path = g_canonicalize_filename (path, NULL);
  self->dir = -1;
  if (create && mkdir (self->path, MODE_DIRECTORY) == 0 && !sync_parent (self->path)) {
    fail_with_errno (self, "", error);
    return NULL;
  }
  self->dir = open (self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (self->dir < 0) {
    fail (self, "", VT_QUARANTINE_ERROR_DIRECTORY, g_strerror (errno), error);
    return NULL;
  }
  return check_directory (self, error) ? g_steal_pointer (&self) : NULL;
}

void
vt_quarantine_free (VtQuarantine *self)
{
  vt_fd_clear (&self->dir);
  g_free (self->path);
  g_free (self);
}

/* Both directions are one. */
static void
encode (guint8 *bytes, gsize size)
{
  for (gsize i = 0; i < size; i++)
    bytes[i] ^= VT_QUARANTINE_XOR;
}

static gboolean
check_digest (const VtQuarantine *self,
              const char *name,
              const VtQuarantineEntry *entry,
              VtHasher *hasher,
              GError **error)
{
  const VtDigest digest = vt_hasher_finish (hasher);

  return vt_digest_equal (&digest, &entry->digest) ||
         fail (self, name, VT_QUARANTINE_ERROR_DAMAGED, "the content is not the one that was found",
               error);
}

/* Copies the content from one file to the other. NAME is for messages. */
static gboolean
copy (const VtQuarantine *self,
      const char *name,
      int from,
      int to,
      const VtQuarantineEntry *entry,
      gboolean is_encoded,
      GError **error)
{
  g_autofree guint8 *bytes = g_malloc (PIECE);
  g_autoptr (VtHasher) hasher = vt_hasher_new ();

  for (guint64 offset = 0; offset < entry->size;) {
    gsize size = (gsize)MIN (PIECE, entry->size - offset);
    gssize n = vt_fd_read_at (from, offset, bytes, size);

    if (n < 0)
      return fail_with_errno (self, name, error);
    if ((gsize)n < size)
      return fail (self, name, VT_QUARANTINE_ERROR_DAMAGED, "the content is cut short", error);
    if (is_encoded)
      encode (bytes, size);
    vt_hasher_update (hasher, bytes, size);
    if (!is_encoded)
      encode (bytes, size);
    if (!vt_fd_write_at (to, offset, bytes, size))
      return fail_with_errno (self, name, error);
    offset += size;
  }
  return check_digest (self, name, entry, hasher, error);
}

static int
create_file (const VtQuarantine *self, const char *name, GError **error)
{
  int fd = openat (self->dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE_FILE);

  if (fd < 0)
    fail_with_errno (self, name, error);
  return fd;
}

static gboolean
add_content (const VtQuarantine *self, const VtQuarantineEntry *entry, int content, GError **error)
{
  g_autofree char *name = g_strconcat (entry->id, CONTENT_SUFFIX, NULL);
  vt_autofd fd = create_file (self, name, error);

  if (fd < 0 || !copy (self, name, content, fd, entry, FALSE, error))
    return FALSE;
  return fsync (fd) == 0 || fail_with_errno (self, name, error);
}

static gboolean
add_entry (const VtQuarantine *self, const VtQuarantineEntry *entry, GError **error)
{
  g_autofree char *name = g_strconcat (entry->id, ENTRY_SUFFIX, NULL);
  g_autofree char *new_name = g_strconcat (entry->id, NEW_SUFFIX, NULL);
  g_autoptr (GBytes) json = vt_quarantine_entry_format (entry, error);
  vt_autofd fd = json != NULL ? create_file (self, new_name, error) : -1;
  gsize size;
  const void *text;

  if (fd < 0)
    return FALSE;
  text = g_bytes_get_data (json, &size);
  if (!vt_fd_write_at (fd, 0, text, size) || fsync (fd) < 0 ||
      renameat (self->dir, new_name, self->dir, name) < 0 || fsync (self->dir) < 0)
    return fail_with_errno (self, name, error);
  return TRUE;
}

gboolean
vt_quarantine_add (VtQuarantine *self, const VtQuarantineEntry *entry, int content, GError **error)
{
  if (add_content (self, entry, content, error) && add_entry (self, entry, error))
    return TRUE;
  vt_quarantine_remove (self, entry->id);
  return FALSE;
}

void
vt_quarantine_remove (VtQuarantine *self, const char *id)
{
  static const char *const suffixes[] = {ENTRY_SUFFIX, NEW_SUFFIX, CONTENT_SUFFIX};

  for (gsize i = 0; i < G_N_ELEMENTS (suffixes); i++) {
    g_autofree char *name = g_strconcat (id, suffixes[i], NULL);

    unlinkat (self->dir, name, 0);
  }
}

static int
open_file (const VtQuarantine *self, const char *name, struct stat *info, GError **error)
{
  vt_autofd fd =
      openat (self->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

  if (fd < 0 && errno == ENOENT)
    fail (self, name, VT_QUARANTINE_ERROR_MISSING, "there is no such file", error);
  else if (fd < 0 || fstat (fd, info) < 0)
    fail_with_errno (self, name, error);
  else if (!S_ISREG (info->st_mode))
    fail (self, name, VT_QUARANTINE_ERROR_DAMAGED, "it is no regular file", error);
  else
    return vt_fd_steal (&fd);
  return -1;
}

static GBytes *
read_entry (const VtQuarantine *self, const char *name, GError **error)
{
  struct stat info;
  vt_autofd fd = open_file (self, name, &info, error);
  g_autofree guint8 *bytes = NULL;

  if (fd < 0)
    return NULL;
  if ((guint64)info.st_size > ENTRY_SIZE_MAX) {
    fail (self, name, VT_QUARANTINE_ERROR_DAMAGED, "it is too large for an entry", error);
    return NULL;
  }
  bytes = g_malloc ((gsize)info.st_size + 1);
  if (vt_fd_read_at (fd, 0, bytes, (gsize)info.st_size) == info.st_size)
    return g_bytes_new_take (g_steal_pointer (&bytes), (gsize)info.st_size);
  fail (self, name, VT_QUARANTINE_ERROR_DAMAGED, "it cannot be read whole", error);
  return NULL;
}

VtQuarantineEntry *
vt_quarantine_find (VtQuarantine *self, const char *id, GError **error)
{
  g_autofree char *name = g_strconcat (id, ENTRY_SUFFIX, NULL);
  g_autoptr (GBytes) json = NULL;
  g_autoptr (VtQuarantineEntry) entry = NULL;

  /* It becomes a file's name. */
  if (!g_uuid_string_is_valid (id)) {
    g_set_error (error, VT_QUARANTINE_ERROR, VT_QUARANTINE_ERROR_MISSING,
                 "quarantine: '%s' is not the id of an entry", id);
    return NULL;
  }
  json = read_entry (self, name, error);
  if (json == NULL)
    return NULL;
  entry = vt_quarantine_entry_parse (json, error);
  if (entry == NULL)
    g_prefix_error (error, "quarantine: %s/%s: ", self->path, name);
  else if (strcmp (entry->id, id) != 0)
    fail (self, name, VT_QUARANTINE_ERROR_DAMAGED, "it is of another id", error);
  else
    return g_steal_pointer (&entry);
  return NULL;
}

int
vt_quarantine_extract (VtQuarantine *self, const VtQuarantineEntry *entry, GError **error)
{
  g_autofree char *name = g_strconcat (entry->id, CONTENT_SUFFIX, NULL);
  struct stat info;
  vt_autofd fd = open_file (self, name, &info, error);
  vt_autofd content = -1;

  if (fd < 0)
    return -1;
  if ((guint64)info.st_size != entry->size) {
    fail (self, name, VT_QUARANTINE_ERROR_DAMAGED, "it has another size than its entry tells",
          error);
    return -1;
  }
  content = vt_memfd_new ("vt-quarantine");
  if (content < 0)
    fail_with_errno (self, name, error);
  else if (copy (self, name, fd, content, entry, TRUE, error))
    return vt_fd_steal (&content);
  return -1;
}
