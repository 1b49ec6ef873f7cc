// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Files in memory that nobody can change any more (memfd_create(2), "File sealing" in fcntl(2)).
 */
#pragma once

#include <fcntl.h>
#include <glib.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* What keeps the bytes as they are; seals cannot be taken back. */
#define VT_MEMFD_NEEDED_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)
#define VT_MEMFD_ALL_SEALS    (VT_MEMFD_NEEDED_SEALS | F_SEAL_SEAL)

/* An empty one that can be sealed; -1 and errno. NAME shows in /proc only. */
static inline int
vt_memfd_new (const char *name)
{
  return memfd_create (name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

/* Seals it against everything. FALSE and errno, as when it is mapped for writing. */
static inline gboolean
vt_memfd_seal (int memfd)
{
  return fcntl (memfd, F_ADD_SEALS, VT_MEMFD_ALL_SEALS) == 0;
}

/* Whether FD, from whoever it comes, is a memfd that nobody can change any more. SIZE gets its
 * bytes. */
static inline gboolean
vt_memfd_is_sealed (int fd, guint64 *size)
{
  int seals = fcntl (fd, F_GET_SEALS);
  struct stat info;

  if (seals < 0 || (seals & VT_MEMFD_NEEDED_SEALS) != VT_MEMFD_NEEDED_SEALS ||
      fstat (fd, &info) < 0 || info.st_size < 0)
    return FALSE;
  *size = (guint64)info.st_size;
  return TRUE;
}
