// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Unpacking needs no file, no other process and no thread: what comes out within the sandbox, in an
 * address space of bounded size, is what comes out without it.
 */
#include "sandbox-situations.h"
#include "unpack-fixture.h"

#define ADDRESS_SPACE (768 * MEBI)

/* Of each format and filter one. */
static const char *const paths[] = {
    "archives/LZMA2.7z",      "archives/PPMd.7z",           "archives/BZip2.zip",
    "archives/PPMd.zip",      "archives/names.zip",         "archives/names.7z",
    "archives/encrypted.zip", "archives/encrypted-aes.zip", "archives/names-posix.tar",
    "archives/holes-gnu.tar", "archives/tree.iso9660",      "archives/tree.xar",
    "archives/tree.ar",       "archives/tree.warc",         "archives/tree.tar.gz",
    "archives/tree.tar.bz2",  "archives/tree.tar.xz",       "archives/tree.tar.lzma",
    "archives/tree.tar.lz",   "archives/tree.tar.zst",      "archives/tree.tar.lz4",
    "archives/tree.tar.Z",    "archives/newc.cpio",         "archives/zst.deb",
    "archives/w9.gzdio.rpm",  "archives/w7.xzdio.rpm",      "archives/w3.zstdio.rpm",
    "archives/initramfs.zst", "archives/initramfs.gz",      "archives/gzip.squashfs",
    "archives/xz.squashfs",   "archives/lz4.squashfs",      "archives/zstd.squashfs",
    "archives/lzo.squashfs",  "archives/tree.appimage",
};

static const char *const passwords[] = {"secret", NULL};

typedef struct {
  int fd;
  guint64 size;
  const VtUnpackLimits *limits;
  const Unpacked *expected;
} Work;

static gboolean
are_same (const Unpacked *a, const Unpacked *b)
{
  if (a->reason != b->reason || a->members->len != b->members->len)
    return FALSE;
  for (guint i = 0; i < a->members->len; i++) {
    const UnpackedMember *x = g_ptr_array_index (a->members, i);
    const UnpackedMember *y = g_ptr_array_index (b->members, i);

    if (!g_str_equal (x->name, y->name) || x->size != y->size || x->reason != y->reason ||
        (x->reason == VT_REASON_NONE && !vt_digest_equal (&x->digest, &y->digest)))
      return FALSE;
  }
  return TRUE;
}

static int
unpack_inside (const Inside *inside)
{
  const Work *work = inside->data;
  g_autoptr (Unpacked) unpacked = unpack_fd (work->fd, work->size, work->limits, 0);

  return are_same (unpacked, work->expected) ? 0 : 1;
}

static void
check (const Situation *situation, const char *path)
{
  VtUnpackLimits limits = usual_limits;
  g_autoptr (GBytes) bytes = container_bytes (path);
  gsize size = g_bytes_get_size (bytes);
  vt_autofd fd = content_of (g_bytes_get_data (bytes, NULL), size);
  g_autoptr (Unpacked) expected = NULL;
  const VtSandboxPolicy policy = {
      .address_space = ADDRESS_SPACE,
      .open_files = 64,
      .memfd_size = usual_limits.max_member_size,
      .fds = &fd,
      .n_fds = 1,
  };
  Work work = {.fd = fd, .size = size, .limits = &limits};

  limits.passwords = passwords;
  expected = unpack_fd (fd, size, &limits, 0);
  work.expected = expected;
  g_test_message ("%s", path);
  g_assert_cmpuint (expected->members->len, >, 0);
  g_assert_cmpint (expected->reason, ==, VT_REASON_NONE);
  g_assert_cmpint (run_in_sandbox (situation, &policy, unpack_inside, &work), ==, 0);
}

static void
test_situation (gconstpointer data)
{
  if (skip_situation (data))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    check (data, paths[i]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  vt_unpack_preload ();
  for (gsize i = 0; i < G_N_ELEMENTS (situations); i++) {
    g_autofree char *name = g_strdup_printf ("/unpack-sandbox/%s", situations[i].name);

    g_test_add_data_func (name, &situations[i], test_situation);
  }
  return g_test_run ();
}
