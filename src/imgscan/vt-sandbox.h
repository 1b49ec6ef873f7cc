// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Takes rights away from the calling process for good, before it touches hostile bytes.
 *
 * Layers, each used where the kernel and the user's rights allow it: namespaces (mount, network,
 * IPC, and user for a caller who is not root), an empty root directory with one bounded private
 * temporary directory, another user id when root, no capabilities, no_new_privs, Landlock, rlimits,
 * and always a seccomp allow-list. A system call that is not on the list kills the process
 * (SIGSYS): an error code in its place could make a scanner answer without having scanned.
 *
 * In the process that the sandboxed ones are forked from: vt_sandbox_preload() once, and for each
 * of them a VtSandboxDir, which is needed where there are no namespaces. In the forked child:
 * vt_sandbox_enter().
 */
#pragma once

#include <gio/gio.h>

typedef enum {
  VT_SANDBOX_ERROR_FAILED, /* a layer that must hold could not be put in place */
} VtSandboxError;

#define VT_SANDBOX_ERROR (vt_sandbox_error_quark ())
GQuark vt_sandbox_error_quark (void);

typedef struct {
  guint64 tmp_size; /* bytes of the private temporary directory; 0: none, no file is opened */
  guint64
      address_space;   /* bytes the process may map beyond what it has mapped (RLIMIT_AS); 0: any */
  guint32 cpu_seconds; /* RLIMIT_CPU, then SIGXCPU; 0: any */
  guint32 open_files;  /* RLIMIT_NOFILE */
  guint64 memfd_size;  /* bytes of the largest memfd it may make; 0: it makes none, and writes none
                          that is larger than tmp_size */
  guint64 file_size;   /* bytes that files it was handed open may grow to; 0: as memfds may */
  /*
   * Descriptors that stay open, besides 0, 1 and 2: all others are closed, for whatever is open is
   * a way out. None may be a directory or a block device.
   */
  const int *fds;
  gsize n_fds;
  /*
   * Where temporary files go without namespaces: an empty directory that is the caller's, one for
   * each process, which the caller's parent removes; it gets the sandbox's user as its owner. NULL:
   * fail then, if tmp_size is not 0. There tmp_size bounds each file, not their sum.
   */
  const char *dir;
} VtSandboxPolicy;

typedef enum {
  VT_SANDBOX_NAMESPACES = 1 << 0,
  VT_SANDBOX_USER = 1 << 1, /* runs under a user id that owns nothing */
  VT_SANDBOX_LANDLOCK = 1 << 2,
  VT_SANDBOX_SECCOMP = 1 << 3,
} VtSandboxLayers;

/*
 * Enters the sandbox. On success TMP_DIR (at least PATH_MAX bytes) has the path, as the process now
 * sees it, of its empty and writable temporary directory (or "", if the policy asks for none), and
 * LAYERS what is in force. With neither namespaces nor Landlock in it, files that are open to
 * everybody (without VT_SANDBOX_USER: to the caller) can be read and written still, unless tmp_size
 * is 0: the caller is to say so or to refuse. On failure (VT_SANDBOX_ERROR_FAILED) the process must
 * end: some layers may be in place. One thread only; needs /proc.
 *
 * Afterwards there are no threads, no new processes, no sockets, no executable mappings, and no
 * signals to others. The signal of PR_SET_PDEATHSIG is as before. Standard error can be written; if
 * it is a file on disk, a bounded number of bytes more.
 */
gboolean vt_sandbox_enter (const VtSandboxPolicy *policy,
                           char *tmp_dir,
                           VtSandboxLayers *layers,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "namespaces, user, landlock, seccomp" for those in LAYERS; free with g_free(). */
char *vt_sandbox_layers_to_string (VtSandboxLayers layers);

/*
 * Loads what the C library would load from files when first used and cannot in the sandbox: its
 * character set converters, without which the engine takes the text of documents for something
 * else, silently. Costs 8 MiB, shared by all processes forked afterwards. From one thread; once is
 * enough.
 */
void vt_sandbox_preload (void);
