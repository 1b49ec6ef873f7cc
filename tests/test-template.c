// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What of a template counts, and what is known of a content by it. */
#include "older-fixture.h"
#include "template-fixture.h"
#include "vt-paths.h"
#include "vt-template-table.h"

/* Contents of the template's files, by their numbers; OTHER is of no file. */
enum { FIRST = 12, SECOND = 13, THIRD = 14, OTHER = 50, UNKNOWN = 99 };

typedef struct {
  char *dir;
  VtStore *store;
  VtTemplate *template;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  VtCleanCacheBuilder *builder = new_builder ();
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;

  fixture->dir = g_dir_make_tmp ("vt-template-XXXXXX", &error);
  g_assert_no_error (error);
  path = g_build_filename (fixture->dir, "store", "verdicts.db", NULL);
  fixture->store = vt_store_open (path, &error);
  g_assert_no_error (error);
  add_file (builder, new_file (1, THIRD));
  add_file (builder, new_file (0, SECOND));
  add_file (builder, new_file (0, FIRST));
  add_content (builder, OTHER);
  fixture->template = new_template (builder);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_template_unref (fixture->template);
  vt_store_free (fixture->store);
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
}

/* SOURCE is NONE where nothing is known. */
static void
assert_known (Fixture *fixture, guint number, VtVerdictKind kind, VtSource source)
{
  const VtDigest digest = digest_of_number (number);
  VtVerdict verdict = {0};
  VtSource found = VT_SOURCE_NONE;
  gint64 age = 0;
  g_auto (GStrv) members = NULL;
  gboolean is_known =
      vt_template_lookup (fixture->template, &digest, &verdict, &members, &found, &age);

  g_assert_cmpint (is_known, ==, source != VT_SOURCE_NONE);
  g_assert_cmpint (found, ==, source);
  g_assert_cmpint (verdict.kind, ==, kind);
  g_assert_cmpint (age, ==, 0);
  g_assert_null (members);
}

static void
assert_cache_counts (Fixture *fixture)
{
  g_assert_true (vt_template_counts (fixture->template));
  assert_known (fixture, FIRST, VT_VERDICT_CLEAN, VT_SOURCE_TEMPLATE);
  assert_known (fixture, THIRD, VT_VERDICT_CLEAN, VT_SOURCE_TEMPLATE);
  assert_known (fixture, OTHER, VT_VERDICT_CLEAN, VT_SOURCE_TEMPLATE);
  assert_known (fixture, UNKNOWN, VT_VERDICT_UNKNOWN, VT_SOURCE_NONE);
}

static void
assert_nothing_is_known (Fixture *fixture)
{
  g_assert_false (vt_template_counts (fixture->template));
  for (guint number = FIRST; number <= UNKNOWN; number++)
    assert_known (fixture, number, VT_VERDICT_UNKNOWN, VT_SOURCE_NONE);
}

