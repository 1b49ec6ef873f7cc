// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-guestfs-edit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "vt-digest.h"
#include "vt-fd.h"
#include "vt-guestfs-labels.h"
#include "vt-guestfs-mounts.h"

/* What is uploaded has a name of this kind until it is whole. */
#define TEMPORARY_PREFIX ".vtemplater-"
#define MODE_MAX         07777U
/* For guestfs_drop_caches(): all that is not written back. */
#define DROP_ALL 3

typedef struct {
  guestfs_h *g;
  GPtrArray *mounts; /* of VtFilesystem, as vt_guestfs_mounts_find() gives them */
  gboolean uses_labels;
} Editor;

static gboolean
fail (GError **error, const char *path, const char *what)
{
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT, "%s %s", path, what);
  return FALSE;
}

static gboolean
fail_here (const Editor *self, const char *path, GError **error)
{
  return vt_guestfs_set_error (self->g, VT_IMAGE_ERROR_EDIT, path, error);
}

/* Looks at the end of PATH. Whatever leads elsewhere is refused; what is not there is not. */
static gboolean
look_at (const Editor *self, const char *path, VtGuestFile *file, GError **error)
{
  if (!vt_guestfs_look_at (self->g, path, file, error))
    return FALSE;
  if (file->is_behind_link)
    return fail (error, file->obstacle, "is a symbolic link in the image: refused");
  return TRUE;
}

/* The same for what must not be a link itself. */
static gboolean
look_at_own (const Editor *self, const char *path, VtGuestFile *file, GError **error)
{
  return look_at (self, path, file, error) &&
         (file->kind != VT_GUEST_LINK ||
          fail (error, path, "is a symbolic link in the image: refused"));
}

/* For what is to be made at the path that FILE is of. */
static gboolean
check_parent (const VtGuestFile *file, GError **error)
{
  return file->obstacle == NULL || fail (error, file->obstacle, "is no directory in the image");
}

static gboolean
set_owner (const Editor *self, const char *path, const VtImageEdit *edit, GError **error)
{
  /* The owner first: changing it takes bits of the mode away. */
  if (guestfs_lchown (self->g, (int)edit->uid, (int)edit->gid, path) == -1 ||
      guestfs_chmod (self->g, (int)edit->mode, path) == -1)
    return fail_here (self, path, error);
  return TRUE;
}

/* LABEL: one that is known already, or NULL. */
static gboolean
set_label (const Editor *self, const char *path, VtGuestKind kind, GBytes *known, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_autoptr (GBytes) label = known != NULL ? g_bytes_ref (known) : NULL;

  if (!self->uses_labels)
    return TRUE;
  if (label == NULL && !vt_guestfs_find_label (self->g, directory, kind, &label, error))
    return FALSE;
  return label == NULL || vt_guestfs_set_label (self->g, path, label, error);
}

static gboolean
make_directory (const Editor *self, const VtImageEdit *edit, GError **error)
{
  g_auto (VtGuestFile) file = {0};

  if (!look_at_own (self, edit->path, &file, error) || !check_parent (&file, error))
    return FALSE;
  if (file.kind == VT_GUEST_DIRECTORY)
    return TRUE;
  if (file.kind != VT_GUEST_MISSING)
    return fail (error, edit->path, "is in the image and no directory");
  if (guestfs_mkdir (self->g, edit->path) == -1)
    return fail_here (self, edit->path, error);
  return set_owner (self, edit->path, edit, error) &&
         set_label (self, edit->path, VT_GUEST_DIRECTORY, NULL, error);
}

/* A name that is free, beside PATH. */
static char *
make_temporary_path (const Editor *self, const char *path, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *name = g_strdup_printf (TEMPORARY_PREFIX "%08x", g_random_int ());
  g_autofree char *temporary = g_build_filename (directory, name, NULL);
  g_auto (VtGuestFile) file = {0};

  if (!look_at (self, temporary, &file, error))
    return NULL;
  if (file.kind == VT_GUEST_MISSING)
    return g_steal_pointer (&temporary);
  fail (error, temporary, "is in the image already");
  return NULL;
}

/* What replaces a file keeps its label. */
static gboolean
find_known_label (
    const Editor *self, const char *path, const VtGuestFile *file, GBytes **label, GError **error)
{
  *label = NULL;
  return !self->uses_labels || file->kind != VT_GUEST_FILE ||
         vt_guestfs_get_label (self->g, path, label, error);
}

