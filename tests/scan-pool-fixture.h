// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A scan pool over a database of our own, and what became of each content that it was given.
 */
#pragma once

#include <libglib-testing/signal-logger.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "engine-fixture.h"
#include "processes.h"
#include "vt-fd.h"
#include "vt-scan-pool.h"

#define CONTENTS_MAX 256

typedef struct _Fixture Fixture;

typedef struct {
  Fixture *fixture;
  int memfd;
  guint calls;
  guint turn; /* 1 for the content that had its verdict first */
  VtVerdict verdict;
} Content;

struct _Fixture {
  EngineFixture base;
  VtSpawner *spawner;
  VtScanPool *pool;
  GtSignalLogger *logger;
  Content contents[CONTENTS_MAX];
  guint n_contents;
  guint n_done;
  gboolean submitting;
};

static inline void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  engine_fixture_set_up (&fixture->base, data);
  fixture->spawner = vt_spawner_new (&error);
  g_assert_no_error (error);
}

static inline void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_clear_pointer (&fixture->logger, gt_signal_logger_free);
  g_clear_object (&fixture->pool);
  g_clear_pointer (&fixture->spawner, vt_spawner_free);
  for (guint i = 0; i < fixture->n_contents; i++) {
    g_assert_cmpuint (fixture->contents[i].calls, ==, 1);
    vt_fd_clear (&fixture->contents[i].memfd);
  }
  engine_fixture_tear_down (&fixture->base, data);
}

static inline void
make_pool (Fixture *fixture, guint workers)
{
  fixture->pool = vt_scan_pool_new (fixture->spawner, fixture->base.options, workers);
  fixture->logger = gt_signal_logger_new ();
  gt_signal_logger_connect (fixture->logger, fixture->pool, "loaded");
  gt_signal_logger_connect (fixture->logger, fixture->pool, "failed");
  gt_signal_logger_connect (fixture->logger, fixture->pool, "worker-lost");
}

static inline void
load (Fixture *fixture)
{
  g_autofree char *id = engine_fixture_id (&fixture->base);

  vt_scan_pool_load (fixture->pool, id);
}

static inline void
on_done (const VtVerdict *verdict, gpointer user_data)
{
  Content *content = user_data;

  g_assert_false (content->fixture->submitting);
  content->calls++;
  content->verdict = *verdict;
  content->turn = ++content->fixture->n_done;
}

static inline Content *
submit_memfd_of (Fixture *fixture, gpointer owner, int memfd, guint64 size)
{
  Content *content = &fixture->contents[fixture->n_contents++];

  g_assert_cmpuint (fixture->n_contents, <=, CONTENTS_MAX);
  content->fixture = fixture;
  content->memfd = memfd;
  fixture->submitting = TRUE;
  vt_scan_pool_submit (fixture->pool, owner, memfd, size, on_done, content);
  fixture->submitting = FALSE;
  return content;
}

static inline Content *
submit_memfd (Fixture *fixture, int memfd, guint64 size)
{
  return submit_memfd_of (fixture, fixture, memfd, size);
}

static inline Content *
submit_data (Fixture *fixture, const void *data, gsize size)
{
  int memfd = memfd_of_data (data, size);

  g_assert_cmpint (fcntl (memfd, F_ADD_SEALS, ALL_SEALS), ==, 0);
  return submit_memfd (fixture, memfd, size);
}

static inline Content *
submit (Fixture *fixture, const char *text)
{
  return submit_data (fixture, text, strlen (text));
}

static inline void
wait_for_all (Fixture *fixture)
{
  while (fixture->n_done < fixture->n_contents)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (vt_scan_pool_get_pending (fixture->pool), ==, 0);
}

static inline void
wait_for_signal (Fixture *fixture)
{
  while (gt_signal_logger_get_n_emissions (fixture->logger) == 0)
    g_main_context_iteration (NULL, TRUE);
}

static inline void
assert_loaded (Fixture *fixture)
{
  guint signatures;

  gt_signal_logger_assert_emission_pop (fixture->logger, fixture->pool, "loaded", &signatures);
  g_assert_cmpuint (signatures, >=, 1);
}

static inline void
assert_worker_lost (Fixture *fixture)
{
  g_autofree char *what = NULL;

  gt_signal_logger_assert_emission_pop (fixture->logger, fixture->pool, "worker-lost", &what, NULL);
  g_assert_cmpstr (what, !=, "");
  g_test_message ("%s", what);
}

static inline void
assert_failed (Fixture *fixture, VtEngineError code)
{
  g_autoptr (GError) error = NULL;

  gt_signal_logger_assert_emission_pop (fixture->logger, fixture->pool, "failed", &error);
  g_test_message ("%s", error->message);
  g_assert_error (error, VT_ENGINE_ERROR, (gint)code);
}

static inline void
assert_clean (const Content *content)
{
  g_assert_cmpstr (content->verdict.threat, ==, "");
  g_assert_cmpstr (vt_reason_to_string (content->verdict.reason), ==, "none");
  g_assert_cmpint (content->verdict.kind, ==, VT_VERDICT_CLEAN);
}

static inline void
assert_infected (const Content *content, const char *name)
{
  g_assert_cmpint (content->verdict.kind, ==, VT_VERDICT_INFECTED);
  g_assert_cmpstr (content->verdict.threat, ==, name);
}

static inline void
assert_incomplete (const Content *content, VtReason reason)
{
  g_assert_cmpint (content->verdict.kind, ==, VT_VERDICT_INCOMPLETE);
  g_assert_cmpstr (vt_reason_to_string (content->verdict.reason), ==, vt_reason_to_string (reason));
}

static inline guint64
count_seccomp_filters (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", pid);
  g_autofree char *text = NULL;
  const char *line;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  line = strstr (text, "\nSeccomp_filters:");
  g_assert_nonnull (line);
  return g_ascii_strtoull (strchr (line, ':') + 1, NULL, 10);
}

/*
 * So that whatever it gets next, it is in the middle of until it is killed. One that is stopped
 * while it changes its user would not die with its parent: the kernel forgets that for a moment.
 */
static inline void
stop_worker (pid_t pid)
{
  /* The filter is the last that a worker does to itself; a container may have one of its own. */
  while (count_seccomp_filters (pid) == count_seccomp_filters (getpid ()))
    g_usleep (1000);
  stop_process (pid);
}
