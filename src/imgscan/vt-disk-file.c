// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A disk that is a file.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vt-disk-private.h"
#include "vt-fd.h"

static gboolean
start (gpointer source, VtDiskRead *read, GError **error)
{
  int file = GPOINTER_TO_INT (source);
  gssize n = vt_fd_read_at (file, read->offset, read->buffer, read->size);

  if (n < 0 || (gsize)n < read->size)
    vt_disk_read_fail (read, VT_DISK_ERROR_READ,
                       n < 0 ? g_strerror (errno) : "it has become shorter");
  vt_disk_read_complete (read);
  return TRUE;
}

static void
do_nothing (gpointer source)
{
}

static const VtDiskClass file_class = {.start = start, .free = do_nothing};

VtDisk *
vt_disk_new_file (int file, GError **error)
{
  struct stat info;

  if (fstat (file, &info) < 0) {
    g_set_error (error, VT_DISK_ERROR, VT_DISK_ERROR_READ, "disk: %s", g_strerror (errno));
    return NULL;
  }
  if (!S_ISREG (info.st_mode)) {
    g_set_error_literal (error, VT_DISK_ERROR, VT_DISK_ERROR_READ, "disk: not a regular file");
    return NULL;
  }
  return vt_disk_new (&file_class, GINT_TO_POINTER (file), (guint64)info.st_size);
}
