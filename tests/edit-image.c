// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Changes an image, and takes files out of it, for the tests in tests/e2e.
 *
 * Usage: edit-image [OPTION...] IMAGE [EDIT...]
 * EDIT: mkdir PATH MODE | upload SOURCE PATH MODE | symlink TEXT PATH | remove PATH |
 *       remove-tree PATH | chmod PATH MODE
 *
 * Prints the files that were fetched, as they are after the changes: "PATH: CONTENT". Ends with 1
 * and the error where something fails.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vt-commit.h"
#include "vt-fd.h"
#include "vt-overlay.h"

typedef struct {
  VtSpawner *spawner;
  VtImageOptions *options;
  VtScanResult *result;
  GMainLoop *loop;
  VtImage *image;
  GError *error;
} Run;

static char **fetch;
static char **keys;
static char *output;
static char *format;
static char *backend;
static gboolean in_place;
static gint64 max_size = -1;

static const GOptionEntry entries[] = {
    {"fetch", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &fetch, "Print the file of the image", "PATH"},
    {"key", 0, 0, G_OPTION_ARG_STRING_ARRAY, &keys, "As vtemplater's", "SELECTOR"},
    {"output", 0, 0, G_OPTION_ARG_FILENAME, &output, "Write the changed image there", "FILE"},
    {"format", 0, 0, G_OPTION_ARG_STRING, &format, "Format of that; default: qcow2", "NAME"},
    {"in-place", 0, 0, G_OPTION_ARG_NONE, &in_place, "Put it in the place of the image", NULL},
    {"backend", 0, 0, G_OPTION_ARG_STRING, &backend, "auto, direct or guestfs", "NAME"},
    {"max-size", 0, 0, G_OPTION_ARG_INT64, &max_size, "Largest file that is fetched", "BYTES"},
    {NULL}};

static void
on_message (GLogLevelFlags level, const char *text, gpointer user_data)
{
  if (level != G_LOG_LEVEL_DEBUG)
    fprintf (stderr, "%s\n", text);
}

static void
on_phase (const char *phase, gpointer user_data)
{
  fprintf (stderr, "phase: %s\n", phase);
}

static void
on_file (VtImageFile *file, gpointer user_data)
{
  g_autofree char *text = g_malloc0 (file->result->size + 1);

  if (vt_fd_read_at (file->memfd, 0, text, file->result->size) >= 0)
    printf ("%s: %s\n", file->result->path, text);
  vt_image_release (((Run *)user_data)->image, file);
  vt_image_file_free (file);
}

static void
on_finished (const GError *error, gpointer user_data)
{
  Run *self = user_data;

  if (error != NULL)
    self->error = g_error_copy (error);
  g_main_loop_quit (self->loop);
}

static const VtImageEvents events = {
    .message = on_message,
    .phase = on_phase,
    .file = on_file,
    .finished = on_finished,
};

static gboolean
run (Run *self, VtImageMode mode, GError **error)
{
  vt_scan_result_reset (self->result);
  self->options->mode = mode;
  self->image = vt_image_start (self->spawner, self->options, self->result, &events, self);
  g_main_loop_run (self->loop);
  g_clear_pointer (&self->image, vt_image_free);
  if (self->error == NULL)
    return TRUE;
  g_propagate_error (error, self->error);
  return FALSE;
}

static guint32
parse_mode (const char *text)
{
  return (guint32)strtoul (text, NULL, 8);
}

