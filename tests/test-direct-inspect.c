// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Inspection over directories. What is expected of the trees of make-inspect-trees.sh is what
 * libguestfs 1.48 says of a disk that has them in the partitions of these numbers.
 */
#include "run-program.h"
#include "vt-direct-inspect.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vt-fd.h"
#include "vt-paths.h"

#define N_PARTITIONS 13
#define SWAP         8

typedef struct {
  char *dir;
  int roots[N_PARTITIONS];
  VtPartition partitions[N_PARTITIONS];
  VtInspectInput inputs[N_PARTITIONS];
} Fixture;

static int
open_within (gpointer fs, const char *path, int flags)
{
  struct open_how how = {.flags = (guint64)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};

  return (int)syscall (SYS_openat2, *(int *)fs, path, &how, sizeof how);
}

static gboolean
read_small (gpointer fs, const char *path, gsize max, GBytes **data, GError **error)
{
  vt_autofd fd = open_within (fs, path, O_RDONLY);
  g_autofree guint8 *bytes = g_malloc (max);
  ssize_t n = fd >= 0 ? read (fd, bytes, max) : -1;

  if (n < 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s", g_strerror (errno));
    return FALSE;
  }
  *data = g_bytes_new (bytes, (gsize)n);
  return TRUE;
}

static gboolean
has_type (gpointer fs, const char *path, mode_t type)
{
  vt_autofd fd = open_within (fs, path, O_PATH);
  struct stat info;

  return fd >= 0 && fstat (fd, &info) == 0 && (info.st_mode & S_IFMT) == type;
}

static gboolean
is_file (gpointer fs, const char *path)
{
  return has_type (fs, path, S_IFREG);
}

static gboolean
is_dir (gpointer fs, const char *path)
{
  return has_type (fs, path, S_IFDIR);
}

static char *
read_link (gpointer fs, const char *path)
{
  vt_autofd fd = open_within (fs, path, O_PATH | O_NOFOLLOW);
  char target[1024];
  ssize_t n = fd >= 0 ? readlinkat (fd, "", target, sizeof target) : -1;

  return n < 0 ? NULL : g_strndup (target, (gsize)n);
}

static const VtInspectReader reader = {read_small, is_file, is_dir, read_link};

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autofree char *script =
      g_test_build_filename (G_TEST_DIST, "images", "make-inspect-trees.sh", NULL);

  fixture->dir = g_dir_make_tmp ("vt-test-XXXXXX", NULL);
  run_program (NULL, (const char *[]){"sh", script, fixture->dir, NULL});
  for (int i = 0; i < N_PARTITIONS; i++) {
    g_autofree char *path = g_strdup_printf ("%s/%d", fixture->dir, i + 1);
    VtPartition *partition = &fixture->partitions[i];

    partition->number = i + 1;
    partition->id = g_strdup_printf ("/dev/sda%d", i + 1);
    partition->uuid = g_strdup_printf ("5eed0000-0000-4000-8000-0000000000%02d", i + 1);
    partition->label = i + 1 == SWAP ? g_strdup ("") : g_strdup_printf ("fs%d", i + 1);
    partition->judgement = i + 1 == SWAP ? VT_PARTITION_SWAP : VT_PARTITION_EXT;
    fixture->roots[i] = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    fixture->inputs[i].partition = partition;
    if (i + 1 != SWAP) {
      g_assert_cmpint (fixture->roots[i], >=, 0);
      fixture->inputs[i].fs = &fixture->roots[i];
    }
  }
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  for (int i = 0; i < N_PARTITIONS; i++) {
    vt_fd_clear (&fixture->roots[i]);
    g_free (fixture->partitions[i].id);
    g_free (fixture->partitions[i].uuid);
    g_free (fixture->partitions[i].label);
  }
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
}

static VtInspection *
inspect (Fixture *fixture)
{
  g_autofree char *why = NULL;
  VtInspection *inspection = vt_direct_inspect (&reader, fixture->inputs, N_PARTITIONS, &why);

  g_assert_cmpstr (why, ==, NULL);
  g_assert_nonnull (inspection);
  return inspection;
}

