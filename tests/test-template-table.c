// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* The files of a template, as they come to the reader of a clone. */
#include "vt-template-table.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "clean-cache-fixture.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

/* N files in each of three file systems, the second of which has none; inodes are even. */
static GArray *
make_files (guint n)
{
  static const guint filesystems[] = {0, 2, 3};
  GArray *files = g_array_new (FALSE, FALSE, sizeof (VtCleanFile));

  for (guint k = 0; k < G_N_ELEMENTS (filesystems); k++)
    for (guint i = 0; i < n; i++) {
      const VtCleanFile file = new_file (filesystems[k], 2 * (i + 1));

      g_array_append_val (files, file);
    }
  return files;
}

/* By way of a file, as the reader has it. */
static VtTemplateTable *
hand_on (GArray *files)
{
  g_autoptr (GError) error = NULL;
  vt_autofd fd = vt_template_table_write (files, &error);
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  VtTemplateTable *table;

  g_assert_no_error (error);
  g_assert_cmpint (fcntl (fd, F_GET_SEALS) & SEALS, ==, SEALS);
  g_assert_cmpint (pwrite (fd, "x", 1, 0), ==, -1);
  table = vt_template_table_read (path, &error);
  g_assert_no_error (error);
  return table;
}

static void
assert_found (const VtTemplateTable *table, const VtCleanFile *expected)
{
  const VtCleanFile *found = vt_template_table_find (table, expected->fs, expected->inode);

  g_assert_nonnull (found);
  g_assert_cmpuint (found->fs, ==, expected->fs);
  g_assert_cmpuint (found->inode, ==, expected->inode);
  g_assert_cmpuint (found->generation, ==, expected->generation);
  g_assert_cmpuint (found->size, ==, expected->size);
  g_assert_cmpint (found->mtime_ns, ==, expected->mtime_ns);
  g_assert_cmpint (found->ctime_ns, ==, expected->ctime_ns);
  g_assert_true (vt_digest_equal (&found->digest, &expected->digest));
}

/* Each file is found, and nothing beside, between or beyond them. */
static void
assert_table (const VtTemplateTable *table, GArray *files)
{
  for (guint i = 0; i < files->len; i++) {
    const VtCleanFile *file = &g_array_index (files, VtCleanFile, i);

    assert_found (table, file);
    g_assert_null (vt_template_table_find (table, file->fs, file->inode - 1));
    g_assert_null (vt_template_table_find (table, file->fs, file->inode + 1));
    g_assert_null (vt_template_table_find (table, 1, file->inode));
    g_assert_null (vt_template_table_find (table, 4, file->inode));
  }
  for (guint fs = 0; fs < 5; fs++) {
    g_assert_null (vt_template_table_find (table, fs, 0));
    g_assert_null (vt_template_table_find (table, fs, G_MAXUINT64));
  }
}

static void
test_find (gconstpointer data)
{
  g_autoptr (GArray) files = make_files (GPOINTER_TO_UINT (data));
  g_autoptr (VtTemplateTable) handed_on = hand_on (files);
  g_autoptr (VtTemplateTable) own = vt_template_table_new (files);

  assert_table (handed_on, files);
  assert_table (own, files);
}

static void
test_large_inodes (void)
{
  static const guint64 inodes[] = {1, G_MAXUINT32, G_MAXINT64, (guint64)G_MAXINT64 + 1,
                                   G_MAXUINT64};
  g_autoptr (GArray) files = g_array_new (FALSE, FALSE, sizeof (VtCleanFile));
  g_autoptr (VtTemplateTable) table = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (inodes); i++) {
    const VtCleanFile file = new_file (0, inodes[i]);

    g_array_append_val (files, file);
  }
  table = hand_on (files);
  for (guint i = 0; i < files->len; i++)
    assert_found (table, &g_array_index (files, VtCleanFile, i));
}

static void
test_no_file (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_template_table_read ("/nowhere/table", &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_assert_true (g_str_has_prefix (error->message, "template: "));
}

/* What is no whole file at the end is none. */
static void
test_cut_off (void)
{
  g_autoptr (GArray) files = make_files (1);
  g_autoptr (GError) error = NULL;
  g_autoptr (VtTemplateTable) table = NULL;
  vt_autofd fd = vt_memfd_new ("test");
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);

  g_assert_true (vt_fd_write_at (fd, 0, files->data, files->len * sizeof (VtCleanFile) - 1));
  table = vt_template_table_read (path, &error);
  g_assert_no_error (error);
  assert_found (table, &g_array_index (files, VtCleanFile, 0));
  assert_found (table, &g_array_index (files, VtCleanFile, 1));
  g_assert_null (vt_template_table_find (table, 3, 2));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/template-table/find/none", GUINT_TO_POINTER (0), test_find);
  g_test_add_data_func ("/template-table/find/one", GUINT_TO_POINTER (1), test_find);
  g_test_add_data_func ("/template-table/find/two", GUINT_TO_POINTER (2), test_find);
  g_test_add_data_func ("/template-table/find/many", GUINT_TO_POINTER (1000), test_find);
  g_test_add_func ("/template-table/large-inodes", test_large_inodes);
  g_test_add_func ("/template-table/no-file", test_no_file);
  g_test_add_func ("/template-table/cut-off", test_cut_off);
  return g_test_run ();
}