/* Takes one edit off the front of WORDS. NULL: it is none. */
static VtImageEdit *
take_edit (char ***words)
{
  char **first = *words;
  guint n = g_strv_length (first);
  gsize taken = g_str_equal (first[0], "upload") ? 4 : g_str_has_prefix (first[0], "re") ? 2 : 3;

  if (n < taken)
    return NULL;
  *words += taken;
  if (g_str_equal (first[0], "mkdir"))
    return vt_image_edit_new_mkdir (first[1], parse_mode (first[2]));
  if (g_str_equal (first[0], "upload"))
    return vt_image_edit_new_upload (first[1], first[2], parse_mode (first[3]));
  if (g_str_equal (first[0], "symlink"))
    return vt_image_edit_new_symlink (first[1], first[2]);
  if (g_str_equal (first[0], "remove"))
    return vt_image_edit_new_remove (first[1], FALSE);
  if (g_str_equal (first[0], "remove-tree"))
    return vt_image_edit_new_remove_tree (first[1], TRUE);
  return g_str_equal (first[0], "chmod") ? vt_image_edit_new_chmod (first[1], parse_mode (first[2]))
                                         : NULL;
}

static gboolean
set_options (VtImageOptions *options, char **words, GError **error)
{
  if (keys != NULL) {
    g_strfreev (options->keys);
    options->keys = g_strdupv (keys);
  }
  if (fetch != NULL) {
    g_strfreev (options->fetch);
    options->fetch = g_strdupv (fetch);
  }
  if (max_size >= 0)
    options->max_file_size = (guint64)max_size;
  options->backend = g_strcmp0 (backend, "direct") == 0    ? VT_BACKEND_DIRECT
                     : g_strcmp0 (backend, "guestfs") == 0 ? VT_BACKEND_GUESTFS
                                                           : VT_BACKEND_AUTO;
  while (*words != NULL) {
    VtImageEdit *edit = take_edit (&words);

    if (edit == NULL) {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: no edit", *words);
      return FALSE;
    }
    g_ptr_array_add (options->edits, edit);
  }
  return TRUE;
}

static VtOverlay *
edit (Run *self, GError **error)
{
  g_autoptr (VtOverlay) overlay = NULL;

  if (!run (self, VT_IMAGE_INSPECT, error))
    return NULL;
  overlay = vt_overlay_new (self->result->virtual_size, error);
  if (overlay == NULL)
    return NULL;
  self->options->overlay = g_strdup (vt_overlay_get_path (overlay));
  return run (self, VT_IMAGE_EDIT, error) ? g_steal_pointer (&overlay) : NULL;
}

static gboolean
work (Run *self, GError **error)
{
  const char *path = self->options->path;
  g_autoptr (VtOverlay) overlay = NULL;
  VtFileStamp target;

  if (!vt_commit_target_look_at (path, &target, error))
    return FALSE;
  if (self->options->edits->len > 0 && (overlay = edit (self, error)) == NULL)
    return FALSE;
  if (self->options->fetch[0] != NULL && !run (self, VT_IMAGE_FETCH, error))
    return FALSE;
  if (output != NULL &&
      !vt_commit_to_new_file (self->spawner, self->options, output, format ?: "qcow2", NULL, error))
    return FALSE;
  return !in_place || vt_commit_in_place (self->spawner, self->options, &target, NULL, error);
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("IMAGE [EDIT...]");
  g_autoptr (VtImageOptions) options = NULL;
  g_autoptr (VtSpawner) spawner = NULL;
  g_autoptr (VtScanResult) result = NULL;
  g_autoptr (GMainLoop) loop = NULL;
  g_autoptr (GError) error = NULL;
  Run self = {0};

  setlocale (LC_ALL, "");
  g_option_context_add_main_entries (context, entries, NULL);
  spawner = vt_spawner_new (&error);
  if (spawner != NULL && g_option_context_parse (context, &argc, &argv, &error) && argc > 1) {
    loop = g_main_loop_new (NULL, FALSE);
    options = vt_image_options_new (argv[1]);
    result = vt_scan_result_new (argv[1]);
    self = (Run){.spawner = spawner, .options = options, .result = result, .loop = loop};
    if (set_options (options, argv + 2, &error) && work (&self, &error))
      return EXIT_SUCCESS;
  }
  fprintf (stderr, "edit-image: %s\n", error != NULL ? error->message : "an image is wanted");
  return EXIT_FAILURE;
}
