// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <signal.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "overlay-fixture.h"
#include "vt-commit.h"

/* Runs that are killed. */
#define KILLS 30

static char *
path_of (Fixture *fixture, const char *name)
{
  return g_build_filename (fixture->dir, name, NULL);
}

/* That the image NAME has what the image and its overlay have, under QEMU's own eyes. */
static void
assert_changed (Fixture *fixture, const char *format, const char *name)
{
  g_autofree char *script = g_strdup_printf (
      "qemu-img check -q -f %s %s || test $? -eq 63; "
      "qemu-io -r -f %s -c 'read -P 1 0 2M' -c 'read -P 7 2M 1M' -c 'read -P 1 3M 1M' "
      "-c 'read -P 5 4M 64k' -c 'read -P 0 8M 12M' %s >out; "
      "! grep -i 'fail' out; rm out",
      format, name, format, name);

  run_script (fixture->dir, script);
}

static void
test_new_file (Fixture *fixture, gconstpointer format)
{
  g_autofree char *output = path_of (fixture, "output");
  const VtDigest before = digest_file (fixture->image);
  g_autoptr (GError) error = NULL;
  struct stat info;

  write_to_overlay (fixture);
  g_assert_true (
      vt_commit_to_new_file (fixture->spawner, fixture->options, output, format, NULL, &error));
  g_assert_no_error (error);
  assert_changed (fixture, format, "output");
  assert_unchanged (fixture->image, &before);
  g_assert_cmpint (stat (output, &info), ==, 0);
  g_assert_cmpuint (info.st_mode & 0137, ==, 0);
  g_assert_cmpuint (count_files (fixture), ==, 3);
}

static void
assert_no_new_file (Fixture *fixture, const char *output, const char *format, VtImageError code)
{
  guint files = count_files (fixture);
  g_autoptr (GError) error = NULL;

  g_assert_false (
      vt_commit_to_new_file (fixture->spawner, fixture->options, output, format, NULL, &error));
  g_assert_error (error, VT_IMAGE_ERROR, (gint)code);
  g_assert_cmpuint (count_files (fixture), ==, files);
}

static void
test_new_file_refusals (Fixture *fixture, gconstpointer data)
{
  g_autofree char *output = path_of (fixture, "output");
  g_autofree char *nowhere = path_of (fixture, "no/output");
  g_autofree char *link = path_of (fixture, "link");
  const VtDigest before = digest_file (fixture->image);

  assert_no_new_file (fixture, fixture->image, "qcow2", VT_IMAGE_ERROR_EDIT);
  assert_unchanged (fixture->image, &before);
  g_assert_cmpint (symlink ("nowhere", link), ==, 0);
  assert_no_new_file (fixture, link, "qcow2", VT_IMAGE_ERROR_EDIT);
  assert_no_new_file (fixture, nowhere, "qcow2", VT_IMAGE_ERROR_EDIT);
  assert_no_new_file (fixture, output, "parallels", VT_IMAGE_ERROR_BAD_OPTION);
  run_script (fixture->dir, "truncate -s 100000 below.qcow2");
  assert_no_new_file (fixture, output, "qcow2", VT_IMAGE_ERROR_BAD_IMAGE);
}

