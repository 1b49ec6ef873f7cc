// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-ipc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "vt-fd.h"

/* Between two tries to send what the kernel holds back. */
#define RETRY_MS 5

G_DEFINE_QUARK (vt_ipc_error_quark, vt_ipc_error)

typedef union {
  struct cmsghdr header; /* for its alignment */
  char bytes[CMSG_SPACE (VT_IPC_FDS_MAX * sizeof (int))];
} FdBuffer;

static void
set_error_from_errno (GError **error, const char *what)
{
  int saved_errno = errno;
  VtIpcError code =
      saved_errno == EPIPE || saved_errno == ECONNRESET ? VT_IPC_ERROR_CLOSED : VT_IPC_ERROR_SYSTEM;

  g_set_error (error, VT_IPC_ERROR, code, "%s: %s", what, g_strerror (saved_errno));
}

void
vt_ipc_fds_clear (VtIpcFds *fds)
{
  for (gsize i = 0; i < VT_IPC_FDS_MAX; i++)
    vt_fd_clear (&fds->fd[i]);
}

gboolean
vt_ipc_pair (int pair[2], GError **error)
{
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0)
    return TRUE;
  set_error_from_errno (error, "socketpair");
  return FALSE;
}

static void
attach_fds (struct msghdr *message, FdBuffer *buffer, const int *fds, gsize n_fds)
{
  struct cmsghdr *header;

  if (n_fds == 0)
    return;
  memset (buffer, 0, sizeof *buffer);
  message->msg_control = buffer->bytes;
  message->msg_controllen = CMSG_SPACE (n_fds * sizeof (int));
  header = CMSG_FIRSTHDR (message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN (n_fds * sizeof (int));
  memcpy (CMSG_DATA (header), fds, n_fds * sizeof (int));
}

/* FALSE: the peer is gone, and errno says so. */
static gboolean
wait_for_retry (int socket)
{
  struct pollfd gone = {.fd = socket};

  if (poll (&gone, 1, RETRY_MS) <= 0)
    return TRUE;
  errno = EPIPE;
  return FALSE;
}

static ssize_t
send_message (int socket, const struct msghdr *message, gboolean patient)
{
  ssize_t sent;

  do
    sent = sendmsg (socket, message, MSG_NOSIGNAL);
  while (sent < 0 &&
         (errno == EINTR || (patient && errno == ETOOMANYREFS && wait_for_retry (socket))));
  return sent;
}

static gboolean
send_value (
    int socket, GVariant *value, const int *fds, gsize n_fds, gboolean patient, GError **error)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);
  struct iovec part = {.iov_len = g_variant_get_size (owned)};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  FdBuffer buffer;

  g_return_val_if_fail (n_fds <= VT_IPC_FDS_MAX, FALSE);
  if (part.iov_len == 0 || part.iov_len > VT_IPC_MESSAGE_MAX) {
    g_set_error (error, VT_IPC_ERROR, VT_IPC_ERROR_MALFORMED,
                 "message has %zu bytes, must have 1 to %zu", part.iov_len, VT_IPC_MESSAGE_MAX);
    return FALSE;
  }
  part.iov_base = (void *)g_variant_get_data (owned);
  attach_fds (&message, &buffer, fds, n_fds);
  if (send_message (socket, &message, patient) >= 0)
    return TRUE;
  set_error_from_errno (error, "sending a message");
  return FALSE;
}

gboolean
vt_ipc_send (int socket, GVariant *value, const int *fds, gsize n_fds, GError **error)
{
  return send_value (socket, value, fds, n_fds, FALSE, error);
}

gboolean
vt_ipc_send_patiently (int socket, GVariant *value, const int *fds, gsize n_fds, GError **error)
{
  return send_value (socket, value, fds, n_fds, TRUE, error);
}

guint32
vt_ipc_get_sender_files (guint32 wanted)
{
  struct rlimit own;

  if (getrlimit (RLIMIT_NOFILE, &own) != 0 || own.rlim_cur / 2 >= wanted)
    return wanted;
  return (guint32)own.rlim_cur / 2;
}

static void
take_fds (struct msghdr *message, VtIpcFds *fds)
{
  gsize taken = 0;

  for (struct cmsghdr *header = CMSG_FIRSTHDR (message); header != NULL;
       header = CMSG_NXTHDR (message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
      continue;
    for (gsize i = 0; CMSG_LEN ((i + 1) * sizeof (int)) <= header->cmsg_len; i++) {
      int fd;

      memcpy (&fd, CMSG_DATA (header) + i * sizeof (int), sizeof fd);
      if (taken < VT_IPC_FDS_MAX)
        fds->fd[taken++] = fd;
      else
        close (fd);
    }
  }
}

static GVariant *
parse (GBytes *bytes, const GVariantType *type, GError **error)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_from_bytes (type, bytes, FALSE));

  if (g_variant_is_normal_form (value))
    return g_steal_pointer (&value);
  g_set_error (error, VT_IPC_ERROR, VT_IPC_ERROR_MALFORMED,
               "message of %zu bytes is not of type %s", g_bytes_get_size (bytes),
               (const char *)type);
  return NULL;
}

GVariant *
vt_ipc_receive (int socket, const GVariantType *type, VtIpcFds *fds, GError **error)
{
  g_auto (VtIpcFds) received = VT_IPC_FDS_INIT;
  g_autofree guint8 *data = g_malloc (VT_IPC_MESSAGE_MAX);
  g_autoptr (GBytes) bytes = NULL;
  struct iovec part = {.iov_base = data, .iov_len = VT_IPC_MESSAGE_MAX};
  FdBuffer buffer;
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = buffer.bytes,
                           .msg_controllen = sizeof buffer.bytes};
  ssize_t n;
  GVariant *value;

  do
    n = recvmsg (socket, &message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0) {
    set_error_from_errno (error, "receiving a message");
    return NULL;
  }
  take_fds (&message, &received);
  if (n == 0) {
    g_set_error_literal (error, VT_IPC_ERROR, VT_IPC_ERROR_CLOSED, "the other process is gone");
    return NULL;
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    g_set_error (error, VT_IPC_ERROR, VT_IPC_ERROR_MALFORMED,
                 "message is larger than %zu bytes or %d descriptors", VT_IPC_MESSAGE_MAX,
                 VT_IPC_FDS_MAX);
    return NULL;
  }
  bytes = g_bytes_new (data, (gsize)n);
  value = parse (bytes, type, error);
  if (value != NULL && fds != NULL) {
    *fds = received;
    received = (VtIpcFds)VT_IPC_FDS_INIT;
  }
  return value;
}
