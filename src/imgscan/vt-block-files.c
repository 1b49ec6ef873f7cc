// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-block-files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vt-fd.h"

/* Files of one disk. A VMDK of 500 GiB may be split into as many as this. */
#define FILES_MAX 256
/* Lowest descriptor, clear of the standard ones and of those of socket activation. */
#define FD_MIN   10
#define LINK_DIR "/proc/self/fd/"
/* What messages call the file that has no name. */
#define OVERLAY_NAME "the overlay"
/* QEMU takes no part of a file whose size is no multiple of this. What follows an odd one is the
 * padding of the archive around it. */
#define SECTOR ((guint64)512)
/* How long another process may hold the overlay, in milliseconds: what was killed takes a moment to
 * be gone. */
#define UNLOCK_TIMEOUT_MS 10000
#define UNLOCK_WAIT_MS    20

typedef struct {
  VtBlockFile base;
  char *path;
  dev_t device;
  ino_t inode;
  gboolean is_device;
  gboolean is_part;
} File;

struct _VtBlockFiles {
  VtImageOptions *options;
  GPtrArray *files; /* of File, by rising descriptor */
};

static void
file_free (File *file)
{
  vt_fd_clear (&file->base.fd);
  g_free (file->path);
  g_free (file);
}

VtBlockFiles *
vt_block_files_new (const VtImageOptions *options, GError **error)
{
  g_autoptr (VtBlockFiles) self = g_new0 (VtBlockFiles, 1);
  struct stat info;

  self->files = g_ptr_array_new_with_free_func ((GDestroyNotify)file_free);
  self->options = vt_image_options_copy (options);
  for (char **path = options->backing; *path != NULL; path++) {
    if (stat (*path, &info) == 0)
      continue;
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION, "--allow-backing: %s: %s", *path,
                 g_strerror (errno));
    return NULL;
  }
  return g_steal_pointer (&self);
}

void
vt_block_files_free (VtBlockFiles *self)
{
  g_clear_pointer (&self->files, g_ptr_array_unref);
  vt_image_options_free (self->options);
  g_free (self);
}

static char *
link_fd (int fd)
{
  return g_strdup_printf (LINK_DIR "%d", fd);
}

char *
vt_block_files_link (const VtBlockFile *file)
{
  return link_fd (file->fd);
}

static gboolean
is_below (const char *real_path, const char *directory)
{
  g_autofree char *real_directory = realpath (directory, NULL);
  gsize length = real_directory != NULL ? strlen (real_directory) : 0;

  if (length == 0 || strncmp (real_path, real_directory, length) != 0)
    return FALSE;
  return real_directory[length - 1] == '/' || real_path[length] == '/';
}

/* Devices, and what is no file at all, have to be named themselves. */
static gboolean
is_allowed (VtBlockFiles *self, int fd, const struct stat *info)
{
  g_autofree char *link = link_fd (fd);
  g_autofree char *real_path = g_file_read_link (link, NULL);
  struct stat allowed;

  for (char **path = self->options->backing; *path != NULL; path++) {
    if (stat (*path, &allowed) < 0)
      continue;
    if (allowed.st_dev == info->st_dev && allowed.st_ino == info->st_ino)
      return TRUE;
    if (S_ISDIR (allowed.st_mode) && S_ISREG (info->st_mode) && real_path != NULL &&
        is_below (real_path, *path))
      return TRUE;
  }
  return FALSE;
}

static File *
add (VtBlockFiles *self, const char *path, int fd, GError **error)
{
  struct stat info;
  vt_autofd moved = self->files->len < FILES_MAX ? fcntl (fd, F_DUPFD_CLOEXEC, FD_MIN) : -1;
  /* Of a device, fstat() does not tell. */
  off_t end = moved >= 0 ? lseek (moved, 0, SEEK_END) : -1;
  File *file;

  if (end < 0 || fstat (moved, &info) < 0) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                 "it consists of too many files: more than %u, or than may be open",
                 MIN (self->files->len, FILES_MAX));
    return NULL;
  }
  file = g_new0 (File, 1);
  *file = (File){.base = {.fd = vt_fd_steal (&moved), .size = (guint64)end},
                 .path = g_strdup (path),
                 .device = info.st_dev,
                 .inode = info.st_ino,
                 .is_device = S_ISBLK (info.st_mode)};
  g_ptr_array_add (self->files, file);
  return file;
}

