// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A scan job over a reader that the test makes up, with the real engine and a real store.
 */
#pragma once

#include <libglib-testing/signal-logger.h>

#include "engine-fixture.h"
#include "fake-reader.h"
#include "vt-scan-job.h"
#include "vt-unpack-worker.h"

typedef struct {
  EngineFixture base;
  VtSpawner *spawner;
  VtEngineId *engine_id;
  VtStore *store;
  VtScanPool *pool;
  VtUnpackPool *unpack_pool;
  VtScanFlights *flights;
  VtChildFunc worker; /* of the unpack pool; NULL: the real one */
  const char *const *passwords;
  VtTemplate *template; /* NULL: there is none */
  VtImageOptions *options;
  VtScanJob *job;
  GtSignalLogger *logger;
} Fixture;

/* One for all tests: once a job has run, there are threads. */
static VtSpawner *spawner;

static inline VtUnpackPool *
new_unpack_pool (const Fixture *fixture)
{
  const VtUnpackPoolOptions options = {
      .worker = fixture->worker != NULL ? fixture->worker : vt_unpack_worker_main,
      .max_file_size = fixture->base.options->max_file_size,
      .max_time_s = 60,
      .jobs = 2,
  };

  return vt_unpack_pool_new (fixture->spawner, &options);
}

static inline void
set_up (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *store_path = NULL;

  engine_fixture_set_up (&fixture->base, NULL);
  store_path = g_build_filename (fixture->base.dir, "store", "verdicts.db", NULL);
  fixture->spawner = spawner;
  fixture->engine_id = vt_engine_id_new (fixture->base.options, NULL, &error);
  g_assert_no_error (error);
  fixture->store = vt_store_open (store_path, &error);
  g_assert_no_error (error);
  fixture->pool = vt_scan_pool_new (fixture->spawner, fixture->base.options, 2);
  fixture->unpack_pool = new_unpack_pool (fixture);
  fixture->flights = vt_scan_flights_new ();
  fixture->options = vt_image_options_new ("made-up");
  fixture->options->reader = (VtChildFunc)reader;
}

static inline void
tear_down (Fixture *fixture, gconstpointer reader)
{
  g_clear_pointer (&fixture->logger, gt_signal_logger_free);
  g_clear_object (&fixture->job);
  vt_unpack_pool_free (fixture->unpack_pool);
  g_object_unref (fixture->pool);
  vt_scan_flights_free (fixture->flights);
  vt_store_free (fixture->store);
  vt_engine_id_free (fixture->engine_id);
  vt_image_options_free (fixture->options);
  engine_fixture_tear_down (&fixture->base, NULL);
}

static inline void
make_job (Fixture *fixture)
{
  const VtScanContext context = {
      .spawner = fixture->spawner,
      .engine_id = fixture->engine_id,
      .pool = fixture->pool,
      .store = fixture->store,
      .unpack_pool = fixture->unpack_pool,
      .flights = fixture->flights,
      .limits = fixture->base.options,
      .template = fixture->template,
      .passwords = fixture->passwords,
  };

  g_clear_pointer (&fixture->logger, gt_signal_logger_free);
  g_clear_object (&fixture->job);
  fixture->job = vt_scan_job_new (&context, fixture->options, NULL);
  fixture->logger = gt_signal_logger_new ();
  gt_signal_logger_connect (fixture->logger, fixture->job, "phase");
  gt_signal_logger_connect (fixture->logger, fixture->job, "finding");
}

static inline VtScanResult *
run_job (Fixture *fixture)
{
  make_job (fixture);
  return vt_scan_job_run (fixture->job, NULL);
}

static inline int
mixed_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  must (vt_image_sink_expect (sink, 7, 500, 3, NULL) && vt_image_sink_phase (sink, "read", NULL));
  send_file (sink, "/clean", "nothing to see", NULL);
  send_file (sink, "/copy", "nothing to see", NULL);
  send_file (sink, "/marked", MARKER, "/other-name");
  send_file (sink, "/empty", "", NULL);
  send_unread (sink, "/large", VT_REASON_SIZE_LIMIT);
  send_unread (sink, "/damaged", VT_REASON_READ_ERROR);
  return send_end (sink);
}

/* What is in the archive of send_archive(). Compressed, the marker is in two pieces. */
#define MEMBER "VTEMPLATER-TEST-" MARKER

/* A compressed file, which the engine does not open; in what is in it, it would find something. */
static inline int
send_archive (int socket, const char *filter)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  g_autoptr (VtFileResult) file = vt_file_result_new ();
  g_autoptr (GByteArray) content = bytes_of_text (MEMBER);
  g_autoptr (GByteArray) archive = make_archive ("raw", filter, content, 1);
  g_autoptr (VtContent) sealed = vt_content_new (archive->len, G_MAXUINT64, NULL);
  vt_autofd memfd = -1;
  VtDigest unused;

  must (vt_content_write (sealed, 0, archive->data, archive->len, NULL) &&
        vt_content_finish (sealed, &memfd, &unused, NULL));
  send_filesystem (sink, "/dev/sda1");
  file->path = g_strdup ("/a.lz4");
  file->inode = 99;
  file->size = archive->len;
  must (vt_image_sink_file (sink, file, NULL, memfd, NULL));
  return send_end (sink);
}

static inline int
archive_reader (int socket, GVariant *arguments)
{
  return send_archive (socket, "lz4");
}

#define ADD(name, reader, test)                                                                    \
  g_test_add ("/scan-job/" name, Fixture, (gconstpointer)reader, set_up, test, tear_down)

/* Runs the tests that ADD_TESTS adds. */
static inline int
run_tests (int argc, char **argv, void (*add_tests) (void))
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  spawner = vt_spawner_new (&error);
  g_assert_no_error (error);
  add_tests ();
  status = g_test_run ();
  vt_spawner_free (spawner);
  return status;
}
