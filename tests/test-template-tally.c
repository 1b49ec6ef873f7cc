// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What became of a template's files: unchanged, changed, added, removed. */
#include "vt-template-tally.h"

#include "template-fixture.h"
#include "vt-paths.h"

/* A content that is not in the cache. */
#define NEW_CONTENT 500

typedef struct {
  char *dir;
  VtStore *store;
  VtTemplate *template;
  VtScanResult *result;
  VtTemplateTally *tally;
} Fixture;

static void
add_filesystem (VtScanResult *result, const char *id, const char *type)
{
  VtFilesystem *filesystem = vt_filesystem_new ();

  filesystem->id = g_strdup (id);
  filesystem->type = g_strdup (type);
  g_ptr_array_add (result->filesystems, filesystem);
}

/* The image has the template's file systems in another order, and one more. */
enum { SWAPPED_SECOND, SWAPPED_FIRST, NEW_FILESYSTEM };

static void
set_up (Fixture *fixture, gconstpointer data)
{
  VtCleanCacheBuilder *builder = new_builder ();
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;

  fixture->dir = g_dir_make_tmp ("vt-tally-XXXXXX", &error);
  g_assert_no_error (error);
  path = g_build_filename (fixture->dir, "store", "verdicts.db", NULL);
  fixture->store = vt_store_open (path, &error);
  g_assert_no_error (error);
  for (guint inode = 12; inode < 16; inode++)
    add_file (builder, new_file (0, inode));
  add_file (builder, new_file (1, 12));
  fixture->template = new_template (builder);
  prepare (fixture->template, SEED_ENGINE, fixture->store);
  fixture->result = vt_scan_result_new ("clone.qcow2");
  add_filesystem (fixture->result, "/dev/sda2", "vfat");
  add_filesystem (fixture->result, "/dev/sda1", "ext4");
  add_filesystem (fixture->result, "/dev/sdb", "ext4");
  fixture->tally = vt_template_tally_new (fixture->template, fixture->result);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_template_tally_free (fixture->tally);
  vt_scan_result_free (fixture->result);
  vt_template_unref (fixture->template);
  vt_store_free (fixture->store);
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
}

static void
note (Fixture *fixture, guint filesystem, guint64 inode, guint content)
{
  const VtFileResult file = {
      .filesystem = filesystem,
      .path = (char *)"/a",
      .inode = inode,
      .size = 1,
      .has_digest = TRUE,
      .digest = digest_of_number (content),
  };

  vt_template_tally_note (fixture->tally, &file);
}

static void
assert_use (Fixture *fixture, guint unchanged, guint changed, guint added, guint removed)
{
  const VtTemplateUse *use = &fixture->result->template;

  vt_template_tally_finish (fixture->tally, fixture->result);
  g_assert_cmpuint (use->unchanged, ==, unchanged);
  g_assert_cmpuint (use->changed, ==, changed);
  g_assert_cmpuint (use->added, ==, added);
  g_assert_cmpuint (use->removed, ==, removed);
}

static void
test_each_kind (Fixture *fixture, gconstpointer data)
{
  note (fixture, SWAPPED_FIRST, 12, 12);
  note (fixture, SWAPPED_FIRST, 13, NEW_CONTENT);
  note (fixture, SWAPPED_SECOND, 12, 12);
  /* A known content under another inode, in a known file system and in a new one. */
  note (fixture, SWAPPED_FIRST, 90, 12);
  note (fixture, SWAPPED_SECOND, 13, 13);
  note (fixture, NEW_FILESYSTEM, 12, 12);
  assert_use (fixture, 2, 1, 3, 2);
  g_assert_true (fixture->result->template.removed_is_known);
}

static void
test_nothing_was_noted (Fixture *fixture, gconstpointer data)
{
  assert_use (fixture, 0, 0, 0, 5);
  /* Once more is not twice as many. */
  assert_use (fixture, 0, 0, 0, 5);
}