static void
test_systems (Fixture *fixture, gconstpointer data)
{
  static const char *const expected[] = {
      "/dev/sda1 linux debian|debian 12.5|tester x86_64 deb apt 12.5",
      "/dev/sda2 linux fedora|Fedora Linux 38 (Cloud Edition)|unknown unknown rpm dnf 38.0",
      "/dev/sda9 linux ubuntu|Ubuntu 22.04.3 LTS|nine aarch64 deb apt 22.4",
      "/dev/sda11 linux centos|CentOS Stream release 9|unknown unknown rpm dnf 9.0",
      "/dev/sda13 linux voidlinux|Void Linux|unknown unknown xbps xbps 0.0",
  };
  g_autoptr (VtInspection) inspection = inspect (fixture);

  g_assert_cmpuint (inspection->systems->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < inspection->systems->len; i++) {
    const VtOperatingSystem *system = g_ptr_array_index (inspection->systems, i);
    g_autofree char *text = g_strdup_printf ("%s %s %s|%s|%s %s %s %s %d.%d", system->root,
                                             system->type, system->distro, system->product,
                                             system->hostname, system->arch, system->package_format,
                                             system->package_manager, system->major, system->minor);

    g_assert_cmpstr (text, ==, expected[i]);
  }
}

static void
test_claims (Fixture *fixture, gconstpointer data)
{
  static const char *const expected[N_PARTITIONS] = {
      [0] = "/ debian 12.5 1",
      [1] = "/ Fedora Linux 38 (Cloud Edition) 0",
      [2] = "/home debian 12.5 1",
      [3] = "/srv/data debian 12.5 1",
      [4] = "/opt debian 12.5 1",
      [5] = "/six Ubuntu 22.04.3 LTS 0",
      [10] = "/ CentOS Stream release 9 0",
      [12] = "/ Void Linux 0",
  };
  g_autoptr (VtInspection) inspection = inspect (fixture);

  g_assert_cmpuint (inspection->n_claims, ==, N_PARTITIONS);
  for (guint i = 0; i < N_PARTITIONS; i++) {
    const VtInspectClaim *claim = &inspection->claims[i];
    g_autofree char *text =
        claim->mountpoint == NULL
            ? NULL
            : g_strdup_printf ("%s %s %d", claim->mountpoint, claim->os, claim->primary);

    g_assert_cmpstr (text, ==, expected[i]);
  }
}

static void
assert_refused (Fixture *fixture)
{
  g_autofree char *why = NULL;

  g_assert_null (vt_direct_inspect (&reader, fixture->inputs, N_PARTITIONS, &why));
  g_assert_nonnull (why);
  g_test_message ("refused: %s", why);
}

/* Writes TEXT to a file, sees that it is refused, and puts back what was there. */
static void
assert_file_refused (Fixture *fixture, const char *path, const char *text, gsize n)
{
  g_autofree char *full = g_build_filename (fixture->dir, path, NULL);
  g_autofree char *saved = NULL;
  g_autoptr (VtInspection) inspection = NULL;
  gboolean was_there;
  gsize saved_n;

  g_test_message ("%s", path);
  was_there = g_file_get_contents (full, &saved, &saved_n, NULL);
  g_assert_true (g_file_set_contents (full, text, (gssize)n, NULL));
  assert_refused (fixture);
  if (was_there)
    g_assert_true (g_file_set_contents (full, saved, (gssize)saved_n, NULL));
  else
    g_assert_cmpint (unlink (full), ==, 0);
  inspection = inspect (fixture);
}