static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *output = path_of (fixture, "output");
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_false (vt_commit_to_new_file (fixture->spawner, fixture->options, output, "qcow2",
                                         cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (g_file_test (output, G_FILE_TEST_EXISTS));
}

static gboolean
commit_in_place (Fixture *fixture, const VtFileStamp *target, GError **error)
{
  return vt_commit_in_place (fixture->spawner, fixture->options, target, NULL, error);
}

static VtFileStamp
look_at (const char *path)
{
  g_autoptr (GError) error = NULL;
  VtFileStamp target;

  g_assert_true (vt_commit_target_look_at (path, &target, &error));
  g_assert_no_error (error);
  return target;
}

/* What a qcow2 has beside its content, and what its file has. */
static void
test_in_place_keeps_the_rest (Fixture *fixture, gconstpointer data)
{
  g_autofree char *link = path_of (fixture, "link");
  gboolean has_attributes = setxattr (fixture->image, "user.vt", "kept", 4, 0) == 0;
  gboolean is_root = geteuid () == 0 && chown (fixture->image, 12, 34) == 0;
  char value[4] = "";
  g_autoptr (GError) error = NULL;
  VtFileStamp target;
  struct stat info;

  g_assert_cmpint (symlink ("image.qcow2", link), ==, 0);
  target = look_at (fixture->image);
  write_to_overlay (fixture);
  g_free (fixture->options->path);
  fixture->options->path = g_strdup (link);
  g_assert_true (commit_in_place (fixture, &target, &error) || error != NULL);
  g_assert_no_error (error);
  assert_changed (fixture, "qcow2", "image.qcow2");
  run_script (fixture->dir,
              "qemu-img info image.qcow2 >info; grep -q 'backing file: below' info; "
              "grep -q 'cluster_size: 4096' info; rm info; "
              "qemu-img snapshot -a first image.qcow2; "
              "qemu-io -r -c 'read -P 4 4M 64k' -c 'read -P 1 0 4M' image.qcow2 >out; "
              "! grep -i fail out; rm out");
  g_assert_cmpint (lstat (fixture->image, &info), ==, 0);
  g_assert_cmpuint (info.st_mode & 07777, ==, 0640);
  g_assert_true (!is_root || (info.st_uid == 12 && info.st_gid == 34));
  if (has_attributes)
    g_assert_cmpint (getxattr (fixture->image, "user.vt", value, 4), ==, 4);
  g_assert_cmpint (strncmp (value, has_attributes ? "kept" : "", 4), ==, 0);
  g_assert_true (g_file_test (link, G_FILE_TEST_IS_SYMLINK));
  g_assert_cmpuint (count_files (fixture), ==, 3);
}

static void
test_in_place_formats (Fixture *fixture, gconstpointer format)
{
  g_autofree char *script =
      g_strdup_printf ("qemu-img convert -f qcow2 -O %s %s image.qcow2 other; mv other image.qcow2",
                       (const char *)format, g_str_equal (format, "vpc") ? "-o force_size=on" : "");
  g_autoptr (GError) error = NULL;
  VtFileStamp target;
  struct stat before;
  struct stat after;

  run_script (fixture->dir, script);
  fixture->options->format = g_strdup (format);
  write_to_overlay (fixture);
  target = look_at (fixture->image);
  g_assert_cmpint (stat (fixture->image, &before), ==, 0);
  g_assert_true (commit_in_place (fixture, &target, &error) || error != NULL);
  g_assert_no_error (error);
  assert_changed (fixture, format, "image.qcow2");
  g_assert_cmpint (stat (fixture->image, &after), ==, 0);
  /* Holes stay. */
  g_assert_cmpint (after.st_blocks, <, before.st_blocks + 4096);
}

static void
assert_not_replaced (Fixture *fixture, const VtFileStamp *target)
{
  const VtDigest before = digest_file (fixture->image);
  guint files = count_files (fixture);
  g_autoptr (GError) error = NULL;

  g_assert_false (commit_in_place (fixture, target, &error));
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT);
  assert_unchanged (fixture->image, &before);
  g_assert_cmpuint (count_files (fixture), ==, files);
}

static void
test_in_place_refusals (Fixture *fixture, gconstpointer data)
{
  VtFileStamp target = look_at (fixture->image);
  VtFileStamp other;

  write_to_overlay (fixture);
  other = target;
  other.mtime_ns++;
  assert_not_replaced (fixture, &other);
  other = target;
  other.inode++;
  assert_not_replaced (fixture, &other);

  fixture->options->file = g_strdup (fixture->image);
  assert_not_replaced (fixture, &target);
  g_clear_pointer (&fixture->options->file, g_free);

  run_script (fixture->dir, "ln image.qcow2 other");
  target = look_at (fixture->image);
  assert_not_replaced (fixture, &target);
}

