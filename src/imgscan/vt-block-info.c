// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-block-info.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vt-block-explain.h"
#include "vt-fd.h"
#include "vt-spawner.h"

/* For a hostile header: qemu-img needs well under a second and 100 MB for an honest one. Checking
 * is slowest for VMDK: a second a TiB. */
#define PROBE_CPU_S  20
#define CHECK_CPU_S  120
#define PROBE_MEMORY ((rlim_t)2 * 1024 * 1024 * 1024)
/* Largest answer that is parsed, in bytes; 1,000 internal snapshots take 300 KB. */
#define PROBE_OUTPUT_MAX ((gsize)16 * 1024 * 1024)

/* Bytes of what a check says that are looked at. */
#define CHECK_MESSAGES_MAX ((gsize)4096)

/* qemu-img-check(1): what is not used is no damage, and not all formats can be checked. */
#define CHECK_LEAKS 3
#define CHECK_NONE  63

/* What qemu-img is set up with. */
typedef struct {
  pid_t parent;
  rlim_t cpu_s;
  VtBlockFiles *files;
} Setup;

void
vt_block_info_clear (VtBlockInfo *info)
{
  g_clear_pointer (&info->backing, g_free);
  g_clear_pointer (&info->backing_format, g_free);
}

static void
set_up_child (gpointer user_data)
{
  const Setup *setup = user_data;
  const struct rlimit cpu = {setup->cpu_s, setup->cpu_s};
  const struct rlimit memory = {PROBE_MEMORY, PROBE_MEMORY};

  if (!vt_die_with_parent (setup->parent))
    _exit (1);
  setrlimit (RLIMIT_CPU, &cpu);
  setrlimit (RLIMIT_AS, &memory);
  vt_block_files_hand_on (setup->files);
}

/* qemu-img says "qemu-img: Could not open 'NODE': why"; the path is told by whoever asked. */
static const char *
strip_prefix (const char *text, const char *node)
{
  g_autofree char *quoted = g_strdup_printf ("'%s': ", node);
  const char *found = strstr (text, quoted);

  return found != NULL ? found + strlen (quoted) : text;
}

static gboolean
set_lock_error (GError **error, const char *message)
{
  if (strstr (message, "Failed to get shared") == NULL &&
      strstr (message, "Failed to get \"") == NULL)
    return FALSE;
  g_set_error_literal (
      error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
      "it is in use: another process, such as a running virtual machine, writes to it");
  return TRUE;
}

static void
set_open_error (GError **error, VtBlockFiles *files, const char *node, char *message)
{
  g_autofree char *explained = NULL;

  if (set_lock_error (error, message))
    return;
  explained = vt_block_explain (files, strip_prefix (g_strchomp (message), node));
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE, "cannot be opened: %s",
               explained[0] != '\0' ? explained : "qemu-img ended without a word");
}

/* Arguments of qemu-img for the WORD of what it is to do. */
#define COMMAND(word, node)                                                                        \
  {                                                                                                \
    "qemu-img", (word), "--output=json", "--", (node), NULL                                        \
  }

static gboolean
fail_to_run (GError **error)
{
  g_prefix_error_literal (error, "qemu-img (package qemu-utils): ");
  return FALSE;
}

static JsonParser *
ask_qemu_img (VtBlockFiles *files, const char *node, GError **error)
{
  const Setup setup = {getpid (), PROBE_CPU_S, files};
  const char *const argv[] = COMMAND ("info", node);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autofree char *output = NULL;
  g_autofree char *messages = NULL;
  int status;

  if (!g_spawn_sync (NULL, (char **)argv, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, set_up_child,
                     (gpointer)&setup, &output, &messages, &status, error)) {
    fail_to_run (error);
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

/* A check that goes on beside the question. */
typedef struct {
  GPid pid;     /* 0: none */
  int messages; /* what it complains of */
} Check;

static void
check_clear (Check *self)
{
  vt_fd_clear (&self->messages);
  if (self->pid <= 0)
    return;
  kill (self->pid, SIGKILL);
  while (waitpid (self->pid, NULL, 0) < 0 && errno == EINTR)
    ;
  self->pid = 0;
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Check, check_clear)

static gboolean
start_check (VtBlockFiles *files, const char *node, Check *check, GError **error)
{
  const Setup setup = {getpid (), CHECK_CPU_S, files};
  const char *const argv[] = COMMAND ("check", node);

  return g_spawn_async_with_pipes (NULL, (char **)argv, NULL,
                                   G_SPAWN_SEARCH_PATH | G_SPAWN_LEAVE_DESCRIPTORS_OPEN |
                                       G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL,
                                   set_up_child, (gpointer)&setup, &check->pid, NULL, NULL,
                                   &check->messages, error) ||
         fail_to_run (error);
}

/* All that it says, of which the beginning is kept. */
static void
read_messages (Check *self, char messages[CHECK_MESSAGES_MAX + 1])
{
  char rest[512];
  gsize n = 0;
  gssize got = 1;

  while (got > 0 || (got < 0 && errno == EINTR)) {
    gsize room = CHECK_MESSAGES_MAX - n;

    got = room > 0 ? read (self->messages, messages + n, room)
                   : read (self->messages, rest, sizeof rest);
    if (got > 0 && room > 0)
      n += (gsize)got;
  }
  messages[n] = '\0';
}

/*
 * Where a table leads beyond the end of the file, QEMU reads zeros without a word: what was lost
 * would be clean.
 */
static gboolean
finish_check (Check *self, GError **error)
{
  char messages[CHECK_MESSAGES_MAX + 1];
  int status = 0;

  read_messages (self, messages);
  while (waitpid (self->pid, &status, 0) < 0 && errno == EINTR)
    ;
  self->pid = 0;
  if (WIFEXITED (status) && (WEXITSTATUS (status) == 0 || WEXITSTATUS (status) == CHECK_LEAKS ||
                             WEXITSTATUS (status) == CHECK_NONE))
    return TRUE;
  if (!WIFEXITED (status))
    g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                         "'qemu-img check' takes more time or memory for it than it may have");
  else if (!set_lock_error (error, messages))
    g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                         "it is damaged or cut short, and what is lost would not be scanned; "
                         "'qemu-img check' tells more, and with '-r all' may repair a copy of it");
  return FALSE;
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
  g_auto (Check) check = {.messages = -1};
  g_autoptr (JsonParser) parser = NULL;
  JsonObject *object;

  if (!start_check (files, node, &check, error) ||
      (parser = ask_qemu_img (files, node, error)) == NULL)
    return FALSE;
  object = json_node_get_object (json_parser_get_root (parser));
  if (!check_answer (object, snapshot, error) || !finish_check (&check, error))
    return FALSE;
  info->virtual_size =
      (guint64)MAX (0, json_object_get_int_member_with_default (object, "virtual-size", 0));
  info->backing = g_strdup (get_string (object, "backing-filename"));
  info->backing_format = g_strdup (get_string (object, "backing-filename-format"));
  return TRUE;
}
