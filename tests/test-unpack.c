// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What comes out of containers that are as they should be. */
#include <sys/stat.h>

#include "unpack-fixture.h"

/* Containers with all three files of the tree, and how many members they have. */
static const struct {
  const char *path;
  guint members;
} whole[] = {
    {"archives/7zip.7z", 3},
    {"archives/BZip2.7z", 3},
    {"archives/Copy.7z", 3},
    {"archives/Deflate.7z", 3},
    {"archives/LZMA.7z", 3},
    {"archives/LZMA2.7z", 3},
    {"archives/PPMd.7z", 3},
    {"archives/bsdtar.zip", 3},
    {"archives/BZip2.zip", 3},
    {"archives/Deflate.zip", 3},
    {"archives/LZMA.zip", 3},
    {"archives/PPMd.zip", 3},
    {"archives/v7.tar", 3},
    {"archives/ustar.tar", 3},
    {"archives/gnu.tar", 3},
    {"archives/posix.tar", 3},
    {"archives/tree.iso9660", 3},
    {"archives/tree.xar", 3},
    {"archives/tree.ar", 3},
    /* One record tells of the archive itself. */
    {"archives/tree.warc", 4},
    {"archives/tree.tar.gz", 3},
    {"archives/tree.tar.bz2", 3},
    {"archives/tree.tar.xz", 3},
    {"archives/tree.tar.lzma", 3},
    {"archives/tree.tar.lz", 3},
    {"archives/tree.tar.zst", 3},
    {"archives/tree.tar.lz4", 3},
    {"archives/tree.tar.lz4-legacy", 3},
    {"archives/tree.tar.Z", 3},
    {"archives/newc.cpio", 3},
    {"archives/crc.cpio", 3},
    {"archives/odc.cpio", 3},
    {"archives/bin.cpio", 3},
    {"archives/tree.cpio.gz", 3},
    {"archives/tree.cpio.bz2", 3},
    {"archives/tree.cpio.xz", 3},
    {"archives/tree.cpio.lzma", 3},
    {"archives/tree.cpio.lz", 3},
    {"archives/tree.cpio.zst", 3},
    {"archives/tree.cpio.lz4", 3},
    {"archives/tree.cpio.lz4-legacy", 3},
    {"archives/tree.cpio.Z", 3},
    {"archives/w9.gzdio.rpm", 3},
    {"archives/w9.bzdio.rpm", 3},
    {"archives/w7.xzdio.rpm", 3},
    {"archives/w3.zstdio.rpm", 3},
    {"archives/gzip.squashfs", 3},
    {"archives/xz.squashfs", 3},
    {"archives/lz4.squashfs", 3},
    {"archives/zstd.squashfs", 3},
    {"archives/lzo.squashfs", 3},
    {"archives/plain.squashfs", 3},
    {"archives/tree.appimage", 3},
    /* The microcode is one more. */
    {"archives/initramfs.plain", 4},
    {"archives/initramfs.gz", 4},
    {"archives/initramfs.bz2", 4},
    {"archives/initramfs.xz", 4},
    {"archives/initramfs.lzma", 4},
    {"archives/initramfs.zst", 4},
    {"archives/initramfs.lz4-legacy", 4},
    {"archives/initramfs.many", 6},
    {"archives/initramfs.within", 4},
};

static void
assert_tree (const Unpacked *unpacked)
{
  g_assert_cmpuint (count_content (unpacked, "first"), ==, 1);
  g_assert_cmpuint (count_content (unpacked, "directory/numbers"), ==, 1);
  g_assert_cmpuint (count_content (unpacked, "directory/noise"), ==, 1);
}

static void
test_all_members_come (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (whole); i++) {
    g_autoptr (Unpacked) unpacked = NULL;

    g_test_message ("%s", whole[i].path);
    unpacked = unpack_made (whole[i].path, &usual_limits);
    g_assert_cmpstr (unpacked->detail, ==, NULL);
    g_assert_cmpint (unpacked->reason, ==, VT_REASON_NONE);
    g_assert_cmpuint (unpacked->members->len, ==, whole[i].members);
    assert_tree (unpacked);
  }
}

