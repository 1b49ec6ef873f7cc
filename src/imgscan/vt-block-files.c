// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-block-files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vt-fd.h"
#include "vt-image.h"

/* Files of one disk. A VMDK of 500 GiB may be split into as many as this. */
#define FILES_MAX 256
/* Lowest descriptor, clear of the standard ones and of those of socket activation. */
#define FD_MIN   10
#define LINK_DIR "/proc/self/fd/"

typedef struct {
  int fd;
  char *path;
  dev_t device;
  ino_t inode;
  gboolean is_device;
} File;

struct _VtBlockFiles {
  GStrv allowed;
  GPtrArray *files; /* of File, by rising descriptor */
};

static void
file_free (File *file)
{
  vt_fd_clear (&file->fd);
  g_free (file->path);
  g_free (file);
}

VtBlockFiles *
vt_block_files_new (const char *const *allowed, GError **error)
{
  g_autoptr (VtBlockFiles) self = g_new0 (VtBlockFiles, 1);
  struct stat info;

  self->files = g_ptr_array_new_with_free_func ((GDestroyNotify)file_free);
  self->allowed = g_strdupv ((char **)allowed);
  for (char **path = self->allowed; *path != NULL; path++) {
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
  g_strfreev (self->allowed);
  g_free (self);
}

char *
vt_block_files_link (int fd)
{
  return g_strdup_printf (LINK_DIR "%d", fd);
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
  g_autofree char *link = vt_block_files_link (fd);
  g_autofree char *real_path = g_file_read_link (link, NULL);
  struct stat allowed;

  for (char **path = self->allowed; *path != NULL; path++) {
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
  int moved = self->files->len < FILES_MAX ? fcntl (fd, F_DUPFD_CLOEXEC, FD_MIN) : -1;
  File *file;

  if (moved < 0 || fstat (moved, &info) < 0) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                 "it consists of too many files: more than %u, or than may be open",
                 MIN (self->files->len, FILES_MAX));
    vt_fd_clear (&moved);
    return NULL;
  }
  file = g_new0 (File, 1);
  *file = (File){.fd = moved,
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
static int
open_place (VtBlockFiles *self, const char *path, int place, GError **error)
{
  g_autofree char *link = vt_block_files_link (place);
  vt_autofd fd = open (link, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  File *file;

  if (fd < 0) {
    fail_with_errno (error, VT_IMAGE_ERROR_NOT_FOUND);
    return -1;
  }
  file = add (self, path, fd, error);
  return file != NULL ? file->fd : -1;
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

int
vt_block_files_open_image (VtBlockFiles *self, const char *path, GError **error)
{
  vt_autofd place = open (path, O_PATH | O_CLOEXEC);
  struct stat info;

  if (place < 0 || fstat (place, &info) < 0 || S_ISDIR (info.st_mode)) {
    if (place >= 0 || errno == ENOENT || errno == ENOTDIR)
      g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_NOT_FOUND, "no such file");
    else
      fail_with_errno (error, VT_IMAGE_ERROR_NOT_FOUND);
    return -1;
  }
  return is_disk (&info, error) ? open_place (self, path, place, error) : -1;
}

/* As QEMU sees it: "nbd://host", "json:{...}", but not "./a:b". */
static gboolean
has_protocol (const char *name)
{
  return name[strcspn (name, ":/")] == ':';
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
    g_autofree char *link = vt_block_files_link (place);
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

/* The file that is open already, or -1. */
static int
find (VtBlockFiles *self, int place)
{
  struct stat info;

  if (fstat (place, &info) < 0)
    return -1;
  for (guint i = 0; i < self->files->len; i++) {
    const File *file = g_ptr_array_index (self->files, i);
    if (file->device == info.st_dev && file->inode == info.st_ino)
      return file->fd;
  }
  return -1;
}

int
vt_block_files_open_named (
    VtBlockFiles *self, int base, const char *name, const char *what, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (vt_block_files_get_path (self, base));
  g_autofree char *path =
      g_path_is_absolute (name) ? g_strdup (name) : g_build_filename (directory, name, NULL);
  vt_autofd place = -1;
  int known;
  int fd;

  if (name[0] == '\0' || has_protocol (name)) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                 "it names a %s that is no plain file name, which is never opened: %s", what, name);
    return -1;
  }
  place = open (path, O_PATH | O_CLOEXEC);
  if (!check_place (self, place, path, what, error))
    return -1;
  known = find (self, place);
  if (known >= 0)
    return known;
  fd = open_place (self, path, place, error);
  if (fd < 0)
    g_prefix_error (error, "its %s %s: ", what, path);
  return fd;
}

static const File *
find_fd (VtBlockFiles *self, int fd)
{
  for (guint i = 0; i < self->files->len; i++) {
    const File *file = g_ptr_array_index (self->files, i);
    if (file->fd == fd)
      return file;
  }
  g_assert_not_reached ();
}

int
vt_block_files_add_memfd (VtBlockFiles *self, int base, int memfd, GError **error)
{
  vt_autofd owned = memfd;
  const File *file = add (self, vt_block_files_get_path (self, base), owned, error);

  return file != NULL ? file->fd : -1;
}

const char *
vt_block_files_get_path (VtBlockFiles *self, int fd)
{
  return find_fd (self, fd)->path;
}

JsonObject *
vt_block_files_describe (VtBlockFiles *self, int fd)
{
  g_autofree char *link = vt_block_files_link (fd);
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "driver",
                                 find_fd (self, fd)->is_device ? "host_device" : "file");
  json_object_set_string_member (object, "filename", link);
  return object;
}

void
vt_block_files_hand_on (VtBlockFiles *self)
{
  for (guint i = 0; i < self->files->len; i++)
    fcntl (((const File *)g_ptr_array_index (self->files, i))->fd, F_SETFD, 0);
}

char *
vt_block_files_explain (VtBlockFiles *self, const char *text)
{
  GString *explained = g_string_new (text);

  /* From the highest: a lower one's name may be the beginning of a higher one's. */
  for (guint i = self->files->len; i > 0; i--) {
    const File *file = g_ptr_array_index (self->files, i - 1);
    g_autofree char *link = vt_block_files_link (file->fd);

    g_string_replace (explained, link, file->path, 0);
  }
  return g_string_free (explained, FALSE);
}
