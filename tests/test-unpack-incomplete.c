// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What is said of containers that are damaged, encrypted, or too much. */
#include "unpack-fixture.h"

#define CUTS 40

/*
 * All but what cannot show it: streams of compress have no end, what is cut in front of the zeros
 * at the end of a tar archive lacks no member, and an ISO image may end with padding.
 */
static const char *const cut[] = {
    "archives/7zip.7z",       "archives/BZip2.7z",      "archives/Deflate.zip",
    "archives/bsdtar.zip",    "archives/tree.ar",       "archives/tree.warc",
    "archives/tree.xar",      "archives/gzip.deb",      "archives/w9.gzdio.rpm",
    "archives/w7.xzdio.rpm",  "archives/w3.zstdio.rpm", "archives/numbers.gz",
    "archives/numbers.bz2",   "archives/numbers.xz",    "archives/numbers.lzma",
    "archives/numbers.lz",    "archives/numbers.zst",   "archives/numbers.lz4",
    "archives/tree.tar.gz",   "archives/tree.tar.bz2",  "archives/tree.tar.xz",
    "archives/tree.tar.zst",  "archives/tree.tar.lz4",  "archives/tree.tar.lz",
    "archives/tree.cpio.zst", "archives/newc.cpio",     "archives/odc.cpio",
    "archives/bin.cpio",      "archives/initramfs.zst", "archives/initramfs.gz",
    "archives/initramfs.xz",
};

static guint
count_refused (const Unpacked *unpacked)
{
  guint refused = 0;

  for (guint i = 0; i < unpacked->members->len; i++)
    refused += ((UnpackedMember *)unpacked->members->pdata[i])->reason != VT_REASON_NONE;
  return refused;
}

static void
assert_only (const Unpacked *unpacked, VtReason reason)
{
  for (guint i = 0; i < unpacked->members->len; i++)
    g_assert_cmpint (((UnpackedMember *)unpacked->members->pdata[i])->reason, ==, reason);
}

/* Whether the container, of which the last bytes are missing, passes for one with fewer members. */
static gboolean
cut_is_told (gconstpointer data, gsize size)
{
  g_autoptr (Unpacked) unpacked = unpack_data (data, size, &usual_limits);

  return unpacked->kind == VT_CONTAINER_NONE || unpacked->reason != VT_REASON_NONE ||
         count_refused (unpacked) > 0;
}

static void
test_what_is_cut_is_told (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cut); i++) {
    g_autoptr (GBytes) bytes = container_bytes (cut[i]);
    gsize size;
    const guint8 *data = g_bytes_get_data (bytes, &size);

    for (gsize j = 1; j < CUTS; j++) {
      gsize end = size * j / CUTS;

      /* Zeros before the cut may be those behind a whole archive. */
      if (data[end - 1] != 0 && !cut_is_told (data, end))
        g_error ("%s: cut at %zu of %zu, and nothing is said", cut[i], end, size);
    }
  }
}

/* One bit of the file that does not compress. libarchive does not look at gzip's checksums. */
static void
test_wrong_checksums_are_told (void)
{
  static const char *const paths[] = {"archives/BZip2.zip", "archives/LZMA2.7z",
                                      "archives/tree.tar.xz", "archives/tree.tar.zst",
                                      "archives/tree.tar.lz4"};

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (GBytes) bytes = container_bytes (paths[i]);
    gsize size;
    g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (bytes, &size), g_bytes_get_size (bytes));
    g_autoptr (Unpacked) unpacked = NULL;

    size = g_bytes_get_size (bytes);
    data[size / 2] ^= 1;
    unpacked = unpack_data (data, size, &usual_limits);
    g_test_message ("%s", paths[i]);
    g_assert_true (unpacked->reason == VT_REASON_DAMAGED || count_refused (unpacked) > 0);
    g_assert_cmpuint (count_content (unpacked, "directory/noise"), ==, 0);
  }
}

