// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Which files of a clone are as they were in the template that it lies upon: real overlays, offered
 * by qemu-nbd as they are to the walker.
 */
#include "vt-direct-template.h"

#include <glib/gstdio.h>
#include <string.h>

#include "connect.h"
#include "ext-fixture.h"
#include "run-program.h"
#include "vt-block-export.h"
#include "vt-template-table.h"

#define CLUSTER 65536

#define OTHER_UUID "12345678-1234-4000-8000-123456789abc"

/* A file system that is a template's, and one upon it, with what a walker has of both. */
typedef struct {
  FsFixture *fixture;
  VtBlockChain *chain;
  VtBlockExport *clone;
  VtBlockExport *below;
  VtDisk *disk;
  VtFs *fs;
  FsResult *files; /* of the clone */
  GArray *known;   /* of VtCleanFile: those of the template */
  VtTemplateTable *table;
  char *uuid; /* of the template */
  const char *filesystems[4];
  VtDirectTemplate *template;
} Clone;

static void
clone_clear (Clone *self)
{
  g_clear_pointer (&self->template, vt_direct_template_free);
  g_clear_pointer (&self->table, vt_template_table_free);
  g_clear_pointer (&self->known, g_array_unref);
  g_clear_pointer (&self->files, fs_result_free);
  g_clear_pointer (&self->fs, vt_fs_free);
  g_clear_pointer (&self->disk, vt_disk_free);
  g_clear_pointer (&self->below, vt_block_export_free);
  g_clear_pointer (&self->clone, vt_block_export_free);
  g_clear_pointer (&self->chain, vt_block_chain_free);
  g_free (self->uuid);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Clone, clone_clear)

static VtFs *
open_fs (VtDisk *disk)
{
  g_autofree char *refusal = NULL;
  g_autoptr (GError) error = NULL;
  VtFs *fs = vt_ext_open (disk, 0, vt_disk_get_size (disk), &refusal, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (refusal, ==, NULL);
  return fs;
}

/* No two share a cluster. */
static void
make_template (FsFixture *fixture)
{
  fs_fixture_write_noise (fixture, "first", 3 * CLUSTER);
  fs_fixture_write_noise (fixture, "second", 3 * CLUSTER);
  fs_fixture_write_noise (fixture, "third", 3 * CLUSTER);
  g_assert_true (ext_fixture_mke2fs (fixture, 32, "-t ext4 -b 4096"));
  /* 0 stands for one that is not known. */
  ext_fixture_debugfs (fixture, "sif second generation 77\n");
  run_program (fixture->dir, (const char *[]){"cp", "image", "golden", NULL});
}

/* An overlay with what differs in the image by now. */
static void
make_overlay (FsFixture *fixture)
{
  run_script (fixture->dir, "qemu-img create -q -f qcow2 -b image -F raw overlay;"
                            "qemu-img rebase -b golden -F raw overlay");
}

/* The digests are those of the files' names, so that one can tell which was found. */
static VtDigest
digest_of_path (const char *path)
{
  return vt_digest_of_data (path, strlen (path));
}

static gint
compare_inodes (gconstpointer a, gconstpointer b)
{
  const VtCleanFile *first = a;
  const VtCleanFile *second = b;

  return (first->inode > second->inode) - (first->inode < second->inode);
}

static void
read_template (Clone *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtDisk) disk =
      vt_disk_new_nbd (connect_to (vt_block_export_get_socket (self->below)), &error);
  g_autoptr (FsResult) files = NULL;
  g_autoptr (VtFs) fs = NULL;
  GHashTableIter iter;
  const char *path;
  const FsFile *file;

  g_assert_no_error (error);
  fs = open_fs (disk);
  self->uuid = vt_fs_get_uuid (fs);
  files = fs_result_of_disk (self->fixture->kind, disk, 0, vt_disk_get_size (disk), G_MAXUINT64);
  g_hash_table_iter_init (&iter, files->files);
  while (g_hash_table_iter_next (&iter, (gpointer *)&path, (gpointer *)&file)) {
    const VtCleanFile clean = {
        .inode = file->stat.inode,
        .generation = file->stat.generation,
        .size = file->stat.size,
        .mtime_ns = file->stat.mtime_ns,
        .ctime_ns = file->stat.ctime_ns,
        .digest = digest_of_path (path),
    };

    g_array_append_val (self->known, clean);
  }
  g_array_sort (self->known, compare_inodes);
}

