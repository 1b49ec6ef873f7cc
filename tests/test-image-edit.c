// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <string.h>

#include "vt-guestfs-mounts.h"
#include "vt-image-fetch.h"
#include "vt-image-reader.h"

static void
test_paths (void)
{
  static const char *const plain[] = {"/a", "/var/lib/..x", "/a/.b", "/\xff"};
  static const char *const others[] = {"",      "/",      "a",       "//a", "/a/",
                                       "/a//b", "/a/./b", "/a/../b", "/.."};
  g_autofree char *deep = g_strnfill (2000, '/');
  g_autofree char *long_name = g_strnfill (5000, 'x');

  for (gsize i = 0; i < G_N_ELEMENTS (plain); i++)
    g_assert_true (vt_image_path_is_plain (plain[i]));
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    g_assert_false (vt_image_path_is_plain (others[i]));
  for (gsize i = 1; i < 2000; i += 2)
    deep[i] = 'd';
  g_assert_false (vt_image_path_is_plain (deep));
  deep[2 * 64] = '\0';
  g_assert_true (vt_image_path_is_plain (deep));
  long_name[0] = '/';
  g_assert_false (vt_image_path_is_plain (long_name));
}

static void
add_edits (GPtrArray *edits)
{
  const VtDigest digest = {{1}};
  const VtFileAttributes attributes = {
      .mode = 04711, .uid = 7, .gid = 8, .label_size = 4, .label = "t:s"};

  g_ptr_array_add (edits, vt_image_edit_new_mkdir ("/d", 0750));
  g_ptr_array_add (edits, vt_image_edit_new_upload ("/proc/1/fd/2", "/d/\xff", 0600));
  g_ptr_array_add (edits, vt_image_edit_new_symlink ("../d", "/l"));
  g_ptr_array_add (edits, vt_image_edit_new_remove ("/r", TRUE));
  g_ptr_array_add (edits, vt_image_edit_new_remove_tree ("/t", FALSE));
  g_ptr_array_add (edits, vt_image_edit_new_chmod ("/d", 0700));
  g_ptr_array_add (edits, vt_image_edit_new_remove_exact ("/e", &digest));
  g_ptr_array_add (edits, vt_image_edit_new_create ("/proc/1/fd/3", "/c", &attributes));
  ((VtImageEdit *)g_ptr_array_index (edits, 1))->uid = 5;
  ((VtImageEdit *)g_ptr_array_index (edits, 1))->gid = 6;
}

/* What a reader is started with is what its starter has. */
static void
test_arguments (void)
{
  g_autoptr (VtImageOptions) options = vt_image_options_new ("/image");
  g_autoptr (VtImageOptions) copy = NULL;
  const VtReaderArguments arguments = {.run_dir = (char *)"/run", .refused = (char *[]){NULL}};
  VtReaderArguments sent = arguments;
  g_auto (VtReaderArguments) received = {0};
  g_autoptr (GVariant) value = NULL;

  add_edits (options->edits);
  options->overlay = g_strdup ("/proc/1/fd/3");
  g_strfreev (options->fetch);
  options->fetch = g_strsplit ("/a:/b", ":", -1);
  copy = vt_image_options_copy (options);
  sent.options = copy;
  value = g_variant_ref_sink (vt_reader_arguments_serialize (&sent));
  vt_reader_arguments_parse (&received, value);
  g_assert_cmpstr (received.options->overlay, ==, "/proc/1/fd/3");
  g_assert_cmpstr (received.options->fetch[1], ==, "/b");
  g_assert_cmpuint (received.options->edits->len, ==, options->edits->len);
  for (guint i = 0; i < options->edits->len; i++) {
    const VtImageEdit *here = g_ptr_array_index (options->edits, i);
    const VtImageEdit *there = g_ptr_array_index (received.options->edits, i);

    g_assert_cmpint (there->kind, ==, here->kind);
    g_assert_cmpstr (there->path, ==, here->path);
    g_assert_cmpstr (there->source, ==, here->source);
    g_assert_cmpuint (there->mode, ==, here->mode);
    g_assert_cmpuint (there->uid, ==, here->uid);
    g_assert_cmpuint (there->gid, ==, here->gid);
    g_assert_cmpint (there->missing_ok, ==, here->missing_ok);
    g_assert_true (there->label == NULL ? here->label == NULL
                                        : g_bytes_equal (there->label, here->label));
  }
  g_assert_nonnull (((VtImageEdit *)g_ptr_array_index (received.options->edits, 7))->label);
}

static void
add_filesystem (GPtrArray *filesystems, const char *mountpoint, gboolean primary)
{
  VtFilesystem *filesystem = vt_filesystem_new ();

  filesystem->id = g_strdup_printf ("/dev/sda%u", filesystems->len + 1);
  filesystem->type = g_strdup ("ext4");
  filesystem->mountpoint = g_strdup (mountpoint);
  filesystem->primary = primary;
  g_ptr_array_add (filesystems, filesystem);
}

