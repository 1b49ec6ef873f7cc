// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Runs functions in the sandbox, in each of the situations that a process can enter it from: with
 * all rights or without, and where a container or the administrator forbids namespaces.
 */
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vt-paths.h"
#include "vt-sandbox.h"
#include "vt-spawner.h"

/* An id that no user has. */
#define UNPRIVILEGED_ID 54321

/* More than a standard error that is a file may grow by: that raises the limit of all files. */
#define TMP_SIZE ((guint64)32 * 1024 * 1024)

typedef struct {
  const char *name;
  gboolean needs_root;
  void (*prepare) (void);
  VtSandboxLayers layers; /* to be in force, Landlock apart */
} Situation;

typedef struct {
  char tmp_dir[PATH_MAX];
  VtSandboxLayers layers;
  const Situation *situation;
  gconstpointer data;
} Inside;

/* What is run in the sandbox; its result is the exit status. */
typedef int (*InsideFunc) (const Inside *inside);

static inline void
require (gboolean condition, const char *what)
{
  if (condition)
    return;
  g_printerr ("%s: %s\n", what, g_strerror (errno));
  _exit (99);
}

static inline void
overwrite_file (const char *path, const char *text)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);

  require (fd >= 0 && write (fd, text, strlen (text)) == (gssize)strlen (text), path);
  close (fd);
}

static inline void
become_unprivileged (void)
{
  if (geteuid () != 0)
    return;
  require (setgroups (0, NULL) == 0, "setgroups");
  require (setresgid (UNPRIVILEGED_ID, UNPRIVILEGED_ID, UNPRIVILEGED_ID) == 0, "setresgid");
  require (setresuid (UNPRIVILEGED_ID, UNPRIVILEGED_ID, UNPRIVILEGED_ID) == 0, "setresuid");
  /* As a process that was started under this id would be. */
  prctl (PR_SET_DUMPABLE, 1);
}

static inline void
drop_admin (void)
{
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {0};

  require (syscall (SYS_capget, &header, data) == 0, "capget");
  data[0].effective &= ~(1u << CAP_SYS_ADMIN);
  data[0].permitted = data[0].effective;
  require (syscall (SYS_capset, &header, data) == 0, "capset");
}

/* As container engines start root: fewer capabilities, and a filter on unshare(2). */
static inline void
become_container_root (void)
{
  scmp_filter_ctx filter = seccomp_init (SCMP_ACT_ALLOW);

  require (seccomp_rule_add (filter, SCMP_ACT_ERRNO (EPERM), SCMP_SYS (unshare), 0) == 0 &&
               seccomp_load (filter) == 0,
           "filter");
  seccomp_release (filter);
  drop_admin ();
}

/* In a user namespace whose administrator allows none inside it, without capabilities. */
static inline void
become_confined (void)
{
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {0};
  g_autofree char *uids = NULL;
  g_autofree char *gids = NULL;

  become_unprivileged ();
  uids = g_strdup_printf ("%u %u 1", geteuid (), geteuid ());
  gids = g_strdup_printf ("%u %u 1", getegid (), getegid ());
  require (unshare (CLONE_NEWUSER) == 0, "unshare");
  overwrite_file ("/proc/self/setgroups", "deny");
  overwrite_file ("/proc/self/uid_map", uids);
  overwrite_file ("/proc/self/gid_map", gids);
  overwrite_file ("/proc/sys/user/max_user_namespaces", "0");
  require (syscall (SYS_capset, &header, none) == 0, "capset");
}

static inline void
stay (void)
{
}

static const Situation situations[] = {
    {"root", TRUE, stay, VT_SANDBOX_NAMESPACES | VT_SANDBOX_USER | VT_SANDBOX_SECCOMP},
    {"unprivileged", FALSE, become_unprivileged, VT_SANDBOX_NAMESPACES | VT_SANDBOX_SECCOMP},
    {"root-without-admin", TRUE, drop_admin,
     VT_SANDBOX_NAMESPACES | VT_SANDBOX_USER | VT_SANDBOX_SECCOMP},
    {"container-root", TRUE, become_container_root, VT_SANDBOX_USER | VT_SANDBOX_SECCOMP},
    {"confined", FALSE, become_confined, VT_SANDBOX_SECCOMP},
};

static inline gboolean
kernel_has_landlock (void)
{
  return syscall (SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
}

static inline G_GNUC_NORETURN void
run_inside (const Situation *situation,
            const VtSandboxPolicy *policy,
            InsideFunc func,
            gconstpointer data,
            pid_t parent)
{
  g_autoptr (GError) error = NULL;
  Inside inside = {.situation = situation, .data = data};

  require (vt_die_with_parent (parent), "parent");
  if (!vt_sandbox_enter (policy, inside.tmp_dir, &inside.layers, &error)) {
    g_printerr ("%s\n", error->message);
    _exit (98);
  }
  _exit (func (&inside));
}

/* The parent of the sandboxed process is a process of the situation, too. */
static inline G_GNUC_NORETURN void
run_parent (const Situation *situation,
            const VtSandboxPolicy *policy,
            InsideFunc func,
            gconstpointer data,
            int report)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtRunDir) dir = NULL;
  g_autofree char *own = NULL;
  VtSandboxPolicy with_dir = *policy;
  pid_t self = getpid ();
  pid_t pid;
  int status;

  situation->prepare ();
  dir = vt_run_dir_new (&error);
  require (dir != NULL && chmod (vt_run_dir_get_path (dir), 0711) == 0, "directory");
  own = g_build_filename (vt_run_dir_get_path (dir), "own", NULL);
  require (mkdir (own, 0700) == 0, "directory");
  with_dir.dir = own;
  pid = fork ();
  if (pid == 0)
    run_inside (situation, &with_dir, func, data, self);
  require (write (report, &pid, sizeof pid) == sizeof pid, "report");
  require (waitpid (pid, &status, 0) == pid, "waitpid");
  g_clear_pointer (&dir, vt_run_dir_free);
  require (write (report, &status, sizeof status) == sizeof status, "report");
  _exit (0);
}

/* Runs FUNC and gives the wait status of its process. */
static inline int
run_in_sandbox (const Situation *situation,
                const VtSandboxPolicy *policy,
                InsideFunc func,
                gconstpointer data)
{
  int report[2];
  pid_t pid;
  pid_t inside;
  int status;

  g_assert_cmpint (pipe2 (report, O_CLOEXEC), ==, 0);
  pid = fork ();
  if (pid == 0)
    run_parent (situation, policy, func, data, report[1]);
  close (report[1]);
  g_assert_cmpint (read (report[0], &inside, sizeof inside), ==, sizeof inside);
  g_assert_cmpint (read (report[0], &status, sizeof status), ==, sizeof status);
  close (report[0]);
  g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
  return status;
}

static inline gboolean
skip_situation (const Situation *situation)
{
  if (!situation->needs_root || geteuid () == 0)
    return FALSE;
  g_test_skip ("needs root");
  return TRUE;
}
