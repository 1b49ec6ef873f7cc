// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-block-export.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "vt-fd.h"
#include "vt-image.h"
#include "vt-spawner.h"

/* First descriptor of socket activation, sd_listen_fds(3). */
#define LISTEN_FD 3
/* What an NBD server says first: the protocol's first magic number. */
#define GREETING "NBDMAGIC"
/* How long opening a chain of images may take, in milliseconds. */
#define OPEN_TIMEOUT_MS 60000
/* Longest message of qemu-nbd that is passed on, in bytes. */
#define MESSAGE_MAX 2000
/* How long it may take to write what it holds back, in milliseconds, when it is told to end. */
#define FINISH_TIMEOUT_MS 120000
#define FINISH_WAIT_MS    10
/* What qemu-nbd may take of memory, and write to files: its messages, to a memfd; of an overlay, as
 * much as there is room for. It needs 100 MB for a large image. */
#define SERVER_MEMORY ((rlim_t)4 * 1024 * 1024 * 1024)
#define SERVER_WRITES ((rlim_t)16 * 1024 * 1024)

struct _VtBlockExport {
  char *socket_path;
  pid_t pid;
  int messages; /* memfd that is its standard error */
};

static gboolean
set_address (const char *path, struct sockaddr_un *address, GError **error)
{
  address->sun_family = AF_UNIX;
  if (g_strlcpy (address->sun_path, path, sizeof address->sun_path) < sizeof address->sun_path)
    return TRUE;
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER,
               "%s: a socket's path has at most %zu bytes; set TMPDIR to a shorter one", path,
               sizeof address->sun_path - 1);
  return FALSE;
}

static gboolean
fail_with_errno (GError **error, const char *what)
{
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER, "%s: %s", what, g_strerror (errno));
  return FALSE;
}

static int
listen_at (const struct sockaddr_un *address, GError **error)
{
  vt_autofd fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  /* A reader that was given up may have left its own. */
  unlink (address->sun_path);
  if (fd < 0 || bind (fd, (const struct sockaddr *)address, sizeof *address) < 0 ||
      listen (fd, 4) < 0) {
    fail_with_errno (error, address->sun_path);
    return -1;
  }
  return vt_fd_steal (&fd);
}

/* Runs in the forked child. The socket is there before the server is: nobody has to wait for it. */
static G_GNUC_NORETURN void
exec_server (pid_t parent, int listener, int messages, VtBlockChain *chain, char **argv)
{
  const struct rlimit memory = {SERVER_MEMORY, SERVER_MEMORY};
  rlim_t size =
      vt_block_chain_is_writable (chain) ? vt_block_chain_get_overlay_max (chain) : SERVER_WRITES;
  const struct rlimit writes = {size, size};
  char pid[16];

  if (!vt_die_with_parent (parent))
    _exit (EXIT_FAILURE);
  g_snprintf (pid, sizeof pid, "%d", (int)getpid ());
  if (dup2 (messages, STDERR_FILENO) < 0 || dup2 (listener, LISTEN_FD) < 0)
    _exit (EXIT_FAILURE);
  vt_block_chain_hand_on (chain);
  setenv ("LISTEN_PID", pid, 1);
  setenv ("LISTEN_FDS", "1", 1);
  /* At last: with sanitizers this process has more of both by itself. */
  setrlimit (RLIMIT_AS, &memory);
  setrlimit (RLIMIT_FSIZE, &writes);
  execvp (argv[0], argv);
  dprintf (STDERR_FILENO, "%s (package qemu-utils): %s", argv[0], strerror (errno));
  _exit (EXIT_FAILURE);
}

static GStrv
make_command (VtBlockChain *chain, guint link, const char *snapshot)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  g_strv_builder_add_many (builder, "qemu-nbd", "--persistent", "--shared=4", "--cache=writeback",
                           "--allocation-depth", NULL);
  if (!vt_block_chain_is_writable (chain))
    g_strv_builder_add (builder, "--read-only");
  if (snapshot != NULL) {
    g_autofree char *load = g_strdup_printf ("--load-snapshot=%s", snapshot);
    g_strv_builder_add (builder, load);
  }
  g_strv_builder_add_many (builder, "--", vt_block_chain_get_node (chain, link), NULL);
  return g_strv_builder_end (builder);
}

static void
set_server_error (VtBlockExport *self, VtBlockChain *chain, GError **error)
{
  char text[MESSAGE_MAX + 1] = "";
  ssize_t n = pread (self->messages, text, MESSAGE_MAX, 0);
  g_autofree char *explained = NULL;

  text[MAX (n, 0)] = '\0';
  g_strchomp (text);
  explained = vt_block_chain_explain (chain, text);
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE, "cannot be opened: %s",
               explained[0] != '\0' ? explained : "qemu-nbd ended without a word");
}

