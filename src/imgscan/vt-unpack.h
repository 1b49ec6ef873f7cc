// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Opens one container and hands out its members, one level deep: a member that is a container
 * itself is handed out as it is.
 *
 * Parses hostile bytes in the process that calls: to be called in a sandbox. Bounded by its limits
 * in every direction but time.
 */
#pragma once

#include <gio/gio.h>

#include "vt-container.h"
#include "vt-verdict.h"

typedef struct {
  guint64 max_member_size; /* bytes; a larger member is told without its content. Memfds are made
                              that large, and shortened: a sandbox must allow for it */
  guint64 max_size;        /* bytes of all members together; beyond: scan-limit */
  guint64 max_members;     /* beyond: files-limit */
  guint64 max_ratio;       /* unpacked to packed bytes, once a good deal is unpacked; beyond:
                              scan-limit */
  const char *const *passwords; /* tried for what is encrypted; or NULL */
} VtUnpackLimits;

typedef struct {
  const char *name; /* bytes, as the container has it, never empty; "data" where it has none */
  guint64 size;     /* bytes; as far as known when there is no content */
  int content;      /* sealed memfd (vt-content.h), which the callee takes; -1: see reason */
  VtReason reason;  /* NONE, or why there is no content */
} VtUnpackMember;

/* Loads what the C library takes from a file: before a sandbox is entered. Without it, names that
 * are not plain ASCII may come out as "data". */
void vt_unpack_preload (void);

/* FALSE ends the unpacking. */
typedef gboolean (*VtUnpackFunc) (const VtUnpackMember *member, gpointer user_data);

/*
 * Hands every regular file in the SIZE bytes of FD, which nobody can change and which are a
 * container of KIND, to FUNC in the container's order; empty ones, links and devices are counted
 * and not handed out, and a file of several names comes once. Returns NONE if that was all there
 * is; else why not, and DETAIL (may be NULL; g_free()) gets a sentence for people. A member that
 * cannot be unpacked whole, but can be passed over, is a matter of its own and does not count for
 * that. What FUNC ends is NONE.
 *
 * Damage shows where the format has something to tell it by: a plain tar or cpio archive has no
 * checksums of data, gzip's are not looked at, compress has not even an end.
 */
VtReason vt_unpack (int fd,
                    guint64 size,
                    VtContainerKind kind,
                    const VtUnpackLimits *limits,
                    VtUnpackFunc func,
                    gpointer user_data,
                    char **detail);
