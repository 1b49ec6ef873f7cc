// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What a reader says of a file's identity. */
#include "ext-fixture.h"
#include "vt-direct-read.h"
#include "vt-fd.h"
#include "vt-image-protocol.h"
#include "vt-ipc.h"

typedef struct {
  int pair[2];
  VtImageSink *sink;
  VtImageOptions *options;
  VtFilesystem *filesystem;
  VtReadPlan plan;
} Reading;

static void
reading_init (Reading *self, const char *type)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_ipc_pair (self->pair, &error));
  g_assert_no_error (error);
  self->sink = vt_image_sink_new (self->pair[0]);
  self->options = vt_image_options_new ("image");
  self->filesystem = vt_filesystem_new ();
  self->filesystem->type = g_strdup (type);
  self->plan = (VtReadPlan){self->filesystem, 3, self->options, self->sink};
}

static void
reading_clear (Reading *self)
{
  vt_image_sink_free (self->sink);
  vt_image_options_free (self->options);
  vt_filesystem_free (self->filesystem);
  vt_fd_clear (&self->pair[0]);
  vt_fd_clear (&self->pair[1]);
}

static void
take_identity (GVariant *value, guint64 *inode, guint32 *generation)
{
  g_autoptr (GPtrArray) files = NULL;
  const VtFileResult *file;

  g_assert_cmpstr (g_variant_get_type_string (value), ==, VT_IMAGE_BATCH_TYPE);
  files = vt_image_batch_parse (value);
  g_assert_nonnull (files);
  g_assert_cmpuint (files->len, ==, 1);
  file = g_ptr_array_index (files, 0);
  *inode = file->inode;
  *generation = file->generation;
}

/* Of the next file that was sent, alone or with others. */
static void
receive_identity (Reading *self, guint64 *inode, guint32 *generation)
{
  g_autoptr (GError) error = NULL;
  guchar kind = VT_IMAGE_MSG_N_KINDS;

  g_assert_true (vt_image_sink_flush (self->sink, &error));
  g_assert_no_error (error);
  while (kind != VT_IMAGE_MSG_FILE && kind != VT_IMAGE_MSG_FILES) {
    g_autoptr (GVariant) message =
        vt_ipc_receive (self->pair[1], VT_IMAGE_MESSAGE_TYPE, NULL, &error);
    g_autoptr (GVariant) value = NULL;

    g_assert_no_error (error);
    g_variant_get (message, "(yv)", &kind, &value);
    if (kind == VT_IMAGE_MSG_FILE || kind == VT_IMAGE_MSG_FILES)
      take_identity (value, inode, generation);
  }
}

static void
assert_identity (const char *type, guint64 expected_inode, guint32 expected_generation)
{
  g_autoptr (GError) error = NULL;
  VtListedFile file = {.path = (char *)"/a", .inode = 12, .generation = 0xfffffff0u};
  Reading reading;
  guint64 inode;
  guint32 generation;

  reading_init (&reading, type);
  g_assert_true (vt_read_plan_send_unread (&reading.plan, &file, VT_REASON_READ_ERROR, &error));
  g_assert_no_error (error);
  receive_identity (&reading, &inode, &generation);
  g_assert_cmpuint (inode, ==, expected_inode);
  g_assert_cmpuint (generation, ==, expected_generation);
  reading_clear (&reading);
}

/* Only those of ext are what a guest's kernel calls so. */
static void
test_generations (void)
{
  assert_identity ("ext2", 12, 0xfffffff0u);
  assert_identity ("ext4", 12, 0xfffffff0u);
  assert_identity ("ntfs", 12, 0);
  assert_identity ("xfs", 12, 0);
  assert_identity ("vfat", 0, 0);
}

static void
test_generations_are_read_directly (FsFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  vt_autofd file = -1;
  g_autoptr (VtDisk) disk = NULL;
  g_autoptr (VtFs) fs = NULL;
  g_autofree char *refusal = NULL;
  Reading reading;
  guint64 inode;
  guint32 generation;

  fs_fixture_write (fixture, "a", "a", 1);
  g_assert_true (ext_fixture_mke2fs (fixture, 8, "-t ext4"));
  ext_fixture_debugfs (fixture, "sif a generation 77");
  disk = fs_fixture_open_image (fixture, &file);
  fs = vt_ext_open (disk, 0, 8 << 20, &refusal, &error);
  g_assert_no_error (error);
  g_assert_nonnull (fs);
  reading_init (&reading, "ext4");
  g_assert_true (vt_direct_read_fs (fs, NULL, &reading.plan, &refusal, &error));
  g_assert_no_error (error);
  receive_identity (&reading, &inode, &generation);
  g_assert_cmpuint (inode, >=, 12);
  g_assert_cmpuint (generation, ==, 77);
  reading_clear (&reading);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/read-plan/generations", test_generations);
  ext_fixture_add ("/read-plan/generations-are-read-directly", NULL,
                   test_generations_are_read_directly);
  return g_test_run ();
}
