// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Puts the layers on in the one order that works: what needs privileges first, then the privileges
 * go, then what needs none.
 */
#include "vt-sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "vt-sandbox-private.h"

G_DEFINE_QUARK (vt_sandbox_error_quark, vt_sandbox_error)

/* Where the namespaces' root has it. */
#define NAMESPACED_TMP_DIR "/tmp"

gboolean
vt_sandbox_fail (GError **error, const char *what)
{
  int saved_errno = errno;

  g_set_error (error, VT_SANDBOX_ERROR, VT_SANDBOX_ERROR_FAILED, "sandbox: %s: %s", what,
               g_strerror (saved_errno));
  return FALSE;
}

static gboolean
check_one_thread (GError **error)
{
  g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);

  if (tasks != NULL && g_dir_read_name (tasks) != NULL && g_dir_read_name (tasks) == NULL)
    return TRUE;
  g_set_error_literal (error, VT_SANDBOX_ERROR, VT_SANDBOX_ERROR_FAILED,
                       tasks != NULL ? "sandbox: the process has several threads"
                                     : "sandbox: /proc cannot be read");
  return FALSE;
}

typedef struct {
  pid_t parent;
  int signal;
} DeathSignal;

static DeathSignal
save_death_signal (void)
{
  DeathSignal saved = {.parent = getppid ()};

  prctl (PR_GET_PDEATHSIG, &saved.signal);
  return saved;
}

/* The kernel forgets it at every change of user or capabilities. */
static gboolean
restore_death_signal (const DeathSignal *saved, GError **error)
{
  if (prctl (PR_SET_PDEATHSIG, saved->signal) != 0)
    return vt_sandbox_fail (error, "parent's death signal");
  if (saved->signal == 0 || getppid () == saved->parent)
    return TRUE;
  g_set_error_literal (error, VT_SANDBOX_ERROR, VT_SANDBOX_ERROR_FAILED,
                       "sandbox: the parent process has ended");
  return FALSE;
}

static gboolean
change_user (const VtSandboxPolicy *policy, const VtSandboxUser *user, GError **error)
{
  if (!user->changes)
    return TRUE;
  if (policy->dir != NULL && chown (policy->dir, user->uid, user->gid) != 0 && errno != ENOENT)
    return vt_sandbox_fail (error, "owner of the temporary directory");
  return vt_sandbox_user_switch (user, error);
}

/*
 * A caller with CAP_SYS_ADMIN needs it for the namespaces, and changes the user afterwards. Without
 * it, only a user namespace helps, which is to belong to the other user already.
 */
static gboolean
enter_namespaces_and_user (const VtSandboxPolicy *policy, VtSandboxLayers *layers, GError **error)
{
  VtSandboxUser user = vt_sandbox_user_choose ();
  gboolean admin = vt_sandbox_has_capability (CAP_SYS_ADMIN);
  gboolean entered;

  if (!admin) {
    if (!change_user (policy, &user, error))
      return FALSE;
    /* The change made /proc/self root's, and the id maps in it could not be written. */
    prctl (PR_SET_DUMPABLE, 1);
  }
  if (!vt_sandbox_enter_namespaces (!admin, policy->tmp_size, &user, &entered, error) ||
      (admin && !change_user (policy, &user, error)))
    return FALSE;
  *layers |= entered ? VT_SANDBOX_NAMESPACES : 0;
  *layers |= user.changes ? VT_SANDBOX_USER : 0;
  return TRUE;
}

static gboolean
find_tmp_dir (const VtSandboxPolicy *policy, VtSandboxLayers layers, char *tmp_dir, GError **error)
{
  const char *path = NAMESPACED_TMP_DIR;

  *tmp_dir = '\0';
  if (policy->tmp_size == 0)
    return TRUE;
  if ((layers & VT_SANDBOX_NAMESPACES) == 0) {
    if (policy->dir == NULL) {
      g_set_error_literal (error, VT_SANDBOX_ERROR, VT_SANDBOX_ERROR_FAILED,
                           "sandbox: no namespaces here, and no directory for temporary files");
      return FALSE;
    }
    path = policy->dir;
  }
  g_strlcpy (tmp_dir, path, PATH_MAX);
  if (access (path, R_OK | W_OK | X_OK) == 0)
    return TRUE;
  return vt_sandbox_fail (error, "temporary directory");
}

gboolean
vt_sandbox_enter (const VtSandboxPolicy *policy,
                  char *tmp_dir,
                  VtSandboxLayers *layers,
                  GError **error)
{
  DeathSignal death_signal = save_death_signal ();
  guint64 mapped_size = vt_sandbox_mapped_size ();
  gboolean has_landlock;

  *layers = 0;
  if (!check_one_thread (error) || !vt_sandbox_close_fds (policy->fds, policy->n_fds, error) ||
      !enter_namespaces_and_user (policy, layers, error) || !vt_sandbox_drop_capabilities (error) ||
      !restore_death_signal (&death_signal, error) ||
      !find_tmp_dir (policy, *layers, tmp_dir, error))
    return FALSE;
  /* No core dump, no ptrace by others of this user, no /proc/PID of this process for them. */
  if (prctl (PR_SET_DUMPABLE, 0) != 0)
    return vt_sandbox_fail (error, "dumpable");
  if (!vt_sandbox_enter_landlock (tmp_dir, &has_landlock, error) ||
      !vt_sandbox_set_limits (policy, mapped_size, error) ||
      !vt_sandbox_enter_seccomp (policy, error))
    return FALSE;
  *layers |= VT_SANDBOX_SECCOMP;
  *layers |= has_landlock ? VT_SANDBOX_LANDLOCK : 0;
  return TRUE;
}

char *
vt_sandbox_layers_to_string (VtSandboxLayers layers)
{
  static const struct {
    VtSandboxLayers layer;
    const char *name;
  } names[] = {
      {VT_SANDBOX_NAMESPACES, "namespaces"},
      {VT_SANDBOX_USER, "user"},
      {VT_SANDBOX_LANDLOCK, "landlock"},
      {VT_SANDBOX_SECCOMP, "seccomp"},
  };
  g_autoptr (GString) text = g_string_new (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    if ((layers & names[i].layer) != 0)
      g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", names[i].name);
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}