static gboolean
upload (const Editor *self, const VtImageEdit *edit, GError **error)
{
  g_auto (VtGuestFile) file = {0};
  g_autofree char *temporary = NULL;
  g_autoptr (GBytes) label = NULL;

  if (!look_at_own (self, edit->path, &file, error) || !check_parent (&file, error))
    return FALSE;
  if (file.kind != VT_GUEST_MISSING && edit->kind == VT_EDIT_CREATE)
    return fail (error, edit->path, "is in the image already: it is left as it is");
  if (file.kind != VT_GUEST_MISSING && file.kind != VT_GUEST_FILE)
    return fail (error, edit->path, "is in the image and no regular file");
  temporary = make_temporary_path (self, edit->path, error);
  if (temporary == NULL || !find_known_label (self, edit->path, &file, &label, error))
    return FALSE;
  if (guestfs_upload (self->g, edit->source, temporary) == -1)
    return fail_here (self, edit->path, error);
  if (!set_owner (self, temporary, edit, error) ||
      !set_label (self, temporary, VT_GUEST_FILE, edit->label ?: label, error))
    return FALSE;
  /* The name must not come to lead to what is not there yet. */
  if (guestfs_sync (self->g) == -1 || guestfs_rename (self->g, temporary, edit->path) == -1)
    return fail_here (self, edit->path, error);
  return TRUE;
}

static gboolean
make_link (const Editor *self, const VtImageEdit *edit, GError **error)
{
  g_auto (VtGuestFile) file = {0};
  g_autofree char *text = NULL;

  if (!look_at (self, edit->path, &file, error) || !check_parent (&file, error))
    return FALSE;
  if (file.kind == VT_GUEST_LINK) {
    text = guestfs_readlink (self->g, edit->path);
    return g_strcmp0 (text, edit->source) == 0 ||
           fail (error, edit->path, "is another symbolic link in the image: refused");
  }
  if (file.kind != VT_GUEST_MISSING)
    return fail (error, edit->path, "is in the image and no symbolic link");
  if (guestfs_ln_s (self->g, edit->source, edit->path) == -1)
    return fail_here (self, edit->path, error);
  return set_label (self, edit->path, VT_GUEST_LINK, NULL, error);
}

/* What is to be removed is what was looked at, or nothing is. */
static gboolean
check_content (const Editor *self, const VtImageEdit *edit, VtGuestKind kind, GError **error)
{
  g_autofree char *there = NULL;

  if (edit->kind != VT_EDIT_REMOVE || edit->source[0] == '\0')
    return TRUE;
  if (kind != VT_GUEST_FILE)
    return fail (error, edit->path, "is no regular file in the image");
  there = guestfs_checksum (self->g, "sha256", edit->path);
  if (there == NULL)
    return fail_here (self, edit->path, error);
  return strcmp (there, edit->source) == 0 ||
         fail (error, edit->path, "has another content: it is not removed");
}

/* Malware likes to make its files immutable (chattr(1)). What was looked at is to go all the same;
 * on file systems without such flags this fails, and so does what follows. */
static int
remove_file (const Editor *self, const VtImageEdit *edit)
{
  if (guestfs_rm (self->g, edit->path) == 0)
    return 0;
  if (edit->source[0] == '\0' || guestfs_last_errno (self->g) != EPERM ||
      guestfs_set_e2attrs (self->g, edit->path, "ai", GUESTFS_SET_E2ATTRS_CLEAR, 1, -1) == -1)
    return -1;
  return guestfs_rm (self->g, edit->path);
}

static gboolean
remove_path (const Editor *self, const VtImageEdit *edit, GError **error)
{
  g_auto (VtGuestFile) file = {0};
  int result;

  if (!look_at_own (self, edit->path, &file, error))
    return FALSE;
  if (file.kind == VT_GUEST_MISSING)
    return edit->missing_ok || fail (error, edit->path, "is not in the image");
  if (!check_content (self, edit, file.kind, error))
    return FALSE;
  if (edit->kind == VT_EDIT_REMOVE_TREE)
    result = guestfs_rm_rf (self->g, edit->path);
  else if (file.kind == VT_GUEST_DIRECTORY)
    result = guestfs_rmdir (self->g, edit->path);
  else
    result = remove_file (self, edit);
  return result == 0 || fail_here (self, edit->path, error);
}

static gboolean
change_mode (const Editor *self, const VtImageEdit *edit, GError **error)
{
  g_auto (VtGuestFile) file = {0};

  if (!look_at_own (self, edit->path, &file, error))
    return FALSE;
  if (file.kind == VT_GUEST_MISSING)
    return fail (error, edit->path, "is not in the image");
  return guestfs_chmod (self->g, (int)edit->mode, edit->path) == 0 ||
         fail_here (self, edit->path, error);
}

static gboolean
apply (const Editor *self, const VtImageEdit *edit, GError **error)
{
  switch (edit->kind) {
  case VT_EDIT_MKDIR:
    return make_directory (self, edit, error);
  case VT_EDIT_UPLOAD:
  case VT_EDIT_CREATE:
    return upload (self, edit, error);
  case VT_EDIT_SYMLINK:
    return make_link (self, edit, error);
  case VT_EDIT_REMOVE:
  case VT_EDIT_REMOVE_TREE:
    return remove_path (self, edit, error);
  case VT_EDIT_CHMOD:
    return change_mode (self, edit, error);
  case VT_EDIT_N_KINDS:
  default:
    return fail (error, edit->path, "is to be changed in no known way");
  }
}

