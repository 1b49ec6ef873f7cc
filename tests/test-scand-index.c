// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "store-fixture.h"
#include "vt-scand-index.h"

#define MANY 20000

static VtScandEntry
entry_of_number (guint number)
{
  return (VtScandEntry){.kind = (VtVerdictKind)(1 + number % 3),
                        .engine = (guint8)(number % VT_SCAND_INDEX_ENGINES),
                        .day = (guint16)(number % 65536),
                        .heat = (guint8)(number % 256)};
}

static void
assert_entry (const VtScandIndex *index, guint number, const VtScandEntry *expected)
{
  VtDigest digest = digest_of_number (number);
  VtScandEntry entry;

  g_assert_true (vt_scand_index_get (index, &digest, &entry));
  g_assert_cmpint (entry.kind, ==, expected->kind);
  g_assert_cmpuint (entry.engine, ==, expected->engine);
  g_assert_cmpuint (entry.day, ==, expected->day);
  g_assert_cmpuint (entry.heat, ==, expected->heat);
}

static VtScandIndex *
new_with_many (void)
{
  VtScandIndex *index = vt_scand_index_new ();

  for (guint i = 0; i < MANY; i++) {
    VtDigest digest = digest_of_number (i);
    VtScandEntry entry = entry_of_number (i);

    vt_scand_index_put (index, &digest, &entry);
  }
  return index;
}

static void
test_put_and_get (void)
{
  g_autoptr (VtScandIndex) index = new_with_many ();
  VtDigest unknown = digest_of_number (MANY);
  VtScandEntry entry;

  g_assert_cmpuint (vt_scand_index_get_length (index), ==, MANY);
  for (guint i = 0; i < MANY; i++) {
    VtScandEntry expected = entry_of_number (i);

    assert_entry (index, i, &expected);
  }
  g_assert_false (vt_scand_index_get (index, &unknown, &entry));
}

static void
test_replace (void)
{
  g_autoptr (VtScandIndex) index = new_with_many ();
  VtDigest digest = digest_of_number (7);
  VtScandEntry other = entry_of_number (8);
  VtScandEntry neighbour = entry_of_number (6);

  vt_scand_index_put (index, &digest, &other);
  assert_entry (index, 7, &other);
  assert_entry (index, 6, &neighbour);
  g_assert_cmpuint (vt_scand_index_get_length (index), ==, MANY);
}

static void
test_remove (void)
{
  g_autoptr (VtScandIndex) index = new_with_many ();
  VtScandEntry entry;

  for (guint i = 0; i < MANY; i += 2) {
    VtDigest digest = digest_of_number (i);

    vt_scand_index_remove (index, &digest);
    vt_scand_index_remove (index, &digest);
  }
  g_assert_cmpuint (vt_scand_index_get_length (index), ==, MANY / 2);
  for (guint i = 0; i < MANY; i++) {
    VtDigest digest = digest_of_number (i);

    g_assert_cmpint (vt_scand_index_get (index, &digest, &entry), ==, i % 2 == 1);
  }
}

/* Heats what is clean, and drops what is infected. */
static gboolean
visit (const VtDigest *digest, VtScandEntry *entry, gpointer user_data)
{
  guint *seen = user_data;

  (*seen)++;
  entry->heat = 1;
  return entry->kind != VT_VERDICT_INFECTED;
}

static void
test_visit (void)
{
  g_autoptr (VtScandIndex) index = new_with_many ();
  guint seen = 0;
  guint left = 0;

  for (guint i = 0; i < VT_SCAND_INDEX_BUCKETS; i++)
    vt_scand_index_visit (index, i, visit, &seen);
  g_assert_cmpuint (seen, ==, MANY);
  for (guint i = 0; i < MANY; i++) {
    VtScandEntry expected = entry_of_number (i);

    if (expected.kind == VT_VERDICT_INFECTED)
      continue;
    expected.heat = 1;
    assert_entry (index, i, &expected);
    left++;
  }
  g_assert_cmpuint (vt_scand_index_get_length (index), ==, left);
}

/* In which bucket a digest is differs from process to process, and so from index to index. */
static void
test_secret (void)
{
  g_autoptr (VtScandIndex) first = new_with_many ();
  g_autoptr (VtScandIndex) second = new_with_many ();
  guint differing = 0;

  for (guint i = 0; i < VT_SCAND_INDEX_BUCKETS; i++) {
    guint in_first = 0;
    guint in_second = 0;

    vt_scand_index_visit (first, i, visit, &in_first);
    vt_scand_index_visit (second, i, visit, &in_second);
    differing += in_first != in_second;
    g_assert_cmpuint (in_first, <, 12);
  }
  g_assert_cmpuint (differing, >, MANY / 10);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/scand-index/put-and-get", test_put_and_get);
  g_test_add_func ("/scand-index/replace", test_replace);
  g_test_add_func ("/scand-index/remove", test_remove);
  g_test_add_func ("/scand-index/visit", test_visit);
  g_test_add_func ("/scand-index/secret", test_secret);
  return g_test_run ();
}