/* What the reader is told: files as fs/inode, in its order. */
static void
assert_told (Fixture *fixture, const char *expected)
{
  g_autoptr (VtImageOptions) options = vt_image_options_new ("clone.qcow2");
  g_autofree char *bytes = NULL;
  g_autoptr (GString) files = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  gsize size;

  vt_template_apply (fixture->template, options);
  g_assert_true (g_file_get_contents (options->template->files, &bytes, &size, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (size % sizeof (VtCleanFile), ==, 0);
  for (gsize i = 0; i < size / sizeof (VtCleanFile); i++)
    on_file ((const VtCleanFile *)(gconstpointer)bytes + i, files, NULL);
  g_assert_cmpstr (files->str, ==, expected);
}

static void
test_present_engine_counts (Fixture *fixture, gconstpointer data)
{
  /* However long ago that was. */
  prepare_at (fixture->template, SEED_ENGINE, 0, CREATED + 10000 * DAY, fixture->store);
  assert_cache_counts (fixture);
  g_assert_cmpint (vt_template_get_age (fixture->template), ==, 0);
  assert_told (fixture, "0/12 0/13 1/14 ");
}

static void
test_older_engine_counts_up_to_an_age (Fixture *fixture, gconstpointer data)
{
  const gint64 max_age = 11 * DAY;

  prepare_at (fixture->template, OTHER_ENGINE, max_age, SIGNATURES + max_age, fixture->store);
  assert_cache_counts (fixture);
  g_assert_cmpint (vt_template_get_age (fixture->template), ==, max_age);
  assert_told (fixture, "0/12 0/13 1/14 ");
  prepare_at (fixture->template, OTHER_ENGINE, max_age, SIGNATURES + max_age + 1, fixture->store);
  assert_nothing_is_known (fixture);
  g_assert_cmpint (vt_template_get_age (fixture->template), ==, max_age + 1);
  assert_told (fixture, "");
}

static void
test_without_an_age_only_the_present_engine_counts (Fixture *fixture, gconstpointer data)
{
  prepare_at (fixture->template, OTHER_ENGINE, 0, SIGNATURES + 1, fixture->store);
  assert_nothing_is_known (fixture);
  assert_told (fixture, "");
}

/* Other limits or rules are no matter of age. */
static void
test_other_settings_never_count (Fixture *fixture, gconstpointer data)
{
  VtCleanCacheBuilder *builder = new_builder ();
  g_auto (VtCleanDatabase) database = finish (builder);
  VtStatement *statement = new_statement (&database.digest);
  g_autoptr (GError) error = NULL;
  g_autoptr (VtTemplate) template = NULL;
  VtEngineId engine = {.id = (char *)OTHER_ENGINE, .settings = (char *)SEED_ENGINE};

  statement->settings = g_strdup (SEED_ENGINE);
  template = vt_template_new (statement, open_cache (database.fd, &database.digest), NULL, &error);
  g_assert_no_error (error);
  g_assert_true (
      vt_template_prepare (template, &engine, G_MAXINT64, CREATED, fixture->store, &error));
  g_assert_true (vt_template_counts (template));
  engine.settings = (char *)OTHER_ENGINE;
  g_assert_true (
      vt_template_prepare (template, &engine, G_MAXINT64, CREATED, fixture->store, &error));
  g_assert_false (vt_template_counts (template));
}

/* 0 is for the engine in force, whatever the clocks say. */
static void
test_age_of_another_engine_is_never_0 (Fixture *fixture, gconstpointer data)
{
  prepare_at (fixture->template, OTHER_ENGINE, DAY, SIGNATURES - 5 * DAY, fixture->store);
  assert_cache_counts (fixture);
  g_assert_cmpint (vt_template_get_age (fixture->template), ==, 1);
  prepare_at (fixture->template, OTHER_ENGINE, 0, SIGNATURES, fixture->store);
  assert_nothing_is_known (fixture);
}

static void
test_store_stands_in_for_the_cache (Fixture *fixture, gconstpointer data)
{
  const VtCleanFile first = new_file (0, FIRST);
  const VtCleanFile second = new_file (0, SECOND);
  const VtCleanFile third = new_file (1, THIRD);
  const VtDigest other = digest_of_number (OTHER);

  remember (fixture->store, OTHER_ENGINE, &first.digest, first.size, vt_verdict_clean (), NULL);
  /* Under another engine, and of another size: these are not known. */
  remember (fixture->store, SEED_ENGINE, &second.digest, second.size, vt_verdict_clean (), NULL);
  remember (fixture->store, OTHER_ENGINE, &third.digest, third.size + 1, vt_verdict_clean (), NULL);
  /* No file of the template has it, so nobody asks for it here. */
  remember (fixture->store, OTHER_ENGINE, &other, 1, vt_verdict_clean (), NULL);
  prepare (fixture->template, OTHER_ENGINE, fixture->store);
  g_assert_false (vt_template_counts (fixture->template));
  assert_known (fixture, FIRST, VT_VERDICT_CLEAN, VT_SOURCE_STORE);
  assert_known (fixture, SECOND, VT_VERDICT_UNKNOWN, VT_SOURCE_NONE);
  assert_known (fixture, THIRD, VT_VERDICT_UNKNOWN, VT_SOURCE_NONE);
  assert_known (fixture, OTHER, VT_VERDICT_UNKNOWN, VT_SOURCE_NONE);
  assert_told (fixture, "0/12 ");
}

static void
test_preparing_again_asks_the_store_again (Fixture *fixture, gconstpointer data)
{
  const VtCleanFile first = new_file (0, FIRST);
  const VtCleanFile third = new_file (1, THIRD);

  remember (fixture->store, OTHER_ENGINE, &first.digest, first.size, vt_verdict_clean (), NULL);
  prepare (fixture->template, OTHER_ENGINE, fixture->store);
  assert_told (fixture, "0/12 ");
  remember (fixture->store, OTHER_ENGINE, &third.digest, third.size, vt_verdict_clean (), NULL);
  prepare (fixture->template, OTHER_ENGINE, fixture->store);
  assert_told (fixture, "0/12 1/14 ");
  /* What was known under one engine is not under the next one. */
  prepare_at (fixture->template, "another engine", 0, CREATED, fixture->store);
  assert_nothing_is_known (fixture);
  assert_told (fixture, "");
}

/* Readers of scans that go on may open what they were told when the next one is prepared. */
static void
test_what_was_told_stays (Fixture *fixture, gconstpointer data)
{
  const VtCleanFile first = new_file (0, FIRST);
  g_autoptr (VtImageOptions) options = vt_image_options_new ("image");
  g_autoptr (VtTemplateTable) table = NULL;
  g_autoptr (GError) error = NULL;

  prepare (fixture->template, OTHER_ENGINE, fixture->store);
  vt_template_apply (fixture->template, options);
  remember (fixture->store, OTHER_ENGINE, &first.digest, first.size, vt_verdict_clean (), NULL);
  prepare (fixture->template, OTHER_ENGINE, fixture->store);
  table = vt_template_table_read (options->template->files, &error);
  g_assert_no_error (error);
  g_assert_null (vt_template_table_find (table, 0, FIRST));
  assert_told (fixture, "0/12 ");
  /* The same again is told in the same place. */
  g_clear_pointer (&table, vt_template_table_free);
  vt_template_apply (fixture->template, options);
  prepare (fixture->template, OTHER_ENGINE, fixture->store);
  table = vt_template_table_read (options->template->files, &error);
  g_assert_no_error (error);
  g_assert_nonnull (vt_template_table_find (table, 0, FIRST));
}

/* What was clean once, and is found by the signatures in force. */
static void
test_finding_of_the_store_is_told (Fixture *fixture, gconstpointer data)
{
  const VtCleanFile first = new_file (0, FIRST);
  const char *const path[] = {"data.tar", "bin/tool", NULL};
  VtVerdict verdict = {0};
  VtSource source = VT_SOURCE_NONE;
  gint64 age;
  g_auto (GStrv) members = NULL;
  g_auto (GStrv) again = NULL;

  remember (fixture->store, OTHER_ENGINE, &first.digest, first.size, vt_verdict_infected ("Found"),
            path);
  prepare (fixture->template, OTHER_ENGINE, fixture->store);
  g_assert_true (
      vt_template_lookup (fixture->template, &first.digest, &verdict, &members, &source, &age));
  g_assert_cmpint (verdict.kind, ==, VT_VERDICT_INFECTED);
  g_assert_cmpstr (verdict.threat, ==, "Found");
  g_assert_cmpint (source, ==, VT_SOURCE_STORE);
  g_assert_cmpstrv (members, path);
  /* The members are the caller's. */
  g_assert_true (
      vt_template_lookup (fixture->template, &first.digest, &verdict, &again, &source, &age));
  g_assert_cmpstrv (again, path);
  assert_told (fixture, "0/12 ");
}

/* What an engine of another id, with signatures of SIGNATURES + DAYS, said of FILE. */
static void
remember_older (Fixture *fixture, const VtCleanFile *file, gint64 days, VtVerdict verdict)
{
  const gint64 time = SIGNATURES + days * DAY;
  g_autoptr (GError) error = NULL;

  set_engine (fixture->store, "an engine of before", time, time, 0);
  remember (fixture->store, "an engine of before", &file->digest, file->size, verdict, NULL);
  g_assert_true (vt_store_flush (fixture->store, &error));
  g_assert_no_error (error);
}

/* The cache is too old, and what the store has is not. */
static void
test_older_verdicts_stand_in_for_the_cache (Fixture *fixture, gconstpointer data)
{
  const VtCleanFile first = new_file (0, FIRST);
  VtVerdict verdict = {0};
  VtSource source = VT_SOURCE_NONE;
  g_auto (GStrv) members = NULL;
  gint64 age = 0;

  remember_older (fixture, &first, 8, vt_verdict_clean ());
  set_engine (fixture->store, OTHER_ENGINE, CREATED, CREATED, 3 * DAY);
  prepare_at (fixture->template, OTHER_ENGINE, 3 * DAY, CREATED, fixture->store);
  g_assert_false (vt_template_counts (fixture->template));
  assert_told (fixture, "0/12 ");
  g_assert_true (
      vt_template_lookup (fixture->template, &first.digest, &verdict, &members, &source, &age));
  g_assert_cmpint (verdict.kind, ==, VT_VERDICT_CLEAN);
  g_assert_cmpint (source, ==, VT_SOURCE_STORE);
  g_assert_cmpint (age, ==, 2 * DAY);
  /* What they found has to be looked at, so it has to be read: other scans were told before. */
  remember_older (fixture, &first, 8, vt_verdict_infected ("Found"));
  set_engine (fixture->store, OTHER_ENGINE, CREATED, CREATED, 3 * DAY);
  prepare_at (fixture->template, OTHER_ENGINE, 3 * DAY, CREATED, fixture->store);
  assert_told (fixture, "");
}

/* Another engine has found something since in what the template has as clean. */
static void
test_what_is_in_doubt_is_read (Fixture *fixture, gconstpointer data)
{
  const VtCleanFile first = new_file (0, FIRST);
  const VtCleanFile second = new_file (0, SECOND);

  remember_older (fixture, &first, 8, vt_verdict_infected ("Found"));
  remember_older (fixture, &second, 8, vt_verdict_clean ());
  set_engine (fixture->store, OTHER_ENGINE, CREATED, CREATED, 30 * DAY);
  prepare_at (fixture->template, OTHER_ENGINE, 30 * DAY, CREATED, fixture->store);
  g_assert_true (vt_template_counts (fixture->template));
  assert_told (fixture, "0/13 1/14 ");
  /* Not where the template is of the engine in force. */
  prepare_at (fixture->template, SEED_ENGINE, 30 * DAY, CREATED, fixture->store);
  assert_told (fixture, "0/12 0/13 1/14 ");
}

static void
test_own_contents (Fixture *fixture, gconstpointer data)
{
  const VtDigest envelope = digest_of_number (UNKNOWN);
  const VtDigest unknown = digest_of_number (UNKNOWN + 1);

  vt_template_add_content (fixture->template, &envelope);
  g_assert_true (vt_template_is_own (fixture->template, &envelope));
  g_assert_false (vt_template_is_own (fixture->template, &unknown));
  prepare (fixture->template, SEED_ENGINE, fixture->store);
  assert_known (fixture, UNKNOWN, VT_VERDICT_CLEAN, VT_SOURCE_TEMPLATE);
  assert_known (fixture, UNKNOWN + 1, VT_VERDICT_UNKNOWN, VT_SOURCE_NONE);
  assert_told (fixture, "0/12 0/13 1/14 ");
  /* They were scanned with the same signatures as all else. */
  prepare (fixture->template, OTHER_ENGINE, fixture->store);
  assert_nothing_is_known (fixture);
}

static void
test_own_files_are_told_of_in_order (Fixture *fixture, gconstpointer data)
{
  const VtCleanFile last = new_file (1, 3);
  const VtCleanFile first = new_file (0, 2);
  gsize index;

  vt_template_add_file (fixture->template, &last);
  vt_template_add_file (fixture->template, &first);
  g_assert_true (vt_template_is_own (fixture->template, &last.digest));
  prepare (fixture->template, SEED_ENGINE, fixture->store);
  assert_told (fixture, "0/2 0/12 0/13 1/3 1/14 ");
  assert_known (fixture, 3, VT_VERDICT_CLEAN, VT_SOURCE_TEMPLATE);
  /* They are none of the cache's. */
  g_assert_cmpuint (vt_template_count_files (fixture->template), ==, 3);
  g_assert_null (vt_template_find_file (fixture->template, 0, 2, &index));
  prepare (fixture->template, OTHER_ENGINE, fixture->store);
  assert_told (fixture, "");
  remember (fixture->store, OTHER_ENGINE, &last.digest, last.size, vt_verdict_clean (), NULL);
  prepare (fixture->template, OTHER_ENGINE, fixture->store);
  assert_told (fixture, "1/3 ");
  assert_known (fixture, 3, VT_VERDICT_CLEAN, VT_SOURCE_STORE);
}

static void
test_apply (Fixture *fixture, gconstpointer data)
{
  static const char *const filesystems[] = {
      "/dev/sda1", "ext4", "0b5c6a4e-1111-4a7c-9a57-0d1c2b3a4958", "/dev/sda2", "vfat", "", NULL};
  g_autoptr (VtImageOptions) options = vt_image_options_new ("clone.qcow2");

  prepare (fixture->template, SEED_ENGINE, fixture->store);
  vt_template_apply (fixture->template, options);
  vt_template_apply (fixture->template, options);
  g_assert_cmpstrv (options->template->filesystems, filesystems);
  g_assert_cmpstr (options->template->image, ==, "golden.qcow2");
}

static void
assert_filesystem (Fixture *fixture, const char *id, const char *type, gint expected)
{
  /* One with another UUID is at the same place all the same. */
  const VtFilesystem filesystem = {
      .id = (char *)id, .type = (char *)type, .uuid = (char *)"11111111"};

  g_assert_cmpint (vt_template_find_filesystem (fixture->template, &filesystem), ==, expected);
}

static void
test_find (Fixture *fixture, gconstpointer data)
{
  const VtCleanFile *file;
  gsize index = 77;

  assert_filesystem (fixture, "/dev/sda1", "ext4", 0);
  assert_filesystem (fixture, "/dev/sda2", "vfat", 1);
  assert_filesystem (fixture, "/dev/sda2", "ext4", -1);
  assert_filesystem (fixture, "/dev/sda3", "ext4", -1);
  g_assert_cmpuint (vt_template_count_files (fixture->template), ==, 3);
  file = vt_template_find_file (fixture->template, 1, THIRD, &index);
  g_assert_nonnull (file);
  g_assert_cmpuint (file->size, ==, 1000 + THIRD);
  g_assert_cmpuint (index, ==, 2);
  g_assert_null (vt_template_find_file (fixture->template, 0, THIRD, &index));
  g_assert_cmpstr (vt_template_get_statement (fixture->template)->template_id, ==, TEMPLATE);
}

/* A cache has them in the order of signed numbers. */
static void
test_inodes_of_64_bits (Fixture *fixture, gconstpointer data)
{
  static const guint64 inodes[] = {2, 3, 4, G_MAXINT64, G_MAXUINT64 - 1, G_MAXUINT64};
  VtCleanCacheBuilder *builder = new_builder ();
  g_autoptr (VtTemplate) template = NULL;
  gsize index;

  for (gsize i = 0; i < G_N_ELEMENTS (inodes); i++)
    add_file (builder, new_file (0, inodes[i]));
  template = new_template (builder);
  for (gsize i = 0; i < G_N_ELEMENTS (inodes); i++) {
    const VtCleanFile *file = vt_template_find_file (template, 0, inodes[i], &index);

    g_assert_nonnull (file);
    g_assert_cmpuint (file->inode, ==, inodes[i]);
  }
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
  add ("/template/present-engine-counts", test_present_engine_counts);
  add ("/template/older-engine-counts-up-to-an-age", test_older_engine_counts_up_to_an_age);
  add ("/template/without-an-age-only-the-present-engine-counts",
       test_without_an_age_only_the_present_engine_counts);
  add ("/template/other-settings-never-count", test_other_settings_never_count);
  add ("/template/age-of-another-engine-is-never-0", test_age_of_another_engine_is_never_0);
  add ("/template/store-stands-in-for-the-cache", test_store_stands_in_for_the_cache);
  add ("/template/preparing-again-asks-the-store-again", test_preparing_again_asks_the_store_again);
  add ("/template/what-was-told-stays", test_what_was_told_stays);
  add ("/template/finding-of-the-store-is-told", test_finding_of_the_store_is_told);
  add ("/template/older-verdicts-stand-in-for-the-cache",
       test_older_verdicts_stand_in_for_the_cache);
  add ("/template/what-is-in-doubt-is-read", test_what_is_in_doubt_is_read);
  add ("/template/own-contents", test_own_contents);
  add ("/template/own-files-are-told-of-in-order", test_own_files_are_told_of_in_order);
  add ("/template/apply", test_apply);
  add ("/template/find", test_find);
  add ("/template/inodes-of-64-bits", test_inodes_of_64_bits);
  return g_test_run ();
}
