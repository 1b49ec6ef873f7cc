// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Each layer of the sandbox by itself: what one holds is not to be held by another alone.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "sandbox-situations.h"
#include "vt-fd.h"
#include "vt-sandbox-private.h"

typedef void (*LayerFunc) (gconstpointer data);

#define check(condition)        require (condition, #condition)
#define check_fails(call, code) require ((call) < 0 && errno == (code), #call)

/* FUNC ends its process unless all holds. */
static void
run_layer (LayerFunc func, gconstpointer data)
{
  int status;
  pid_t pid = fork ();

  if (pid == 0) {
    func (data);
    _exit (0);
  }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

/* On the loopback device, where anybody can connect. */
static int
listen_on_loopback (struct sockaddr_in *address)
{
  socklen_t size = sizeof *address;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  *address =
      (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
  g_assert_cmpint (bind (fd, (struct sockaddr *)address, sizeof *address), ==, 0);
  g_assert_cmpint (listen (fd, 4), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *)address, &size), ==, 0);
  return fd;
}

static int
connect_to (const struct sockaddr_in *address)
{
  vt_autofd fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  check (fd >= 0);
  return connect (fd, (const struct sockaddr *)address, sizeof *address);
}

static void
check_namespaces (const struct sockaddr_in *address, gboolean with_user)
{
  VtSandboxUser user = {.uid = geteuid (), .gid = getegid ()};
  struct statvfs space;
  struct stat status;
  gboolean entered;

  check (connect_to (address) == 0);
  check (vt_sandbox_enter_namespaces (with_user, TMP_SIZE, &user, &entered, NULL));
  check (entered);
  check (connect_to (address) < 0);
  check_fails (stat ("/etc", &status), ENOENT);
  check_fails (stat ("/proc", &status), ENOENT);
  check_fails (stat ("/../etc", &status), ENOENT);
  check_fails (open ("/file", O_WRONLY | O_CREAT, 0600), EROFS);
  check_fails (mkdir ("/dir", 0700), EROFS);
  check (statvfs ("/tmp", &space) == 0 && space.f_blocks * space.f_frsize == TMP_SIZE);
  check ((space.f_flag & (ST_NOEXEC | ST_NODEV | ST_NOSUID)) == (ST_NOEXEC | ST_NODEV | ST_NOSUID));
  check (space.f_files > 0 && space.f_files <= 65536);
  check (stat ("/tmp", &status) == 0 && (status.st_mode & 07777) == 0700);
  check (open ("/tmp/file", O_WRONLY | O_CREAT, 0600) >= 0);
}

static void
namespaces_of_root (gconstpointer address)
{
  check_namespaces (address, FALSE);
}

static void
namespaces_of_user (gconstpointer address)
{
  become_unprivileged ();
  check_namespaces (address, TRUE);
}

static void
namespaces_refused (gconstpointer address)
{
  VtSandboxUser user = {.uid = geteuid (), .gid = getegid ()};
  struct stat status;
  gboolean entered;

  become_confined ();
  check (vt_sandbox_enter_namespaces (TRUE, TMP_SIZE, &user, &entered, NULL));
  check (!entered);
  check (stat ("/proc/self", &status) == 0);
}

/* As where a security module grants the namespaces and then no mount in them. */
static void
mounts_refused (gconstpointer address)
{
  VtSandboxUser user = {.uid = geteuid (), .gid = getegid ()};
  scmp_filter_ctx filter = seccomp_init (SCMP_ACT_ALLOW);
  struct stat status;
  gboolean entered;

  check (seccomp_rule_add (filter, SCMP_ACT_ERRNO (EPERM), SCMP_SYS (pivot_root), 0) == 0);
  check (seccomp_load (filter) == 0);
  seccomp_release (filter);
  check (vt_sandbox_enter_namespaces (geteuid () != 0, TMP_SIZE, &user, &entered, NULL));
  check (!entered);
  check (stat ("/etc/passwd", &status) == 0 && stat ("/proc/self", &status) == 0);
}

static void
test_namespaces (void)
{
  struct sockaddr_in address;
  vt_autofd listener = listen_on_loopback (&address);

  if (geteuid () == 0)
    run_layer (namespaces_of_root, &address);
  run_layer (namespaces_of_user, &address);
  run_layer (namespaces_refused, &address);
  run_layer (mounts_refused, &address);
}

typedef struct {
  struct sockaddr_in address;
  const char *dir;
} Confined;

