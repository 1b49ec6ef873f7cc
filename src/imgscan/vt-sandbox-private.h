// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The layers that vt_sandbox_enter() puts on, in the order in which it does.
 */
#pragma once

#include <sys/types.h>

#include "vt-sandbox.h"

/* Sets ERROR to "WHAT: " and the text of errno; returns FALSE. */
gboolean vt_sandbox_fail (GError **error, const char *what);

/* Closes all descriptors but 0 to 2 and FDS. */
gboolean vt_sandbox_close_fds (const int *fds, gsize n_fds, GError **error);

/* Bytes that the process has mapped; 0 if that cannot be told. */
guint64 vt_sandbox_mapped_size (void);

/* The ids to run under: the process's own if it may not change them. */
typedef struct {
  uid_t uid;
  gid_t gid;
  gboolean changes;
} VtSandboxUser;

VtSandboxUser vt_sandbox_user_choose (void);
gboolean vt_sandbox_user_switch (const VtSandboxUser *user, GError **error);
gboolean vt_sandbox_has_capability (guint capability);
/* All sets, the bounding set too; and no_new_privs. */
gboolean vt_sandbox_drop_capabilities (GError **error);

/*
 * New namespaces and an empty root, with /tmp of TMP_SIZE bytes for USER. WITH_USER: a user
 * namespace too. ENTERED is FALSE if that is not allowed here; the host's files are then in sight
 * as before.
 */
gboolean vt_sandbox_enter_namespaces (gboolean with_user,
                                      guint64 tmp_size,
                                      const VtSandboxUser *user,
                                      gboolean *entered,
                                      GError **error);

/* No file but those beneath TMP_DIR ("": none). IN_FORCE is FALSE if the kernel has no Landlock. */
gboolean vt_sandbox_enter_landlock (const char *tmp_dir, gboolean *in_force, GError **error);

gboolean vt_sandbox_set_limits (const VtSandboxPolicy *policy, guint64 mapped_size, GError **error);

gboolean vt_sandbox_enter_seccomp (const VtSandboxPolicy *policy, GError **error);
