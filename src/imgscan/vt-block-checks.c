// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-block-checks.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vt-fd.h"
#include "vt-image.h"
#include "vt-qemu-img-private.h"

/* VMDK is the slowest: a second a TiB. */
#define CHECK_CPU_S 120

/* Bytes of what a check says that are looked at. */
#define MESSAGES_MAX ((gsize)4096)

/* qemu-img-check(1): what is not used is no damage, and not all formats can be checked. */
#define CHECK_LEAKS 3
#define CHECK_NONE  63

/* Checks at a time: an image and the one below it. */
#define CHECKS_MAX 2

typedef struct {
  char *prefix;
  GPid pid;     /* 0: none */
  int messages; /* what it complains of */
} Check;

struct _VtBlockChecks {
  VtBlockFiles *files;
  GQueue going_on; /* of Check */
};

static void
check_free (Check *self)
{
  vt_fd_clear (&self->messages);
  if (self->pid > 0) {
    kill (self->pid, SIGKILL);
    while (waitpid (self->pid, NULL, 0) < 0 && errno == EINTR)
      ;
  }
  g_free (self->prefix);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Check, check_free)

static Check *
start (VtBlockFiles *files, const char *node, GError **error)
{
  const VtQemuImgSetup setup = {getpid (), CHECK_CPU_S, files};
  const char *const argv[] = VT_QEMU_IMG_COMMAND ("check", node);
  g_autoptr (Check) self = g_new0 (Check, 1);

  self->messages = -1;
  if (!g_spawn_async_with_pipes (
          NULL, (char **)argv, NULL,
          G_SPAWN_SEARCH_PATH | G_SPAWN_LEAVE_DESCRIPTORS_OPEN | G_SPAWN_DO_NOT_REAP_CHILD |
              G_SPAWN_CLOEXEC_PIPES | G_SPAWN_STDOUT_TO_DEV_NULL,
          vt_qemu_img_set_up, (gpointer)&setup, &self->pid, NULL, NULL, &self->messages, error)) {
    vt_qemu_img_fail_to_run (error);
    return NULL;
  }
  return g_steal_pointer (&self);
}

/* All that it says, of which the beginning is kept. */
static void
read_messages (Check *self, char messages[MESSAGES_MAX + 1])
{
  char rest[512];
  gsize n = 0;
  gssize got = 1;

  while (got > 0 || (got < 0 && errno == EINTR)) {
    gsize room = MESSAGES_MAX - n;

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
finish (Check *self, GError **error)
{
  char messages[MESSAGES_MAX + 1];
  int status = 0;
  pid_t ended;

  read_messages (self, messages);
  while ((ended = waitpid (self->pid, &status, 0)) < 0 && errno == EINTR)
    ;
  self->pid = 0;
  if (ended < 0) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE, "'qemu-img check': %s",
                 g_strerror (errno));
    return FALSE;
  }
  if (WIFEXITED (status) && (WEXITSTATUS (status) == 0 || WEXITSTATUS (status) == CHECK_LEAKS ||
                             WEXITSTATUS (status) == CHECK_NONE))
    return TRUE;
  if (!WIFEXITED (status))
    g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                         "'qemu-img check' takes more time or memory for it than it may have");
  else if (!vt_qemu_img_set_lock_error (error, messages))
    g_set_error_literal (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                         "it is damaged or cut short, and what is lost would not be scanned; "
                         "'qemu-img check' tells more, and with '-r all' may repair a copy of it");
  return FALSE;
}

VtBlockChecks *
vt_block_checks_new (VtBlockFiles *files)
{
  VtBlockChecks *self = g_new0 (VtBlockChecks, 1);

  self->files = files;
  return self;
}

void
vt_block_checks_free (VtBlockChecks *self)
{
  g_queue_clear_full (&self->going_on, (GDestroyNotify)check_free);
  g_free (self);
}

static gboolean
finish_oldest (VtBlockChecks *self, GError **error)
{
  g_autoptr (Check) check = g_queue_pop_head (&self->going_on);

  if (finish (check, error))
    return TRUE;
  g_prefix_error_literal (error, check->prefix);
  return FALSE;
}

gboolean
vt_block_checks_add (VtBlockChecks *self, const char *node, const char *prefix, GError **error)
{
  Check *check;

  if (self->going_on.length == CHECKS_MAX && !finish_oldest (self, error))
    return FALSE;
  check = start (self->files, node, error);
  if (check == NULL)
    return FALSE;
  check->prefix = g_strdup (prefix);
  g_queue_push_tail (&self->going_on, check);
  return TRUE;
}

gboolean
vt_block_checks_finish (VtBlockChecks *self, GError **error)
{
  while (self->going_on.length > 0)
    if (!finish_oldest (self, error))
      return FALSE;
  return TRUE;
}
