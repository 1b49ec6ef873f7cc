// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-guestfs-tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "vt-content.h"
#include "vt-fd.h"
#include "vt-guestfs-port.h"

typedef struct archive VtArchive;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtArchive, archive_read_free)

/* Where the names of the wanted files are put in the appliance. */
#define NAMES_FILE "/tmp/vt.names"

/* Largest file, in bytes, that is hashed when it is too large to be scanned: a sparse one may claim
 * to have exabytes. */
#define HASHED_SIZE_MAX ((guint64)64 * 1024 * 1024 * 1024)

/*
 * Names come with NULs between them, and are taken as they are; holes are told, not sent. Nothing
 * of the file but its name and its bytes is wanted.
 */
#define TAR_COMMAND                                                                                \
  "tar --create --file=- --format=posix --sparse --blocking-factor=128 --numeric-owner "           \
  "--no-xattrs --no-acls --no-selinux --no-recursion --null --verbatim-files-from "                \
  "--files-from=" NAMES_FILE

typedef struct {
  const VtReadPlan *plan;
  GPtrArray *files; /* of VtListedFile, in the order in which tar was given their names */
  guint next;       /* the first of them that may still come */
  VtPortStream *stream;
  GError *stream_error; /* what the read callback cannot pass on */
} TarReader;

/* In the order of inodes, which is about that of blocks: the disk is read forwards. */
static char *
make_names (GPtrArray *files, gsize *size)
{
  GString *names = g_string_new (NULL);

  for (guint i = 0; i < files->len; i++) {
    const VtListedFile *file = g_ptr_array_index (files, i);

    if (!file->wanted || file->unreadable)
      continue;
    g_string_append_c (names, '.');
    g_string_append_len (names, file->path, (gssize)strlen (file->path) + 1);
  }
  *size = names->len;
  return g_string_free (names, FALSE);
}

static gboolean
upload_names (VtAppliance *appliance, GPtrArray *files, const char *run_dir, GError **error)
{
  g_autofree char *path = g_build_filename (run_dir, "names", NULL);
  g_autofree char *names = NULL;
  gsize size;

  names = make_names (files, &size);
  if (!g_file_set_contents (path, names, (gssize)size, error))
    return FALSE;
  if (guestfs_debug_upload (appliance->g, path, NAMES_FILE, 0600) == -1)
    return vt_guestfs_set_error (appliance->g, VT_IMAGE_ERROR_APPLIANCE, "names of files", error);
  return TRUE;
}

static la_ssize_t
on_read (struct archive *archive, void *data, const void **buffer)
{
  TarReader *self = data;
  const guint8 *bytes = NULL;
  gssize n = vt_port_stream_read (self->stream, &bytes, &self->stream_error);

  *buffer = bytes;
  return n;
}

/* STATUS is what a loop over the archive ended with. */
static gboolean
check_end (struct archive *archive, int status, GError **error)
{
  if (status == ARCHIVE_EOF)
    return TRUE;
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER, "tar stream: %s",
               archive_error_string (archive) ?: "unknown error");
  return FALSE;
}

static gboolean
copy_content (struct archive *archive, VtContent *content, GError **error)
{
  const void *data;
  size_t size;
  la_int64_t offset;
  int status;

  while ((status = archive_read_data_block (archive, &data, &size, &offset)) == ARCHIVE_OK ||
         status == ARCHIVE_WARN)
    if (size > 0 && !vt_content_write (content, (guint64)offset, data, size, error))
      return FALSE;
  return check_end (archive, status, error);
}

static gboolean
read_file (TarReader *self, struct archive *archive, VtListedFile *file, GError **error)
{
  const VtContentPlace place = vt_read_plan_get_place (self->plan);
  g_autoptr (VtContent) content = vt_content_new_at (&place, file->size, file->size, error);
  g_autoptr (VtFileResult) result = vt_file_result_new ();
  vt_autofd memfd = -1;

  if (content == NULL || !copy_content (archive, content, error) ||
      !vt_content_finish (content, &memfd, &result->digest, error))
    return FALSE;
  result->has_digest = vt_content_get_end (content) == VT_CONTENT_HASHED;
  if (result->has_digest || vt_content_get_end (content) == VT_CONTENT_LOST) {
    result->verdict = vt_verdict_incomplete (VT_REASON_SIZE_LIMIT);
  }
  return vt_read_plan_send (self->plan, file, result, memfd, error);
}

