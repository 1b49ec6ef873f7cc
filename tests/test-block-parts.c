// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Images that lie in a part of a file, or in one that is not what people call them by. */
#include <string.h>

#include "vt-block-export.h"
#include "wrapper-fixture.h"

/* Of what lies before the image, in bytes. */
#define BEFORE 1536
/* Of the disk; a VHDX has blocks of 8 MiB. */
#define DISK_SIZE "17M"

static const char *const formats[] = {"raw", "qcow2", "vmdk", "vhdx", "vdi", "vpc"};

/* "disk" is what is in the images. */
static void
set_up_disk (Fixture *fixture, gconstpointer data)
{
  set_up (fixture, data);
  shell (fixture, "head -c " DISK_SIZE " /dev/urandom >disk");
}

/* Makes "image" in FORMAT, and "around", which has it between other bytes. Returns its size. */
static guint64
make_part (const Fixture *fixture, const char *format)
{
  /* Virtual PC's own way to give a size would make the disk larger. */
  const char *option = g_str_equal (format, "vpc") ? "-o force_size=on" : "";
  g_autofree char *command =
      g_strdup_printf ("qemu-img convert -f raw -O %s %s disk image && { head -c %d /dev/urandom; "
                       "cat image; head -c 4096 /dev/zero; cat disk; } >around",
                       format, option, BEFORE);
  guint64 size;

  shell (fixture, command);
  close (open_file (fixture, "image", &size));
  return size;
}

static VtBlockChain *
open_part (const Fixture *fixture,
           const char *file,
           guint64 offset,
           guint64 size,
           const char *format,
           GError **error)
{
  g_autoptr (VtImageOptions) options = vt_image_options_new ("/srv/some.ova!disk");

  options->file = in_dir (fixture, file);
  options->offset = offset;
  options->size = size;
  options->format = g_strdup (format);
  g_strfreev (options->backing);
  options->backing = g_strsplit ("/", ":", -1);
  return vt_block_chain_open (options, error);
}

static void
assert_disk (const Fixture *fixture, VtBlockChain *chain, const char *disk)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtBlockExport) export = vt_block_export_start (chain, 0, NULL, fixture->dir, &error);
  g_autofree char *command = NULL;

  g_assert_no_error (error);
  command = g_strdup_printf ("qemu-img compare -q -f raw -F raw %s 'nbd+unix:///?socket=%s'", disk,
                             vt_block_export_get_socket (export));
  shell (fixture, command);
}

static void
test_formats (Fixture *fixture, gconstpointer data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++) {
    guint64 size = make_part (fixture, formats[i]);
    g_autoptr (GError) error = NULL;
    g_autoptr (VtBlockChain) chain = open_part (fixture, "around", BEFORE, size, NULL, &error);

    g_assert_no_error (error);
    g_assert_cmpstr (vt_block_chain_get_format (chain), ==, formats[i]);
    assert_disk (fixture, chain, "disk");
  }
}

/* The bytes behind the part are there, but no part of it. */
static void
test_cut_short (Fixture *fixture, gconstpointer data)
{
  for (gsize i = 1; i < G_N_ELEMENTS (formats); i++) {
    guint64 size = make_part (fixture, formats[i]);
    g_autoptr (GError) error = NULL;

    g_assert_null (open_part (fixture, "around", BEFORE, size / 1024 * 512, NULL, &error));
    g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE);
  }
}

/* As archives have them: filled up with zeros. */
static void
test_odd_size (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtBlockChain) chain = NULL;

  shell (fixture, "{ head -c 1536 disk; head -c 1000 disk; head -c 24 /dev/zero; cat disk; } "
                  ">around; { head -c 1000 disk; head -c 24 /dev/zero; } >odd");
  chain = open_part (fixture, "around", BEFORE, 1000, "raw", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (vt_block_chain_get_virtual_size (chain), ==, 1024);
  assert_disk (fixture, chain, "odd");
}

static void
test_all_of_a_file (Fixture *fixture, gconstpointer data)
{
  guint64 size = make_part (fixture, "qcow2");
  g_autoptr (GError) error = NULL;
  g_autoptr (VtBlockChain) whole = open_part (fixture, "image", 0, 0, NULL, &error);
  g_autoptr (VtBlockChain) rest = NULL;

  g_assert_no_error (error);
  assert_disk (fixture, whole, "disk");
  rest = open_part (fixture, "around", BEFORE + size + 4096, 0, "raw", &error);
  g_assert_no_error (error);
  assert_disk (fixture, rest, "disk");
}

static void
test_beyond_the_file (Fixture *fixture, gconstpointer data)
{
  static const guint64 parts[][2] = {
      {0, 64 * 1024 * 1024}, {64 * 1024 * 1024, 0}, {512, G_MAXUINT64}, {G_MAXUINT64, 512}};

  for (gsize i = 0; i < G_N_ELEMENTS (parts); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (open_part (fixture, "disk", parts[i][0], parts[i][1], "raw", &error));
    g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE);
  }
}

/* Whatever is allowed, and whether or not there is such a file. */
static void
test_names_other_files (Fixture *fixture, gconstpointer data)
{
  static const char *const makers[] = {
      "qemu-img convert -O qcow2 disk base && qemu-img create -q -f qcow2 -F qcow2 -b base image",
      "qemu-img create -q -f qcow2 -u -F raw -b /nowhere image 1M",
      "qemu-img create -q -f qcow2 -u -F raw -b nbd://127.0.0.1:1/x image 1M",
      "qemu-img create -q -f qcow2 -o data_file=data.raw image 1M",
      "qemu-img create -q -f vmdk -o subformat=monolithicFlat image 1M",
      "qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentSparse image 1M",
      "qemu-img create -q -f vmdk base 1M && qemu-img create -q -f vmdk -F vmdk -b base image"};

  for (gsize i = 0; i < G_N_ELEMENTS (makers); i++) {
    g_autoptr (GError) error = NULL;

    shell (fixture, "rm -f image*");
    shell (fixture, makers[i]);
    g_assert_null (open_part (fixture, "image", 0, 0, NULL, &error));
    g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_NEEDS_OTHER_FILE);
    g_assert_null (strstr (error->message, fixture->dir));
  }
}

/* How it is got at means nothing to whoever named the image. */
static void
test_messages_have_its_name (Fixture *fixture, gconstpointer data)
{
  for (gsize i = 1; i < G_N_ELEMENTS (formats); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (open_part (fixture, "disk", 512, 1024 * 1024, formats[i], &error));
    g_assert_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE);
    g_test_message ("%s", error->message);
    g_assert_null (strstr (error->message, "/proc/"));
    g_assert_null (strstr (error->message, "json:"));
    g_assert_null (strstr (error->message, fixture->dir));
  }
}

#define ADD(name, function)                                                                        \
  g_test_add ("/block-parts/" name, Fixture, NULL, set_up_disk, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("formats", test_formats);
  ADD ("cut-short", test_cut_short);
  ADD ("odd-size", test_odd_size);
  ADD ("all-of-a-file", test_all_of_a_file);
  ADD ("beyond-the-file", test_beyond_the_file);
  ADD ("names-other-files", test_names_other_files);
  ADD ("messages-have-its-name", test_messages_have_its_name);
  return g_test_run ();
}
