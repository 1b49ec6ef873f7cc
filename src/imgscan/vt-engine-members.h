// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Lists the members of an archive that the engine opens too, as another library reads it.
 *
 * Parses hostile bytes in the process that calls: to be called in a sandbox. Nothing is kept of a
 * member but its size and digest.
 */
#pragma once

#include <glib.h>

#include "vt-digest.h"
#include "vt-verdict.h"

/* What may still be unpacked; each listing takes from it. */
typedef struct {
  guint64 member_size; /* largest member, bytes; above: size-limit */
  guint64 size;        /* bytes in all; above: scan-limit */
  guint64 members;     /* above: files-limit */
} VtEngineMembersBudget;

typedef struct {
  guint64 size; /* bytes */
  /* Of its content; not known (FALSE) where the method of compression is not supported here. */
  gboolean has_digest;
  VtDigest digest;
} VtEngineMember;

typedef void (*VtEngineMemberFunc) (const VtEngineMember *member, gpointer user_data);

/* Whether archives of TYPE, by the engine's name of it ("CL_TYPE_ZIP"), can be listed. */
gboolean vt_engine_members_can_list (const char *type);

/*
 * Hands every regular member of the SIZE bytes at DATA that is not empty to FUNC. Gives NONE if
 * these were all, else the reason why not: damage is damaged.
 */
VtReason vt_engine_members_list (const char *type,
                                 const guint8 *data,
                                 gsize size,
                                 VtEngineMembersBudget *budget,
                                 VtEngineMemberFunc func,
                                 gpointer user_data);