static gboolean
check_edit (const VtImageEdit *edit, GError **error)
{
  if (vt_image_path_is_plain (edit->path) && edit->mode <= MODE_MAX)
    return TRUE;
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION,
               "'%s', mode %o: not a plain absolute path, or a mode above %o", edit->path,
               edit->mode, MODE_MAX);
  return FALSE;
}

static gboolean
check_edits (GPtrArray *edits, GError **error)
{
  if (edits->len > VT_IMAGE_EDITS_MAX) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION,
                 "%u changes at once; at most %d are made", edits->len, VT_IMAGE_EDITS_MAX);
    return FALSE;
  }
  for (guint i = 0; i < edits->len; i++)
    if (!check_edit (g_ptr_array_index (edits, i), error))
      return FALSE;
  return TRUE;
}

static gboolean
digest_source (const char *source, VtDigest *digest, GError **error)
{
  vt_autofd fd = open (source, O_RDONLY | O_CLOEXEC);
  struct stat info;

  if (fd >= 0 && fstat (fd, &info) == 0 &&
      vt_digest_of_fd (fd, (guint64)info.st_size, digest, error))
    return TRUE;
  if (error != NULL && *error == NULL)
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT, "%s: %s", source, g_strerror (errno));
  return FALSE;
}

/* Whether a later edit changes what EDIT has put there. */
static gboolean
is_changed_later (GPtrArray *edits, guint index)
{
  const char *path = ((const VtImageEdit *)g_ptr_array_index (edits, index))->path;

  for (guint i = index + 1; i < edits->len; i++) {
    const VtImageEdit *later = g_ptr_array_index (edits, i);

    if (later->kind != VT_EDIT_CHMOD && vt_guestfs_is_within (path, later->path))
      return TRUE;
  }
  return FALSE;
}

static gboolean
verify_content (const Editor *self, const VtImageEdit *edit, GError **error)
{
  g_autofree char *there = NULL;
  char hex[VT_DIGEST_HEX_SIZE];
  VtDigest digest;

  if (!digest_source (edit->source, &digest, error))
    return FALSE;
  there = guestfs_checksum (self->g, "sha256", edit->path);
  if (there == NULL)
    return fail_here (self, edit->path, error);
  return strcmp (there, vt_digest_to_hex (&digest, hex)) == 0 ||
         fail (error, edit->path, "does not read back as it was written");
}

static gboolean
verify_removal (const Editor *self, const VtImageEdit *edit, GError **error)
{
  g_auto (VtGuestFile) file = {0};

  return look_at (self, edit->path, &file, error) &&
         (file.kind == VT_GUEST_MISSING ||
          fail (error, edit->path, "is still there after it was removed"));
}

/*
 * The kernel writes back behind the calls' backs, and what fails then nobody is told: so it is read
 * from the disk again.
 */
static gboolean
verify (const Editor *self, GPtrArray *edits, GError **error)
{
  if (guestfs_sync (self->g) == -1 || guestfs_drop_caches (self->g, DROP_ALL) == -1)
    return fail_here (self, "what was written", error);
  for (guint i = 0; i < edits->len; i++) {
    const VtImageEdit *edit = g_ptr_array_index (edits, i);

    if (is_changed_later (edits, i))
      continue;
    if ((edit->kind == VT_EDIT_UPLOAD || edit->kind == VT_EDIT_CREATE) &&
        !verify_content (self, edit, error))
      return FALSE;
    /* What a digest was given for matters. */
    if (edit->kind == VT_EDIT_REMOVE && edit->source[0] != '\0' &&
        !verify_removal (self, edit, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
apply_all (Editor *self, GPtrArray *edits, VtImageSink *sink, GError **error)
{
  if (!vt_guestfs_mounts_mount (self->g, self->mounts, error) ||
      !vt_guestfs_uses_labels (self->g, &self->uses_labels, error))
    return FALSE;
  for (guint i = 0; i < edits->len; i++) {
    vt_image_sink_alive (sink);
    if (!apply (self, g_ptr_array_index (edits, i), error))
      return FALSE;
  }
  return verify (self, edits, error);
}

static void
on_progress (guestfs_h *g,
             void *sink,
             uint64_t event,
             int handle,
             int flags,
             const char *text,
             size_t length,
             const uint64_t *array,
             size_t array_length)
{
  vt_image_sink_alive (sink);
}

gboolean
vt_guestfs_edit (
    guestfs_h *g, GPtrArray *filesystems, GPtrArray *edits, VtImageSink *sink, GError **error)
{
  g_autoptr (GPtrArray) mounts = NULL;
  Editor self = {.g = g};

  if (!check_edits (edits, error))
    return FALSE;
  mounts = vt_guestfs_mounts_find (filesystems, edits, error);
  if (mounts == NULL)
    return FALSE;
  self.mounts = mounts;
  guestfs_set_event_callback (g, on_progress, GUESTFS_EVENT_PROGRESS, 0, sink);
  if (!apply_all (&self, edits, sink, error))
    return FALSE;
  if (guestfs_umount_all (g) == -1 || guestfs_sync (g) == -1)
    return vt_guestfs_set_error (g, VT_IMAGE_ERROR_EDIT, "unmounting", error);
  return TRUE;
}