static void
test_single_files (void)
{
  static const char *const methods[] = {"gz",  "bz2", "xz",         "lzma", "lz",
                                        "zst", "lz4", "lz4-legacy", "Z"};

  for (gsize i = 0; i < G_N_ELEMENTS (methods); i++) {
    g_autofree char *path = g_strdup_printf ("archives/numbers.%s", methods[i]);
    g_autoptr (Unpacked) unpacked = NULL;

    g_test_message ("%s", path);
    unpacked = unpack_made (path, &usual_limits);
    g_assert_cmpstr (unpacked->detail, ==, NULL);
    g_assert_cmpuint (unpacked->members->len, ==, 1);
    g_assert_cmpstr (((UnpackedMember *)unpacked->members->pdata[0])->name, ==, "data");
    g_assert_cmpuint (count_content (unpacked, "directory/numbers"), ==, 1);
  }
}

/* Streams one after the other are one file, of all that is in them. */
static void
test_streams_one_after_the_other (void)
{
  static const char *const methods[] = {"gz", "bz2", "xz", "lz", "zst", "lz4"};
  g_autoptr (GBytes) first = container_bytes ("tree/first");
  g_autoptr (GBytes) numbers = container_bytes ("tree/directory/numbers");
  guint64 size = g_bytes_get_size (first) + g_bytes_get_size (numbers);

  for (gsize i = 0; i < G_N_ELEMENTS (methods); i++) {
    g_autofree char *path = g_strdup_printf ("archives/twice.%s", methods[i]);
    g_autoptr (Unpacked) unpacked = NULL;

    g_test_message ("%s", path);
    unpacked = unpack_made (path, &usual_limits);
    g_assert_cmpstr (unpacked->detail, ==, NULL);
    g_assert_cmpuint (unpacked->members->len, ==, 1);
    g_assert_cmpuint (((UnpackedMember *)unpacked->members->pdata[0])->size, ==, size);
  }
}

static void
test_tar_archives_one_after_the_other (void)
{
  g_autoptr (GBytes) first = container_bytes ("archives/gnu.tar");
  g_autoptr (GBytes) second = container_bytes ("archives/linked.tar");
  g_autoptr (GByteArray) both = g_byte_array_new ();
  g_autoptr (Unpacked) unpacked = NULL;

  g_byte_array_append (both, g_bytes_get_data (first, NULL), (guint)g_bytes_get_size (first));
  g_byte_array_append (both, g_bytes_get_data (second, NULL), (guint)g_bytes_get_size (second));
  unpacked = unpack_data (both->data, both->len, &usual_limits);
  g_assert_cmpstr (unpacked->detail, ==, NULL);
  g_assert_cmpuint (unpacked->members->len, ==, 4);
  g_assert_cmpuint (count_content (unpacked, "first"), ==, 2);
}

/* Its members are archives, which come as they are; and the files are in one of them. */
static void
test_packages_of_debian (void)
{
  static const char *const methods[] = {"gzip", "xz", "zst"};

  for (gsize i = 0; i < G_N_ELEMENTS (methods); i++) {
    g_autofree char *path = g_strdup_printf ("archives/%s.deb", methods[i]);
    g_autoptr (Unpacked) unpacked = unpack_made (path, &usual_limits);
    g_autoptr (Unpacked) data = NULL;
    UnpackedMember *member;

    g_assert_cmpstr (unpacked->detail, ==, NULL);
    g_assert_cmpuint (unpacked->members->len, ==, 3);
    member = g_ptr_array_index (unpacked->members, 2);
    g_assert_true (g_str_has_prefix (member->name, "data.tar."));
    data = unpack_fd (member->content, member->size, &usual_limits, 0);
    g_assert_cmpstr (data->detail, ==, NULL);
    assert_tree (data);
  }
}

static void
test_names (void)
{
  static const struct {
    const char *path;
    const char *name;
  } expected[] = {
      {"archives/names.tar", "latin-\xe9"},       {"archives/names.tar", "utf-8-\xc3\xa9"},
      {"archives/names-posix.tar", "latin-\xe9"}, {"archives/names.cpio", "latin-\xe9"},
      {"archives/names.7z", "utf-8-\xc3\xa9"},    {"archives/names.zip", "utf-8-\xc3\xa9"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (expected); i++) {
    g_autoptr (Unpacked) unpacked = unpack_made (expected[i].path, &usual_limits);
    guint found = 0;

    g_test_message ("%s", expected[i].path);
    g_assert_cmpstr (unpacked->detail, ==, NULL);
    for (guint j = 0; j < unpacked->members->len; j++)
      found +=
          g_str_equal (((UnpackedMember *)unpacked->members->pdata[j])->name, expected[i].name);
    g_assert_cmpuint (found, ==, 1);
  }
}

/* A hole of 20 MiB, a byte, and another hole. */
static void
test_holes_take_no_memory (void)
{
  static const char *const paths[] = {"archives/holes-gnu.tar", "archives/holes-posix.tar"};
  g_autofree guint8 *expected = g_malloc0 (30 * MEBI);
  VtDigest digest;

  expected[20 * MEBI] = 'x';
  digest = vt_digest_of_data (expected, 30 * MEBI);
  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (Unpacked) unpacked = unpack_made (paths[i], &usual_limits);
    UnpackedMember *member;
    struct stat info;

    g_assert_cmpstr (unpacked->detail, ==, NULL);
    g_assert_cmpuint (count_content (unpacked, "first"), ==, 1);
    member = g_ptr_array_index (unpacked->members, 0);
    g_assert_cmpuint (member->size, ==, 30 * MEBI);
    g_assert_cmpint (fstat (member->content, &info), ==, 0);
    g_assert_cmpint (info.st_blocks, <=, 1024);
    g_assert_true (vt_digest_equal (&member->digest, &digest));
  }
}

