// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * How much of contents that are sent may be in memory: so much in all, and so many of one agent, so
 * that none takes the room of the others.
 */
#pragma once

#include <glib.h>

typedef struct _VtScandUploads VtScandUploads;
/* Room for one content. */
typedef struct _VtScandRoom VtScandRoom;

VtScandUploads *vt_scand_uploads_new (guint64 memory, guint64 max_per_agent);
/* After all room was given back. */
void vt_scand_uploads_free (VtScandUploads *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScandUploads, vt_scand_uploads_free)

/* Room for SIZE bytes of AGENT; NULL: there is none now. */
VtScandRoom *vt_scand_uploads_take (VtScandUploads *self, const char *agent, guint64 size);
void vt_scand_room_free (VtScandRoom *room);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScandRoom, vt_scand_room_free)

guint64 vt_scand_uploads_get_bytes (const VtScandUploads *self);
