// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What is tried from within the sandbox. Each function gives 0 if the sandbox holds; or else says
 * on standard error what does not.
 */
#pragma once

#include <arpa/inet.h>
#include <dirent.h>
#include <iconv.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sandbox-situations.h"
#include "vt-fd.h"

/* A descriptor that the parent leaves open. */
#define LEFT_FD 77

#ifdef __SANITIZE_ADDRESS__
#define HAS_ADDRESS_SANITIZER TRUE
#else
#define HAS_ADDRESS_SANITIZER FALSE
#endif

static const VtSandboxPolicy with_tmp = {.tmp_size = TMP_SIZE, .open_files = 64};
static const VtSandboxPolicy without_tmp = {.open_files = 64};

/* What holds has 0; what does not is named. */
static int
held (gboolean condition, const char *what)
{
  if (!condition)
    g_printerr ("does not hold: %s (errno: %s)\n", what, g_strerror (errno));
  return condition ? 0 : 1;
}

/* --- Files -------------------------------------------------------------------------------- */

static int
open_host_files (const Inside *inside)
{
  static const char *const paths[] = {"/etc/passwd",       "/proc/self/environ", "/proc/1/maps",
                                      "/dev/kvm",          "/dev/null",          "../etc/passwd",
                                      "/../../etc/passwd", "/usr/bin/env"};
  int failures = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    failures += held (open (paths[i], O_RDONLY) < 0, paths[i]);
  failures += held (open ("/created", O_WRONLY | O_CREAT, 0600) < 0, "file in /");
  failures += held (mkdir ("/made", 0700) < 0, "directory in /");
  failures += held (open ("/tmp/../created", O_WRONLY | O_CREAT, 0600) < 0, "file above /tmp");
  return failures;
}

static int
list_root (const Inside *inside)
{
  DIR *root = opendir ("/");
  struct dirent *entry;
  int failures = 0;

  if ((inside->layers & VT_SANDBOX_LANDLOCK) != 0)
    failures += held (root == NULL && errno == EACCES, "listing of /");
  while (root != NULL && (entry = readdir (root)) != NULL)
    failures += held (entry->d_name[0] == '.' || g_str_equal (entry->d_name, "tmp"), entry->d_name);
  return failures;
}

/* What Landlock leaves to others: whether a file exists. */
static int
look_at_host_files (const Inside *inside)
{
  struct stat status;

  if ((inside->layers & VT_SANDBOX_NAMESPACES) == 0)
    return 0;
  return held (stat ("/etc/passwd", &status) < 0 && errno == ENOENT, "/etc/passwd") +
         held (stat ("/proc/self", &status) < 0 && errno == ENOENT, "/proc") +
         held (stat ("/dev/null", &status) < 0 && errno == ENOENT, "/dev");
}

static int
open_with_no_tmp (const Inside *inside)
{
  return held (inside->tmp_dir[0] == '\0', "no temporary directory") +
         held (open ("/", O_RDONLY) < 0 && errno == ENOENT, "/") +
         held (open ("/tmp", O_RDONLY) < 0 && errno == ENOENT, "/tmp") +
         held (access ("/etc/passwd", F_OK) < 0 && errno == ENOENT, "/etc/passwd");
}

static int
use_tmp (const Inside *inside)
{
  g_autofree char *dir = g_build_filename (inside->tmp_dir, "dir", NULL);
  g_autofree char *path = g_build_filename (dir, "file", NULL);
  g_autofree char *other = g_build_filename (inside->tmp_dir, "other", NULL);
  char text[8] = "";
  int fd;

  require (mkdir (dir, 0700) == 0, "mkdir");
  fd = open (path, O_RDWR | O_CREAT | O_EXCL, 0600);
  require (fd >= 0 && write (fd, "abc", 3) == 3, "write");
  close (fd);
  require (rename (path, other) == 0, "rename");
  fd = open (other, O_RDONLY);
  require (fd >= 0 && read (fd, text, sizeof text) == 3 && g_str_equal (text, "abc"), "read");
  require (unlink (other) == 0 && rmdir (dir) == 0, "remove");
  return 0;
}

/* Left for the parent to remove. */
static int
litter_tmp (const Inside *inside)
{
  g_autofree char *dir = g_build_filename (inside->tmp_dir, "dir", NULL);
  g_autofree char *path = g_build_filename (dir, "file", NULL);
  g_autofree char *locked = g_build_filename (inside->tmp_dir, "locked", NULL);

  require (mkdir (dir, 0700) == 0 && mkdir (locked, 0) == 0, "mkdir");
  require (open (path, O_RDWR | O_CREAT, 0600) >= 0, "open");
  return 0;
}

static gsize
fill_file (const char *dir, const char *name)
{
  static const char block[65536];
  g_autofree char *path = g_build_filename (dir, name, NULL);
  vt_autofd fd = open (path, O_WRONLY | O_CREAT, 0600);
  gsize size = 0;
  gssize n;

  require (fd >= 0, "open");
  while (size <= 4 * TMP_SIZE && (n = write (fd, block, sizeof block)) > 0)
    size += (gsize)n;
  return size;
}

