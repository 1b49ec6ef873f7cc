// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-image-batch.h"

#include <string.h>

static VtFileResult *
new_file (guint number)
{
  VtFileResult *file = vt_file_result_new ();

  file->filesystem = number % 3;
  file->path = g_strdup_printf ("/directory/file-%u", number);
  file->inode = G_GUINT64_CONSTANT (0x123456789a) + number;
  file->generation = number;
  file->size = (guint64)number << 33;
  file->mtime_ns = -(gint64)number;
  file->ctime_ns = G_MAXINT64 - number;
  return file;
}

static void
add (VtImageBatch *batch, guint number, const char *content)
{
  g_autoptr (VtFileResult) file = new_file (number);

  file->has_digest = content != NULL;
  if (content != NULL)
    file->digest = vt_digest_of_data (content, strlen (content));
  g_assert_true (vt_image_batch_has_room (batch, file));
  vt_image_batch_add (batch, file);
}

static GVariant *
take (VtImageBatch *batch)
{
  GVariant *value = vt_image_batch_take (batch);

  g_assert_nonnull (value);
  return g_variant_ref_sink (value);
}

static void
assert_file (const VtFileResult *file, guint number)
{
  g_autoptr (VtFileResult) expected = new_file (number);

  g_assert_cmpuint (file->filesystem, ==, expected->filesystem);
  g_assert_cmpstr (file->path, ==, expected->path);
  g_assert_cmpuint (file->inode, ==, expected->inode);
  g_assert_cmpuint (file->generation, ==, expected->generation);
  g_assert_cmpuint (file->size, ==, expected->size);
  g_assert_cmpint (file->mtime_ns, ==, expected->mtime_ns);
  g_assert_cmpint (file->ctime_ns, ==, expected->ctime_ns);
}

static void
test_files_come_back (void)
{
  g_autoptr (VtImageBatch) batch = vt_image_batch_new ();

  /* Twice, to see that nothing stays behind. */
  for (guint round = 0; round < 2; round++) {
    g_autoptr (GVariant) value = NULL;
    g_autoptr (GPtrArray) files = NULL;

    g_assert_null (vt_image_batch_take (batch));
    for (guint i = 0; i < 5; i++)
      add (batch, i, "content");
    value = take (batch);
    g_assert_true (g_variant_is_of_type (value, G_VARIANT_TYPE (VT_IMAGE_BATCH_TYPE)));
    files = vt_image_batch_parse (value);
    g_assert_nonnull (files);
    g_assert_cmpuint (files->len, ==, 5);
    for (guint i = 0; i < files->len; i++) {
      const VtFileResult *file = g_ptr_array_index (files, i);
      const VtDigest digest = vt_digest_of_data ("content", 7);

      assert_file (file, i);
      g_assert_true (file->has_digest);
      g_assert_true (vt_digest_equal (&file->digest, &digest));
      g_assert_cmpint (file->verdict.reason, ==, VT_REASON_NONE);
    }
  }
}

static void
test_reasons (void)
{
  g_autoptr (VtImageBatch) batch = vt_image_batch_new ();
  g_autoptr (VtFileResult) unread = new_file (1);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GPtrArray) files = NULL;
  const VtFileResult *file;

  unread->verdict = vt_verdict_incomplete (VT_REASON_SIZE_LIMIT);
  vt_image_batch_add (batch, unread);
  add (batch, 2, NULL);
  value = take (batch);
  files = vt_image_batch_parse (value);
  g_assert_nonnull (files);
  file = g_ptr_array_index (files, 0);
  g_assert_false (file->has_digest);
  g_assert_cmpint (file->verdict.kind, ==, VT_VERDICT_INCOMPLETE);
  g_assert_cmpint (file->verdict.reason, ==, VT_REASON_SIZE_LIMIT);
  file = g_ptr_array_index (files, 1);
  g_assert_cmpint (file->verdict.reason, ==, VT_REASON_NONE);
}

/* Files with a digest and files without one do not go together, and there is an end to it. */
static void
test_room (void)
{
  g_autoptr (VtImageBatch) batch = vt_image_batch_new ();
  g_autoptr (VtFileResult) file = new_file (1);
  g_autoptr (GVariant) value = NULL;
  guint n = 0;

  add (batch, 0, "content");
  g_assert_false (vt_image_batch_has_room (batch, file));
  file->has_digest = TRUE;
  while (n < 100000 && vt_image_batch_has_room (batch, file)) {
    vt_image_batch_add (batch, file);
    n++;
  }
  g_assert_cmpuint (n, >, 100);
  value = take (batch);
  g_assert_cmpuint (g_variant_get_size (value), <, 33 * 1024);
  g_assert_true (vt_image_batch_has_room (batch, file));
}

/* The text of a batch of one file, FROM replaced by TO. */
static void
assert_refused (const char *from, const char *to)
{
  const char *sound = "([uint32 0], b'/a', [uint64 1], [uint32 2], [uint64 3], [int64 4], "
                      "[int64 5], @ay [], [byte 0])";
  const GVariantType *type = G_VARIANT_TYPE (VT_IMAGE_BATCH_TYPE);
  g_auto (GStrv) parts = g_strsplit (sound, from, 2);
  g_autofree char *text = g_strjoinv (to, parts);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) good = g_variant_parse (type, sound, NULL, NULL, &error);
  g_autoptr (GVariant) bad = g_variant_parse (type, text, NULL, NULL, &error);
  g_autoptr (GPtrArray) files = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (parts), ==, 2);
  files = vt_image_batch_parse (good);
  g_assert_nonnull (files);
  g_assert_cmpuint (files->len, ==, 1);
  g_test_message ("%s", text);
  g_assert_null (vt_image_batch_parse (bad));
}

static void
test_malformed_batches_are_refused (void)
{
  assert_refused ("[uint32 0]", "[0, 0]");
  assert_refused ("[uint32 0]", "@au []");
  assert_refused ("b'/a'", "[byte 0x2f, 0x61]");
  assert_refused ("b'/a'", "b'a'");
  assert_refused ("b'/a'", "b''");
  assert_refused ("b'/a'", "@ay []");
  assert_refused ("b'/a'", "[byte 0x2f, 0x61, 0, 0x2f, 0x62, 0]");
  assert_refused ("[uint64 1]", "[1, 1]");
  assert_refused ("[uint32 2]", "@au []");
  assert_refused ("[uint64 3]", "[3, 3]");
  assert_refused ("[int64 4]", "@ax []");
  assert_refused ("[int64 5]", "[5, 5]");
  assert_refused ("@ay []", "[byte 1]");
  assert_refused ("[byte 0]", "[byte 0, 0]");
  assert_refused ("[byte 0]", "[byte 255]");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/image-batch/files-come-back", test_files_come_back);
  g_test_add_func ("/image-batch/reasons", test_reasons);
  g_test_add_func ("/image-batch/room", test_room);
  g_test_add_func ("/image-batch/malformed-batches-are-refused",
                   test_malformed_batches_are_refused);
  return g_test_run ();
}