static gboolean
fail_with_errno (GError **error, VtImageError code)
{
  g_set_error_literal (error, VT_IMAGE_ERROR, (gint)code, g_strerror (errno));
  return FALSE;
}

/*
 * Opens what PLACE, an O_PATH descriptor, stands for. Not before it was checked: opening a device
 * or a pipe may do something.
 */
static File *
open_place (VtBlockFiles *self, const char *path, int place, GError **error)
{
  g_autofree char *link = link_fd (place);
  vt_autofd fd = open (link, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

  if (fd >= 0)
    return add (self, path, fd, error);
  fail_with_errno (error, VT_IMAGE_ERROR_NOT_FOUND);
  return NULL;
}

static gboolean
is_disk (const struct stat *info, GError **error)
{
  if (S_ISREG (info->st_mode) || S_ISBLK (info->st_mode))
    return TRUE;
  g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                       "neither a regular file nor a block device");
  return FALSE;
}

/* A name of the image that the names in it can be put beside, if it may have any. */
static char *
make_path (const VtImageOptions *options)
{
  g_autofree char *directory = g_get_current_dir ();

  if (options->file != NULL || g_path_is_absolute (options->path))
    return g_strdup (options->path);
  /* Nothing is taken out of it: "link/.." is not where it looks. */
  return g_build_filename (directory, options->path, NULL);
}

static gboolean
set_part (File *file, const VtImageOptions *options, GError **error)
{
  guint64 end = file->base.size;
  guint64 size = options->size != 0 ? options->size : end - MIN (end, options->offset);

  if (options->offset > end || size > end - options->offset) {
    g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                         "the file that it is a part of ends before it");
    return FALSE;
  }
  file->is_part = options->offset != 0 || size != end;
  file->base.offset = options->offset;
  file->base.size = size;
  return TRUE;
}

const VtBlockFile *
vt_block_files_open_image (VtBlockFiles *self, GError **error)
{
  const VtImageOptions *options = self->options;
  g_autofree char *path = make_path (options);
  vt_autofd place =
      open (options->file != NULL ? options->file : options->path, O_PATH | O_CLOEXEC);
  struct stat info;
  File *file;

  if (place < 0 || fstat (place, &info) < 0 || S_ISDIR (info.st_mode)) {
    if (place >= 0 || errno == ENOENT || errno == ENOTDIR)
      g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_NOT_FOUND, "no such file");
    else
      fail_with_errno (error, VT_IMAGE_ERROR_NOT_FOUND);
    return NULL;
  }
  file = is_disk (&info, error) ? open_place (self, path, place, error) : NULL;
  return file != NULL && set_part (file, options, error) ? &file->base : NULL;
}

/* QEMU locks single bytes of the files that it uses. */
static gboolean
is_locked (int fd)
{
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

  return fcntl (fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

const VtBlockFile *
vt_block_files_open_overlay (VtBlockFiles *self, GError **error)
{
  vt_autofd fd = open (self->options->overlay, O_RDONLY | O_CLOEXEC);
  File *file = NULL;

  for (int waited = 0; fd >= 0 && is_locked (fd) && waited < UNLOCK_TIMEOUT_MS;
       waited += UNLOCK_WAIT_MS)
    g_usleep (UNLOCK_WAIT_MS * 1000);
  if (fd < 0)
    fail_with_errno (error, VT_IMAGE_ERROR_BAD_OPTION);
  else
    file = add (self, OVERLAY_NAME, fd, error);
  return file != NULL ? &file->base : NULL;
}

/* As QEMU sees it: "nbd://host", "json:{...}", but not "./a:b". */
static gboolean
has_protocol (const char *name)
{
  return name[strcspn (name, ":/")] == ':';
}

static gboolean
check_name (VtBlockFiles *self, const char *name, const char *what, GError **error)
{
  if (self->options->file != NULL) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_NEEDS_OTHER_FILE,
                 "it is only a part: it needs another file (%s: %s), and none is opened for an "
                 "image in an archive, a compressed file or another image; take it out, and scan "
                 "it beside that file",
                 what, name);
    return FALSE;
  }
  if (name[0] != '\0' && !has_protocol (name))
    return TRUE;
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
               "it names a %s that is no plain file name, which is never opened: %s", what, name);
  return FALSE;
}

