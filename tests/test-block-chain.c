// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What an image may name, and what becomes of it when it may not. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "run-program.h"
#include "vt-block-chain.h"
#include "vt-paths.h"

typedef struct {
  char *dir;
  char *image; /* an overlay */
  char *base;  /* what it lies upon, a file in another directory */
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autofree char *bases = NULL;

  fixture->dir = g_dir_make_tmp ("vt-test-XXXXXX", NULL);
  bases = g_build_filename (fixture->dir, "bases", NULL);
  fixture->image = g_build_filename (fixture->dir, "top.qcow2", NULL);
  fixture->base = g_build_filename (bases, "base.qcow2", NULL);
  g_assert_cmpint (g_mkdir (bases, 0700), ==, 0);
  run_program (
      NULL, (const char *[]){"qemu-img", "create", "-q", "-f", "qcow2", fixture->base, "3M", NULL});
  run_program (NULL, (const char *[]){"qemu-img", "create", "-q", "-f", "qcow2", "-b",
                                      "bases/base.qcow2", "-F", "qcow2", fixture->image, NULL});
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->image);
  g_free (fixture->base);
}

/* ALLOWED may be NULL. */
static VtBlockChain *
open_chain (const char *path, const char *allowed, GError **error)
{
  g_autoptr (VtImageOptions) options = vt_image_options_new (path);

  if (allowed != NULL) {
    g_strfreev (options->backing);
    options->backing = g_strdupv ((char *[]){(char *)allowed, NULL});
  }
  return vt_block_chain_open (options, error);
}

static void
assert_opens (Fixture *fixture, const char *allowed)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtBlockChain) chain = open_chain (fixture->image, allowed, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (vt_block_chain_get_virtual_size (chain), ==, 3 * 1024 * 1024);
  /* QEMU gets descriptors, and no name that could come to stand for something else. */
  g_assert_null (strstr (vt_block_chain_get_node (chain, 0), fixture->dir));
}

static void
assert_refused (const char *path, const char *allowed, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (open_chain (path, allowed, &error));
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, text));
}

/* Writes NAME into the image's header, whether there is such a file or not. */
static void
name_backing (Fixture *fixture, const char *name, const char *format)
{
  const char *argv[] = {"qemu-img", "rebase",        "-q",           "-u", "-b", name,
                        "-F",       format ?: "raw", fixture->image, NULL};

  run_program (NULL, argv);
}

static void
test_allowed (Fixture *fixture, gconstpointer data)
{
  assert_refused (fixture->image, NULL, "--allow-backing=");
  assert_refused (fixture->image, "/usr", "--allow-backing=");
  assert_opens (fixture, fixture->base);
  assert_opens (fixture, fixture->dir);
  assert_opens (fixture, "/");
}

static void
test_allowed_that_is_missing (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (open_chain (fixture->image, "/nowhere", &error));
  g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION);
}

static void
test_similar_directory (Fixture *fixture, gconstpointer data)
{
  g_autofree char *similar = g_build_filename (fixture->dir, "base", NULL);

  g_assert_cmpint (g_mkdir (similar, 0700), ==, 0);
  assert_refused (fixture->image, similar, "--allow-backing=");
}

/* It counts where a link leads. */
static void
test_link_out (Fixture *fixture, gconstpointer data)
{
  g_autofree char *link = g_build_filename (fixture->dir, "bases", "link", NULL);
  g_autofree char *bases = g_path_get_dirname (fixture->base);

  g_assert_cmpint (symlink ("/etc/passwd", link), ==, 0);
  name_backing (fixture, "bases/link", "raw");
  assert_refused (fixture->image, bases, "--allow-backing=");
}

static void
test_host_files (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = {"/etc/shadow", "../../../../../../etc/passwd", "/dev/null",
                                      "/dev/zero"};

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    name_backing (fixture, names[i], "raw");
    assert_refused (fixture->image, NULL, "--allow-backing=");
    /* Devices are no files of a directory. */
    if (g_str_has_prefix (names[i], "/dev/"))
      assert_refused (fixture->image, "/dev", "--allow-backing=");
  }
  assert_refused (fixture->image, "/dev/zero", "neither a regular file nor a block device");
}