/* A damaged member of a zip costs that member. */
static void
test_other_members_come (void)
{
  g_autoptr (GBytes) bytes = container_bytes ("archives/bsdtar.zip");
  gsize size = g_bytes_get_size (bytes);
  g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (bytes, NULL), size);
  g_autoptr (Unpacked) unpacked = NULL;

  data[size / 2] ^= 1;
  unpacked = unpack_data (data, size, &usual_limits);
  g_assert_cmpint (unpacked->reason, ==, VT_REASON_NONE);
  g_assert_cmpuint (unpacked->members->len, ==, 3);
  g_assert_cmpuint (count_refused (unpacked), ==, 1);
  g_assert_cmpuint (count_content (unpacked, "first"), ==, 1);
}

static void
test_what_follows_is_told (void)
{
  static const char *const paths[] = {"archives/numbers.gz",  "archives/numbers.bz2",
                                      "archives/numbers.xz",  "archives/numbers.zst",
                                      "archives/numbers.lz4", "archives/newc.cpio"};
  static const char text[] = "more than there should be";

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (GBytes) bytes = container_bytes (paths[i]);
    gsize size = g_bytes_get_size (bytes);
    g_autofree guint8 *data = g_malloc0 (size + sizeof text);
    g_autoptr (Unpacked) unpacked = NULL;

    memcpy (data, g_bytes_get_data (bytes, NULL), size);
    memcpy (data + size, text, sizeof text);
    unpacked = unpack_data (data, size + sizeof text, &usual_limits);
    g_test_message ("%s", paths[i]);
    g_assert_cmpint (unpacked->reason, ==, VT_REASON_DAMAGED);
  }
}

/* Its headers are whole, and then nothing comes. */
static void
test_rpm_without_its_payload (void)
{
  g_autoptr (GBytes) bytes = container_bytes ("archives/w9.gzdio.rpm");
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  const guint8 *payload = memmem (data, size, "\x1f\x8b\x08", 3);
  g_autoptr (Unpacked) unpacked = NULL;

  g_assert_nonnull (payload);
  unpacked = unpack_data (data, (gsize)(payload - data), &usual_limits);
  g_assert_cmpint (unpacked->reason, ==, VT_REASON_DAMAGED);
}

/* The second of the headers: the first file takes two blocks. */
static void
test_damaged_header_of_a_tar_archive (void)
{
  g_autoptr (GBytes) bytes = container_bytes ("archives/gnu.tar");
  gsize size = g_bytes_get_size (bytes);
  g_autofree guint8 *data = g_memdup2 (g_bytes_get_data (bytes, NULL), size);
  g_autoptr (Unpacked) unpacked = NULL;

  data[1024] ^= 1;
  unpacked = unpack_data (data, size, &usual_limits);
  g_assert_cmpint (unpacked->reason, ==, VT_REASON_DAMAGED);
  g_assert_cmpuint (count_content (unpacked, "directory/noise"), ==, 1);
}

static void
test_bytes_within_a_cpio_archive (void)
{
  g_autoptr (GBytes) bytes = container_bytes ("archives/newc.cpio");
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  const guint8 *second = memmem (data + 6, size - 6, "070701", 6);
  g_autoptr (GByteArray) changed = g_byte_array_new ();
  g_autoptr (Unpacked) unpacked = NULL;

  g_assert_nonnull (second);
  g_byte_array_append (changed, data, (guint)(second - data));
  g_byte_array_append (changed, (const guint8 *)"more", 4);
  g_byte_array_append (changed, second, (guint)(data + size - second));
  unpacked = unpack_data (changed->data, changed->len, &usual_limits);
  g_assert_cmpint (unpacked->reason, ==, VT_REASON_DAMAGED);
}

static void
test_unknown_part_of_an_initramfs (void)
{
  g_autoptr (Unpacked) unpacked = unpack_made ("archives/initramfs.unknown", &usual_limits);

  g_assert_cmpint (unpacked->reason, ==, VT_REASON_DAMAGED);
  g_assert_cmpuint (unpacked->members->len, ==, 1);
}

