// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-file-digests.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "store-fixture.h"
#include "vt-fd.h"

#define LONG_AGO 1600000000

typedef struct {
  StoreFixture base;
  char *path;
  int fd;
  struct stat status;
} Fixture;

/* As long as its content stays as long, only the times tell that it was changed. */
static void
write_file (Fixture *fixture, const char *content, time_t mtime)
{
  const struct timespec times[] = {{.tv_sec = mtime}, {.tv_sec = mtime}};

  g_assert_cmpint (pwrite (fixture->fd, content, strlen (content), 0), ==, strlen (content));
  g_assert_cmpint (futimens (fixture->fd, times), ==, 0);
  g_assert_cmpint (fstat (fixture->fd, &fixture->status), ==, 0);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  store_fixture_set_up (&fixture->base, NULL);
  fixture->path = g_build_filename (fixture->base.dir, "file", NULL);
  fixture->fd = open (fixture->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  g_assert_cmpint (fixture->fd, >=, 0);
  write_file (fixture, "one", LONG_AGO);
  /* Nobody can set that time on a disk. */
  fixture->status.st_ctim = fixture->status.st_mtim;
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_fd_clear (&fixture->fd);
  g_assert_cmpint (unlink (fixture->path), ==, 0);
  g_free (fixture->path);
  store_fixture_tear_down (&fixture->base, NULL);
}

static void
assert_content (Fixture *fixture, VtFileDigests *digests, const char *content)
{
  const VtDigest expected = vt_digest_of_data (content, strlen (content));
  g_autoptr (GError) error = NULL;
  VtDigest digest;

  g_assert_true (vt_file_digests_get (digests, fixture->fd, &fixture->status, &digest, &error));
  g_assert_no_error (error);
  g_assert_true (vt_digest_equal (&digest, &expected));
}

static void
add_known (Fixture *fixture, VtFileDigests *digests, const char *content)
{
  const VtFileDigest known = {
      .stamp =
          {
              .device = fixture->status.st_dev,
              .inode = fixture->status.st_ino,
              .size = (guint64)fixture->status.st_size,
              .mtime_ns = fixture->status.st_mtim.tv_sec * G_GINT64_CONSTANT (1000000000),
              .ctime_ns = fixture->status.st_ctim.tv_sec * G_GINT64_CONSTANT (1000000000),
          },
      .digest = vt_digest_of_data (content, strlen (content)),
  };

  vt_file_digests_add (digests, &known);
}

/* The file is "one" all the time: who says "two" has not hashed it. */
static void
test_known_files_are_not_hashed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtFileDigests) digests = vt_file_digests_new ();
  const struct stat status = fixture->status;

  assert_content (fixture, NULL, "one");
  assert_content (fixture, digests, "one");
  add_known (fixture, digests, "two");
  assert_content (fixture, digests, "two");
  fixture->status.st_dev++;
  assert_content (fixture, digests, "one");
  fixture->status = status;
  fixture->status.st_ino++;
  assert_content (fixture, digests, "one");
  fixture->status = status;
  fixture->status.st_mtim.tv_nsec++;
  assert_content (fixture, digests, "one");
  fixture->status = status;
  fixture->status.st_ctim.tv_nsec++;
  assert_content (fixture, digests, "one");
  fixture->status = status;
  fixture->status.st_size--;
  assert_content (fixture, digests, "on");
  fixture->status = status;
  assert_content (fixture, digests, "two");
}

/* Such a file could change again without a new time. */
static void
test_files_that_have_just_changed_are_not_known (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtFileDigests) digests = vt_file_digests_new ();

  write_file (fixture, "one", LONG_AGO);
  assert_content (fixture, digests, "one");
  write_file (fixture, "two", time (NULL) + 1000);
  assert_content (fixture, digests, "two");
  g_assert_cmpuint (vt_file_digests_get_new (digests)->len, ==, 0);
}

/* What was asked about is not what was hashed. */
static void
test_files_that_changed_meanwhile_are_not_known (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtFileDigests) digests = vt_file_digests_new ();

  /* The times are those of long ago, and the file has others. */
  assert_content (fixture, digests, "one");
  g_assert_cmpuint (vt_file_digests_get_new (digests)->len, ==, 0);
}

