// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Loads the engine once and then does as little as possible: it never sees a content, so that it
 * stays a clean origin for every new worker, whatever became of the one before.
 */
#include "vt-engine-host.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vt-engine-id.h"
#include "vt-engine-load.h"
#include "vt-engine-protocol-private.h"
#include "vt-engine-sscanf.h"
#include "vt-engine-worker.h"
#include "vt-fd.h"
#include "vt-huge-pages.h"
#include "vt-ipc.h"
#include "vt-paths.h"
#include "vt-sandbox.h"
#include "vt-spawner.h"

typedef struct {
  int socket;
  struct cl_engine *engine;
  const VtEngineOptions *options;
  const char *run_dir; /* the workers' directories are made in it; the pool removes it */
} Host;

GVariant *
vt_host_arguments_new (const VtEngineOptions *options, const char *engine_id, const char *run_dir)
{
  return g_variant_new ("(^ayttuuuttuus^ay)", options->database_dir, options->max_file_size,
                        options->max_scan_size, options->max_scan_time_s, options->max_recursion,
                        options->max_files, options->max_unpacked_size, options->max_ratio,
                        options->max_nested, options->max_unpack_time_s, engine_id, run_dir);
}

VtEngineOptions *
vt_host_arguments_parse (GVariant *arguments, char **engine_id, char **run_dir)
{
  g_autoptr (VtEngineOptions) options = vt_engine_options_new ();

  g_clear_pointer (&options->database_dir, g_free);
  g_variant_get (arguments, "(^ayttuuuttuus^ay)", &options->database_dir, &options->max_file_size,
                 &options->max_scan_size, &options->max_scan_time_s, &options->max_recursion,
                 &options->max_files, &options->max_unpacked_size, &options->max_ratio,
                 &options->max_nested, &options->max_unpack_time_s, engine_id, run_dir);
  return g_steal_pointer (&options);
}

static gboolean
reply (int socket, VtHostReplyKind kind, guint64 number, const char *text, const int *fd)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  return vt_ipc_send (socket, g_variant_new ("(uts)", kind, number, valid), fd, fd != NULL ? 1 : 0,
                      NULL);
}

static char *
worker_dir (const Host *host, pid_t pid)
{
  g_autofree char *name = g_strdup_printf ("worker-%d", (int)pid);

  return g_build_filename (host->run_dir, name, NULL);
}

/* What a dead worker left goes now; the rest goes with the pool's directory. */
static void
reap (const Host *host)
{
  pid_t pid;

  while ((pid = waitpid (-1, NULL, WNOHANG)) > 0) {
    g_autofree char *dir = worker_dir (host, pid);
    vt_paths_remove_tree (dir);
  }
}

static G_GNUC_NORETURN void
run_worker (const Host *host, pid_t parent, int socket)
{
  g_autofree char *dir = worker_dir (host, getpid ());

  if (!vt_die_with_parent (parent) || g_mkdir (dir, 0700) != 0)
    _exit (EXIT_FAILURE);
  _exit (vt_engine_worker_run (socket, host->engine, host->options, dir));
}

static gboolean
start_worker (const Host *host, guint64 serial, int worker_socket)
{
  vt_autofd pidfd = -1;
  pid_t self = getpid ();
  pid_t pid;

  reap (host);
  pid = fork ();
  if (pid == 0)
    run_worker (host, self, worker_socket);
  if (pid < 0)
    return reply (host->socket, VT_HOST_WORKER_FAILED, serial, g_strerror (errno), NULL);
  /* Not reaped yet, whatever became of it: the process id is still the worker's. */
  pidfd = vt_pidfd_open (pid);
  if (pidfd < 0)
    return reply (host->socket, VT_HOST_WORKER_FAILED, serial, g_strerror (errno), NULL);
  return reply (host->socket, VT_HOST_WORKER_STARTED, serial, "", &pidfd);
}

static gboolean
serve (const Host *host)
{
  g_auto (VtIpcFds) fds = VT_IPC_FDS_INIT;
  g_autoptr (GVariant) request = vt_ipc_receive (host->socket, VT_HOST_REQUEST_TYPE, &fds, NULL);
  guint64 serial;

  if (request == NULL || fds.fd[0] < 0)
    return FALSE;
  g_variant_get (request, "(t)", &serial);
  return start_worker (host, serial, fds.fd[0]);
}

/* Before there are workers, which share the engine as it lies in memory. */
static void
speed_up (void)
{
  guint64 bytes = vt_huge_pages_advise ();

  g_debug ("engine: %" G_GUINT64_FORMAT " bytes in huge pages, %s sscanf", bytes,
           vt_engine_sscanf_is_used () ? "fast" : "the C library's");
}

int
vt_engine_host_run (int socket, GVariant *arguments)
{
  g_autofree char *engine_id = NULL;
  g_autofree char *run_dir = NULL;
  g_autoptr (VtEngineOptions) options = vt_host_arguments_parse (arguments, &engine_id, &run_dir);
  g_autoptr (GError) error = NULL;
  Host host = {.socket = socket, .options = options, .run_dir = run_dir};
  guint signatures;

  vt_sandbox_preload ();
  host.engine = vt_engine_load (options, engine_id, &signatures, &error);
  if (host.engine == NULL) {
    (void)!reply (socket, VT_HOST_FAILED, (guint64)error->code, error->message, NULL);
    return EXIT_FAILURE;
  }
  speed_up ();
  if (!reply (socket, VT_HOST_LOADED, signatures, "", NULL))
    return EXIT_FAILURE;
  while (serve (&host))
    ;
  /* The pool is gone. The engine is not freed: that takes longer than to end does. */
  return EXIT_SUCCESS;
}
