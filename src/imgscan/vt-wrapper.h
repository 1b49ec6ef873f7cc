// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Disk images in a wrapper: a compressed file (gzip, xz, Zstandard, bzip2) around an image, an OVA
 * (a tar archive with several), an OVA that is compressed, compressed images in an OVA. It is
 * recognised by content. Other nestings are refused.
 *
 * Images in an OVA are read where they lie. What is compressed is unpacked, under bounds, into a
 * file without a name, which the kernel removes however this process ends. All that parses hostile
 * bytes runs in a sandboxed helper process (vt-wrapper-helper.c).
 */
#pragma once

#include <gio/gio.h>

#include "vt-image.h"
#include "vt-spawner.h"

typedef enum {
  VT_WRAPPER_ERROR_FILE,   /* it cannot be opened or read */
  VT_WRAPPER_ERROR_BAD,    /* damaged, cut off, nested too deep, or without a disk */
  VT_WRAPPER_ERROR_LIMIT,  /* it unpacks to more than is allowed, or has too much in it */
  VT_WRAPPER_ERROR_SPACE,  /* there is not enough room to unpack it */
  VT_WRAPPER_ERROR_HELPER, /* the helper process died, hung, or sent what it must not */
  VT_WRAPPER_ERROR_N_CODES
} VtWrapperError;

#define VT_WRAPPER_ERROR (vt_wrapper_error_quark ())
GQuark vt_wrapper_error_quark (void);

/* Documented default of VtWrapperOptions.max_size. */
#define VT_WRAPPER_MAX_SIZE ((guint64)64 * 1024 * 1024 * 1024)

typedef struct {
  gboolean take_as_it_is; /* the file is an image, whatever it begins like */
  guint64 max_size;       /* bytes, holes counted, to which a compressed file may unpack */
  guint stall_timeout_s;  /* how long the helper may give no sign of life */
} VtWrapperOptions;

/* Called with the pointer that vt_wrapper_open() was given. */
typedef struct {
  /* Something a person should know. */
  void (*message) (GLogLevelFlags level, const char *text, gpointer user_data);
  /* NAME is being unpacked: PACKED of TOTAL bytes have become UNPACKED. */
  void (*progress) (
      const char *name, guint64 packed, guint64 total, guint64 unpacked, gpointer user_data);
} VtWrapperEvents;

typedef struct _VtWrapper VtWrapper;

/*
 * Opens the file at PATH and finds the images in it: a file that is no wrapper, or no regular file,
 * or not there, is taken for an image itself. Iterates the thread-default main context. SPAWNER,
 * EVENTS and USER_DATA must outlive the wrapper. Fails with VT_WRAPPER_ERROR, or with
 * G_IO_ERROR_CANCELLED.
 */
VtWrapper *vt_wrapper_open (VtSpawner *spawner,
                            const char *path,
                            const VtWrapperOptions *options,
                            const VtWrapperEvents *events,
                            gpointer user_data,
                            GCancellable *cancellable,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What was unpacked is gone then. */
void vt_wrapper_free (VtWrapper *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtWrapper, vt_wrapper_free)

/* The number of images, at least 1. */
guint vt_wrapper_get_n_images (const VtWrapper *self);
/* What an image is called: PATH, with "!" and the member's name behind it in an OVA. Bytes. */
const char *vt_wrapper_get_name (const VtWrapper *self, guint index);

/*
 * Makes an image ready to be read: unpacks it if need be, and sets OPTIONS (path, file, offset,
 * size), which hold until the next call or the wrapper's end. Otherwise as vt_wrapper_open().
 */
gboolean vt_wrapper_prepare (VtWrapper *self,
                             guint index,
                             VtImageOptions *options,
                             GCancellable *cancellable,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Makes what vt_wrapper_prepare() has set in OPTIONS hold as long as FILE is open, a descriptor
 * that is the caller's; -1 where nothing needs to be. Fails with VT_WRAPPER_ERROR.
 */
gboolean vt_wrapper_hold (const VtWrapper *self, VtImageOptions *options, int *file, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