/* A file of the system is old enough; the content is of no matter. */
#define OLD_FILE "/bin/sh"

static void
hash_old_file (VtFileDigests *digests, const char *path, VtDigest *digest)
{
  vt_autofd fd = open (path, O_RDONLY | O_CLOEXEC);
  g_autoptr (GError) error = NULL;
  struct stat status;

  g_assert_cmpint (fstat (fd, &status), ==, 0);
  g_assert_true (vt_file_digests_get (digests, fd, &status, digest, &error));
  g_assert_no_error (error);
}

/* Hashes the file, and keeps its digest. */
static VtDigest
keep_old_file (VtStore *store)
{
  g_autoptr (VtFileDigests) digests = vt_file_digests_new ();
  g_autoptr (GError) error = NULL;
  VtDigest digest;

  hash_old_file (digests, OLD_FILE, &digest);
  g_assert_cmpuint (vt_file_digests_get_new (digests)->len, ==, 1);
  g_assert_true (vt_store_save_digests (store, digests, &error));
  g_assert_no_error (error);
  return digest;
}

/* The digest as who has loaded what is kept comes to it; whether it had to be hashed. */
static VtDigest
load_old_file (VtStore *store, gboolean *was_hashed)
{
  g_autoptr (VtFileDigests) digests = vt_file_digests_new ();
  g_autoptr (GError) error = NULL;
  VtDigest digest;

  g_assert_true (vt_store_load_digests (store, digests, &error));
  g_assert_no_error (error);
  hash_old_file (digests, OLD_FILE, &digest);
  *was_hashed = vt_file_digests_get_new (digests)->len > 0;
  return digest;
}

static void
test_digests_are_kept_in_the_store (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->base.path);
  const VtDigest digest = keep_old_file (store);
  g_autoptr (GError) error = NULL;
  gboolean was_hashed;
  VtDigest again;

  keep_old_file (store);
  assert_query (fixture->base.path, "SELECT count(*) FROM host_file", "1");
  again = load_old_file (store, &was_hashed);
  g_assert_true (vt_digest_equal (&digest, &again));
  g_assert_false (was_hashed);
  g_assert_true (vt_store_forget_digests (store, &error));
  g_assert_no_error (error);
  load_old_file (store, &was_hashed);
  g_assert_true (was_hashed);
}

/* That a row is taken at its word shows that the file was not read. */
static void
test_kept_digests_are_taken (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->base.path);
  const VtDigest expected = {.bytes = {0xab}};
  gboolean was_hashed;
  VtDigest digest;

  keep_old_file (store);
  run_raw (fixture->base.path,
           "UPDATE host_file SET sha256 = CAST (x'ab' || zeroblob (31) AS BLOB)");
  digest = load_old_file (store, &was_hashed);
  g_assert_true (vt_digest_equal (&digest, &expected));
  /* A row that is none counts as none. */
  run_raw (fixture->base.path,
           "UPDATE host_file SET sha256 = CAST (x'ab' || zeroblob (32) AS BLOB)");
  digest = load_old_file (store, &was_hashed);
  g_assert_false (vt_digest_equal (&digest, &expected));
}

static void
test_kept_digests_are_bounded (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtStore) store = open_store (fixture->base.path);

  run_raw (fixture->base.path,
           "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
           " INSERT INTO host_file (device, inode, size, mtime, ctime, sha256)"
           " SELECT 0, i, 0, 0, 0, x'' FROM n");
  keep_old_file (store);
  assert_query (fixture->base.path, "SELECT count(*) FROM host_file", "1000");
  assert_query (fixture->base.path, "SELECT count(*) FROM host_file WHERE size > 0", "1");
}

#define ADD(name, test) g_test_add ("/file-digests/" name, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("known-files-are-not-hashed", test_known_files_are_not_hashed);
  ADD ("files-that-have-just-changed-are-not-known",
       test_files_that_have_just_changed_are_not_known);
  ADD ("files-that-changed-meanwhile-are-not-known",
       test_files_that_changed_meanwhile_are_not_known);
  ADD ("digests-are-kept-in-the-store", test_digests_are_kept_in_the_store);
  ADD ("kept-digests-are-taken", test_kept_digests_are_taken);
  ADD ("kept-digests-are-bounded", test_kept_digests_are_bounded);
  return g_test_run ();
}
