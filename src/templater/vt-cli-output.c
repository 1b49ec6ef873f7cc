// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-cli-output.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixoutputstream.h>
#include <sys/stat.h>
#include <unistd.h>

/* Name by which a stream remembers the file that was not there before it. */
#define NEW_FILE "vt-new-file"

/* A terminal, a pipe, /dev/stdout: written to as it is, since it is not to be replaced by a file.
 */
static GOutputStream *
open_special (const char *path, GError **error)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);

  if (fd >= 0)
    return g_unix_output_stream_new (fd, TRUE);
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s: %s", path,
               g_strerror (errno));
  return NULL;
}

GOutputStream *
vt_cli_open_output (const char *path, GError **error)
{
  g_autoptr (GFile) file = NULL;
  GOutputStream *stream;
  gboolean is_new;
  struct stat info;

  if (path == NULL || g_str_equal (path, "-"))
    return g_unix_output_stream_new (STDOUT_FILENO, FALSE);
  if (stat (path, &info) == 0 && !S_ISREG (info.st_mode))
    return open_special (path, error);
  file = g_file_new_for_commandline_arg (path);
  is_new = !g_file_query_exists (file, NULL);
  stream = G_OUTPUT_STREAM (g_file_replace (file, NULL, FALSE, G_FILE_CREATE_NONE, NULL, error));
  /* It is written to where it is to be: what is dropped must not stay there. */
  if (stream != NULL && is_new)
    g_object_set_data_full (G_OBJECT (stream), NEW_FILE, g_steal_pointer (&file), g_object_unref);
  return stream;
}

void
vt_cli_discard_output (GOutputStream *stream)
{
  g_autoptr (GOutputStream) owned = stream;
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  GFile *file;

  if (owned == NULL)
    return;
  /* Closing puts the new file in the place of the old one, unless it is cancelled. */
  g_cancellable_cancel (cancelled);
  g_output_stream_close (owned, cancelled, NULL);
  file = g_object_get_data (G_OBJECT (owned), NEW_FILE);
  if (file != NULL)
    g_file_delete (file, NULL, NULL);
}

gboolean
vt_cli_check_new_image (const char *output, const char *output_format, GError **error)
{
  if (output == NULL && output_format != NULL) {
    g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                         "--output-format needs --output: in its place, an image keeps its format");
    return FALSE;
  }
  if (output == NULL || faccessat (AT_FDCWD, output, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "--output %s: is there already", output);
  return FALSE;
}