/* What could not be read is not as it was, as far as anybody knows. */
static void
test_without_a_digest (Fixture *fixture, gconstpointer data)
{
  /* Whatever stands in its place. */
  const VtFileResult file = {
      .filesystem = SWAPPED_FIRST, .inode = 12, .size = 1, .digest = digest_of_number (12)};

  vt_template_tally_note (fixture->tally, &file);
  assert_use (fixture, 0, 1, 0, 4);
}

/* The cache has neither these nor itself. */
static void
test_what_no_cache_has (Fixture *fixture, gconstpointer data)
{
  const VtDigest own = digest_of_number (NEW_CONTENT);
  VtFileResult empty = {.filesystem = SWAPPED_FIRST, .inode = 90};

  vt_template_add_content (fixture->template, &own);
  vt_template_tally_note (fixture->tally, &empty);
  note (fixture, SWAPPED_FIRST, 0, 12);
  note (fixture, SWAPPED_FIRST, 91, NEW_CONTENT);
  assert_use (fixture, 0, 0, 0, 5);
}

static void
test_reset (Fixture *fixture, gconstpointer data)
{
  note (fixture, SWAPPED_FIRST, 12, 12);
  note (fixture, SWAPPED_FIRST, 13, NEW_CONTENT);
  note (fixture, SWAPPED_FIRST, 90, 12);
  vt_template_tally_reset (fixture->tally);
  note (fixture, SWAPPED_FIRST, 14, 14);
  assert_use (fixture, 1, 0, 0, 4);
}

static void
assert_removed_is_unknown (Fixture *fixture)
{
  assert_use (fixture, 1, 0, 0, 0);
  g_assert_false (fixture->result->template.removed_is_known);
}

static void
test_removed_is_only_known_of_all (Fixture *fixture, gconstpointer data)
{
  VtFilesystem *last = g_ptr_array_index (fixture->result->filesystems, NEW_FILESYSTEM);

  note (fixture, SWAPPED_FIRST, 12, 12);
  fixture->result->partial = TRUE;
  assert_removed_is_unknown (fixture);
  fixture->result->partial = FALSE;
  fixture->result->stats.excluded = 1;
  assert_removed_is_unknown (fixture);
  fixture->result->stats.excluded = 0;
  fixture->result->error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "failed");
  assert_removed_is_unknown (fixture);
  g_clear_error (&fixture->result->error);
  last->reason = VT_REASON_ENCRYPTED;
  assert_removed_is_unknown (fixture);
  last->reason = VT_REASON_NONE;
  assert_use (fixture, 1, 0, 0, 4);
  g_assert_true (fixture->result->template.removed_is_known);
}

static void
test_describes_the_template (Fixture *fixture, gconstpointer data)
{
  const VtTemplateUse *use = &fixture->result->template;

  vt_template_tally_finish (fixture->tally, fixture->result);
  g_assert_cmpstr (use->id, ==, TEMPLATE);
  g_assert_cmpint (use->created, ==, CREATED);
  g_assert_true (use->counts);
  g_assert_cmpint (use->age, ==, 0);
  prepare (fixture->template, OTHER_ENGINE, fixture->store);
  vt_template_tally_finish (fixture->tally, fixture->result);
  g_assert_false (use->counts);
  g_assert_cmpint (use->age, ==, CREATED - SIGNATURES);
}

static void
add (const char *path, void (*test) (Fixture *, gconstpointer))
{
  g_test_add (path, Fixture, NULL, set_up, test, tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/template-tally/each-kind", test_each_kind);
  add ("/template-tally/nothing-was-noted", test_nothing_was_noted);
  add ("/template-tally/without-a-digest", test_without_a_digest);
  add ("/template-tally/what-no-cache-has", test_what_no_cache_has);
  add ("/template-tally/reset", test_reset);
  add ("/template-tally/removed-is-only-known-of-all", test_removed_is_only_known_of_all);
  add ("/template-tally/describes-the-template", test_describes_the_template);
  return g_test_run ();
}