/* What has two names, has its content with the last of them in a cpio archive, the first in a tar
 * archive. */
static void
test_hard_links_come_once (void)
{
  static const char *const paths[] = {"archives/linked.tar", "archives/linked.cpio"};

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (Unpacked) unpacked = unpack_made (paths[i], &usual_limits);

    g_assert_cmpstr (unpacked->detail, ==, NULL);
    g_assert_cmpuint (unpacked->members->len, ==, 1);
    g_assert_cmpuint (count_content (unpacked, "first"), ==, 1);
  }
}

/* pzstd's frames: 4 bytes in a frame that is to be skipped, and then data. */
static void
test_frames_without_data (void)
{
  static const guint8 frame[] = {0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4};
  g_autoptr (GBytes) bytes = container_bytes ("archives/numbers.zst");
  g_autoptr (GByteArray) framed = g_byte_array_new ();
  g_autoptr (Unpacked) unpacked = NULL;
  g_autoptr (Unpacked) alone = unpack_data (frame, sizeof frame, &usual_limits);

  for (guint i = 0; i < 3; i++)
    g_byte_array_append (framed, frame, sizeof frame);
  g_byte_array_append (framed, g_bytes_get_data (bytes, NULL), (guint)g_bytes_get_size (bytes));
  unpacked = unpack_data (framed->data, framed->len, &usual_limits);
  g_assert_cmpstr (unpacked->detail, ==, NULL);
  g_assert_cmpuint (count_content (unpacked, "directory/numbers"), ==, 1);
  g_assert_cmpint (alone->reason, ==, VT_REASON_DAMAGED);
}

/* Answers by HTTP come without its lines, but not where these say that the rest is in pieces. */
static void
test_answers_in_web_archives (void)
{
  static const char text[] = "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a/\r\n"
                             "Content-Length: 24\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello\r\n\r\n"
                             "WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 52\r\n\r\n"
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n\r\n";
  g_autoptr (Unpacked) unpacked = unpack_data (text, sizeof text - 1, &usual_limits);
  VtDigest wanted = vt_digest_of_data ("hello", 5);
  UnpackedMember *member;

  g_assert_cmpstr (unpacked->detail, ==, NULL);
  g_assert_cmpuint (unpacked->members->len, ==, 2);
  member = g_ptr_array_index (unpacked->members, 0);
  g_assert_cmpstr (member->name, ==, "http://a/");
  g_assert_true (vt_digest_equal (&member->digest, &wanted));
  member = g_ptr_array_index (unpacked->members, 1);
  g_assert_cmpint (member->reason, ==, VT_REASON_DAMAGED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/unpack/all-members-come", test_all_members_come);
  g_test_add_func ("/unpack/single-files", test_single_files);
  g_test_add_func ("/unpack/streams-one-after-the-other", test_streams_one_after_the_other);
  g_test_add_func ("/unpack/tar-archives-one-after-the-other",
                   test_tar_archives_one_after_the_other);
  g_test_add_func ("/unpack/packages-of-debian", test_packages_of_debian);
  g_test_add_func ("/unpack/names", test_names);
  g_test_add_func ("/unpack/holes-take-no-memory", test_holes_take_no_memory);
  g_test_add_func ("/unpack/hard-links-come-once", test_hard_links_come_once);
  g_test_add_func ("/unpack/frames-without-data", test_frames_without_data);
  g_test_add_func ("/unpack/answers-in-web-archives", test_answers_in_web_archives);
  return g_test_run ();
}
