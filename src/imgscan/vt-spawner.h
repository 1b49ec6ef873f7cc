// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Starts the helper processes: image readers and the engine's host.
 *
 * Those run code of this program without an exec, so they must be forked from a process that has
 * one thread and as good as no state. The spawner is that process: it is forked first of all and
 * forks again on request. It is the leader of a session of its own, so a signal from the terminal
 * reaches none of what descends from it; and everything it forks, itself included, is killed by the
 * kernel when its parent dies (PR_SET_PDEATHSIG, prctl(2)), however that comes about.
 */
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

typedef struct _VtSpawner VtSpawner;

/*
 * What a child runs. SOCKET is its end of a vt-ipc pair and ARGUMENTS what its starter gave. The
 * result is its exit status. Standard input is /dev/null, standard output goes to standard error.
 */
typedef int (*VtChildFunc) (int socket, GVariant *arguments);

/* A running child, as its starter sees it. Clear with vt_child_clear(). */
typedef struct {
  pid_t pid;
  int pidfd;  /* pidfd_open(2); becomes readable when the child has ended */
  int socket; /* our end of the pair; at its end of file the child is gone */
} VtChild;

#define VT_CHILD_INIT                                                                              \
  {                                                                                                \
    .pid = 0, .pidfd = -1, .socket = -1                                                            \
  }

/* Forks the spawner. Fails (G_IO_ERROR_FAILED) when the calling process has a second thread. */
VtSpawner *vt_spawner_new (GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Ends the spawner, and with it all children that still run. */
void vt_spawner_free (VtSpawner *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtSpawner, vt_spawner_free)

/* Starts FUNC in a new process; a floating ARGUMENTS is taken. CHILD must be empty. */
gboolean vt_spawner_spawn (VtSpawner *self,
                           VtChildFunc func,
                           GVariant *arguments,
                           VtChild *child,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Kills the child, if it still runs, waits until it has ended, and closes what CHILD holds. */
void vt_child_clear (VtChild *child);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtChild, vt_child_clear)

/*
 * For processes that fork on their own, and have one thread. Forks; the child dies with its parent
 * and runs FUNC with its end of a vt-ipc pair and USER_DATA, as they are in its copy of this
 * process. The parent reaps it (waitpid(2)).
 */
typedef int (*VtForkFunc) (int socket, gpointer user_data);
gboolean vt_child_fork (VtForkFunc func, gpointer user_data, VtChild *child, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/*
 * For processes that fork on their own: makes the calling process die with PARENT, the process id
 * taken before the fork. FALSE if PARENT is dead already.
 */
gboolean vt_die_with_parent (pid_t parent) G_GNUC_WARN_UNUSED_RESULT;

/* pidfd_open(2); -1 and errno on failure. */
int vt_pidfd_open (pid_t pid);
/* Sends SIGKILL through a pidfd, so that a process id taken anew is never hit. */
void vt_pidfd_kill (int pidfd);
