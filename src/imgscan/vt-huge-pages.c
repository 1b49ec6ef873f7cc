// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-huge-pages.h"

#include <stdio.h>
#include <sys/mman.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FILE, fclose)

/* Since Linux 6.1: at once, and not when the kernel comes round to it. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* Of most machines; where they are larger, less is aligned to them and the kernel says no. */
#define HUGE_PAGE ((guintptr)2 * 1024 * 1024)

/* A line of /proc/self/maps (proc(5)). */
#define LINE_MAX_SIZE 4400

/* The whole huge pages within a private, writable mapping that no file is behind. */
static gboolean
parse_line (const char *line, guintptr *start, guintptr *end)
{
  unsigned long first;
  unsigned long last;
  unsigned long inode;
  char permissions[5];

  if (sscanf (line, "%lx-%lx %4s %*x %*x:%*x %lu", &first, &last, permissions, &inode) != 4 ||
      permissions[0] != 'r' || permissions[1] != 'w' || permissions[3] != 'p' || inode != 0)
    return FALSE;
  *start = (first + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
  *end = last & ~(HUGE_PAGE - 1);
  return *start < *end;
}

guint64
vt_huge_pages_advise (void)
{
  g_autoptr (FILE) maps = fopen ("/proc/self/maps", "re");
  char line[LINE_MAX_SIZE];
  guint64 advised = 0;
  guintptr start;
  guintptr end;

  while (maps != NULL && fgets (line, sizeof line, maps) != NULL) {
    if (!parse_line (line, &start, &end) ||
        madvise ((void *)start, end - start, MADV_HUGEPAGE) != 0)
      continue;
    advised += end - start;
    if (madvise ((void *)start, end - start, MADV_COLLAPSE) != 0)
      g_debug ("huge pages: later, %lx-%lx", (unsigned long)start, (unsigned long)end);
  }
  return advised;
}