static void
test_encrypted (void)
{
  static const char *const paths[] = {"archives/encrypted.zip", "archives/encrypted-aes.zip",
                                      "archives/encrypted.7z", "archives/encrypted-names.7z"};

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (Unpacked) unpacked = unpack_made (paths[i], &usual_limits);

    g_test_message ("%s", paths[i]);
    assert_only (unpacked, VT_REASON_ENCRYPTED);
    g_assert_cmpint (unpacked->reason, ==, i < 2 ? VT_REASON_NONE : VT_REASON_ENCRYPTED);
    g_assert_true (i == 3 || unpacked->members->len > 0);
  }
}

static void
test_passwords (void)
{
  static const char *const paths[] = {"archives/encrypted.zip", "archives/encrypted-aes.zip"};
  static const char *const wrong[] = {"", "wrong", NULL};
  static const char *const right[] = {"wrong", "secret", NULL};
  VtUnpackLimits limits = usual_limits;

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (Unpacked) refused = NULL;
    g_autoptr (Unpacked) unpacked = NULL;

    limits.passwords = wrong;
    refused = unpack_made (paths[i], &limits);
    assert_only (refused, VT_REASON_ENCRYPTED);
    limits.passwords = right;
    unpacked = unpack_made (paths[i], &limits);
    assert_only (unpacked, VT_REASON_NONE);
    g_assert_cmpuint (count_content (unpacked, "directory/noise"), ==, 1);
  }
}

/* Of each way to read, one. */
static const char *const each_way[] = {
    "archives/Deflate.zip", "archives/gnu.tar",       "archives/tree.tar.zst",
    "archives/newc.cpio",   "archives/initramfs.gz",  "archives/w3.zstdio.rpm",
    "archives/tree.warc",   "archives/zstd.squashfs",
};

static void
test_limit_of_a_member (void)
{
  VtUnpackLimits limits = usual_limits;

  limits.max_member_size = 200000;
  for (gsize i = 0; i < G_N_ELEMENTS (each_way); i++) {
    g_autoptr (Unpacked) unpacked = unpack_made (each_way[i], &limits);

    g_test_message ("%s", each_way[i]);
    g_assert_cmpint (unpacked->reason, ==, VT_REASON_NONE);
    g_assert_cmpuint (count_refused (unpacked), ==, 1);
    g_assert_cmpuint (count_content (unpacked, "first"), ==, 1);
    g_assert_cmpuint (count_content (unpacked, "directory/numbers"), ==, 1);
    for (guint j = 0; j < unpacked->members->len; j++) {
      UnpackedMember *member = g_ptr_array_index (unpacked->members, j);

      g_assert_cmpint (member->reason, ==,
                       member->size == 300000 ? VT_REASON_SIZE_LIMIT : VT_REASON_NONE);
    }
  }
}

static void
test_limit_of_all_together (void)
{
  VtUnpackLimits limits = usual_limits;

  limits.max_size = 350000;
  for (gsize i = 0; i < G_N_ELEMENTS (each_way); i++) {
    g_autoptr (Unpacked) unpacked = unpack_made (each_way[i], &limits);
    guint64 size = 0;

    g_test_message ("%s", each_way[i]);
    g_assert_cmpint (unpacked->reason, ==, VT_REASON_SCAN_LIMIT);
    assert_only (unpacked, VT_REASON_NONE);
    for (guint j = 0; j < unpacked->members->len; j++)
      size += ((UnpackedMember *)unpacked->members->pdata[j])->size;
    g_assert_cmpuint (size, <=, limits.max_size);
  }
}

/* The directory, the empty file and the link count as well. */
static void
test_limit_of_members (void)
{
  VtUnpackLimits limits = usual_limits;

  limits.max_members = 2;
  for (gsize i = 0; i < G_N_ELEMENTS (each_way); i++) {
    g_autoptr (Unpacked) unpacked = unpack_made (each_way[i], &limits);

    g_test_message ("%s", each_way[i]);
    g_assert_cmpint (unpacked->reason, ==, VT_REASON_FILES_LIMIT);
    g_assert_cmpuint (unpacked->members->len, <=, 2);
  }
}

