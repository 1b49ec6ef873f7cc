// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Namespaces and the empty root.
 *
 * Where it is not allowed (no CAP_SYS_ADMIN and no user namespaces, or a security module that lets
 * one be made but nothing be mounted in it), the process must still see the host's files as before:
 * up to pivot_root(2) every refusal is undone and reported as such, after it every failure is one.
 */
#include "vt-sandbox-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vt-fd.h"

/* Exists on every system this runs on, and nobody misses it meanwhile. */
#define MOUNT_POINT "/proc"
#define MOUNT_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)
/* The root holds one directory. tmpfs takes "0" for "no limit". */
#define ROOT_OPTIONS "mode=0755,size=4k,nr_inodes=8"
/* Inodes are kernel memory; the engine unpacks 10,000 files at once by its default limit. */
#define TMP_FILES_MAX 65536

/* Refused here, as opposed to broken. */
static gboolean
is_refusal (int code)
{
  return code == EPERM || code == EACCES || code == ENOSPC || code == EUSERS || code == ENOSYS ||
         code == EINVAL;
}

static gboolean
write_text (const char *path, const char *text)
{
  vt_autofd fd = open (path, O_WRONLY | O_CLOEXEC);
  size_t size = strlen (text);

  return fd >= 0 && write (fd, text, size) == (ssize_t)size;
}

/* Its own ids, and no other. */
static gboolean
map_ids (uid_t uid, gid_t gid)
{
  g_autofree char *uid_map = g_strdup_printf ("%u %u 1", uid, uid);
  g_autofree char *gid_map = g_strdup_printf ("%u %u 1", gid, gid);

  return write_text ("/proc/self/setgroups", "deny") &&
         write_text ("/proc/self/uid_map", uid_map) && write_text ("/proc/self/gid_map", gid_map);
}

static gboolean
make_namespaces (gboolean with_user)
{
  uid_t uid = geteuid ();
  gid_t gid = getegid ();
  int flags = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

  if (unshare (flags | (with_user ? CLONE_NEWUSER : 0)) != 0)
    return FALSE;
  return !with_user || map_ids (uid, gid);
}

/* The working directory becomes the new root, with the old one mounted over it. */
static gboolean
change_root (void)
{
  int saved_errno;

  if (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount ("tmpfs", MOUNT_POINT, "tmpfs", MOUNT_FLAGS, ROOT_OPTIONS) != 0)
    return FALSE;
  if (chdir (MOUNT_POINT) == 0 && syscall (SYS_pivot_root, ".", ".") == 0)
    return TRUE;
  saved_errno = errno;
  if (chdir ("/") != 0 || umount2 (MOUNT_POINT, MNT_DETACH) != 0)
    return FALSE;
  errno = saved_errno;
  return FALSE;
}

static gboolean
mount_tmp (guint64 size, const VtSandboxUser *user)
{
  g_autofree char *options =
      g_strdup_printf ("mode=0700,size=%" G_GUINT64_FORMAT ",nr_inodes=%d,uid=%u,gid=%u", size,
                       TMP_FILES_MAX, user->uid, user->gid);

  return mkdir ("/tmp", 0700) == 0 && mount ("tmpfs", "/tmp", "tmpfs", MOUNT_FLAGS, options) == 0;
}

static gboolean
furnish_root (guint64 tmp_size, const VtSandboxUser *user, GError **error)
{
  if (umount2 (".", MNT_DETACH) != 0 || chdir ("/") != 0)
    return vt_sandbox_fail (error, "old root directory");
  if (tmp_size > 0 && !mount_tmp (tmp_size, user))
    return vt_sandbox_fail (error, "mounting the temporary directory");
  if (mount (NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MOUNT_FLAGS, NULL) != 0)
    return vt_sandbox_fail (error, "making the root directory read-only");
  return TRUE;
}

gboolean
vt_sandbox_enter_namespaces (gboolean with_user,
                             guint64 tmp_size,
                             const VtSandboxUser *user,
                             gboolean *entered,
                             GError **error)
{
  *entered = make_namespaces (with_user) && change_root ();
  if (!*entered)
    return is_refusal (errno) || vt_sandbox_fail (error, "namespaces");
  return furnish_root (tmp_size, user, error);
}
