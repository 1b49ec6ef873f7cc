// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The system calls that remain.
 *
 * Everything else kills the process: its parent then knows that this content has no verdict. An
 * error code is given in place of that only where the caller is known to take it well. Calls that
 * act on paths outside Landlock's reach (chmod, chown, truncate, extended attributes, times) are
 * not on the list, and those that take a directory descriptor get none.
 */
#include "vt-sandbox-private.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

G_DEFINE_AUTO_CLEANUP_FREE_FUNC (scmp_filter_ctx, seccomp_release, NULL)

/* Memory, time, open descriptors, the end of the process. */
static const int always[] = {
    SCMP_SYS (brk),
    SCMP_SYS (clock_getres),
    SCMP_SYS (clock_gettime),
    SCMP_SYS (close),
    SCMP_SYS (copy_file_range),
    SCMP_SYS (dup),
    SCMP_SYS (exit),
    SCMP_SYS (exit_group),
    SCMP_SYS (fadvise64),
    SCMP_SYS (fallocate),
    SCMP_SYS (fdatasync),
    SCMP_SYS (fstat),
    SCMP_SYS (fstatfs),
    SCMP_SYS (fsync),
    SCMP_SYS (ftruncate),
    SCMP_SYS (futex),
    SCMP_SYS (getegid),
    SCMP_SYS (geteuid),
    SCMP_SYS (getgid),
    SCMP_SYS (getpid),
    SCMP_SYS (getppid),
    SCMP_SYS (getrandom),
    SCMP_SYS (getrlimit),
    SCMP_SYS (getrusage),
    SCMP_SYS (gettid),
    SCMP_SYS (gettimeofday),
    SCMP_SYS (getuid),
    SCMP_SYS (lseek),
    SCMP_SYS (madvise),
    SCMP_SYS (membarrier),
    SCMP_SYS (mremap),
    SCMP_SYS (msync),
    SCMP_SYS (munmap),
    SCMP_SYS (poll),
    SCMP_SYS (ppoll),
    SCMP_SYS (pread64),
    SCMP_SYS (preadv),
    SCMP_SYS (pselect6),
    SCMP_SYS (pwrite64),
    SCMP_SYS (pwritev),
    SCMP_SYS (read),
    SCMP_SYS (readv),
    SCMP_SYS (recvfrom),
    SCMP_SYS (recvmsg),
    SCMP_SYS (restart_syscall),
    SCMP_SYS (rt_sigaction),
    SCMP_SYS (rt_sigprocmask),
    SCMP_SYS (rt_sigreturn),
    SCMP_SYS (sched_yield),
    SCMP_SYS (sched_getaffinity),
    SCMP_SYS (select),
    SCMP_SYS (sendfile),
    SCMP_SYS (sendmsg),
    SCMP_SYS (sendto),
    SCMP_SYS (shutdown),
    SCMP_SYS (sigaltstack),
    SCMP_SYS (sysinfo),
    SCMP_SYS (time),
    SCMP_SYS (times),
    SCMP_SYS (uname),
    SCMP_SYS (write),
    SCMP_SYS (writev),
    SCMP_SYS (clock_nanosleep),
    SCMP_SYS (nanosleep),
};

/* Where there is a temporary directory; without one they find nothing. */
static const int on_paths[] = {
    SCMP_SYS (access), SCMP_SYS (creat),    SCMP_SYS (lstat),  SCMP_SYS (mkdir),
    SCMP_SYS (open),   SCMP_SYS (readlink), SCMP_SYS (rename), SCMP_SYS (rmdir),
    SCMP_SYS (stat),   SCMP_SYS (statfs),   SCMP_SYS (unlink),
};

/* The same by their newer names: allowed from the working directory, not from a descriptor. */
static const int on_paths_at[] = {
    SCMP_SYS (faccessat), SCMP_SYS (faccessat2), SCMP_SYS (mkdirat),
    SCMP_SYS (openat),    SCMP_SYS (readlinkat), SCMP_SYS (unlinkat),
};

/* Commands of fcntl(2). F_SETOWN and F_SETSIG, which send signals, are not among them. */
static const int fcntl_commands[] = {
    F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD,  F_SETFD,     F_GETFL,     F_SETFL,
    F_GETLK, F_SETLK,         F_SETLKW, F_GET_SEALS, F_ADD_SEALS,
};

static const struct {
  int call;
  int error;
} answered[] = {
    /* The C library then takes clone, which kills. */
    {SCMP_SYS (clone3), ENOSYS},
    {SCMP_SYS (statx), ENOSYS},
    /* isatty() of a log writer. */
    {SCMP_SYS (ioctl), ENOTTY},
    /* Is standard error the journal? If so GLib would open a socket to it, instead of writing. */
    {SCMP_SYS (getpeername), ENOTSOCK},
    {SCMP_SYS (getsockname), ENOTSOCK},
    /* The engine opens up directories that it is about to remove, which are open already. */
    {SCMP_SYS (chmod), EPERM},
};

static int
allow_calls (scmp_filter_ctx filter, const int *calls, gsize n_calls)
{
  int result = 0;

  for (gsize i = 0; i < n_calls && result == 0; i++)
    result = seccomp_rule_add (filter, SCMP_ACT_ALLOW, calls[i], 0);
  return result;
}