static void
open_chain (Clone *self)
{
  g_autofree char *path = g_build_filename (self->fixture->dir, "overlay", NULL);
  g_autoptr (VtImageOptions) options = vt_image_options_new (path);
  g_autoptr (GStrvBuilder) backing = g_strv_builder_new ();
  g_autoptr (GError) error = NULL;

  g_strv_builder_add (backing, self->fixture->dir);
  g_strfreev (options->backing);
  options->backing = g_strv_builder_end (backing);
  self->chain = vt_block_chain_open (options, &error);
  g_assert_no_error (error);
}

static VtBlockExport *
export_link (Clone *self, guint link)
{
  g_autofree char *name = g_strdup_printf ("export-%u", link);
  g_autofree char *dir = g_build_filename (self->fixture->dir, name, NULL);
  g_autoptr (GError) error = NULL;
  VtBlockExport *export;

  g_assert_cmpint (g_mkdir (dir, 0700), ==, 0);
  export = vt_block_export_start (self->chain, link, NULL, dir, &error);
  g_assert_no_error (error);
  return export;
}

static void
open_template (Clone *self)
{
  const VtDirectTemplateStart start = {
      .table = self->table,
      .filesystems = self->filesystems,
      .disk_socket = connect_to (vt_block_export_get_socket (self->below)),
      .map_socket = connect_to (vt_block_export_get_socket (self->clone)),
      .layers = 1,
  };
  g_autoptr (GError) error = NULL;

  self->template = vt_direct_template_new (&start, &error);
  g_assert_no_error (error);
}

/* As processes have them before any of it is looked at. */
static void
open_images (Clone *self, FsFixture *fixture)
{
  g_autoptr (GError) error = NULL;

  self->fixture = fixture;
  open_chain (self);
  self->clone = export_link (self, 0);
  self->below = export_link (self, 1);
  self->disk = vt_disk_new_nbd (connect_to (vt_block_export_get_socket (self->clone)), &error);
  g_assert_no_error (error);
  self->fs = open_fs (self->disk);
  self->known = g_array_new (FALSE, FALSE, sizeof (VtCleanFile));
  self->filesystems[0] = "/dev/sda";
  self->filesystems[1] = "ext4";
}

/* Of the image that was made. */
static void
clone_init (Clone *self, FsFixture *fixture)
{
  open_images (self, fixture);
  self->files =
      fs_result_of_disk (fixture->kind, self->disk, 0, vt_disk_get_size (self->disk), G_MAXUINT64);
  g_assert_cmpstr (self->files->refusal, ==, NULL);
  read_template (self);
  self->table = vt_template_table_new (self->known);
  self->filesystems[2] = self->uuid;
  open_template (self);
}

/* What is said of the file system at ID. NULL: it is the template's. */
static char *
select_fs (Clone *self, const char *id, const char *type)
{
  const VtFilesystem filesystem = {
      .id = (char *)id, .type = (char *)type, .uuid = (char *)OTHER_UUID};
  g_autoptr (GError) error = NULL;
  char *why = NULL;

  g_assert_true (vt_direct_template_select (self->template, self->fs, &filesystem, &why, &error));
  g_assert_no_error (error);
  return why;
}

static void
select_the_template (Clone *self)
{
  g_autofree char *why = select_fs (self, "/dev/sda", "ext4");

  g_assert_cmpstr (why, ==, NULL);
}

static VtListedFile
list_file (Clone *self, const char *path)
{
  const FsFile *file = g_hash_table_lookup (self->files->files, path);

  g_assert_nonnull (file);
  return (VtListedFile){
      .path = (char *)path,
      .inode = file->stat.inode,
      .generation = file->stat.generation,
      .size = file->stat.size,
      .mtime_ns = file->stat.mtime_ns,
      .ctime_ns = file->stat.ctime_ns,
  };
}

