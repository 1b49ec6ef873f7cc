// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What is tried from within the sandbox. Each function gives 0 if the sandbox holds; or else says
 * on standard error what does not.
 */
#pragma once

#include <dirent.h>
#include <iconv.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
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