static int
fill_tmp (const Inside *inside)
{
  gsize first = fill_file (inside->tmp_dir, "first");
  int failures = held (first == TMP_SIZE, "one file's size");

  if ((inside->layers & VT_SANDBOX_NAMESPACES) != 0) {
    g_autofree char *path = g_build_filename (inside->tmp_dir, "first", NULL);

    failures += held (fill_file (inside->tmp_dir, "second") == 0 && errno == ENOSPC, "no space");
    require (unlink (path) == 0, "unlink");
    failures += held (fill_file (inside->tmp_dir, "third") > TMP_SIZE / 2, "space again");
  }
  return failures;
}

/* --- System calls ------------------------------------------------------------------------- */

typedef struct {
  const char *name;
  long call;
  long arguments[6];
} Call;

static char program[] = "/bin/sh";
static char *program_arguments[] = {program, NULL};
static union bpf_attr bpf_attributes;
static struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

static const Call killing_calls[] = {
    {"socket-inet", SYS_socket, {AF_INET, SOCK_STREAM}},
    {"socket-unix", SYS_socket, {AF_UNIX, SOCK_STREAM}},
    {"socketpair", SYS_socketpair, {AF_UNIX, SOCK_STREAM}},
    {"connect", SYS_connect, {0}},
    {"bind", SYS_bind, {0}},
    {"execve", SYS_execve, {(long)program, (long)program_arguments}},
    {"execveat", SYS_execveat, {AT_FDCWD, (long)program, (long)program_arguments}},
    {"clone", SYS_clone, {SIGCHLD}},
    {"clone-newuser", SYS_clone, {SIGCHLD | CLONE_NEWUSER}},
    {"setuid", SYS_setuid, {0}},
    {"setresuid", SYS_setresuid, {0}},
    {"setgroups", SYS_setgroups, {0}},
    {"capset", SYS_capset, {0}},
    {"mount", SYS_mount, {(long)"/", (long)"/", 0, MS_ASYNC}},
    {"fsopen", SYS_fsopen, {(long)"tmpfs"}},
    {"open-tree", SYS_open_tree, {AT_FDCWD, (long)"/"}},
    {"umount2", SYS_umount2, {(long)"/"}},
    {"pivot-root", SYS_pivot_root, {(long)".", (long)"."}},
    {"chroot", SYS_chroot, {(long)"."}},
    {"chdir", SYS_chdir, {(long)".."}},
    {"fchdir", SYS_fchdir, {LEFT_FD}},
    {"unshare", SYS_unshare, {CLONE_NEWUSER}},
    {"setns", SYS_setns, {LEFT_FD}},
    {"keyctl", SYS_keyctl, {0}},
    {"add-key", SYS_add_key, {0}},
    {"bpf", SYS_bpf, {0, (long)&bpf_attributes, sizeof bpf_attributes}},
    {"perf-event-open", SYS_perf_event_open, {0}},
    {"io-uring-setup", SYS_io_uring_setup, {0}},
    {"userfaultfd", SYS_userfaultfd, {0}},
    {"open-by-handle-at", SYS_open_by_handle_at, {LEFT_FD}},
    {"process-vm-readv", SYS_process_vm_readv, {0}},
    {"process-vm-writev", SYS_process_vm_writev, {0}},
    {"pidfd-open", SYS_pidfd_open, {1}},
    {"memfd-create", SYS_memfd_create, {(long)"x"}},
    {"seccomp", SYS_seccomp, {0}},
    {"personality", SYS_personality, {0x0400000}},
    {"mmap-exec", SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
    {"mprotect-exec", SYS_mprotect, {0, 4096, PROT_EXEC}},
    {"pdeathsig", SYS_prctl, {PR_SET_PDEATHSIG, 0}},
    {"dumpable", SYS_prctl, {PR_SET_DUMPABLE, 1}},
    {"setrlimit", SYS_prlimit64, {0, RLIMIT_NOFILE, (long)&unlimited}},
    {"prlimit-of-other", SYS_prlimit64, {1, RLIMIT_NOFILE, 0}},
    {"fcntl-setown", SYS_fcntl, {STDIN_FILENO, F_SETOWN, 1}},
    {"fcntl-setsig", SYS_fcntl, {STDIN_FILENO, F_SETSIG, SIGKILL}},
    {"openat-of-descriptor", SYS_openat, {LEFT_FD, (long)"..", O_RDONLY}},
    {"openat2", SYS_openat2, {AT_FDCWD, (long)"/"}},
    {"symlink", SYS_symlink, {(long)"/", (long)"/tmp/link"}},
    {"link", SYS_link, {(long)"/", (long)"/tmp/link"}},
    {"mknod", SYS_mknod, {(long)"/tmp/node", S_IFCHR}},
    {"truncate", SYS_truncate, {(long)"/etc/passwd", 0}},
    {"chown", SYS_chown, {(long)"/etc/passwd", 0, 0}},
    {"setxattr", SYS_setxattr, {(long)"/etc/passwd"}},
    {"kill", SYS_kill, {-1, 0}},
    {"tgkill", SYS_tgkill, {1, 1, 0}},
    {"unknown", 100000, {0}},
};

static int
make_call (const Inside *inside)
{
  const Call *call = inside->data;
  const long *a = call->arguments;

  syscall (call->call, a[0], a[1], a[2], a[3], a[4], a[5]);
  return held (FALSE, call->name);
}

static int
kill_parent (const Inside *inside)
{
  kill (getppid (), SIGKILL);
  return held (FALSE, "kill");
}

static int
trace_parent (const Inside *inside)
{
  ptrace (PTRACE_ATTACH, getppid (), NULL, NULL);
  return held (FALSE, "ptrace");
}

static gpointer
do_nothing (gpointer data)
{
  return data;
}

static int
start_thread (const Inside *inside)
{
  g_thread_try_new ("second", do_nothing, NULL, NULL);
  return held (FALSE, "thread");
}

static int
abort_itself (const Inside *inside)
{
  abort ();
}

static int
change_modes (const Inside *inside)
{
  return held (chmod (inside->tmp_dir, 0777) < 0 && errno == EPERM, "chmod") +
         held (isatty (STDERR_FILENO) == 0 && errno == ENOTTY, "isatty");
}

static int
make_memfd (const Inside *inside)
{
  int fd = memfd_create ("x", MFD_ALLOW_SEALING);

  return held (fd >= 0 && ftruncate (fd, 2 * TMP_SIZE) == 0, "memfd") +
         held (ftruncate (fd, 2 * TMP_SIZE + 1) < 0 && errno == EFBIG, "larger memfd") +
         held (fcntl (fd, F_ADD_SEALS, F_SEAL_GROW) == 0, "seal");
}

/* --- Limits ------------------------------------------------------------------------------- */

#define ADDRESS_SPACE (64 * 1024 * 1024)

static int
map_much (const Inside *inside)
{
  gsize part = ADDRESS_SPACE / 16;
  gsize parts = 0;

  while (parts < 64 && mmap (NULL, part, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                             0) != MAP_FAILED)
    parts++;
  return held (parts >= 12 && parts <= 16 && errno == ENOMEM, "address space");
}

static int
burn (const Inside *inside)
{
  volatile gboolean burning = TRUE;

  while (burning)
    ;
  return 1;
}

static int
open_many (const Inside *inside)
{
  int last = -1;
  int fd;

  while ((fd = dup (STDERR_FILENO)) >= 0)
    last = fd;
  return held (last == (int)with_tmp.open_files - 1 && errno == EMFILE, "open files");
}

static int
read_limits (const Inside *inside)
{
  static const __rlimit_resource_t zero[] = {RLIMIT_CORE, RLIMIT_NPROC, RLIMIT_MEMLOCK};
  int failures = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (zero); i++) {
    struct rlimit limit;

    require (getrlimit (zero[i], &limit) == 0, "getrlimit");
    failures += held (limit.rlim_cur == 0 && limit.rlim_max == 0, "limit");
  }
  return failures;
}

