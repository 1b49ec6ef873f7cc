// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* An image's bytes, opened, listed and read as a file system. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz-fs.h"
#include "vt-fd.h"

/* Hashing what claims to be larger takes all the time. */
#define SIZE_MAX_READ ((guint64)8 * 1024 * 1024)
#define KEPT_MAX      ((guint64)1024 * 1024)

static gboolean
on_name (const char *path, const VtFsStat *stat, gpointer user_data, GError **error)
{
  VtFsWanted wanted = {stat->inode, stat->size, NULL};

  g_assert_cmpint (path[0], ==, '/');
  if (stat->size <= SIZE_MAX_READ && !stat->unreadable)
    g_array_append_val ((GArray *)user_data, wanted);
  return TRUE;
}

static gboolean
on_file (gpointer file,
         int memfd,
         const VtDigest *digest,
         VtReason reason,
         gpointer user_data,
         GError **error)
{
  vt_fd_clear (&memfd);
  ++*(gsize *)user_data;
  return TRUE;
}

static void
use (VtFs *fs)
{
  g_autoptr (GArray) wanted = g_array_new (FALSE, FALSE, sizeof (VtFsWanted));
  g_autofree char *refusal = NULL;
  g_autofree char *other = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  const VtContentPlace place = {.max_size = KEPT_MAX};
  gsize delivered = 0;

  if (!vt_fs_read_head (fs, "/etc/os-release", 4096, &bytes, &error))
    g_assert_true (error->message != NULL);
  g_clear_error (&error);
  if (!vt_fs_list (fs, on_name, wanted, &refusal, &error)) {
    g_assert_true ((refusal != NULL) != (error != NULL));
    return;
  }
  if (vt_fs_read_files (fs, (const VtFsWanted *)(void *)wanted->data, wanted->len, &place, on_file,
                        &delivered, &other, &error))
    g_assert_cmpuint (delivered, ==, wanted->len);
  else
    g_assert_true ((other != NULL) != (error != NULL));
}

void
fuzz_fs (FuzzFsOpen open, const uint8_t *data, size_t size)
{
  vt_autofd file = memfd_create ("image", MFD_CLOEXEC);
  g_autoptr (VtDisk) disk = NULL;
  g_autoptr (VtFs) fs = NULL;
  g_autofree char *refusal = NULL;
  g_autoptr (GError) error = NULL;

  if (write (file, data, size) != (ssize_t)size)
    return;
  disk = vt_disk_new_file (file, NULL);
  fs = open (disk, 0, size, &refusal, &error);
  g_assert_true ((fs != NULL) + (refusal != NULL) + (error != NULL) == 1);
  if (fs != NULL)
    use (fs);
}
