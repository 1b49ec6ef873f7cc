// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Messages between our own processes: one GVariant and up to a few file descriptors in each packet
 * of a SOCK_SEQPACKET socket pair (unix(7)).
 *
 * The peer is not trusted. The receiver names the type it expects, and gets a value of that type in
 * normal form or an error; sizes and counts are bounded before anything is read.
 */
#pragma once

#include <gio/gio.h>

/* Largest message, in bytes. A path has at most 4,096; lists are sent in several messages. */
#define VT_IPC_MESSAGE_MAX ((gsize)64 * 1024)
#define VT_IPC_FDS_MAX     4

typedef enum {
  VT_IPC_ERROR_CLOSED,    /* the peer is gone */
  VT_IPC_ERROR_MALFORMED, /* not the expected type, not in normal form, too large, or cut */
  VT_IPC_ERROR_SYSTEM,    /* a system call failed */
} VtIpcError;

#define VT_IPC_ERROR (vt_ipc_error_quark ())
GQuark vt_ipc_error_quark (void);

/* Descriptors that came with a message; the rest are -1. Clear with vt_ipc_fds_clear(). */
typedef struct {
  int fd[VT_IPC_FDS_MAX];
} VtIpcFds;

#define VT_IPC_FDS_INIT                                                                            \
  {                                                                                                \
    {                                                                                              \
      -1, -1, -1, -1                                                                               \
    }                                                                                              \
  }

void vt_ipc_fds_clear (VtIpcFds *fds);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtIpcFds, vt_ipc_fds_clear)

/* A connected pair, close-on-exec, blocking. */
gboolean vt_ipc_pair (int pair[2], GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Sends VALUE (a floating reference is taken) with the N_FDS descriptors of FDS, which stay the
 * caller's. Blocks while the socket is full.
 */
gboolean vt_ipc_send (int socket, GVariant *value, const int *fds, gsize n_fds, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/*
 * The same for who sends many. The kernel counts descriptors that were sent and not received yet,
 * for all processes of a user together, and refuses more than the limit of open files
 * (ETOOMANYREFS): this waits until the receiver, or others, have taken some, or the receiver is
 * gone. Not for who is itself to receive what others send: they could all wait for each other.
 */
gboolean vt_ipc_send_patiently (int socket,
                                GVariant *value,
                                const int *fds,
                                gsize n_fds,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A limit of open files for a process that does so, of at most WANTED: who receives from it keeps
 * as many again for what it sends itself, without patience. */
guint32 vt_ipc_get_sender_files (guint32 wanted);

/*
 * Receives one message of TYPE; blocks until there is one. FDS, if not NULL, must be empty and gets
 * the descriptors; if NULL, any that come are closed. Returns a full reference.
 */
GVariant *vt_ipc_receive (int socket, const GVariantType *type, VtIpcFds *fds, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
