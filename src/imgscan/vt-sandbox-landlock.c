// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Landlock (landlock(7)). It confines files where there are no namespaces, and stands behind them
 * where there are. Newer kernels can also take TCP and signals to others away: asked for by number,
 * since the headers one builds with are often older than the kernel one runs on.
 */
#include "vt-sandbox-private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vt-fd.h"

/* As of ABI 6; older kernels take a longer structure when the rest is zero. */
typedef struct {
  guint64 handled_access_fs;
  guint64 handled_access_net;
  guint64 scoped;
} Ruleset;

#define FS_ABI_1 ((G_GUINT64_CONSTANT (1) << 13) - 1)
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (G_GUINT64_CONSTANT (1) << 13) /* ABI 2 */
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (G_GUINT64_CONSTANT (1) << 14) /* ABI 3 */
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (G_GUINT64_CONSTANT (1) << 15) /* ABI 5 */
#endif
#define NET_ABI_4   G_GUINT64_CONSTANT (3) /* bind and connect TCP */
#define SCOPE_ABI_6 G_GUINT64_CONSTANT (3) /* abstract sockets and signals outside */

/* What the temporary directory is for. No links, no devices, no sockets, nothing to execute. */
#define TMP_ACCESS                                                                                 \
  (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR |    \
   LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |  \
   LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE)

static Ruleset
ruleset_for (long abi)
{
  Ruleset ruleset = {.handled_access_fs = FS_ABI_1};

  if (abi >= 2)
    ruleset.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3)
    ruleset.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
  if (abi >= 4)
    ruleset.handled_access_net = NET_ABI_4;
  if (abi >= 5)
    ruleset.handled_access_fs |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
  if (abi >= 6)
    ruleset.scoped = SCOPE_ABI_6;
  return ruleset;
}

static gboolean
allow_beneath (int ruleset_fd, const char *path, guint64 access)
{
  vt_autofd fd = open (path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};

  return fd >= 0 &&
         syscall (SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

gboolean
vt_sandbox_enter_landlock (const char *tmp_dir, gboolean *in_force, GError **error)
{
  long abi = syscall (SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  Ruleset ruleset = ruleset_for (abi);
  vt_autofd fd = -1;

  *in_force = FALSE;
  /* Not built in, not switched on, or kept away by a container's filter. */
  if (abi < 1)
    return TRUE;
  fd = (int)syscall (SYS_landlock_create_ruleset, &ruleset, sizeof ruleset, 0);
  if (fd < 0)
    return vt_sandbox_fail (error, "landlock rule set");
  if (*tmp_dir != '\0' && !allow_beneath (fd, tmp_dir, TMP_ACCESS & ruleset.handled_access_fs))
    return vt_sandbox_fail (error, "landlock rule");
  if (syscall (SYS_landlock_restrict_self, fd, 0) != 0)
    return vt_sandbox_fail (error, "landlock");
  *in_force = TRUE;
  return TRUE;
}