static gboolean
check_place (VtBlockFiles *self, int place, const char *path, const char *what, GError **error)
{
  struct stat info;

  if (place < 0 || fstat (place, &info) < 0) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE, "its %s %s: %s", what, path,
                 g_strerror (errno));
    return FALSE;
  }
  if (!is_allowed (self, place, &info)) {
    g_autofree char *link = link_fd (place);
    g_autofree char *real_path = g_file_read_link (link, NULL);

    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                 "it names a %s, %s, and may not: if that is the right one, add --allow-backing=%s",
                 what, path, real_path ?: path);
    return FALSE;
  }
  if (is_disk (&info, error))
    return TRUE;
  g_prefix_error (error, "its %s %s: ", what, path);
  return FALSE;
}

/* The file that is open already, or NULL. */
static const File *
find (VtBlockFiles *self, int place)
{
  struct stat info;

  if (fstat (place, &info) < 0)
    return NULL;
  for (guint i = 0; i < self->files->len; i++) {
    const File *file = g_ptr_array_index (self->files, i);
    if (file->device == info.st_dev && file->inode == info.st_ino)
      return file;
  }
  return NULL;
}

const VtBlockFile *
vt_block_files_open_named (
    VtBlockFiles *self, const VtBlockFile *base, const char *name, const char *what, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (vt_block_files_get_path (self, base));
  g_autofree char *path =
      g_path_is_absolute (name) ? g_strdup (name) : g_build_filename (directory, name, NULL);
  vt_autofd place = -1;
  const File *file;

  if (!check_name (self, name, what, error))
    return NULL;
  place = open (path, O_PATH | O_CLOEXEC);
  if (!check_place (self, place, path, what, error))
    return NULL;
  file = find (self, place);
  if (file != NULL)
    return &file->base;
  file = open_place (self, path, place, error);
  if (file != NULL)
    return &file->base;
  g_prefix_error (error, "its %s %s: ", what, path);
  return NULL;
}

const VtBlockFile *
vt_block_files_add_memfd (VtBlockFiles *self, const VtBlockFile *base, int memfd, GError **error)
{
  vt_autofd owned = memfd;
  const File *file = add (self, vt_block_files_get_path (self, base), owned, error);

  return file != NULL ? &file->base : NULL;
}

/* What stands around BASE. */
static const File *
get_file (const VtBlockFile *base)
{
  return (const File *)base;
}

const char *
vt_block_files_get_path (VtBlockFiles *self, const VtBlockFile *file)
{
  return get_file (file)->path;
}

gboolean
vt_block_files_is_at (VtBlockFiles *self, const VtBlockFile *base, const char *path)
{
  const File *file = get_file (base);
  struct stat info;

  return !file->is_part && stat (path, &info) == 0 && info.st_dev == file->device &&
         info.st_ino == file->inode;
}

gboolean
vt_block_files_is_whole_file (const VtBlockFile *file)
{
  return !get_file (file)->is_device && !get_file (file)->is_part;
}

static JsonObject *
describe_part (const VtBlockFile *file, JsonObject *whole)
{
  JsonObject *object = json_object_new ();
  guint64 size = (file->size + SECTOR - 1) / SECTOR * SECTOR;

  json_object_set_string_member (object, "driver", "raw");
  json_object_set_int_member (object, "offset", (gint64)file->offset);
  json_object_set_int_member (object, "size", (gint64)size);
  json_object_set_object_member (object, "file", whole);
  return object;
}

JsonObject *
vt_block_files_describe (VtBlockFiles *self, const VtBlockFile *file)
{
  g_autofree char *link = vt_block_files_link (file);
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "driver",
                                 get_file (file)->is_device ? "host_device" : "file");
  json_object_set_string_member (object, "filename", link);
  return get_file (file)->is_part ? describe_part (file, object) : object;
}

void
vt_block_files_hand_on (VtBlockFiles *self)
{
  for (guint i = 0; i < self->files->len; i++)
    fcntl (((const VtBlockFile *)g_ptr_array_index (self->files, i))->fd, F_SETFD, 0);
}

const VtBlockFile *
vt_block_files_get (VtBlockFiles *self, guint index)
{
  return index < self->files->len ? g_ptr_array_index (self->files, index) : NULL;
}
