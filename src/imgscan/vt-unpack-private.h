// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What the readers of the kinds of containers share: the state of one unpacking, the member that is
 * being read, and bytes that come one after the other.
 *
 * Functions that return gboolean say whether to go on. FALSE is also what an end by the caller, or
 * by a limit, comes back as; what to tell is in the VtUnpacking.
 */
#pragma once

#include "vt-container-private.h"
#include "vt-content.h"
#include "vt-unpack.h"

typedef struct {
  const VtUnpackLimits *limits;
  VtUnpackFunc func;
  gpointer user_data;
  guint64 packed;     /* bytes of the container */
  guint64 unpacked;   /* bytes that came out of it, or of a compressed stream in it */
  guint64 size;       /* bytes of all members */
  guint64 members;    /* links, directories and devices as well */
  gboolean in_stream; /* what comes is counted where the stream is unpacked */
  gboolean encrypted; /* what seems damaged is encrypted */
  VtReason reason;    /* the first */
  char *detail;
} VtUnpacking;

/* Sets what the unpacking as a whole comes to, unless it is set already; returns FALSE. */
gboolean vt_unpacking_fail (VtUnpacking *self, VtReason reason, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
/* Counts one more thing in the container. */
gboolean vt_unpacking_count (VtUnpacking *self) G_GNUC_WARN_UNUSED_RESULT;
/* Counts N bytes that were unpacked. */
gboolean vt_unpacking_add (VtUnpacking *self, guint64 n) G_GNUC_WARN_UNUSED_RESULT;

/* A member on its way. */
typedef struct {
  VtUnpacking *unpacking;
  const char *name;
  VtContent *content; /* NULL before the first byte, and when it is not kept */
  guint64 size;       /* up to what was written */
  VtReason reason;    /* why it is not kept */
} VtMember;

void vt_member_clear (VtMember *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtMember, vt_member_clear)

/* NAME stays the caller's, and is to live as long. */
void vt_member_init (VtMember *self, VtUnpacking *unpacking, const char *name);
/* Puts N bytes at OFFSET, which never goes back. What is over the limit of a member is dropped. */
gboolean vt_member_write (VtMember *self, guint64 offset, const void *data, gsize n)
    G_GNUC_WARN_UNUSED_RESULT;
/* It is told without its content; the first reason counts. */
void vt_member_refuse (VtMember *self, VtReason reason);
/* Tells it; there are zeros up to SIZE, if that is more than what was written. */
gboolean vt_member_finish (VtMember *self, guint64 size) G_GNUC_WARN_UNUSED_RESULT;

/* Fills BUFFER with up to N bytes: their number, 0 at the end, -1 on failure (told already). */
typedef gssize (*VtInputRead) (gpointer source, guint8 *buffer, gsize n);

/* Bytes that come one after the other, of which some can be looked at before they are taken. */
typedef struct {
  VtInputRead read;
  gpointer source;
  guint8 *buffer;
  gsize start; /* of what was not taken */
  gsize end;
  guint64 position; /* how many bytes were taken */
} VtInput;

void vt_input_init (VtInput *self, VtInputRead read, gpointer source);
void vt_input_clear (VtInput *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtInput, vt_input_clear)

/* Whether there is anything in BYTES, which gets what comes next: VT_INPUT_PEEK bytes, or N as far
 * as there are. FALSE: a failure. */
#define VT_INPUT_PEEK ((gsize)16 * 1024)
gboolean vt_input_peek (VtInput *self, const guint8 **bytes, gsize *n) G_GNUC_WARN_UNUSED_RESULT;
/* Takes what there is at hand; what it points to stays until the next call. As VtInputRead. */
gssize vt_input_take (VtInput *self, const guint8 **bytes) G_GNUC_WARN_UNUSED_RESULT;
/* Takes N bytes, fewer at the end. */
gboolean vt_input_skip (VtInput *self, guint64 n) G_GNUC_WARN_UNUSED_RESULT;
/* Takes zeros as far as they go; AT_END gets whether nothing comes behind them. */
gboolean vt_input_skip_zeros (VtInput *self, gboolean *at_end) G_GNUC_WARN_UNUSED_RESULT;
/* Gives the last N bytes back of what vt_input_take() gave, or less if it was less. */
gboolean vt_input_give_back (VtInput *self, guint64 n) G_GNUC_WARN_UNUSED_RESULT;
/* The type of what comes next. */
gboolean vt_input_look (VtInput *self, VtContainerType *type) G_GNUC_WARN_UNUSED_RESULT;

/* The container, from its start or from where a stream begins in it. */
typedef struct {
  int fd;
  guint64 offset;
  guint64 size;
} VtUnpackFile;

gssize vt_unpack_file_read (gpointer file, guint8 *buffer, gsize n);

/* Whatever has a format. */
gboolean vt_unpack_archive (VtUnpacking *self, VtUnpackFile *file, VtFormat format);
/* The formats that libarchive reads, in a file that can be read at any place. */
gboolean vt_unpack_whole_file (VtUnpacking *self, VtUnpackFile *file, VtFormat format);
/* A zip archive; and one at the end of something else, which is handed out too. */
gboolean vt_unpack_zip (VtUnpacking *self, VtUnpackFile *file);
gboolean vt_unpack_attached (VtUnpacking *self, VtUnpackFile *file);
/* A tar archive, up to its end. */
gboolean vt_unpack_tar (VtUnpacking *self, VtInput *input);

/* cpio archives, plain or compressed, with zeros between them, up to the end of INPUT. DEPTH is of
 * streams in which INPUT is. */
gboolean vt_unpack_cpio (VtUnpacking *self, VtInput *input, guint depth);

/* Unpacks the stream of FORMAT at the start of INPUT. FUNC is given what is in it, and has to take
 * all; afterwards INPUT stands behind the stream. */
typedef gboolean (*VtStreamFunc) (VtUnpacking *self, VtInput *input, guint depth);
gboolean vt_unpack_stream (
    VtUnpacking *self, VtInput *input, VtFormat format, VtStreamFunc func, guint depth);
gboolean vt_format_is_stream (VtFormat format);

/* Hands out the next N bytes of INPUT, or all there are if N is G_MAXUINT64, as the file NAME; with
 * a REASON, without its content. */
gboolean
vt_unpack_bytes (VtUnpacking *self, VtInput *input, const char *name, guint64 n, VtReason reason);

/* Zlib streams, and what follows them is passed by; without one there is nothing to tell. */
gboolean vt_unpack_zlib (VtUnpacking *self, VtInput *input);
gboolean vt_unpack_warc (VtUnpacking *self, VtInput *input);
gboolean vt_unpack_squashfs (VtUnpacking *self, int fd, guint64 size);
