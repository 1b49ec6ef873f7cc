// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The parts of vt-wrapper, and what the main process and the helper say to each other. The helper
 * parses hostile bytes: what it says is checked.
 */
#pragma once

#include "vt-wrapper.h"

/* More images than any machine has disks. */
#define VT_WRAPPER_IMAGES_MAX 64

typedef enum {
  VT_WRAPPER_NONE = 0,
  VT_WRAPPER_GZIP,
  VT_WRAPPER_XZ,
  VT_WRAPPER_ZSTD,
  VT_WRAPPER_BZIP2,
  VT_WRAPPER_TAR,
  VT_WRAPPER_N_KINDS
} VtWrapperKind;

/* Compares bytes at fixed places, no more. What cannot be read is NONE. */
VtWrapperKind vt_wrapper_recognise (int fd, guint64 offset, guint64 size);
/* Whether an image of one of QEMU's formats, a partitioned disk or an ISO 9660 begins there. */
gboolean vt_wrapper_is_image (int fd, guint64 offset, guint64 size);
/* pread(2) of all SIZE bytes, or FALSE. */
gboolean vt_wrapper_read (int fd, guint64 offset, void *buffer, gsize size);

/* A part of a file. */
typedef struct {
  char *name; /* bytes, the member's name, not empty */
  guint64 offset;
  guint64 size;
} VtWrapperPart;

void vt_wrapper_part_free (VtWrapperPart *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtWrapperPart, vt_wrapper_part_free)

/* What is found in an archive. */
typedef struct {
  GPtrArray *images;  /* of VtWrapperPart, in the archive's order */
  GPtrArray *ignored; /* of gchar: names of what is no image */
} VtWrapperContents;

void vt_wrapper_contents_clear (VtWrapperContents *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtWrapperContents, vt_wrapper_contents_clear)

/* In the helper. */

/* The tar archive that the SIZE bytes of FD are. */
gboolean vt_wrapper_list_ova (int fd, guint64 size, VtWrapperContents *contents, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The names of the files that an OVF descriptor has disks in; escapes of URIs as they stand there.
 */
GStrv vt_wrapper_parse_ovf (const char *text, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Compressed bytes, unpacked: the whole of the part, with all checksums that the format has. */
typedef struct _VtWrapperStream VtWrapperStream;

VtWrapperStream *vt_wrapper_stream_new (int fd,
                                        guint64 offset,
                                        guint64 size,
                                        VtWrapperKind kind,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_wrapper_stream_free (VtWrapperStream *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtWrapperStream, vt_wrapper_stream_free)
/* The next bytes, valid until the next call. 0 at the end of what is whole, -1 on error. */
gssize vt_wrapper_stream_read (VtWrapperStream *self,
                               const guint8 **data,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Compressed bytes that were taken. */
guint64 vt_wrapper_stream_get_taken (const VtWrapperStream *self);

/* What a compressed part says of its unpacked size, at least; 0: nothing. Not to be trusted. */
guint64 vt_wrapper_hint (int fd, guint64 offset, guint64 size, VtWrapperKind kind);

typedef struct {
  int in;
  guint64 offset;
  guint64 size;
  VtWrapperKind kind;
  int out;          /* empty; gets holes where there are zeros */
  guint64 max_size; /* bytes */
  const char *dir;  /* where OUT is, for messages */
  void (*progress) (guint64 packed, guint64 unpacked, gpointer user_data); /* now and then */
  gpointer user_data;
} VtWrapperUnpacking;

gboolean vt_wrapper_unpack (const VtWrapperUnpacking *self,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A VtChildFunc: does what the arguments say, in a sandbox. */
int vt_wrapper_helper_main (int socket, GVariant *arguments);

/* Arguments: task, offset, size, VtWrapperKind, most bytes to unpack to, directory for messages. */
#define VT_WRAPPER_ARGUMENTS "(yttyt^ay)"

typedef enum {
  VT_WRAPPER_LIST,
  VT_WRAPPER_UNPACK,
} VtWrapperTask;

/* The first message to the helper: the file to read, and for UNPACK the one to write. */
#define VT_WRAPPER_FILES_TYPE G_VARIANT_TYPE ("()")

/* From the helper: kind and a value of the kind's own type. */
#define VT_WRAPPER_REPLY_TYPE G_VARIANT_TYPE ("(yv)")

typedef enum {
  VT_WRAPPER_MSG_PROGRESS, /* packed bytes read, bytes unpacked */
  VT_WRAPPER_MSG_IMAGE,    /* name, offset, size */
  VT_WRAPPER_MSG_IGNORED,  /* name */
  VT_WRAPPER_MSG_DONE,
  VT_WRAPPER_MSG_FAILED, /* code (VtWrapperError), message */
  VT_WRAPPER_N_MSGS
} VtWrapperMsg;

static const char *const vt_wrapper_msg_types[VT_WRAPPER_N_MSGS] = {
    [VT_WRAPPER_MSG_PROGRESS] = "(tt)", [VT_WRAPPER_MSG_IMAGE] = "(aytt)",
    [VT_WRAPPER_MSG_IGNORED] = "ay",    [VT_WRAPPER_MSG_DONE] = "()",
    [VT_WRAPPER_MSG_FAILED] = "(us)",
};

/* In the main process: runs a helper to its end. */
typedef struct {
  VtSpawner *spawner;
  const VtWrapperEvents *events;
  gpointer user_data;
  guint stall_timeout_s;
  const char *name; /* of what is worked on, for events */
  int in;
  guint64 offset;
  guint64 size;
  VtWrapperKind kind;
  int out; /* -1 for LIST */
  guint64 max_size;
  const char *dir;
} VtWrapperRequest;

/* CONTENTS: for LIST, NULL for UNPACK. */
gboolean vt_wrapper_run (const VtWrapperRequest *request,
                         VtWrapperContents *contents,
                         GCancellable *cancellable,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
