// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The reader's work when only some files are wanted (VT_IMAGE_FETCH): which file system each is in,
 * and which way it is read there.
 */
#pragma once

#include "vt-direct.h"
#include "vt-guestfs.h"

/* For the volume of a file system: it is not read directly, or there is nothing in it to read. */
#define VT_FETCH_NOT_DIRECTLY (-1)
#define VT_FETCH_EMPTY        (-2)

/* What there is to take files from; owns nothing. */
typedef struct {
  const VtImageOptions *options;
  VtImageSink *sink;
  GPtrArray *filesystems; /* of VtFilesystem, as they were reported */
  const gint *volumes;    /* of each one: the walker's index of it, or one of the above */
  VtDirect *direct;       /* or NULL */
  VtAppliance *appliance; /* or NULL */
} VtImageFetch;

/* Whether the paths of OPTIONS may be fetched. */
gboolean vt_image_fetch_check (const VtImageOptions *options,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether one of the files may be in a volume that is refused. VOLUMES: of VtVolume. */
gboolean vt_image_fetch_needs_appliance (const VtImageOptions *options, GPtrArray *volumes);

/*
 * Sends the files that there are. With a REFUSAL, which is the caller's, the file system REFUSED_ID
 * cannot be read directly, and all is to begin again. Errors are of VT_IMAGE_ERROR.
 */
gboolean vt_image_fetch_all (const VtImageFetch *self,
                             const char **refused_id,
                             char **refusal,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
