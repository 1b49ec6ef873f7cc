// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vt-block-export.h"
#include "vt-image.h"
#include "vt-spawner.h"

/* For a hostile header: qemu-img needs well under a second and 100 MB for an honest one. */
#define PROBE_CPU_S  20
#define PROBE_MEMORY ((rlim_t)2 * 1024 * 1024 * 1024)
/* Largest answer that is parsed, in bytes; 1,000 internal snapshots take 300 KB. */
#define PROBE_OUTPUT_MAX ((gsize)16 * 1024 * 1024)

void
vt_block_info_clear (VtBlockInfo *info)
{
  g_clear_pointer (&info->format, g_free);
  g_clear_pointer (&info->other_file, g_free);
}

static void
limit_probe (gpointer parent)
{
  const struct rlimit cpu = {PROBE_CPU_S, PROBE_CPU_S};
  const struct rlimit memory = {PROBE_MEMORY, PROBE_MEMORY};

  if (!vt_die_with_parent (GPOINTER_TO_INT (parent)))
    _exit (1);
  setrlimit (RLIMIT_CPU, &cpu);
  setrlimit (RLIMIT_AS, &memory);
}

/* qemu-img says "qemu-img: Could not open 'PATH': why"; the path is told by whoever asked. */
static const char *
strip_prefix (const char *text, const char *path)
{
  g_autofree char *quoted = g_strdup_printf ("'%s': ", path);
  const char *found = strstr (text, quoted);

  return found != NULL ? found + strlen (quoted) : text;
}

static void
set_open_error (GError **error, const char *path, char *message)
{
  g_strchomp (message);
  if (strstr (message, "Failed to get shared") != NULL ||
      strstr (message, "Failed to get \"") != NULL)
    g_set_error_literal (
        error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
        "it is in use: another process, such as a running virtual machine, writes to it");
  else
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE, "cannot be opened: %s",
                 strip_prefix (message, path));
}

static char *
run_qemu_img (const char *path, const char *format, GError **error)
{
  const char *argv[] = {"qemu-img",
                        "info",
                        "--output=json",
                        format != NULL ? "-f" : "--",
                        format != NULL ? format : path,
                        format != NULL ? "--" : NULL,
                        format != NULL ? path : NULL,
                        NULL};
  g_autofree char *output = NULL;
  g_autofree char *messages = NULL;
  int status;

  if (!g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, limit_probe,
                     GINT_TO_POINTER (getpid ()), &output, &messages, &status, error)) {
    g_prefix_error_literal (error, "qemu-img (package qemu-utils): ");
    return NULL;
  }
  if (status != 0) {
    set_open_error (error, path, messages);
    return NULL;
  }
  return g_steal_pointer (&output);
}

static gboolean
has_snapshot (JsonObject *info, const char *name)
{
  JsonArray *snapshots = NULL;

  if (json_object_has_member (info, "snapshots"))
    snapshots = json_object_get_array_member (info, "snapshots");
  for (guint i = 0; snapshots != NULL && i < json_array_get_length (snapshots); i++) {
    JsonObject *snapshot = json_array_get_object_element (snapshots, i);

    if (g_strcmp0 (json_object_get_string_member_with_default (snapshot, "name", NULL), name) ==
            0 ||
        g_strcmp0 (json_object_get_string_member_with_default (snapshot, "id", NULL), name) == 0)
      return TRUE;
  }
  return FALSE;
}

/* The member NAME of OBJECT, or NULL. */
static JsonObject *
get_object (JsonObject *object, const char *name)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, name) : NULL;

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

/*
 * The backing file, the file that has the data, or the extents. Of vmdk only these two types are
 * one file; all others name their extents in a text.
 */
static const char *
find_other_file (JsonObject *info)
{
  static const char *const self_contained[] = {"monolithicSparse", "streamOptimized", NULL};
  JsonObject *specific = get_object (info, "format-specific");
  JsonObject *data = get_object (specific, "data");
  const char *backing = json_object_get_string_member_with_default (info, "backing-filename", NULL);
  const char *type;

  if (backing != NULL || data == NULL)
    return backing;
  if (json_object_has_member (data, "data-file"))
    return json_object_get_string_member_with_default (data, "data-file", "its data file");
  type = json_object_get_string_member_with_default (specific, "type", "");
  if (!g_str_equal (type, "vmdk") ||
      g_strv_contains (self_contained,
                       json_object_get_string_member_with_default (data, "create-type", "")))
    return NULL;
  return "its extents";
}

gboolean
vt_block_info_read (
    const char *path, const char *format, const char *snapshot, VtBlockInfo *info, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autofree char *output = run_qemu_img (path, format, error);
  JsonObject *object;

  if (output == NULL)
    return FALSE;
  if (strlen (output) > PROBE_OUTPUT_MAX ||
      !json_parser_load_from_data (parser, output, -1, NULL) ||
      !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser))) {
    g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                         "cannot be opened: qemu-img says nothing sensible of it");
    return FALSE;
  }
  object = json_node_get_object (json_parser_get_root (parser));
  if (snapshot != NULL && !has_snapshot (object, snapshot)) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION,
                 "it has no internal snapshot '%s'; 'qemu-img snapshot -l' lists them", snapshot);
    return FALSE;
  }
  info->format = g_strdup (json_object_get_string_member_with_default (object, "format", "raw"));
  info->virtual_size =
      (guint64)MAX (0, json_object_get_int_member_with_default (object, "virtual-size", 0));
  info->other_file = g_strdup (find_other_file (object));
  return TRUE;
}