static void
test_unusual_files (Fixture *fixture, gconstpointer data)
{
  static const struct {
    const char *path;
    const char *text;
    gsize n; /* 0: all of the string */
  } files[] = {
      {"1/etc/fstab", "/dev/mapper/a-b / ext4 defaults 0 1\n", 0},
      {"1/etc/fstab", "/dev/sdb1 / ext4 defaults 0 1\n", 0},
      {"1/etc/fstab", "/dev/sda1 / ext4 rw\nLABEL=fs1 /b ext4 rw\n", 0},
      {"1/etc/fstab", "/dev/sda1 /b ext4 rw\nLABEL=fs2 /b/ ext4 rw\n", 0},
      {"1/etc/fstab", "UUID=x\n", 0},
      {"1/etc/fstab", "UUID=\"x\" / ext4 defaults 0 1\n", 0},
      {"1/etc/fstab", "LABEL=fs3 / ext4 defaults,, 0 1\n", 0},
      {"1/etc/fstab", "LABEL=fs3 / ext4 defaults x 1\n", 0},
      {"1/etc/fstab", "LABEL=fs3 / btrfs subvol=x 0 0\n", 0},
      {"1/etc/fstab", "# \0\n", 4},
      {"1/etc/mdadm.conf", "\n", 0},
      {"1/etc/debian_version", "", 0},
      {"1/etc/redhat-release", "Fedora release 20\n", 0},
      {"1/usr/lib/os-release", "ID=linuxmint\nPRETTY_NAME=x\nVERSION_ID=1.1\n", 0},
      {"1/usr/lib/os-release", "ID=$x\nPRETTY_NAME=x\nVERSION_ID=1.1\n", 0},
      {"1/usr/lib/os-release", "PRETTY_NAME=x\nVERSION_ID=1.1\n", 0},
      {"1/usr/lib/os-release", "ID=debian\nPRETTY_NAME=x\nVERSION_ID=123456789.1\n", 0},
      {"1/usr/bin/bash", "MZ", 0},
      {"1/usr/bin/bash", "#!/usr/bin/perl\n", 0},
      {"1/etc/hostname", "a\033b\n", 0},
      {"3/bsd", "", 0},
      {"3/boot.ini", "", 0},
      {"11/etc/centos-release", "CentOS 7 Update 3\n", 0},
      {"13/etc/os-release", "ID=fedora\nPRETTY_NAME=x\n", 0},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    assert_file_refused (fixture, files[i].path, files[i].text,
                         files[i].n != 0 ? files[i].n : strlen (files[i].text));
}

static void
test_unread_device (Fixture *fixture, gconstpointer data)
{
  fixture->inputs[5].fs = NULL;
  fixture->partitions[5].judgement = VT_PARTITION_REFUSED;
  assert_refused (fixture);
  fixture->partitions[5].judgement = VT_PARTITION_BLANK;
  vt_inspection_free (inspect (fixture));
}

static void
test_doubtful_label (Fixture *fixture, gconstpointer data)
{
  g_free (fixture->partitions[6].label);
  fixture->partitions[6].label = g_strdup ("fs3");
  assert_refused (fixture);
}

/* A FAT that looks like a Linux system. */
static void
test_root_that_cannot_be (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtInspection) inspection = inspect (fixture);
  const VtOperatingSystem *system = g_ptr_array_index (inspection->systems, 0);

  for (int i = 0; i < N_PARTITIONS; i++)
    if (g_str_equal (fixture->partitions[i].id, system->root))
      fixture->partitions[i].judgement = VT_PARTITION_FAT;
  assert_refused (fixture);
}

static void
test_other_systems (Fixture *fixture, gconstpointer data)
{
  static const char *const directories[] = {"Windows", "DOS", "share"};

  for (gsize i = 0; i < G_N_ELEMENTS (directories); i++) {
    g_autofree char *path = g_build_filename (fixture->dir, "3", directories[i], NULL);
    g_autofree char *bin = g_build_filename (fixture->dir, "3", "bin", NULL);
    g_autofree char *local = g_build_filename (fixture->dir, "3", "local", NULL);

    g_assert_cmpint (mkdir (path, 0700), ==, 0);
    g_assert_cmpint (mkdir (bin, 0700), ==, 0);
    g_assert_cmpint (mkdir (local, 0700), ==, 0);
    assert_refused (fixture);
    g_assert_cmpint (rmdir (path), ==, 0);
    g_assert_cmpint (rmdir (bin), ==, 0);
    g_assert_cmpint (rmdir (local), ==, 0);
  }
}

/* A Linux root, by its files, on what no Linux is on. */
static void
test_root_on_ntfs (Fixture *fixture, gconstpointer data)
{
  fixture->partitions[0].judgement = VT_PARTITION_NTFS;
  assert_refused (fixture);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/direct-inspect/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("systems", test_systems);
  ADD ("claims", test_claims);
  ADD ("unusual-files", test_unusual_files);
  ADD ("unread-device", test_unread_device);
  ADD ("doubtful-label", test_doubtful_label);
  ADD ("root-that-cannot-be", test_root_that_cannot_be);
  ADD ("other-systems", test_other_systems);
  ADD ("root-on-ntfs", test_root_on_ntfs);
  return g_test_run ();
}
