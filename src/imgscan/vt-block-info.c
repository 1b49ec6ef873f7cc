// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-block-info.h"

#include <string.h>
#include <unistd.h>

#include "vt-block-explain.h"
#include "vt-qemu-img-private.h"

#define PROBE_CPU_S 20
/* Largest answer that is parsed, in bytes; 1,000 internal snapshots take 300 KB. */
#define PROBE_OUTPUT_MAX ((gsize)16 * 1024 * 1024)

void
vt_block_info_clear (VtBlockInfo *info)
{
  g_clear_pointer (&info->backing, g_free);
  g_clear_pointer (&info->backing_format, g_free);
}

/* qemu-img says "qemu-img: Could not open 'NODE': why"; the path is told by whoever asked. */
static const char *
strip_prefix (const char *text, const char *node)
{
  g_autofree char *quoted = g_strdup_printf ("'%s': ", node);
  const char *found = strstr (text, quoted);

  return found != NULL ? found + strlen (quoted) : text;
}

static void
set_open_error (GError **error, VtBlockFiles *files, const char *node, char *message)
{
  g_autofree char *explained = NULL;

  if (vt_qemu_img_set_lock_error (error, message))
    return;
  explained = vt_block_explain (files, strip_prefix (g_strchomp (message), node));
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE, "cannot be opened: %s",
               explained[0] != '\0' ? explained : "qemu-img ended without a word");
}

static JsonParser *
ask_qemu_img (VtBlockFiles *files, const char *node, GError **error)
{
  const VtQemuImgSetup setup = {getpid (), PROBE_CPU_S, files};
  const char *const argv[] = VT_QEMU_IMG_COMMAND ("info", node);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autofree char *output = NULL;
  g_autofree char *messages = NULL;
  int status;

  if (!g_spawn_sync (NULL, (char **)argv, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, vt_qemu_img_set_up,
                     (gpointer)&setup, &output, &messages, &status, error)) {
    vt_qemu_img_fail_to_run (error);
    return NULL;
  }
  if (status != 0) {
    set_open_error (error, files, node, messages);
    return NULL;
  }
  if (strlen (output) <= PROBE_OUTPUT_MAX &&
      json_parser_load_from_data (parser, output, -1, NULL) &&
      JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    return g_steal_pointer (&parser);
  g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                       "cannot be opened: qemu-img says nothing sensible of it");
  return NULL;
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

static const char *
get_string (JsonObject *object, const char *name)
{
  return json_object_get_string_member_with_default (object, name, NULL);
}

static gboolean
check_answer (JsonObject *object, const char *snapshot, GError **error)
{
  if (snapshot != NULL && !has_snapshot (object, snapshot)) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_OPTION,
                 "it has no internal snapshot '%s'; 'qemu-img snapshot -l' lists them", snapshot);
    return FALSE;
  }
  if (json_object_get_boolean_member_with_default (object, "encrypted", FALSE)) {
    g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                         "it is encrypted by QEMU, which is not read: scan a copy that 'qemu-img "
                         "convert' has decrypted");
    return FALSE;
  }
  return TRUE;
}

gboolean
vt_block_info_read (
    VtBlockFiles *files, const char *node, const char *snapshot, VtBlockInfo *info, GError **error)
{
  g_autoptr (JsonParser) parser = ask_qemu_img (files, node, error);
  JsonObject *object;

  if (parser == NULL)
    return FALSE;
  object = json_node_get_object (json_parser_get_root (parser));
  if (!check_answer (object, snapshot, error))
    return FALSE;
  info->virtual_size =
      (guint64)MAX (0, json_object_get_int_member_with_default (object, "virtual-size", 0));
  info->backing = g_strdup (get_string (object, "backing-filename"));
  info->backing_format = g_strdup (get_string (object, "backing-filename-format"));
  return TRUE;
}
