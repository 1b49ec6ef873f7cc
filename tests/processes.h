// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The processes that a test has started, directly or not.
 */
#pragma once

#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* For what takes milliseconds. */
#define DEADLINE_MS 30000

#define PROCESSES_MAX 16

/* Children of a process; returns their number. */
static inline guint
list_children (pid_t parent, pid_t children[PROCESSES_MAX])
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/task/%d/children", parent, parent);
  g_autofree char *text = NULL;
  g_auto (GStrv) words = NULL;
  guint n = 0;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  words = g_strsplit (g_strstrip (text), " ", -1);
  for (guint i = 0; words[i] != NULL && words[i][0] != '\0'; i++) {
    g_assert_cmpuint (n, <, PROCESSES_MAX);
    children[n++] = (pid_t)g_ascii_strtoll (words[i], NULL, 10);
  }
  return n;
}

static inline pid_t
only_child (pid_t parent)
{
  pid_t children[PROCESSES_MAX];

  g_assert_cmpuint (list_children (parent, children), ==, 1);
  return children[0];
}

/* Of a pool, when its spawner has no other child. */
static inline pid_t
get_host (void)
{
  return only_child (only_child (getpid ()));
}

static inline char
get_process_state (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", pid);
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return strrchr (text, ')')[2];
}

static inline void
stop_process (pid_t pid)
{
  g_assert_cmpint (kill (pid, SIGSTOP), ==, 0);
  while (get_process_state (pid) != 'T')
    g_usleep (1000);
}

static inline void
assert_ends (int pidfd)
{
  struct pollfd ended = {.fd = pidfd, .events = POLLIN};

  g_assert_cmpint (poll (&ended, 1, DEADLINE_MS), ==, 1);
}
