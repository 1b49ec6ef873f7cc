// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Readers that tests make up, to stand where an image's reader process stands: as hostile, as slow
 * or as broken as one that parsed a hostile image may be.
 */
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vt-content.h"
#include "vt-fd.h"
#include "vt-image-protocol.h"
#include "vt-image-reader.h"
#include "vt-image-sink.h"
#include "vt-ipc.h"

/* A failure in a reader process shows as its end: the test then fails for want of its records. */
static inline void
must (gboolean done)
{
  if (!done)
    _exit (EXIT_FAILURE);
}

static inline int
make_memfd (const char *text, gboolean sealed)
{
  g_autoptr (VtContent) content = vt_content_new (strlen (text), G_MAXUINT64, NULL);
  VtDigest unused;
  int memfd = -1;

  if (sealed) {
    must (vt_content_write (content, 0, text, strlen (text), NULL) &&
          vt_content_finish (content, &memfd, &unused, NULL));
    return memfd;
  }
  memfd = memfd_create ("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  must (write (memfd, text, strlen (text)) == (ssize_t)strlen (text));
  return memfd;
}

static inline void
send_filesystem (VtImageSink *sink, const char *id)
{
  g_autoptr (VtFilesystem) filesystem = vt_filesystem_new ();

  filesystem->id = g_strdup (id);
  filesystem->type = g_strdup ("ext4");
  filesystem->uuid = g_strdup ("");
  filesystem->label = g_strdup ("");
  must (vt_image_sink_filesystem (sink, filesystem, NULL));
}

/* A file with TEXT in it, and another name if LINK is not NULL. */
static inline void
send_file (VtImageSink *sink, const char *path, const char *text, const char *link)
{
  g_autoptr (VtFileResult) file = vt_file_result_new ();
  char *links[] = {(char *)link, NULL};
  vt_autofd memfd = make_memfd (text, TRUE);

  file->path = g_strdup (path);
  file->size = strlen (text);
  file->inode = strlen (path);
  file->generation = 1 + strlen (text);
  must (vt_image_sink_file (sink, file, links, memfd, NULL));
}

static inline void
send_unread (VtImageSink *sink, const char *path, VtReason reason)
{
  g_autoptr (VtFileResult) file = vt_file_result_new ();

  file->path = g_strdup (path);
  file->size = 10;
  file->verdict = vt_verdict_incomplete (reason);
  must (vt_image_sink_file (sink, file, NULL, -1, NULL));
}

/* The end of the only file system, and of everything; the reader's exit status. */
static inline int
send_end (VtImageSink *sink)
{
  must (vt_image_sink_filesystem_end (sink, 0, VT_REASON_NONE, NULL, NULL));
  return vt_image_sink_done (sink, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}