static void
test_network (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = {"nbd://127.0.0.1:1/x",
                                      "http://127.0.0.1:1/x",
                                      "nbd+unix:///?socket=/nowhere",
                                      "json:{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}",
                                      "file:/etc/passwd",
                                      "fat:/etc"};

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    name_backing (fixture, names[i], "raw");
    assert_refused (fixture->image, "/", "no plain file name");
  }
}

static void
test_pipe (Fixture *fixture, gconstpointer data)
{
  g_autofree char *pipe = g_build_filename (fixture->dir, "pipe", NULL);

  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  name_backing (fixture, "pipe", "raw");
  assert_refused (fixture->image, fixture->dir, "--allow-backing=");
  assert_refused (fixture->image, pipe, "neither a regular file nor a block device");
  assert_refused (pipe, NULL, "neither a regular file nor a block device");
}

static void
test_format_not_told (Fixture *fixture, gconstpointer data)
{
  run_program (NULL, (const char *[]){"qemu-img", "rebase", "-q", "-u", "-b", "bases/base.qcow2",
                                      "-F", "nbd", fixture->image, NULL});
  assert_refused (fixture->image, "/", "'nbd'");
}

/* QEMU would look at the base and believe its bytes, which may be a guest's. */
static void
test_format_to_be_found_out (Fixture *fixture, gconstpointer data)
{
  static const char type[] = {'\xe2', '\x79', '\x2a', '\xca'};
  g_autofree char *bytes = NULL;
  char *extension;
  gsize size;

  g_assert_true (g_file_get_contents (fixture->image, &bytes, &size, NULL));
  extension = memmem (bytes, 4096, type, sizeof type);
  g_assert_nonnull (extension);
  extension[3] = 'x';
  g_assert_true (g_file_set_contents (fixture->image, bytes, (gssize)size, NULL));
  assert_refused (fixture->image, "/", "does not name the format");
}

static void
test_loop (Fixture *fixture, gconstpointer data)
{
  name_backing (fixture, "top.qcow2", "qcow2");
  assert_refused (fixture->image, "/", "in a loop");
}

static void
test_base_of_base (Fixture *fixture, gconstpointer data)
{
  run_program (NULL, (const char *[]){"qemu-img", "rebase", "-q", "-u", "-b", "/etc/passwd", "-F",
                                      "raw", fixture->base, NULL});
  assert_refused (fixture->image, fixture->base, "--allow-backing=/etc/passwd");
}

static void
test_data_file (Fixture *fixture, gconstpointer data)
{
  g_autofree char *file = g_build_filename (fixture->dir, "data.raw", NULL);
  g_autofree char *option = g_strdup_printf ("data_file=%s", file);
  g_autofree char *image = g_build_filename (fixture->dir, "outside.qcow2", NULL);
  g_autoptr (VtBlockChain) chain = NULL;
  g_autoptr (GError) error = NULL;

  run_program (NULL, (const char *[]){"qemu-img", "create", "-q", "-f", "qcow2", "-o", option,
                                      image, "3M", NULL});
  assert_refused (image, NULL, "file of its data");
  chain = open_chain (image, file, &error);
  g_assert_no_error (error);
}

static void
test_vmdk_extents (Fixture *fixture, gconstpointer data)
{
  g_autofree char *image = g_build_filename (fixture->dir, "disk.vmdk", NULL);
  g_autofree char *flat = g_build_filename (fixture->dir, "disk-flat.vmdk", NULL);
  g_autofree char *text = NULL;
  g_autoptr (VtBlockChain) chain = NULL;
  g_autoptr (GError) error = NULL;
  GString *changed;

  run_program (NULL, (const char *[]){"qemu-img", "create", "-q", "-f", "vmdk", "-o",
                                      "subformat=monolithicFlat", image, "3M", NULL});
  assert_refused (image, NULL, "file of its data");
  chain = open_chain (image, fixture->dir, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vt_block_chain_get_virtual_size (chain), ==, 3 * 1024 * 1024);
  g_assert_true (g_file_get_contents (image, &text, NULL, NULL));
  changed = g_string_new (text);
  g_assert_cmpuint (g_string_replace (changed, "disk-flat.vmdk", "/etc/passwd", 1), ==, 1);
  g_assert_true (g_file_set_contents (image, changed->str, -1, NULL));
  g_string_free (changed, TRUE);
  assert_refused (image, fixture->dir, "/etc/passwd");
  g_assert_cmpint (truncate (flat, 1024), ==, 0);
  g_assert_true (g_file_set_contents (image, text, -1, NULL));
  assert_refused (image, fixture->dir, "cut short");
}