static GPtrArray *
make_filesystems (void)
{
  GPtrArray *filesystems = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_filesystem_free);

  add_filesystem (filesystems, "/var/lib", TRUE);
  add_filesystem (filesystems, "/", FALSE);
  add_filesystem (filesystems, "/home", TRUE);
  add_filesystem (filesystems, "/", TRUE);
  add_filesystem (filesystems, NULL, FALSE);
  return filesystems;
}

static char *
find_mounts (GPtrArray *filesystems, VtImageEdit *edit, GError **error)
{
  g_autoptr (GPtrArray) edits = vt_image_edits_new ();
  g_autoptr (GPtrArray) mounts = NULL;
  GString *text = g_string_new (NULL);

  g_ptr_array_add (edits, edit);
  mounts = vt_guestfs_mounts_find (filesystems, edits, error);
  for (guint i = 0; mounts != NULL && i < mounts->len; i++)
    g_string_append_printf (text, "%s ", ((VtFilesystem *)mounts->pdata[i])->id);
  return g_string_free (text, FALSE);
}

/* What is mounted is what the changes need, the first system's, from the root on. */
static void
test_mounts (void)
{
  g_autoptr (GPtrArray) filesystems = make_filesystems ();
  g_autoptr (GError) error = NULL;
  g_autofree char *inner =
      find_mounts (filesystems, vt_image_edit_new_mkdir ("/var/lib/x", 0), &error);
  g_autofree char *outer =
      find_mounts (filesystems, vt_image_edit_new_mkdir ("/var/libx", 0), &error);
  g_autofree char *none = NULL;
  g_autofree char *rootless = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (inner, ==, "/dev/sda4 /dev/sda1 ");
  g_assert_cmpstr (outer, ==, "/dev/sda4 ");
  none = find_mounts (filesystems, vt_image_edit_new_remove_tree ("/var", TRUE), &error);
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT);
  g_clear_error (&error);
  ((VtFilesystem *)filesystems->pdata[3])->primary = FALSE;
  rootless = find_mounts (filesystems, vt_image_edit_new_mkdir ("/x", 0), &error);
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT);
}

static GStrv
make_paths (guint n)
{
  GStrv paths = g_new0 (char *, n + 1);

  for (guint i = 0; i < n; i++)
    paths[i] = g_strdup_printf ("/%u", i);
  return paths;
}

static void
test_fetch_limits (void)
{
  g_autoptr (VtImageOptions) options = vt_image_options_new ("/image");
  g_autoptr (GError) error = NULL;

  g_strfreev (options->fetch);
  options->fetch = make_paths (VT_IMAGE_FETCH_MAX);
  g_assert_true (vt_image_fetch_check (options, &error));
  g_assert_no_error (error);
  g_strfreev (options->fetch);
  options->fetch = make_paths (VT_IMAGE_FETCH_MAX + 1);
  g_assert_false (vt_image_fetch_check (options, &error));
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION);
  g_clear_error (&error);
  g_strfreev (options->fetch);
  options->fetch = g_strsplit ("/a/../b", " ", -1);
  g_assert_false (vt_image_fetch_check (options, &error));
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION);
}

static gboolean
needs_appliance (const char *path, guint refused)
{
  g_autoptr (GPtrArray) filesystems = make_filesystems ();
  g_autoptr (GPtrArray) volumes = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (VtImageOptions) options = vt_image_options_new ("/image");

  for (guint i = 0; i < filesystems->len; i++) {
    VtVolume *volume = g_new0 (VtVolume, 1);

    volume->filesystem = g_ptr_array_index (filesystems, i);
    volume->kind = i == refused ? VT_VOLUME_REFUSED : VT_VOLUME_READABLE;
    g_ptr_array_add (volumes, volume);
  }
  g_strfreev (options->fetch);
  options->fetch = g_strsplit (path, " ", -1);
  return vt_image_fetch_needs_appliance (options, volumes);
}

/* The appliance is only for what the file is in. */
static void
test_fetch_needs_appliance (void)
{
  g_assert_true (needs_appliance ("/var/lib/x", 0));
  g_assert_false (needs_appliance ("/var/lib/x", 3));
  g_assert_false (needs_appliance ("/var/lib/x", 2));
  g_assert_true (needs_appliance ("/var/lib/x /var/x", 3));
  g_assert_false (needs_appliance ("/var/x", 1));
  g_assert_false (needs_appliance ("/var/x", 4));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/image-edit/paths", test_paths);
  g_test_add_func ("/image-edit/arguments", test_arguments);
  g_test_add_func ("/image-edit/mounts", test_mounts);
  g_test_add_func ("/image-edit/fetch-limits", test_fetch_limits);
  g_test_add_func ("/image-edit/fetch-needs-appliance", test_fetch_needs_appliance);
  return g_test_run ();
}
