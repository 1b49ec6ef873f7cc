// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Gives up all rights before the first byte of a content is there, and trusts no content to be what
 * the request says: libclamav calls clean what it cannot read, and what it cannot unpack for want
 * of a temporary directory.
 */
#include "vt-engine-worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "vt-content.h"
#include "vt-engine-protocol-private.h"
#include "vt-engine-scan.h"
#include "vt-engine-settings.h"
#include "vt-fd.h"
#include "vt-ipc.h"
#include "vt-sandbox.h"

/* Every scan sets up and throws away tables that grow with the signatures: keep that memory. */
#define MALLOC_KEEP_BYTES (512 * 1024 * 1024)

/* Beside what follows from the limits: the engine's tables for a scan, unpackers' dictionaries. */
#define ADDRESS_SPACE_BASE ((guint64)1024 * 1024 * 1024)
/* How often a content or member may be in memory: its map, unpacked, normalised, once to spare. */
#define COPIES 4

/* Nested containers keep a few files open each. */
#define OPEN_FILES 1024

static gboolean
check_writable (const char *dir, GError **error)
{
  g_autofree char *path = g_build_filename (dir, "probe", NULL);
  vt_autofd fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

  if (fd >= 0 && write (fd, "x", 1) == 1 && unlink (path) == 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "temporary directory: %s",
               g_strerror (errno));
  return FALSE;
}

static gboolean
enter_sandbox (struct cl_engine *engine,
               const VtEngineOptions *options,
               int socket,
               const char *dir,
               VtSandboxLayers *layers,
               GError **error)
{
  guint64 file_size = vt_engine_settings_get_max_file_size (options);
  const VtSandboxPolicy policy = {
      .tmp_size = options->max_scan_size + COPIES * file_size,
      .address_space = ADDRESS_SPACE_BASE + COPIES * file_size,
      .open_files = OPEN_FILES,
      .fds = &socket,
      .n_fds = 1,
      .dir = dir,
  };
  char tmp_dir[PATH_MAX];
  cl_error_t result;

  if (!vt_sandbox_enter (&policy, tmp_dir, layers, error))
    return FALSE;
  if (!check_writable (tmp_dir, error))
    return FALSE;
  result = cl_engine_set_str (engine, CL_ENGINE_TMPDIR, tmp_dir);
  if (result == CL_SUCCESS)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "temporary directory: %s",
               cl_strerror (result));
  return FALSE;
}

static gboolean
reply (
    int socket, VtWorkerReplyKind kind, guint64 serial, const VtVerdict *verdict, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  return vt_ipc_send (
      socket,
      g_variant_new ("(utuus)", kind, serial, (guint)verdict->kind, (guint)verdict->reason, valid),
      NULL, 0, NULL);
}

static gboolean
serve (int socket, struct cl_engine *engine, const VtEngineOptions *options, VtEngineLayers *known)
{
  g_auto (VtIpcFds) fds = VT_IPC_FDS_INIT;
  g_autoptr (GVariant) request = vt_ipc_receive (socket, VT_SCAN_REQUEST_TYPE, &fds, NULL);
  VtVerdict verdict = vt_verdict_incomplete (VT_REASON_ENGINE_ERROR);
  guint64 serial;
  guint64 size;

  if (request == NULL)
    return FALSE;
  g_variant_get (request, "(tt)", &serial, &size);
  /* What is sealed cannot change between being hashed and being scanned. */
  if (fds.fd[0] >= 0 && vt_content_is_sealed (fds.fd[0], size))
    verdict = vt_engine_scan_fd (engine, options, known, fds.fd[0], size);
  return reply (socket, VT_WORKER_VERDICT, serial, &verdict, verdict.threat);
}

/* "", or what the user must know of a sandbox in which the host's files are in reach. */
static const char *
find_weakness (VtSandboxLayers layers)
{
  if ((layers & (VT_SANDBOX_NAMESPACES | VT_SANDBOX_LANDLOCK)) != 0)
    return "";
  return "the engine's sandbox is weak: neither namespaces nor Landlock can be had here, so a "
         "hostile content that takes the engine over can reach what this user can";
}

int
vt_engine_worker_run (int socket,
                      struct cl_engine *engine,
                      const VtEngineOptions *options,
                      const char *dir)
{
  static const VtVerdict none = {.kind = VT_VERDICT_UNKNOWN};
  g_autoptr (VtEngineLayers) known = vt_engine_layers_new ();
  g_autoptr (GError) error = NULL;
  VtSandboxLayers layers;

  /* libclamav names its temporary files with rand(3). */
  srand ((unsigned int)getpid ());
  mallopt (M_MMAP_THRESHOLD, MALLOC_KEEP_BYTES);
  mallopt (M_TRIM_THRESHOLD, MALLOC_KEEP_BYTES);
  if (!enter_sandbox (engine, options, socket, dir, &layers, &error)) {
    (void)!reply (socket, VT_WORKER_FAILED, 0, &none, error->message);
    return EXIT_FAILURE;
  }
  if (!reply (socket, VT_WORKER_READY, 0, &none, find_weakness (layers)))
    return EXIT_FAILURE;
  while (serve (socket, engine, options, known))
    ;
  return EXIT_SUCCESS;
}
