// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-file-digests.h"

#define NS_PER_US 1000

struct _VtFileDigests {
  GHashTable *known; /* VtFileStamp, in the value, to VtFileDigest */
  GArray *new;       /* of VtFileDigest */
};

static guint
hash_stamp (gconstpointer key)
{
  const VtFileStamp *stamp = key;

  return g_int64_hash (&stamp->inode);
}

static gboolean
equal_stamps (gconstpointer a, gconstpointer b)
{
  return vt_file_stamp_equal (a, b);
}

VtFileDigests *
vt_file_digests_new (void)
{
  VtFileDigests *self = g_new0 (VtFileDigests, 1);

  self->known = g_hash_table_new_full (hash_stamp, equal_stamps, NULL, g_free);
  self->new = g_array_new (FALSE, FALSE, sizeof (VtFileDigest));
  return self;
}

void
vt_file_digests_free (VtFileDigests *self)
{
  g_hash_table_unref (self->known);
  g_array_unref (self->new);
  g_free (self);
}

void
vt_file_digests_add (VtFileDigests *self, const VtFileDigest *file)
{
  VtFileDigest *copy = g_memdup2 (file, sizeof *file);

  g_hash_table_replace (self->known, &copy->stamp, copy);
}

const GArray *
vt_file_digests_get_new (const VtFileDigests *self)
{
  return self->new;
}

/* Whether a file that looks like STAMP at NOW, and looked so before it was hashed, cannot look so
 * with another content. */
static gboolean
is_settled (const VtFileStamp *stamp, int fd, gint64 now)
{
  VtFileStamp after;
  struct stat status;

  if (fstat (fd, &status) != 0)
    return FALSE;
  after = vt_file_stamp_of (&status);
  return vt_file_stamp_equal (stamp, &after) &&
         MAX (stamp->mtime_ns, stamp->ctime_ns) < now - VT_FILE_TICK_NS;
}

gboolean
vt_file_digests_get (
    VtFileDigests *self, int fd, const struct stat *status, VtDigest *digest, GError **error)
{
  const gint64 now = g_get_real_time () * NS_PER_US;
  VtFileDigest file = {.stamp = vt_file_stamp_of (status)};
  const VtFileDigest *known = self != NULL ? g_hash_table_lookup (self->known, &file.stamp) : NULL;

  if (known != NULL) {
    *digest = known->digest;
    return TRUE;
  }
  if (!vt_digest_of_fd (fd, file.stamp.size, digest, error))
    return FALSE;
  file.digest = *digest;
  if (self != NULL && is_settled (&file.stamp, fd, now)) {
    vt_file_digests_add (self, &file);
    g_array_append_val (self->new, file);
  }
  return TRUE;
}