/* The copy's data would be the image's own. */
static void
test_in_place_data_file (Fixture *fixture, gconstpointer data)
{
  g_autofree char *data_file = path_of (fixture, "data");
  VtFileStamp target;

  run_script (fixture->dir, "rm image.qcow2; "
                            "qemu-img create -q -f qcow2 -o data_file=data image.qcow2 20M");
  g_strfreev (fixture->options->backing);
  fixture->options->backing = g_strsplit (data_file, "\n", -1);
  write_to_overlay (fixture);
  target = look_at (fixture->image);
  assert_not_replaced (fixture, &target);
}

/* Does it all in a process that can be killed, with all that it starts. */
static pid_t
start_commit (Fixture *fixture, const VtFileStamp *target)
{
  pid_t pid = fork ();

  if (pid == 0) {
    g_autoptr (VtSpawner) spawner = vt_spawner_new (NULL);

    _exit (spawner != NULL && vt_commit_in_place (spawner, fixture->options, target, NULL, NULL)
               ? 0
               : 1);
  }
  g_assert_cmpint (pid, >, 0);
  return pid;
}

static int
wait_for (pid_t pid)
{
  int status = 0;

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  return status;
}

/* However far it has come: the image is what it was, or what it is to be. */
static void
test_killed (Fixture *fixture, gconstpointer data)
{
  const VtDigest before = digest_file (fixture->image);
  VtFileStamp target = look_at (fixture->image);
  gint64 start;
  gint64 length;

  run_script (fixture->dir, "cp image.qcow2 saved");
  write_to_overlay (fixture);
  /* That it takes a while: zeros where there are none yet. */
  run_program (fixture->dir, (const char *[]){"qemu-io", "-f", "qcow2", "-c", "write -P 0 8M 12M",
                                              vt_overlay_get_path (fixture->overlay), NULL});
  start = g_get_monotonic_time ();
  g_assert_cmpint (wait_for (start_commit (fixture, &target)), ==, 0);
  length = g_get_monotonic_time () - start;
  for (int i = 0; i < KILLS; i++) {
    pid_t pid;
    VtDigest after;

    run_script (fixture->dir, "cp saved copy; mv copy image.qcow2");
    target = look_at (fixture->image);
    pid = start_commit (fixture, &target);
    g_usleep ((gulong)(length * (i + 1) / KILLS) + (gulong)g_test_rand_int_range (0, 2000));
    kill (pid, SIGKILL);
    wait_for (pid);
    after = digest_file (fixture->image);
    if (!vt_digest_equal (&after, &before))
      assert_changed (fixture, "qcow2", "image.qcow2");
  }
}

#define ADD(name, data, function)                                                                  \
  g_test_add ("/commit/" name, Fixture, data, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("new-file/qcow2", "qcow2", test_new_file);
  ADD ("new-file/raw", "raw", test_new_file);
  ADD ("new-file/vpc", "vpc", test_new_file);
  ADD ("new-file/vmdk", "vmdk", test_new_file);
  ADD ("new-file/refusals", NULL, test_new_file_refusals);
  ADD ("new-file/cancelled", NULL, test_cancelled);
  ADD ("in-place/keeps-the-rest", NULL, test_in_place_keeps_the_rest);
  ADD ("in-place/raw", "raw", test_in_place_formats);
  ADD ("in-place/vmdk", "vmdk", test_in_place_formats);
  ADD ("in-place/vdi", "vdi", test_in_place_formats);
  ADD ("in-place/vhdx", "vhdx", test_in_place_formats);
  ADD ("in-place/vpc", "vpc", test_in_place_formats);
  ADD ("in-place/refusals", NULL, test_in_place_refusals);
  ADD ("in-place/data-file", NULL, test_in_place_data_file);
  ADD ("in-place/killed", NULL, test_killed);
  return g_test_run ();
}
