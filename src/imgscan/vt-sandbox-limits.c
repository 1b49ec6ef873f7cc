// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-sandbox-private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* How much longer a standard output or error that is a file on disk may become. */
#define LOG_SIZE_MAX ((guint64)16 * 1024 * 1024)

/* AddressSanitizer maps terabytes of shadow memory, part of it only as it goes. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define LIMITS_ADDRESS_SPACE FALSE
#else
#define LIMITS_ADDRESS_SPACE TRUE
#endif

guint64
vt_sandbox_mapped_size (void)
{
  FILE *file = fopen ("/proc/self/statm", "re");
  guint64 pages = 0;

  if (file == NULL)
    return 0;
  if (fscanf (file, "%" G_GUINT64_FORMAT, &pages) != 1)
    pages = 0;
  fclose (file);
  return pages * (guint64)sysconf (_SC_PAGESIZE);
}

/* Never above the hard limit there is. */
static gboolean
set_limits (
    __rlimit_resource_t resource, guint64 soft, guint64 hard, const char *name, GError **error)
{
  struct rlimit limit;

  if (getrlimit (resource, &limit) == 0) {
    limit.rlim_max = MIN (limit.rlim_max, hard);
    limit.rlim_cur = MIN (limit.rlim_max, soft);
    if (setrlimit (resource, &limit) == 0)
      return TRUE;
  }
  return vt_sandbox_fail (error, name);
}

static gboolean
set_limit (__rlimit_resource_t resource, guint64 value, const char *name, GError **error)
{
  return set_limits (resource, value, value, name, error);
}

/* The soft limit ends the process with SIGXCPU, which tells the parent why, unless it is caught. */
static gboolean
limit_processor_time (guint64 seconds, GError **error)
{
  return seconds == 0 ||
         set_limits (RLIMIT_CPU, seconds, seconds + 1, "limit of processor time", error);
}

static guint64
largest_file (const VtSandboxPolicy *policy)
{
  guint64 size = MAX (MAX (policy->tmp_size, policy->memfd_size), policy->file_size);

  for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
    struct stat status;

    if (fstat (fd, &status) == 0 && S_ISREG (status.st_mode))
      size = MAX (size, (guint64)status.st_size + LOG_SIZE_MAX);
  }
  return size;
}

static gboolean
limit_address_space (guint64 mapped_size, guint64 more, GError **error)
{
  if (more == 0 || !LIMITS_ADDRESS_SPACE)
    return TRUE;
  if (mapped_size != 0 && more <= G_MAXUINT64 - mapped_size)
    return set_limit (RLIMIT_AS, mapped_size + more, "limit of address space", error);
  g_set_error (error, VT_SANDBOX_ERROR, VT_SANDBOX_ERROR_FAILED,
               "sandbox: limit of address space: %" G_GUINT64_FORMAT
               " bytes beyond the %" G_GUINT64_FORMAT " mapped",
               more, mapped_size);
  return FALSE;
}

gboolean
vt_sandbox_set_limits (const VtSandboxPolicy *policy, guint64 mapped_size, GError **error)
{
  /* A file at its limit is an error to its writer (EFBIG), not the end of the process. */
  signal (SIGXFSZ, SIG_IGN);
  return set_limit (RLIMIT_CORE, 0, "limit of core dumps", error) &&
         set_limit (RLIMIT_NPROC, 0, "limit of processes", error) &&
         set_limit (RLIMIT_MEMLOCK, 0, "limit of locked memory", error) &&
         set_limit (RLIMIT_MSGQUEUE, 0, "limit of message queues", error) &&
         set_limit (RLIMIT_FSIZE, largest_file (policy), "limit of file size", error) &&
         set_limit (RLIMIT_NOFILE, policy->open_files, "limit of open files", error) &&
         limit_processor_time (policy->cpu_seconds, error) &&
         limit_address_space (mapped_size, policy->address_space, error);
}
