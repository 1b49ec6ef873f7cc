// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Opens containers in sandboxed processes, several at a time, and hands on their members.
 *
 * A process that crashes or hangs costs the container it has. Containers within containers are
 * opened by other processes than those around them, one set for each level: so one that waits for
 * its members' verdicts never waits for a process that waits for it.
 *
 * All functions are to be called, and all events come, in the thread of the main context that was
 * the thread-default one when the unpacker was made. No call blocks.
 */
#pragma once

#include <gio/gio.h>

#include "vt-member-source.h"
#include "vt-spawner.h"
#include "vt-unpack.h"

typedef struct _VtUnpackPool VtUnpackPool;

typedef struct {
  VtChildFunc worker;    /* what the processes run: vt_unpack_worker_main() */
  guint64 max_file_size; /* bytes of the largest container or member */
  guint max_time_s;      /* seconds that one container may take to unpack */
  guint jobs; /* containers opened at a time; above the lowest level, one at a time of each */
} VtUnpackPoolOptions;

/* SPAWNER must outlive the unpacker. */
VtUnpackPool *vt_unpack_pool_new (VtSpawner *spawner, const VtUnpackPoolOptions *options);
/* Every session must have been freed. */
void vt_unpack_pool_free (VtUnpackPool *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtUnpackPool, vt_unpack_pool_free)

/*
 * Opens the SIZE bytes of FD, which nobody can change and which must stay open as long as the
 * source, as a container of KIND; what is none is handed out in windows (vt-unpack-windows.h).
 * LEVEL must be greater than that of every container around it; containers of one level wait for
 * each other. No event comes from within this call. The process stops when members of
 * VT_UNPACK_BUDGET bytes are underway.
 */
VtMemberSource *vt_unpack_pool_open (VtUnpackPool *self,
                                     guint level,
                                     int fd,
                                     guint64 size,
                                     VtContainerKind kind,
                                     const VtUnpackLimits *limits,
                                     const VtMemberEvents *events,
                                     gpointer user_data);