/* --- What the sandbox leaves alone -------------------------------------------------------- */

static int
check_layers (const Inside *inside)
{
  VtSandboxLayers expected = inside->situation->layers;
  g_autofree char *text = vt_sandbox_layers_to_string (inside->layers);

  if (GPOINTER_TO_INT (inside->data))
    expected |= VT_SANDBOX_LANDLOCK;
  return held (inside->layers == expected, text) +
         held ((inside->layers & VT_SANDBOX_USER) == 0 || geteuid () >= 0x70000000u, "user id") +
         held (getuid () == geteuid () && getgid () == getegid (), "ids");
}

static int
find_left_fd (const Inside *inside)
{
  return held (fcntl (LEFT_FD, F_GETFD) < 0 && errno == EBADF, "descriptor");
}

static int
use_kept_fd (const Inside *inside)
{
  return held (fcntl (LEFT_FD, F_GETFD) == 0, "descriptor kept") +
         held (fcntl (LEFT_FD + 1, F_GETFD) < 0, "descriptor beyond") +
         held (fcntl (LEFT_FD - 1, F_GETFD) < 0, "descriptor before");
}

static int
write_log (const Inside *inside)
{
  g_printerr ("%s", (const char *)inside->data);
  return 0;
}

static int
convert_text (const Inside *inside)
{
  static const char *const charsets[] = {"windows-1251", "ISO-8859-2", "EUC-JP", "UTF-16",
                                         "UNICODE",      "GBK",        "KOI8-R", "BIG5"};
  int failures = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (charsets); i++)
    failures += held (iconv_open ("UTF-16BE", charsets[i]) != (iconv_t)-1, charsets[i]);
  return failures;
}

static int
idle (const Inside *inside)
{
  int ready = GPOINTER_TO_INT (inside->data);

  require (write (ready, "", 1) == 1, "write");
  close (ready);
  poll (NULL, 0, -1);
  return 0;
}
