// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vt-huge-pages.h"

#define MIB        ((gsize)1024 * 1024)
#define TABLE_SIZE (32 * MIB)
#define HUGE_PAGE  (2 * MIB)

static gboolean
kernel_has_huge_pages (void)
{
  g_autofree char *setting = NULL;

  return g_file_get_contents ("/sys/kernel/mm/transparent_hugepage/enabled", &setting, NULL,
                              NULL) &&
         strstr (setting, "[never]") == NULL;
}

/* Older ones do it when they come round to it, which a test cannot wait for. */
static gboolean
kernel_does_it_at_once (void)
{
  struct utsname name;
  int major, minor;

  return uname (&name) == 0 && sscanf (name.release, "%d.%d", &major, &minor) == 2 &&
         major * 1000 + minor >= 6001;
}

/* In bytes, of this process's mapping that holds ADDRESS. */
static guint64
count_huge (const guint8 *address)
{
  g_autofree char *smaps = NULL;
  g_auto (GStrv) lines = NULL;
  gboolean within = FALSE;

  g_assert_true (g_file_get_contents ("/proc/self/smaps", &smaps, NULL, NULL));
  lines = g_strsplit (smaps, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    unsigned long start, end;

    if (sscanf (*line, "%lx-%lx ", &start, &end) == 2)
      within = (gsize)address >= start && (gsize)address < end;
    else if (within && g_str_has_prefix (*line, "AnonHugePages:"))
      return g_ascii_strtoull (*line + strlen ("AnonHugePages:"), NULL, 10) * 1024;
  }
  return 0;
}

/* Like an engine's tables: many small pages, written once. */
static guint8 *
make_table (void)
{
  guint8 *table = g_aligned_alloc (1, TABLE_SIZE, HUGE_PAGE);

  for (gsize i = 0; i < TABLE_SIZE; i++)
    table[i] = (guint8)(i * 31 + (i >> 12));
  return table;
}

static gboolean
is_intact (const guint8 *table)
{
  for (gsize i = 0; i < TABLE_SIZE; i++)
    if (table[i] != (guint8)(i * 31 + (i >> 12)))
      return FALSE;
  return TRUE;
}

static void
test_memory_is_in_huge_pages (void)
{
  guint8 *table;
  int status;
  pid_t pid;

  if (!kernel_has_huge_pages () || !kernel_does_it_at_once ()) {
    g_test_skip ("this kernel makes no transparent huge pages, or not at once (Linux 6.1)");
    return;
  }
  table = make_table ();
  g_assert_cmpuint (vt_huge_pages_advise (), >=, TABLE_SIZE - 2 * HUGE_PAGE);
  g_assert_true (is_intact (table));
  g_assert_cmpuint (count_huge (table), >=, TABLE_SIZE / 2);
  pid = fork ();
  if (pid == 0)
    _exit (is_intact (table) && count_huge (table) >= TABLE_SIZE / 2 ? 0 : 1);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  g_aligned_free (table);
}

static void
test_again_is_no_harm (void)
{
  guint8 *table = make_table ();
  guint64 first = vt_huge_pages_advise ();

  g_assert_cmpuint (vt_huge_pages_advise (), >=, MIN (first, TABLE_SIZE / 2));
  table[0]++;
  table[0]--;
  g_assert_true (is_intact (table));
  g_aligned_free (table);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/huge-pages/memory-is-in-huge-pages", test_memory_is_in_huge_pages);
  g_test_add_func ("/huge-pages/again-is-no-harm", test_again_is_no_harm);
  return g_test_run ();
}
