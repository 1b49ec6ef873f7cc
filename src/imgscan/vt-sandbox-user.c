// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * User ids and capabilities.
 *
 * Root changes to a user id of the process's own, made of its process id. So it owns nothing, can
 * neither signal nor trace another sandboxed process, and shares no RLIMIT_NPROC count with
 * anybody, all of which "nobody" would. 0x70000000 and up are the ids that neither the systemd
 * project's published partition of the id space (users, containers, dynamic users) nor subuid(5)
 * ranges use, and are positive in 32 bits.
 */
#include "vt-sandbox-private.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_ID 0x70000000u
/* The kernel's: process ids are below it. */
#define PID_LIMIT (1u << 22)
/* In a container that has only the first 65,536 ids. */
#define NOBODY_ID 65534u
#define CAP_WORDS _LINUX_CAPABILITY_U32S_3
#define SECUREBITS                                                                                 \
  (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |  \
   SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

gboolean
vt_sandbox_has_capability (guint capability)
{
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[CAP_WORDS] = {0};

  if (syscall (SYS_capget, &header, data) != 0)
    return FALSE;
  return (data[CAP_TO_INDEX (capability)].effective & CAP_TO_MASK (capability)) != 0;
}

/* Whether the user namespace has ID; MAP is /proc/self/uid_map or gid_map. */
static gboolean
is_mapped (const char *map, guint32 id)
{
  FILE *file = fopen (map, "re");
  guint64 first;
  guint64 outside;
  guint64 count;
  gboolean found = FALSE;

  if (file == NULL)
    return FALSE;
  while (!found && fscanf (file, "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT,
                           &first, &outside, &count) == 3)
    found = id >= first && id - first < count;
  fclose (file);
  return found;
}

VtSandboxUser
vt_sandbox_user_choose (void)
{
  VtSandboxUser user = {.uid = geteuid (), .gid = getegid ()};
  const guint32 candidates[] = {FIRST_ID + (guint32)getpid (), NOBODY_ID};

  /* CAP_KILL: or else the parent's death signal could not reach the other user. */
  if (!vt_sandbox_has_capability (CAP_SETUID) || !vt_sandbox_has_capability (CAP_SETGID) ||
      !vt_sandbox_has_capability (CAP_CHOWN) || !vt_sandbox_has_capability (CAP_KILL))
    return user;
  for (gsize i = 0; i < G_N_ELEMENTS (candidates); i++) {
    guint32 id = candidates[i];

    if (is_mapped ("/proc/self/uid_map", id) && is_mapped ("/proc/self/gid_map", id))
      return (VtSandboxUser){.uid = id, .gid = id, .changes = TRUE};
  }
  return user;
}

gboolean
vt_sandbox_user_switch (const VtSandboxUser *user, GError **error)
{
  if (setgroups (0, NULL) != 0)
    return vt_sandbox_fail (error, "supplementary groups");
  if (setresgid (user->gid, user->gid, user->gid) != 0)
    return vt_sandbox_fail (error, "group id");
  /* Of the capabilities that go with it, the ones for the bounding set are needed once more. */
  if (prctl (PR_SET_KEEPCAPS, 1) != 0 || setresuid (user->uid, user->uid, user->uid) != 0)
    return vt_sandbox_fail (error, "user id");
  return TRUE;
}

static gboolean
raise_permitted (GError **error)
{
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[CAP_WORDS] = {0};

  if (syscall (SYS_capget, &header, data) != 0)
    return vt_sandbox_fail (error, "capabilities");
  for (gsize i = 0; i < CAP_WORDS; i++)
    data[i].effective = data[i].permitted;
  return syscall (SYS_capset, &header, data) == 0 || vt_sandbox_fail (error, "capabilities");
}

static gboolean
drop_bounding_set (GError **error)
{
  for (guint capability = 0; prctl (PR_CAPBSET_READ, capability) >= 0; capability++) {
    if (prctl (PR_CAPBSET_DROP, capability) != 0)
      return vt_sandbox_fail (error, "capability bounding set");
  }
  return prctl (PR_SET_SECUREBITS, SECUREBITS) == 0 || vt_sandbox_fail (error, "secure bits");
}

gboolean
vt_sandbox_drop_capabilities (GError **error)
{
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[CAP_WORDS] = {0};

  if (!raise_permitted (error))
    return FALSE;
  /* Without CAP_SETPCAP the bounding set stays; no_new_privs makes it of no use. */
  if (vt_sandbox_has_capability (CAP_SETPCAP) && !drop_bounding_set (error))
    return FALSE;
  if (syscall (SYS_capset, &header, none) != 0)
    return vt_sandbox_fail (error, "capabilities");
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return vt_sandbox_fail (error, "no_new_privs");
  return TRUE;
}
