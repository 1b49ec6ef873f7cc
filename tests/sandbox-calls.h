// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * System calls that are tried from within the sandbox.
 */
#pragma once

#include <linux/bpf.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sandbox-probes.h"

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