static const VtDigest *
find (Clone *self, const VtListedFile *file)
{
  const VtDigest *digest = NULL;
  g_autofree char *refusal = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (
      vt_direct_template_find (self->template, self->fs, file, &digest, &refusal, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (refusal, ==, NULL);
  return digest;
}

static void
assert_found (Clone *self, const char *path)
{
  const VtListedFile file = list_file (self, path);
  const VtDigest expected = digest_of_path (path);
  const VtDigest *found = find (self, &file);

  g_test_message ("%s", path);
  g_assert_nonnull (found);
  g_assert_true (vt_digest_equal (found, &expected));
}

static void
assert_not_found (Clone *self, const char *path)
{
  const VtListedFile file = list_file (self, path);

  g_test_message ("%s", path);
  g_assert_null (find (self, &file));
}

static void
test_nothing_has_changed (FsFixture *fixture, gconstpointer data)
{
  g_auto (Clone) clone = {0};

  make_template (fixture);
  make_overlay (fixture);
  clone_init (&clone, fixture);
  select_the_template (&clone);
  assert_found (&clone, "/first");
  assert_found (&clone, "/second");
  assert_found (&clone, "/third");
}

/* By its place, whatever UUID it has by now. */
static void
test_select_by_place (FsFixture *fixture, gconstpointer data)
{
  g_auto (Clone) clone = {0};
  g_autofree char *other_place = NULL;
  g_autofree char *other_type = NULL;

  make_template (fixture);
  make_overlay (fixture);
  clone_init (&clone, fixture);
  /* Nothing is found before, and nothing after another one was selected. */
  assert_not_found (&clone, "/first");
  select_the_template (&clone);
  assert_found (&clone, "/first");
  other_place = select_fs (&clone, "/dev/sda1", "ext4");
  g_assert_cmpstr (other_place, ==, "the template has no such file system");
  assert_not_found (&clone, "/first");
  other_type = select_fs (&clone, "/dev/sda", "ext3");
  g_assert_cmpstr (other_type, ==, "the template has no such file system");
  assert_not_found (&clone, "/first");
}

/* The image below is not the one that the table was made of. */
static void
test_other_image_below (FsFixture *fixture, gconstpointer data)
{
  g_auto (Clone) clone = {0};
  g_autofree char *why = NULL;

  make_template (fixture);
  make_overlay (fixture);
  clone_init (&clone, fixture);
  clone.filesystems[2] = OTHER_UUID;
  why = select_fs (&clone, "/dev/sda", "ext4");
  g_assert_cmpstr (why, ==, "the image below does not have the template's file system there");
  assert_not_found (&clone, "/first");
  clone.filesystems[2] = "";
  g_free (why);
  why = select_fs (&clone, "/dev/sda", "ext4");
  g_assert_nonnull (why);
  assert_not_found (&clone, "/first");
}

static void
test_nothing_below (FsFixture *fixture, gconstpointer data)
{
  g_auto (Clone) clone = {0};
  g_autofree char *why = NULL;

  make_template (fixture);
  run_script (fixture->dir, "truncate -s 32M empty;"
                            "qemu-img convert -f raw -O qcow2 -B empty -F raw image overlay");
  open_images (&clone, fixture);
  clone.table = vt_template_table_new (clone.known);
  clone.filesystems[2] = OTHER_UUID;
  open_template (&clone);
  why = select_fs (&clone, "/dev/sda", "ext4");
  g_assert_nonnull (why);
  g_test_message ("%s", why);
}

/* Where the overlay has a file's data, its inode and its size say nothing. */
static void
test_changed_content (FsFixture *fixture, gconstpointer data)
{
  g_auto (Clone) clone = {0};
  const char *const argv[] = {"debugfs", "-R", "bmap second 20", fixture->image, NULL};
  g_autofree char *output = NULL;
  int status;

  make_template (fixture);
  output = fs_fixture_run (NULL, argv, &status);
  g_assert_cmpint (status, ==, 0);
  fs_fixture_patch (fixture, g_ascii_strtoull (output, NULL, 10) * 4096, "evil", 4);
  make_overlay (fixture);
  clone_init (&clone, fixture);
  select_the_template (&clone);
  assert_found (&clone, "/first");
  assert_not_found (&clone, "/second");
  assert_found (&clone, "/third");
}

static void
test_changed_inode (FsFixture *fixture, gconstpointer data)
{
  g_auto (Clone) clone = {0};

  make_template (fixture);
  ext_fixture_debugfs (fixture, "sif second mode 0100755\nsif third atime 20300101\n");
  make_overlay (fixture);
  clone_init (&clone, fixture);
  select_the_template (&clone);
  assert_found (&clone, "/first");
  assert_not_found (&clone, "/second");
  /* That somebody has read it changes nothing. */
  assert_found (&clone, "/third");
}

/* The table is what was signed: a file that is as it is below, and is another there, is not it. */
static void
test_identity_must_be_the_signed_one (FsFixture *fixture, gconstpointer data)
{
  g_auto (Clone) clone = {0};
  VtListedFile files[6];

  make_template (fixture);
  make_overlay (fixture);
  clone_init (&clone, fixture);
  select_the_template (&clone);
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    files[i] = list_file (&clone, "/second");
  files[1].generation++;
  files[2].size++;
  files[3].mtime_ns++;
  files[4].ctime_ns++;
  /* Not in the table. */
  files[5].inode = 2;
  g_assert_nonnull (find (&clone, &files[0]));
  for (gsize i = 1; i < G_N_ELEMENTS (files); i++) {
    g_test_message ("%zu", i);
    g_assert_null (find (&clone, &files[i]));
  }
}

/* As in the cache of a template that was read through the appliance. */
static void
test_generation_that_is_not_known (FsFixture *fixture, gconstpointer data)
{
  g_auto (Clone) clone = {0};

  make_template (fixture);
  make_overlay (fixture);
  clone_init (&clone, fixture);
  select_the_template (&clone);
  for (guint i = 0; i < clone.known->len; i++)
    g_array_index (clone.known, VtCleanFile, i).generation = 0;
  assert_found (&clone, "/first");
  assert_found (&clone, "/second");
}

/* Of a disk that a server without a map has, nothing is known. */
static void
test_without_a_map (FsFixture *fixture, gconstpointer data)
{
  g_auto (Clone) clone = {0};
  g_autoptr (GSubprocess) server = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (VtDirectTemplate) template = NULL;
  g_autofree char *path = g_build_filename (fixture->dir, "plain-socket", NULL);
  g_autofree char *overlay = g_build_filename (fixture->dir, "overlay", NULL);
  VtDirectTemplateStart start = {.layers = 1};

  make_template (fixture);
  make_overlay (fixture);
  clone_init (&clone, fixture);
  server = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, "qemu-nbd", "--read-only", "-k", path,
                             "-f", "qcow2", overlay, NULL);
  g_assert_no_error (error);
  start.table = clone.table;
  start.filesystems = clone.filesystems;
  start.disk_socket = connect_to (vt_block_export_get_socket (clone.below));
  start.map_socket = connect_to (path);
  template = vt_direct_template_new (&start, &error);
  g_assert_null (template);
  g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_LOST);
  g_subprocess_force_exit (server);
  g_subprocess_wait (server, NULL, NULL);
}

