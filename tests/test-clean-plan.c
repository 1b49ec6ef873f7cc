// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "../src/templater/vt-clean-plan.h"

#include <string.h>

#include "vt-image.h"

typedef struct {
  VtScanResult *image;
  VtFindings *findings;
} Fixture;

static void
add_filesystem (VtScanResult *image, const char *id, const char *mountpoint, gboolean primary)
{
  VtFilesystem *filesystem = vt_filesystem_new ();

  filesystem->id = g_strdup (id);
  filesystem->mountpoint = g_strdup (mountpoint);
  filesystem->primary = primary;
  g_ptr_array_add (image->filesystems, filesystem);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtScanResult) none = vt_scan_result_new ("none");

  fixture->image = vt_scan_result_new ("image");
  g_ptr_array_add (fixture->image->systems, vt_operating_system_new ());
  add_filesystem (fixture->image, "/dev/sda1", "/", TRUE);
  add_filesystem (fixture->image, "/dev/sda2", "/data", TRUE);
  add_filesystem (fixture->image, "/dev/sda3", "/", FALSE);
  add_filesystem (fixture->image, "/dev/sda4", NULL, FALSE);
  fixture->findings = vt_findings_of_result (none);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_findings_free (fixture->findings);
  vt_scan_result_free (fixture->image);
}

/* The list frees it. */
static VtFinding *
add (Fixture *fixture, const char *fs, const char *path)
{
  VtFinding *finding = g_new0 (VtFinding, 1);

  finding->fs = g_strdup (fs);
  finding->path = g_strdup (path);
  finding->threat = g_strdup ("T");
  finding->has_digest = TRUE;
  g_ptr_array_add (fixture->findings->findings, finding);
  return finding;
}

static VtCleanItem *
get (GPtrArray *items, guint index)
{
  g_assert_cmpuint (index, <, items->len);
  return g_ptr_array_index (items, index);
}

static void
assert_refused (GPtrArray *items, guint index, const char *part)
{
  const VtCleanItem *item = get (items, index);

  g_assert_nonnull (item->why);
  g_assert_nonnull (strstr (item->why, part));
}

static void
test_places (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) items = NULL;

  add (fixture, "/dev/sda1", "/a");
  add (fixture, "/dev/sda2", "/data/a");
  add (fixture, "/dev/sda3", "/a");
  add (fixture, "/dev/sda4", "/a");
  add (fixture, "/dev/sda9", "/a");
  add (fixture, "/dev/sda1", "/a/../b");
  items = vt_clean_plan_new (fixture->findings, fixture->image, FALSE);
  g_assert_cmpstr (get (items, 0)->why, ==, NULL);
  g_assert_cmpstr (get (items, 0)->display, ==, "/a");
  g_assert_cmpstr (get (items, 1)->why, ==, NULL);
  assert_refused (items, 2, "first operating system");
  g_assert_cmpstr (get (items, 2)->display, ==, "/dev/sda3:/a");
  assert_refused (items, 3, "first operating system");
  assert_refused (items, 4, "no file system /dev/sda9");
  assert_refused (items, 5, "not plain");
  g_assert_cmpuint (vt_clean_plan_count (items), ==, 2);
}

static void
test_no_system (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) items = NULL;

  g_ptr_array_set_size (fixture->image->systems, 0);
  add (fixture, "/dev/sda4", "/a");
  items = vt_clean_plan_new (fixture->findings, fixture->image, FALSE);
  assert_refused (items, 0, "no operating system");
}

static void
test_files (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) items = NULL;
  g_autoptr (GPtrArray) whole = NULL;

  add (fixture, "/dev/sda1", "/a")->members = g_strsplit ("b!c", "!", -1);
  add (fixture, "/dev/sda1", "/b")->has_digest = FALSE;
  add (fixture, "/dev/sda1", "/c")->size = VT_IMAGE_FETCH_SIZE_MAX;
  add (fixture, "/dev/sda1", "/d")->size = VT_IMAGE_FETCH_SIZE_MAX + 1;
  items = vt_clean_plan_new (fixture->findings, fixture->image, FALSE);
  g_assert_cmpstr (get (items, 0)->display, ==, "/a!b!c");
  assert_refused (items, 0, "--containers");
  assert_refused (items, 1, "not known");
  g_assert_cmpstr (get (items, 2)->why, ==, NULL);
  assert_refused (items, 3, "bytes");
  whole = vt_clean_plan_new (fixture->findings, fixture->image, TRUE);
  g_assert_cmpstr (get (whole, 0)->why, ==, NULL);
}

/* A name is there once, and no two are taken for one, whatever the guest calls its subvolumes. */
static void
test_names (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) items = NULL;

  add (fixture, "btrfsvol:/dev/sda2/a", "/b/c");
  add (fixture, "btrfsvol:/dev/sda2/a/b", "/c");
  add (fixture, "btrfsvol:/dev/sda2/a", "/b/c");
  items = vt_clean_plan_new (fixture->findings, fixture->image, FALSE);
  g_assert_cmpuint (items->len, ==, 2);
}

static void
see (VtCleanItem *item, guint64 inode, guint32 links)
{
  item->seen = TRUE;
  item->inode = inode;
  item->links = links;
}

static void
test_not_seen (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) items = NULL;

  add (fixture, "/dev/sda1", "/a");
  add (fixture, "/dev/sda1", "/b");
  items = vt_clean_plan_new (fixture->findings, fixture->image, FALSE);
  see (get (items, 0), 12, 1);
  vt_clean_plan_settle (items);
  g_assert_cmpstr (get (items, 0)->why, ==, NULL);
  assert_refused (items, 1, "not there any more");
}

static void
test_all_names_or_none (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) items = NULL;

  add (fixture, "/dev/sda1", "/a");
  add (fixture, "/dev/sda1", "/b");
  add (fixture, "/dev/sda1", "/c");
  add (fixture, "/dev/sda2", "/data/d");
  add (fixture, "/dev/sda2", "/data/unknown");
  items = vt_clean_plan_new (fixture->findings, fixture->image, FALSE);
  see (get (items, 0), 12, 2);
  see (get (items, 1), 12, 2);
  see (get (items, 2), 13, 2);
  /* The same number, but another file system. */
  see (get (items, 3), 13, 2);
  see (get (items, 4), 0, 2);
  vt_clean_plan_settle (items);
  g_assert_cmpstr (get (items, 0)->why, ==, NULL);
  g_assert_cmpstr (get (items, 1)->why, ==, NULL);
  assert_refused (items, 2, "1 of the file's 2 names");
  assert_refused (items, 3, "1 of the file's 2 names");
  g_assert_cmpstr (get (items, 4)->why, ==, NULL);
  vt_clean_item_refuse (get (items, 0), "the %s", "reason");
  vt_clean_plan_settle (items);
  g_assert_cmpstr (get (items, 0)->why, ==, "the reason");
  assert_refused (items, 1, "1 of the file's 2 names");
}

#define ADD(name, func) g_test_add ("/clean-plan/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("places", test_places);
  ADD ("no-system", test_no_system);
  ADD ("files", test_files);
  ADD ("names", test_names);
  ADD ("not-seen", test_not_seen);
  ADD ("all-names-or-none", test_all_names_or_none);
  return g_test_run ();
}