static void
check_landlock (gconstpointer data)
{
  const Confined *confined = data;
  const char *dir = confined->dir;
  g_autofree char *path = NULL;
  g_autofree char *link_path = NULL;
  long abi = syscall (SYS_landlock_create_ruleset, NULL, 0, 1);
  gboolean in_force;

  path = g_build_filename (dir, "file", NULL);
  link_path = g_build_filename (dir, "link", NULL);
  check (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  check (vt_sandbox_enter_landlock (dir, &in_force, NULL) && in_force);
  check_fails (open ("/etc/passwd", O_RDONLY), EACCES);
  check_fails (open ("/proc/self/environ", O_RDONLY), EACCES);
  check_fails (open ("/dev/null", O_RDWR), EACCES);
  check_fails (open ("/", O_RDONLY | O_DIRECTORY), EACCES);
  check_fails (execl ("/bin/true", "true", NULL), EACCES);
  check (close (open (path, O_RDWR | O_CREAT, 0600)) == 0);
  check_fails (symlink ("/etc", link_path), EACCES);
  check_fails (mknod (link_path, S_IFIFO, 0), EACCES);
  check_fails (link (path, "/tmp/test-sandbox-layers-link"), EACCES);
  if (abi >= 4)
    check_fails (connect_to (&confined->address), EACCES);
  if (abi >= 6)
    check_fails (kill (getppid (), 0), EPERM);
  check (unlink (path) == 0);
}

static void
check_landlock_without_dir (gconstpointer data)
{
  gboolean in_force;

  check (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  check (vt_sandbox_enter_landlock ("", &in_force, NULL) && in_force);
  check_fails (open ("/tmp", O_RDONLY | O_DIRECTORY), EACCES);
  check_fails (open ("/tmp/test-sandbox-layers-file", O_WRONLY | O_CREAT, 0600), EACCES);
}

static void
test_landlock (void)
{
  g_autofree char *dir = g_dir_make_tmp ("test-sandbox-layers-XXXXXX", NULL);
  Confined confined = {.dir = dir};
  vt_autofd listener = listen_on_loopback (&confined.address);

  g_assert_nonnull (dir);
  if (!kernel_has_landlock ()) {
    g_assert_cmpint (rmdir (dir), ==, 0);
    g_test_skip ("the kernel has no Landlock");
    return;
  }
  run_layer (check_landlock, &confined);
  run_layer (check_landlock_without_dir, NULL);
  g_assert_cmpint (rmdir (dir), ==, 0);
}

static void
check_no_capabilities (void)
{
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];

  check (syscall (SYS_capget, &header, data) == 0);
  for (gsize i = 0; i < G_N_ELEMENTS (data); i++)
    check ((data[i].effective | data[i].permitted | data[i].inheritable) == 0);
  check (prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
  check_fails (mount ("tmpfs", "/mnt", "tmpfs", 0, NULL), EPERM);
  check_fails (chroot ("/"), EPERM);
}

static void
check_user (gconstpointer data)
{
  VtSandboxUser user = vt_sandbox_user_choose ();

  check (user.changes && user.uid == 0x70000000u + (guint)getpid ());
  check (vt_sandbox_user_switch (&user, NULL));
  check (vt_sandbox_drop_capabilities (NULL));
  check_no_capabilities ();
  for (gulong capability = 0; capability <= CAP_LAST_CAP; capability++)
    check (prctl (PR_CAPBSET_READ, capability) == 0);
  check ((prctl (PR_GET_SECUREBITS) & 0xb) != 0);
  check (getuid () == user.uid && geteuid () == user.uid && getgid () == user.gid);
  check (getgroups (0, NULL) == 0);
  check_fails (setuid (0), EPERM);
  check_fails (setgid (0), EPERM);
  check_fails (open ("/etc/shadow", O_RDONLY), EACCES);
  check_fails (kill (getppid (), 0), EPERM);
}

static void
check_capabilities_of_user (gconstpointer data)
{
  become_unprivileged ();
  check (!vt_sandbox_user_choose ().changes);
  check (vt_sandbox_drop_capabilities (NULL));
  check_no_capabilities ();
}

static void
test_user (void)
{
  if (geteuid () == 0)
    run_layer (check_user, NULL);
  run_layer (check_capabilities_of_user, NULL);
}

static void
check_process_limit (gconstpointer data)
{
  const VtSandboxPolicy policy = {.open_files = 64};

  become_unprivileged ();
  check (vt_sandbox_set_limits (&policy, 0, NULL));
  check_fails (fork (), EAGAIN);
}

static void
test_limits (void)
{
  run_layer (check_process_limit, NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sandbox-layers/namespaces", test_namespaces);
  g_test_add_func ("/sandbox-layers/landlock", test_landlock);
  g_test_add_func ("/sandbox-layers/user", test_user);
  g_test_add_func ("/sandbox-layers/limits", test_limits);
  return g_test_run ();
}