/* The server of the template's disk is gone: reading cannot go on, and nothing is said of files. */
static void
test_disk_is_lost (FsFixture *fixture, gconstpointer data)
{
  g_auto (Clone) clone = {0};
  const VtFilesystem filesystem = {.id = (char *)"/dev/sda", .type = (char *)"ext4"};
  g_autoptr (GError) error = NULL;
  g_autofree char *why = NULL;

  make_template (fixture);
  make_overlay (fixture);
  clone_init (&clone, fixture);
  g_clear_pointer (&clone.below, vt_block_export_free);
  g_assert_false (vt_direct_template_select (clone.template, clone.fs, &filesystem, &why, &error));
  g_assert_error (error, VT_DISK_ERROR, VT_DISK_ERROR_LOST);
  g_assert_true (g_str_has_prefix (error->message, "template: "));
  assert_not_found (&clone, "/first");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ext_fixture_add ("/direct-template/nothing-has-changed", NULL, test_nothing_has_changed);
  ext_fixture_add ("/direct-template/select-by-place", NULL, test_select_by_place);
  ext_fixture_add ("/direct-template/other-image-below", NULL, test_other_image_below);
  ext_fixture_add ("/direct-template/nothing-below", NULL, test_nothing_below);
  ext_fixture_add ("/direct-template/changed-content", NULL, test_changed_content);
  ext_fixture_add ("/direct-template/changed-inode", NULL, test_changed_inode);
  ext_fixture_add ("/direct-template/identity-must-be-the-signed-one", NULL,
                   test_identity_must_be_the_signed_one);
  ext_fixture_add ("/direct-template/generation-that-is-not-known", NULL,
                   test_generation_that_is_not_known);
  ext_fixture_add ("/direct-template/without-a-map", NULL, test_without_a_map);
  ext_fixture_add ("/direct-template/disk-is-lost", NULL, test_disk_is_lost);
  return g_test_run ();
}
