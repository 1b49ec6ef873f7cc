// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Reads disk images that are found inside a disk image, as if they were containers whose members
 * are their files.
 *
 * One at a time for each level of nesting, since each takes processes of its own. An image that
 * names other files, as an overlay does, is refused: those names are an attacker's word.
 */
#pragma once

#include "vt-image.h"
#include "vt-member-source.h"

typedef struct _VtNestedReader VtNestedReader;

/* OPTIONS are those of the image around: which way it is read, keys and limits count.
 * SPAWNER must outlive the reader. */
VtNestedReader *vt_nested_reader_new (VtSpawner *spawner, const VtImageOptions *options);
/* Every source must have been freed. */
void vt_nested_reader_free (VtNestedReader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtNestedReader, vt_nested_reader_free)

/*
 * Reads FD, which nobody can change and which must stay open as long as the source, as a disk
 * image. LEVEL is the number of disk images around it, but for the outermost. No event comes from
 * within this call. A file system that cannot be read whole is told as a member without content;
 * when reading has to begin anew, files may come twice.
 */
VtMemberSource *vt_nested_reader_open (
    VtNestedReader *self, guint level, int fd, const VtMemberEvents *events, gpointer user_data);