/* The file that NAME is of, if it was asked for and has not come yet: files come in order. */
static VtListedFile *
find_file (TarReader *self, const char *name)
{
  for (guint i = self->next; i < self->files->len; i++) {
    VtListedFile *file = g_ptr_array_index (self->files, i);

    if (file->wanted && !file->unreadable && g_str_equal (file->path, name)) {
      self->next = i + 1;
      return file;
    }
  }
  return NULL;
}

static gboolean
take_entry (TarReader *self, struct archive *archive, struct archive_entry *entry, GError **error)
{
  const char *name = archive_entry_pathname (entry);
  VtListedFile *file = name != NULL && name[0] == '.' ? find_file (self, name + 1) : NULL;

  if (file == NULL) {
    g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER,
                         "tar stream: a file that was not asked for");
    return FALSE;
  }
  /* A file that is not as it was listed is not delivered, and thereby reported. */
  if (archive_entry_hardlink (entry) != NULL || archive_entry_filetype (entry) != AE_IFREG ||
      (guint64)archive_entry_size (entry) != file->size)
    return TRUE;
  if (file->size > HASHED_SIZE_MAX)
    return vt_read_plan_send_unread (self->plan, file, VT_REASON_SIZE_LIMIT, error);
  return read_file (self, archive, file, error);
}

static gboolean
read_entries (TarReader *self, struct archive *archive, GError **error)
{
  struct archive_entry *entry;
  int status;

  /* WARN: a name that is not UTF-8, which is passed on as it is. */
  while ((status = archive_read_next_header (archive, &entry)) == ARCHIVE_OK ||
         status == ARCHIVE_WARN)
    if (!take_entry (self, archive, entry, error))
      return FALSE;
  return check_end (archive, status, error);
}

static gboolean
read_archive (TarReader *self, GError **error)
{
  g_autoptr (VtArchive) archive = archive_read_new ();

  archive_read_support_format_tar (archive);
  if (archive_read_open (archive, self, NULL, on_read, NULL) == ARCHIVE_OK &&
      read_entries (self, archive, error))
    return TRUE;
  if (self->stream_error != NULL) {
    g_clear_error (error);
    g_propagate_error (error, g_steal_pointer (&self->stream_error));
  } else if (error != NULL && *error == NULL) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER, "tar stream: %s",
                 archive_error_string (archive) ?: "unknown error");
  }
  return FALSE;
}

/*
 * tar fills what it cannot read with zeros and says so on standard error only: nothing that came of
 * this file system is then known to be what it holds.
 */
static void
judge_status (int status, const char *messages, VtReadOutcome *outcome)
{
  g_auto (GStrv) lines = g_strsplit (messages, "\n", 2);
  g_autofree char *detail =
      g_strdup_printf ("not read whole: %s", lines[0] ?: "tar does not say why");

  if (status != 0)
    vt_read_outcome_set (outcome, VT_REASON_READ_ERROR, detail);
}

gboolean
vt_guestfs_read_files (VtAppliance *appliance,
                       const VtReadPlan *plan,
                       VtFileList *list,
                       const char *run_dir,
                       VtReadOutcome *outcome,
                       GError **error)
{
  g_autoptr (VtPortStream) stream = NULL;
  g_autofree char *messages = NULL;
  TarReader reader = {.plan = plan, .files = vt_file_list_get_files (list)};
  int status = 0;

  if (!upload_names (appliance, reader.files, run_dir, error))
    return FALSE;
  stream = vt_port_stream_start (appliance, TAR_COMMAND, error);
  reader.stream = stream;
  if (stream == NULL || !read_archive (&reader, error) ||
      !vt_port_stream_finish (stream, &status, &messages, error) ||
      !vt_read_plan_send_missing (plan, list, error))
    return FALSE;
  judge_status (status, messages, outcome);
  return TRUE;
}