/* The server greets when it has opened the image, and closes when it could not. */
static gboolean
wait_until_open (VtBlockExport *self, const struct sockaddr_un *address, GError **error)
{
  vt_autofd fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct pollfd readable = {.events = POLLIN};
  char greeting[sizeof GREETING - 1];

  if (fd < 0)
    return fail_with_errno (error, address->sun_path);
  /* It may have ended before this comes to ask. */
  if (connect (fd, (const struct sockaddr *)address, sizeof *address) < 0)
    return errno != ECONNREFUSED && fail_with_errno (error, address->sun_path);
  readable.fd = fd;
  if (poll (&readable, 1, OPEN_TIMEOUT_MS) != 1) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_BAD_IMAGE,
                 "the image was not opened within %d s", OPEN_TIMEOUT_MS / 1000);
    return FALSE;
  }
  return recv (fd, greeting, sizeof greeting, MSG_WAITALL) == sizeof greeting &&
         memcmp (greeting, GREETING, sizeof greeting) == 0;
}

VtBlockExport *
vt_block_export_begin (
    VtBlockChain *chain, guint link, const char *snapshot, const char *dir, GError **error)
{
  g_autoptr (VtBlockExport) self = g_new0 (VtBlockExport, 1);
  g_auto (GStrv) argv = make_command (chain, link, snapshot);
  struct sockaddr_un address = {0};
  vt_autofd listener = -1;
  pid_t parent = getpid ();

  self->socket_path = g_strdup_printf ("%s/nbd-%u", dir, link);
  self->messages = memfd_create ("qemu-nbd", MFD_CLOEXEC);
  if (!set_address (self->socket_path, &address, error) ||
      (listener = listen_at (&address, error)) < 0)
    return NULL;
  self->pid = fork ();
  if (self->pid == 0)
    exec_server (parent, listener, self->messages, chain, argv);
  if (self->pid < 0) {
    fail_with_errno (error, "fork");
    return NULL;
  }
  /* Ours must not stand open: at the server's death a client has to see the end. */
  vt_fd_clear (&listener);
  return g_steal_pointer (&self);
}

gboolean
vt_block_export_wait (VtBlockExport *self, VtBlockChain *chain, GError **error)
{
  struct sockaddr_un address = {0};
  GError *local_error = NULL;

  if (!set_address (self->socket_path, &address, error))
    return FALSE;
  if (wait_until_open (self, &address, &local_error))
    return TRUE;
  if (local_error != NULL)
    g_propagate_error (error, local_error);
  else
    set_server_error (self, chain, error);
  return FALSE;
}

VtBlockExport *
vt_block_export_start (
    VtBlockChain *chain, guint link, const char *snapshot, const char *dir, GError **error)
{
  g_autoptr (VtBlockExport) self = vt_block_export_begin (chain, link, snapshot, dir, error);

  return self != NULL && vt_block_export_wait (self, chain, error) ? g_steal_pointer (&self) : NULL;
}

/* Waits for the server to end. FALSE: it does not. */
static gboolean
wait_for_end (pid_t pid, int *status)
{
  for (int waited = 0; waited < FINISH_TIMEOUT_MS; waited += FINISH_WAIT_MS) {
    pid_t ended = waitpid (pid, status, WNOHANG);

    if (ended == pid)
      return TRUE;
    if (ended < 0 && errno != EINTR)
      return FALSE;
    g_usleep (FINISH_WAIT_MS * 1000);
  }
  return FALSE;
}

gboolean
vt_block_export_finish (VtBlockExport *self, GError **error)
{
  int status = 0;

  kill (self->pid, SIGTERM);
  if (!wait_for_end (self->pid, &status)) {
    g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT,
                 "qemu-nbd does not end within %d s of being told to", FINISH_TIMEOUT_MS / 1000);
    return FALSE;
  }
  self->pid = 0;
  if (WIFEXITED (status) && WEXITSTATUS (status) == 0)
    return TRUE;
  g_set_error (error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_EDIT,
               "qemu-nbd ended with status %d (of wait(2)): what was written may be lost", status);
  return FALSE;
}

void
vt_block_export_free (VtBlockExport *self)
{
  if (self->pid > 0) {
    kill (self->pid, SIGKILL);
    while (waitpid (self->pid, NULL, 0) < 0 && errno == EINTR)
      ;
  }
  if (self->socket_path != NULL)
    unlink (self->socket_path);
  vt_fd_clear (&self->messages);
  g_free (self->socket_path);
  g_free (self);
}

const char *
vt_block_export_get_socket (VtBlockExport *self)
{
  return self->socket_path;
}
