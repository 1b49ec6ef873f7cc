// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The bytes of a clean cache, before SQLite has to do with them: where nobody can change them, with
 * the right digest, and of a format that is known.
 */
#include "vt-clean-cache-private.h"

#include <errno.h>
#include <string.h>

#include "vt-fd.h"
#include "vt-memfd.h"

#define COPY_SIZE ((gsize)256 * 1024)

/* "The Database Header" in SQLite's file format: numbers are big-endian. */
#define HEADER_SIZE           100
#define HEADER_PAGE_SIZE      16
#define HEADER_VERSIONS       18 /* to write and to read: 1 for a rollback journal, 2 for a WAL */
#define HEADER_RESERVED       20
#define HEADER_PAGES          28
#define HEADER_ENCODING       56
#define HEADER_USER_VERSION   60
#define HEADER_APPLICATION_ID 68
#define ENCODING_UTF8         1

static const char magic[16] = "SQLite format 3";

static gboolean
fail_with_errno (const char *what, GError **error)
{
  g_set_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_FAILED, "clean cache: %s: %s",
               what, g_strerror (errno));
  return FALSE;
}

static gboolean
check_size (guint64 size, GError **error)
{
  if (size <= VT_CLEAN_CACHE_SIZE_MAX)
    return TRUE;
  g_set_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_DAMAGED,
               "clean cache: it has more than %" G_GUINT64_FORMAT " bytes",
               VT_CLEAN_CACHE_SIZE_MAX);
  return FALSE;
}

/* Copies all of FD, which may grow meanwhile, to MEMFD. */
static gboolean
copy_bytes (int fd, int memfd, guint64 *size, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (COPY_SIZE);
  gssize n;

  *size = 0;
  while ((n = vt_fd_read_at (fd, *size, buffer, COPY_SIZE)) > 0) {
    if (!check_size (*size + (guint64)n, error))
      return FALSE;
    if (!vt_fd_write_at (memfd, *size, buffer, (gsize)n))
      return fail_with_errno ("memory for it", error);
    *size += (guint64)n;
  }
  return n == 0 || fail_with_errno ("reading it", error);
}

static int
copy_to_memfd (int fd, guint64 *size, GError **error)
{
  vt_autofd memfd = -1;
  struct stat info;

  if (fstat (fd, &info) < 0) {
    fail_with_errno ("reading it", error);
    return -1;
  }
  if (!S_ISREG (info.st_mode)) {
    vt_clean_cache_fail_damaged ("it is not a regular file", error);
    return -1;
  }
  memfd = vt_memfd_new ("clean.db");
  if (memfd < 0) {
    fail_with_errno ("memory for it", error);
    return -1;
  }
  if (!copy_bytes (fd, memfd, size, error))
    return -1;
  if (!vt_memfd_seal (memfd)) {
    fail_with_errno ("sealing it", error);
    return -1;
  }
  return vt_fd_steal (&memfd);
}

static gboolean
map_sealed (VtCleanCacheBytes *self, int fd, GError **error)
{
  vt_autofd copy = -1;
  guint64 size;

  if (!vt_memfd_is_sealed (fd, &size)) {
    copy = copy_to_memfd (fd, &size, error);
    if (copy < 0)
      return FALSE;
    fd = copy;
  }
  if (!check_size (size, error))
    return FALSE;
  self->size = size;
  if (size == 0)
    return TRUE;
  self->data = mmap (NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (self->data != MAP_FAILED)
    return TRUE;
  self->data = NULL;
  return fail_with_errno ("memory for it", error);
}

static gboolean
check_digest (VtCleanCacheBytes *self, const VtDigest *expected, GError **error)
{
  VtDigest digest = vt_digest_of_data (self->data, self->size);
  char hex[VT_DIGEST_HEX_SIZE];
  char expected_hex[VT_DIGEST_HEX_SIZE];

  if (vt_digest_equal (&digest, expected))
    return TRUE;
  g_set_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_CHANGED,
               "clean cache: it was changed: its SHA-256 is %s and must be %s",
               vt_digest_to_hex (&digest, hex), vt_digest_to_hex (expected, expected_hex));
  return FALSE;
}

static guint32
read_be32 (const VtCleanCacheBytes *self, gsize offset)
{
  guint32 value;

  memcpy (&value, (const guint8 *)self->data + offset, sizeof value);
  return GUINT32_FROM_BE (value);
}

static gboolean
check_header (const VtCleanCacheBytes *self, GError **error)
{
  const guint8 *header = self->data;
  guint32 format;

  if (self->size < HEADER_SIZE || memcmp (header, magic, sizeof magic) != 0 ||
      read_be32 (self, HEADER_APPLICATION_ID) != VT_CLEAN_CACHE_APPLICATION_ID)
    return vt_clean_cache_fail_damaged ("it is not one", error);
  format = read_be32 (self, HEADER_USER_VERSION);
  if (format > VT_CLEAN_CACHE_FORMAT) {
    g_set_error (error, VT_CLEAN_CACHE_ERROR, VT_CLEAN_CACHE_ERROR_NEWER,
                 "clean cache: format %u is of a later version of this program, which knows %u",
                 format, VT_CLEAN_CACHE_FORMAT);
    return FALSE;
  }
  if (format != VT_CLEAN_CACHE_FORMAT ||
      (header[HEADER_PAGE_SIZE] << 8 | header[HEADER_PAGE_SIZE + 1]) != VT_CLEAN_CACHE_PAGE_SIZE ||
      header[HEADER_VERSIONS] != 1 || header[HEADER_VERSIONS + 1] != 1 ||
      header[HEADER_RESERVED] != 0 || read_be32 (self, HEADER_ENCODING) != ENCODING_UTF8 ||
      (guint64)read_be32 (self, HEADER_PAGES) * VT_CLEAN_CACHE_PAGE_SIZE != self->size)
    return vt_clean_cache_fail_damaged ("its header is not that of format 1", error);
  return TRUE;
}

gboolean
vt_clean_cache_map (int fd, const VtDigest *expected, VtCleanCacheBytes *bytes, GError **error)
{
  return map_sealed (bytes, fd, error) && check_digest (bytes, expected, error) &&
         check_header (bytes, error);
}

void
vt_clean_cache_unmap (VtCleanCacheBytes *bytes)
{
  if (bytes->data != NULL)
    munmap (bytes->data, bytes->size);
  bytes->data = NULL;
}