static int
answer_calls (scmp_filter_ctx filter, int code, const int *calls, gsize n_calls)
{
  int result = 0;

  for (gsize i = 0; i < n_calls && result == 0; i++)
    result = seccomp_rule_add (filter, SCMP_ACT_ERRNO ((guint32)code), calls[i], 0);
  return result;
}

static int
add_path_rules (scmp_filter_ctx filter, gboolean with_files)
{
  /* fstat() of newer C libraries. */
  int result = seccomp_rule_add (filter, SCMP_ACT_ALLOW, SCMP_SYS (newfstatat), 1,
                                 SCMP_A3 (SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));

  if (!with_files) {
    if (result == 0)
      result = seccomp_rule_add (filter, SCMP_ACT_ERRNO (ENOENT), SCMP_SYS (newfstatat), 1,
                                 SCMP_A3 (SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, 0));
    if (result == 0)
      result = answer_calls (filter, ENOENT, on_paths, G_N_ELEMENTS (on_paths));
    if (result == 0)
      result = answer_calls (filter, ENOENT, on_paths_at, G_N_ELEMENTS (on_paths_at));
    return result;
  }
  if (result == 0)
    result = seccomp_rule_add (filter, SCMP_ACT_ALLOW, SCMP_SYS (newfstatat), 1,
                               SCMP_A3 (SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, 0));
  if (result == 0)
    result = seccomp_rule_add (filter, SCMP_ACT_ALLOW, SCMP_SYS (getdents64), 0);
  if (result == 0)
    result = seccomp_rule_add (filter, SCMP_ACT_ALLOW, SCMP_SYS (getcwd), 0);
  if (result == 0)
    result = allow_calls (filter, on_paths, G_N_ELEMENTS (on_paths));
  for (gsize i = 0; i < G_N_ELEMENTS (on_paths_at) && result == 0; i++)
    result = seccomp_rule_add (filter, SCMP_ACT_ALLOW, on_paths_at[i], 1,
                               SCMP_A0 (SCMP_CMP_MASKED_EQ, G_MAXUINT32, (guint32)AT_FDCWD));
  return result;
}

/* Calls of which only some arguments are harmless. */
static int
add_argument_rules (scmp_filter_ctx filter)
{
  const struct {
    int call;
    struct scmp_arg_cmp arguments[2];
    guint n_arguments;
  } rules[] = {
      {SCMP_SYS (mmap), {SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)}, 1},
      {SCMP_SYS (mprotect), {SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)}, 1},
      /* abort() */
      {SCMP_SYS (tgkill), {SCMP_A0 (SCMP_CMP_EQ, (guint64)getpid ())}, 1},
      {SCMP_SYS (prctl), {SCMP_A0 (SCMP_CMP_EQ, PR_SET_NAME)}, 1},
      {SCMP_SYS (prctl), {SCMP_A0 (SCMP_CMP_EQ, PR_GET_NAME)}, 1},
      /* Limits may be read. */
      {SCMP_SYS (prlimit64), {SCMP_A0 (SCMP_CMP_EQ, 0), SCMP_A2 (SCMP_CMP_EQ, 0)}, 2},
  };
  /* Names for mappings, tried by newer C libraries. */
  int result = seccomp_rule_add (filter, SCMP_ACT_ERRNO (EINVAL), SCMP_SYS (prctl), 1,
                                 SCMP_A0 (SCMP_CMP_EQ, PR_SET_VMA));

  for (gsize i = 0; i < G_N_ELEMENTS (rules) && result == 0; i++)
    result = seccomp_rule_add_array (filter, SCMP_ACT_ALLOW, rules[i].call, rules[i].n_arguments,
                                     rules[i].arguments);
  for (gsize i = 0; i < G_N_ELEMENTS (fcntl_commands) && result == 0; i++)
    result = seccomp_rule_add (filter, SCMP_ACT_ALLOW, SCMP_SYS (fcntl), 1,
                               SCMP_A1 (SCMP_CMP_EQ, (guint64)fcntl_commands[i]));
  return result;
}

static int
add_rules (scmp_filter_ctx filter, const VtSandboxPolicy *policy)
{
  int result = allow_calls (filter, always, G_N_ELEMENTS (always));

  for (gsize i = 0; i < G_N_ELEMENTS (answered) && result == 0; i++)
    result = answer_calls (filter, answered[i].error, &answered[i].call, 1);
  if (result == 0)
    result = add_argument_rules (filter);
  if (result == 0)
    result = add_path_rules (filter, policy->tmp_size > 0);
  if (result == 0 && policy->memfd_size > 0)
    result = seccomp_rule_add (filter, SCMP_ACT_ALLOW, SCMP_SYS (memfd_create), 0);
  return result;
}

gboolean
vt_sandbox_enter_seccomp (const VtSandboxPolicy *policy, GError **error)
{
  g_auto (scmp_filter_ctx) filter = seccomp_init (SCMP_ACT_KILL_PROCESS);
  int result = filter == NULL ? -ENOMEM : 0;

  if (result == 0)
    result = seccomp_attr_set (filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  /* A binary tree: the list is long, and the engine reads in small pieces. */
  if (result == 0)
    result = seccomp_attr_set (filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (result == 0)
    result = add_rules (filter, policy);
  if (result == 0)
    result = seccomp_load (filter);
  if (result == 0)
    return TRUE;
  errno = -result;
  return vt_sandbox_fail (error, "seccomp");
}
