// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Digests of files of this host, which are not hashed again as long as stat(2) says the same of
 * them: hundreds of megabytes of signatures take longer to hash than an untouched clone to scan.
 *
 * Whoever can set a file's time of change, or write to its disk, can have another content taken for
 * the one before. That is root, who can as well replace the program.
 */
#pragma once

#include <gio/gio.h>

#include "vt-digest.h"
#include "vt-file-stamp.h"

typedef struct {
  VtFileStamp stamp;
  VtDigest digest;
} VtFileDigest;

/* Digests from before, and those that came to it. For one thread at a time. */
typedef struct _VtFileDigests VtFileDigests;

VtFileDigests *vt_file_digests_new (void);
void vt_file_digests_free (VtFileDigests *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtFileDigests, vt_file_digests_free)

/* Adds one from before. */
void vt_file_digests_add (VtFileDigests *self, const VtFileDigest *file);
/* Those that were hashed since, and may be known by their stamps from now on; of VtFileDigest. */
const GArray *vt_file_digests_get_new (const VtFileDigests *self);

/*
 * The digest of the regular file FD, of which STATUS is what fstat(2) says. SELF may be NULL: then
 * all are hashed. Errors are those of vt_digest_of_fd().
 */
gboolean vt_file_digests_get (VtFileDigests *self,
                              int fd,
                              const struct stat *status,
                              VtDigest *digest,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
