// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What the walker finds on a disk: devices, the file systems that it can read, their systems. */
#pragma once

#include "vt-direct.h"
#include "vt-disk.h"
#include "vt-fs.h"

typedef struct _VtDirectProbe VtDirectProbe;

/* DISK must stay. Fails when it is lost. SINK is told that work goes on. */
VtDirectProbe *
vt_direct_probe_disk (VtDisk *disk, VtImageSink *sink, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_direct_probe_free (VtDirectProbe *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtDirectProbe, vt_direct_probe_free)

/* Of VtVolume, owned by the probe. */
GPtrArray *vt_direct_probe_get_volumes (VtDirectProbe *self);
/* Of VtOperatingSystem, owned by the probe. */
GPtrArray *vt_direct_probe_get_systems (VtDirectProbe *self);
/* Why the operating systems cannot be told, or NULL. */
const char *vt_direct_probe_get_refusal (VtDirectProbe *self);
/* The file system of a readable volume, or NULL. */
VtFs *vt_direct_probe_get_fs (VtDirectProbe *self, guint volume);
