// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vt-fd.h"
#include "vt-ipc.h"

/* To the spawner: the function's address (the child is a fork: it is the same there), arguments. */
#define REQUEST_TYPE G_VARIANT_TYPE ("(tv)")
/* From the spawner: process id, or 0 and an error; with the child's socket and pidfd. */
#define REPLY_TYPE G_VARIANT_TYPE ("(is)")

struct _VtSpawner {
  pid_t pid;
  int socket;
};

int
vt_pidfd_open (pid_t pid)
{
  return (int)syscall (SYS_pidfd_open, pid, 0);
}

void
vt_pidfd_kill (int pidfd)
{
  syscall (SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

gboolean
vt_die_with_parent (pid_t parent)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  return getppid () == parent;
}

static gboolean
has_one_thread (void)
{
  g_autoptr (GDir) tasks = g_dir_open ("/proc/self/task", 0, NULL);

  return tasks != NULL && g_dir_read_name (tasks) != NULL && g_dir_read_name (tasks) == NULL;
}

static void
reap (void)
{
  while (waitpid (-1, NULL, WNOHANG) > 0)
    ;
}

gboolean
vt_child_fork (VtForkFunc func, gpointer user_data, VtChild *child, GError **error)
{
  vt_autofd ours = -1;
  vt_autofd theirs = -1;
  pid_t self = getpid ();
  int pair[2];
  pid_t pid;

  if (!vt_ipc_pair (pair, error))
    return FALSE;
  ours = pair[0];
  theirs = pair[1];
  pid = fork ();
  if (pid == 0) {
    vt_fd_clear (&ours);
    _exit (vt_die_with_parent (self) ? func (vt_fd_steal (&theirs), user_data) : EXIT_FAILURE);
  }
  /* Not reaped yet, whatever became of it: the process id is still the child's. */
  if (pid > 0)
    child->pidfd = vt_pidfd_open (pid);
  if (pid < 0 || child->pidfd < 0) {
    int saved_errno = errno;

    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                 "starting a helper process: %s", g_strerror (saved_errno));
    return FALSE;
  }
  child->pid = pid;
  child->socket = vt_fd_steal (&ours);
  return TRUE;
}

/* What a child of the spawner's runs. */
typedef struct {
  int spawner_socket;
  GVariant *request;
} Start;

static int
run_request (int socket, gpointer user_data)
{
  const Start *start = user_data;
  g_autoptr (GVariant) arguments = NULL;
  guint64 address;

  close (start->spawner_socket);
  g_variant_get (start->request, "(tv)", &address, &arguments);
  return ((VtChildFunc)(gsize)address) (socket, arguments);
}

static gboolean
serve (int socket, GError **error)
{
  g_autoptr (GVariant) request = vt_ipc_receive (socket, REQUEST_TYPE, NULL, error);
  Start start = {socket, request};
  VtChild child = VT_CHILD_INIT;
  g_autoptr (GError) failure = NULL;
  gboolean sent;

  if (request == NULL)
    return FALSE;
  reap ();
  if (!vt_child_fork (run_request, &start, &child, &failure))
    return vt_ipc_send (socket, g_variant_new ("(is)", 0, failure->message), NULL, 0, error);
  sent = vt_ipc_send (socket, g_variant_new ("(is)", (int)child.pid, ""),
                      (int[]){child.socket, child.pidfd}, 2, error);
  vt_fd_clear (&child.socket);
  vt_fd_clear (&child.pidfd);
  return sent;
}

static void
redirect_standard_streams (void)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

  if (null >= 0) {
    dup2 (null, STDIN_FILENO);
    close (null);
  }
  dup2 (STDERR_FILENO, STDOUT_FILENO);
}

static G_GNUC_NORETURN void
run_spawner (pid_t parent, int socket)
{
  setsid ();
  if (!vt_die_with_parent (parent))
    _exit (EXIT_FAILURE);
  /* As libguestfs and the shell that runs us may have left them. */
  signal (SIGCHLD, SIG_DFL);
  signal (SIGPIPE, SIG_IGN);
  redirect_standard_streams ();
  while (serve (socket, NULL))
    ;
  _exit (EXIT_SUCCESS);
}

VtSpawner *
vt_spawner_new (GError **error)
{
  VtSpawner *self;
  int pair[2];
  pid_t parent = getpid ();
  pid_t pid;

  if (!has_one_thread ()) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                         "helper processes cannot be forked from a process with several threads");
    return NULL;
  }
  if (!vt_ipc_pair (pair, error))
    return NULL;
  pid = fork ();
  if (pid == 0) {
    close (pair[0]);
    run_spawner (parent, pair[1]);
  }
  close (pair[1]);
  if (pid < 0) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "fork: %s", g_strerror (errno));
    close (pair[0]);
    return NULL;
  }
  self = g_new0 (VtSpawner, 1);
  self->pid = pid;
  self->socket = pair[0];
  return self;
}

void
vt_spawner_free (VtSpawner *self)
{
  /* It ends at the end of file on its socket; its children are killed with it. */
  vt_fd_clear (&self->socket);
  while (waitpid (self->pid, NULL, 0) < 0 && errno == EINTR)
    ;
  g_free (self);
}

gboolean
vt_spawner_spawn (
    VtSpawner *self, VtChildFunc func, GVariant *arguments, VtChild *child, GError **error)
{
  g_auto (VtIpcFds) fds = VT_IPC_FDS_INIT;
  g_autoptr (GVariant) reply = NULL;
  GVariant *request = g_variant_new ("(tv)", (guint64)(gsize)func, arguments);
  const char *failure;
  int pid;

  if (!vt_ipc_send (self->socket, request, NULL, 0, error))
    return FALSE;
  reply = vt_ipc_receive (self->socket, REPLY_TYPE, &fds, error);
  if (reply == NULL)
    return FALSE;
  g_variant_get (reply, "(i&s)", &pid, &failure);
  if (pid == 0) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, failure);
    return FALSE;
  }
  child->pid = pid;
  child->socket = vt_fd_steal (&fds.fd[0]);
  child->pidfd = vt_fd_steal (&fds.fd[1]);
  return TRUE;
}

void
vt_child_clear (VtChild *child)
{
  if (child->pidfd >= 0) {
    struct pollfd ended = {.fd = child->pidfd, .events = POLLIN};

    vt_pidfd_kill (child->pidfd);
    while (poll (&ended, 1, -1) < 0 && errno == EINTR)
      ;
  }
  vt_fd_clear (&child->pidfd);
  vt_fd_clear (&child->socket);
  child->pid = 0;
}
