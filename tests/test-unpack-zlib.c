// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Zlib streams, and what only begins like one. */
#include "unpack-fixture.h"

/* Letters that are worth coding, so that they come out in many bytes. */
static GBytes *
make_letters (gsize n, guint32 seed)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  char *text = g_malloc (n);

  for (gsize i = 0; i < n; i++)
    text[i] = (char)g_rand_int_range (rand, 'a', 'z');
  return g_bytes_new_take (text, n);
}

static void
append_zlib (GByteArray *out, const char *before, GBytes *data)
{
  g_autoptr (GZlibCompressor) converter = g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB, 9);
  g_autoptr (GByteArray) plain = g_byte_array_new ();
  g_autofree guint8 *packed = NULL;
  gsize read;
  gsize written;

  g_byte_array_append (plain, (const guint8 *)before, (guint)strlen (before));
  if (*before != '\0') /* and its zero */
    g_byte_array_append (plain, (const guint8 *)"", 1);
  g_byte_array_append (plain, g_bytes_get_data (data, NULL), (guint)g_bytes_get_size (data));
  packed = g_malloc (plain->len + 1000);
  g_assert_cmpint (g_converter_convert (G_CONVERTER (converter), plain->data, plain->len, packed,
                                        plain->len + 1000, G_CONVERTER_INPUT_AT_END, &read,
                                        &written, NULL),
                   ==, G_CONVERTER_FINISHED);
  g_byte_array_append (out, packed, (guint)written);
}

static Unpacked *
unpack_bytes (GByteArray *bytes)
{
  Unpacked *unpacked = unpack_data (bytes->data, bytes->len, &usual_limits);

  g_assert_cmpint (unpacked->kind, ==, VT_CONTAINER_ARCHIVE);
  return unpacked;
}

static void
assert_member (const Unpacked *unpacked, guint n, GBytes *expected)
{
  const UnpackedMember *member;
  gsize size;
  gconstpointer data = g_bytes_get_data (expected, &size);
  VtDigest digest = vt_digest_of_data (data, size);

  g_assert_cmpuint (unpacked->members->len, >, n);
  member = g_ptr_array_index (unpacked->members, n);
  g_assert_cmpint (member->reason, ==, VT_REASON_NONE);
  g_assert_cmpuint (member->size, ==, size);
  g_assert_true (vt_digest_equal (&member->digest, &digest));
}

static void
test_streams (void)
{
  static const gsize sizes[] = {1, 20, 100, 5000, 300000};
  g_autoptr (GBytes) second = make_letters (2000, 2);

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GBytes) first = make_letters (sizes[i], 1);
    g_autoptr (GByteArray) bytes = g_byte_array_new ();
    g_autoptr (Unpacked) unpacked = NULL;

    append_zlib (bytes, "", first);
    append_zlib (bytes, "", second);
    g_byte_array_append (bytes, (const guint8 *)"<plist>", 7);
    unpacked = unpack_bytes (bytes);
    g_assert_cmpint (unpacked->reason, ==, VT_REASON_NONE);
    g_assert_cmpuint (unpacked->members->len, ==, 2);
    assert_member (unpacked, 0, first);
    assert_member (unpacked, 1, second);
  }
}

/* A file is in an object behind a line of its own. */
static void
test_git_objects (void)
{
  static const gsize sizes[] = {1, 20, 5000, 300000};

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GBytes) file = make_letters (sizes[i], 1);
    g_autofree char *line = g_strdup_printf ("blob %" G_GSIZE_FORMAT, sizes[i]);
    g_autoptr (GByteArray) bytes = g_byte_array_new ();
    g_autoptr (Unpacked) unpacked = NULL;

    append_zlib (bytes, line, file);
    unpacked = unpack_bytes (bytes);
    g_assert_cmpint (unpacked->reason, ==, VT_REASON_NONE);
    g_assert_cmpuint (unpacked->members->len, ==, 1);
    assert_member (unpacked, 0, file);
  }
}

static void
test_damaged_streams (void)
{
  g_autoptr (GBytes) file = make_letters (5000, 1);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  append_zlib (bytes, "", file);
  for (gsize size = 100; size < bytes->len; size += 37) {
    g_autoptr (Unpacked) unpacked = unpack_data (bytes->data, size, &usual_limits);

    g_assert_cmpint (unpacked->reason, ==, VT_REASON_DAMAGED);
  }
  bytes->data[bytes->len - 1] ^= 1; /* the checksum */
  {
    g_autoptr (Unpacked) unpacked = unpack_bytes (bytes);
    const UnpackedMember *member = g_ptr_array_index (unpacked->members, 0);

    g_assert_cmpint (unpacked->reason, ==, VT_REASON_DAMAGED);
    g_assert_cmpint (member->reason, ==, VT_REASON_DAMAGED);
  }
}

static void
test_look_alikes (void)
{
  static const char *const texts[] = {"x^2 + y^2 = z^2 in this text", "x\1abcdefgh",
                                      "x\x9c\5 nothing that could be unpacked"};

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GByteArray) bytes = g_byte_array_new ();
    g_autoptr (Unpacked) unpacked = NULL;

    g_byte_array_append (bytes, (const guint8 *)texts[i], (guint)strlen (texts[i]));
    unpacked = unpack_bytes (bytes);
    g_assert_cmpint (unpacked->reason, ==, VT_REASON_NONE);
    g_assert_cmpuint (unpacked->members->len, ==, 0);
  }
}

static void
test_limits (void)
{
  g_autoptr (GBytes) file = make_letters (5000, 1);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  VtUnpackLimits limits = usual_limits;

  for (guint i = 0; i < 4; i++)
    append_zlib (bytes, "", file);
  limits.max_members = 3;
  {
    g_autoptr (Unpacked) unpacked = unpack_data (bytes->data, bytes->len, &limits);

    g_assert_cmpint (unpacked->reason, ==, VT_REASON_FILES_LIMIT);
  }
  limits = usual_limits;
  limits.max_member_size = 4999;
  {
    g_autoptr (Unpacked) unpacked = unpack_data (bytes->data, bytes->len, &limits);
    const UnpackedMember *member = g_ptr_array_index (unpacked->members, 0);

    g_assert_cmpint (member->reason, ==, VT_REASON_SIZE_LIMIT);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/unpack-zlib/streams", test_streams);
  g_test_add_func ("/unpack-zlib/git-objects", test_git_objects);
  g_test_add_func ("/unpack-zlib/damaged-streams", test_damaged_streams);
  g_test_add_func ("/unpack-zlib/look-alikes", test_look_alikes);
  g_test_add_func ("/unpack-zlib/limits", test_limits);
  return g_test_run ();
}