/* What was lost would read as zeros. */
static void
test_cut_short (Fixture *fixture, gconstpointer data)
{
  static const char *const formats[] = {"qcow2", "vmdk", "vhdx", "vdi", "vpc"};
  g_autofree char *raw = g_build_filename (fixture->dir, "raw", NULL);
  const gsize size = 24 * 1024 * 1024; /* a VHDX has blocks of 8 MiB */
  g_autofree char *bytes = g_malloc (size);

  memset (bytes, 'x', size);
  g_assert_true (g_file_set_contents (raw, bytes, (gssize)size, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_autofree char *image = g_build_filename (fixture->dir, formats[i], NULL);
    g_autoptr (VtBlockChain) chain = NULL;
    g_autoptr (GError) error = NULL;
    GStatBuf info;

    run_program (NULL, (const char *[]){"qemu-img", "convert", "-f", "raw", "-O", formats[i], raw,
                                        image, NULL});
    chain = open_chain (image, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (vt_block_chain_get_format (chain), ==, formats[i]);
    g_assert_cmpint (g_stat (image, &info), ==, 0);
    g_assert_cmpint (truncate (image, info.st_size / 2), ==, 0);
    /* QEMU looks at this one itself. */
    assert_refused (image, NULL,
                    g_str_equal (formats[i], "vhdx") ? "cannot be opened" : "cut short");
  }
}

/* Three images upon one that is cut short. */
static void
test_cut_short_below (Fixture *fixture, gconstpointer data)
{
  g_autofree char *raw = g_build_filename (fixture->dir, "raw", NULL);
  g_autofree char *below = g_build_filename (fixture->dir, "below", NULL);
  g_autofree char *expected = g_strdup_printf ("its backing file %s: it is damaged", below);
  g_autofree char *last = g_strdup (below);
  const gsize size = 1024 * 1024;
  g_autofree char *bytes = g_malloc (size);

  memset (bytes, 'x', size);
  g_assert_true (g_file_set_contents (raw, bytes, (gssize)size, NULL));
  run_program (
      NULL, (const char *[]){"qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, below, NULL});
  for (guint i = 0; i < 3; i++) {
    char *image = g_strdup_printf ("%s/upon-%u", fixture->dir, i);

    run_program (NULL, (const char *[]){"qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2",
                                        "-b", last, image, NULL});
    g_free (last);
    last = image;
  }
  g_assert_cmpint (truncate (below, 512 * 1024), ==, 0);
  assert_refused (last, fixture->dir, expected);
}

static void
test_encrypted (Fixture *fixture, gconstpointer data)
{
  g_autofree char *image = g_build_filename (fixture->dir, "encrypted.qcow2", NULL);

  run_program (NULL,
               (const char *[]){"qemu-img", "create", "-q", "-f", "qcow2", "--object",
                                "secret,id=key,data=x", "-o",
                                "encrypt.format=aes,encrypt.key-secret=key", image, "3M", NULL});
  assert_refused (image, NULL, "encrypted");
}

#define ADD(name, function)                                                                        \
  g_test_add ("/block-chain/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("allowed", test_allowed);
  ADD ("allowed-that-is-missing", test_allowed_that_is_missing);
  ADD ("similar-directory", test_similar_directory);
  ADD ("link-out", test_link_out);
  ADD ("host-files", test_host_files);
  ADD ("network", test_network);
  ADD ("pipe", test_pipe);
  ADD ("format-not-told", test_format_not_told);
  ADD ("format-to-be-found-out", test_format_to_be_found_out);
  ADD ("loop", test_loop);
  ADD ("base-of-base", test_base_of_base);
  ADD ("data-file", test_data_file);
  ADD ("vmdk-extents", test_vmdk_extents);
  ADD ("cut-short", test_cut_short);
  ADD ("cut-short-below", test_cut_short_below);
  ADD ("encrypted", test_encrypted);
  return g_test_run ();
}