/* 100 MiB of zeros. */
static void
test_limit_of_the_ratio (void)
{
  static const char *const paths[] = {"archives/zeros.zst", "archives/zeros.tar.gz",
                                      "archives/zeros.zip"};
  VtUnpackLimits limits = usual_limits;

  limits.max_member_size = 1024 * MEBI;
  limits.max_size = 1024 * MEBI;
  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (Unpacked) refused = NULL;
    g_autoptr (Unpacked) unpacked = NULL;

    g_test_message ("%s", paths[i]);
    limits.max_ratio = 500;
    refused = unpack_made (paths[i], &limits);
    g_assert_cmpint (refused->reason, ==, VT_REASON_SCAN_LIMIT);
    limits.max_ratio = 100000;
    unpacked = unpack_made (paths[i], &limits);
    g_assert_cmpstr (unpacked->detail, ==, NULL);
    /* Nor does it help that the member is not kept. */
    limits.max_ratio = 500;
    limits.max_member_size = MEBI;
    g_clear_pointer (&refused, unpacked_free);
    refused = unpack_made (paths[i], &limits);
    g_assert_cmpint (refused->reason, ==, VT_REASON_SCAN_LIMIT);
    limits.max_member_size = 1024 * MEBI;
  }
}

static void
test_the_caller_ends_it (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (each_way); i++) {
    g_autoptr (GBytes) bytes = container_bytes (each_way[i]);
    gsize size = g_bytes_get_size (bytes);
    vt_autofd fd = content_of (g_bytes_get_data (bytes, NULL), size);
    g_autoptr (Unpacked) unpacked = unpack_fd (fd, size, &usual_limits, 1);

    g_assert_cmpint (unpacked->reason, ==, VT_REASON_NONE);
    g_assert_cmpuint (unpacked->members->len, ==, 1);
  }
}

static gboolean
not_called (const VtUnpackMember *member, gpointer user_data)
{
  g_assert_not_reached ();
}

static void
test_another_kind_than_told (void)
{
  g_autoptr (GBytes) bytes = container_bytes ("archives/gnu.tar");
  gsize size = g_bytes_get_size (bytes);
  vt_autofd fd = content_of (g_bytes_get_data (bytes, NULL), size);

  for (VtContainerKind kind = VT_CONTAINER_NONE; kind < VT_CONTAINER_N_KINDS; kind++) {
    if (kind != VT_CONTAINER_ENGINE)
      g_assert_cmpint (vt_unpack (fd, size, kind, &usual_limits, not_called, NULL, NULL), ==,
                       VT_REASON_ENGINE_ERROR);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/unpack-incomplete/what-is-cut-is-told", test_what_is_cut_is_told);
  g_test_add_func ("/unpack-incomplete/wrong-checksums-are-told", test_wrong_checksums_are_told);
  g_test_add_func ("/unpack-incomplete/other-members-come", test_other_members_come);
  g_test_add_func ("/unpack-incomplete/what-follows-is-told", test_what_follows_is_told);
  g_test_add_func ("/unpack-incomplete/rpm-without-its-payload", test_rpm_without_its_payload);
  g_test_add_func ("/unpack-incomplete/damaged-header-of-a-tar-archive",
                   test_damaged_header_of_a_tar_archive);
  g_test_add_func ("/unpack-incomplete/bytes-within-a-cpio-archive",
                   test_bytes_within_a_cpio_archive);
  g_test_add_func ("/unpack-incomplete/unknown-part-of-an-initramfs",
                   test_unknown_part_of_an_initramfs);
  g_test_add_func ("/unpack-incomplete/encrypted", test_encrypted);
  g_test_add_func ("/unpack-incomplete/passwords", test_passwords);
  g_test_add_func ("/unpack-incomplete/limit-of-a-member", test_limit_of_a_member);
  g_test_add_func ("/unpack-incomplete/limit-of-all-together", test_limit_of_all_together);
  g_test_add_func ("/unpack-incomplete/limit-of-members", test_limit_of_members);
  g_test_add_func ("/unpack-incomplete/limit-of-the-ratio", test_limit_of_the_ratio);
  g_test_add_func ("/unpack-incomplete/the-caller-ends-it", test_the_caller_ends_it);
  g_test_add_func ("/unpack-incomplete/another-kind-than-told", test_another_kind_than_told);
  return g_test_run ();
}
