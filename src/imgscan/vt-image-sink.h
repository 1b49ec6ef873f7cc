// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A reader process's way to its starter: sends records, and waits while too much is underway.
 *
 * Functions return FALSE with VT_IPC_ERROR when the starter is gone; the reader then ends.
 */
#pragma once

#include "vt-image.h"

typedef struct _VtImageSink VtImageSink;

/* SOCKET stays the caller's. */
VtImageSink *vt_image_sink_new (int socket);
void vt_image_sink_free (VtImageSink *self);

int vt_image_sink_get_socket (const VtImageSink *self);

/* The cost of what is underway, for two processes that send to one starter by turns. */
guint64 vt_image_sink_get_underway (const VtImageSink *self);
void vt_image_sink_set_underway (VtImageSink *self, guint64 underway);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtImageSink, vt_image_sink_free)

/* For people; an error of sending is left to the next record. */
void vt_image_sink_log (VtImageSink *self, GLogLevelFlags level, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
/* Tells that work goes on, at most once a second; to be called wherever much time may pass. An
 * error of sending is left to the next record. */
void vt_image_sink_alive (VtImageSink *self);

gboolean vt_image_sink_phase (VtImageSink *self,
                              const char *phase,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_image_sink_described (VtImageSink *self,
                                  const char *format,
                                  guint64 virtual_size,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_image_sink_system (VtImageSink *self,
                               const VtOperatingSystem *system,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_image_sink_filesystem (VtImageSink *self,
                                   const VtFilesystem *filesystem,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_image_sink_expect (VtImageSink *self,
                               guint64 files,
                               guint64 bytes,
                               guint64 excluded,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sends what waits to be sent with what comes next: files without contents. */
gboolean vt_image_sink_flush (VtImageSink *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Asks for a file to write the next content to, which has SIZE bytes, of which DATA are no holes;
 * waits until there is room. -1: there is none for it. */
int vt_image_sink_open_spool (VtImageSink *self, guint64 size, guint64 data);

/* In the place of a content: it is not to come at all (VT_IMAGE_LIST). */
#define VT_IMAGE_SINK_LISTED (-2)

/*
 * Sends a file, and LINKS (NULL-terminated, may be NULL), its other names. MEMFD is its content,
 * and stays the caller's; -1: there is none, or, if FILE has no reason, it is in the spool file; or
 * FILE has a digest and no reason, and is as it was in the template.
 * Waits until the budget has room for it.
 */
gboolean vt_image_sink_file (VtImageSink *self,
                             const VtFileResult *file,
                             char **links,
                             int memfd,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What the file sent last has beside; only with VT_IMAGE_FETCH. */
gboolean vt_image_sink_attributes (VtImageSink *self,
                                   const VtFileAttributes *attributes,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_image_sink_filesystem_end (VtImageSink *self,
                                       guint filesystem,
                                       VtReason reason,
                                       const char *detail,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Tells which file system is read directly from now on; "": none, what follows is no direct
 * reader's.
 */
gboolean
vt_image_sink_direct (VtImageSink *self, const char *id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The last record: a file system must not be read directly, and all is to begin again. Returns when
 * the starter has taken it. */
gboolean vt_image_sink_refused (VtImageSink *self, const char *id, const char *why, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The last record; returns when the starter has taken it. The same goes for the next. */
gboolean vt_image_sink_done (VtImageSink *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* FAILURE is of VT_IMAGE_ERROR; any other domain becomes VT_IMAGE_ERROR_READER. */
gboolean vt_image_sink_failed (VtImageSink *self,
                               const GError *failure,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
