// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The scan of a clone: what its reader did not read, what is known by its digest, and what became
 * of the template's files.
 */
#include "older-fixture.h"
#include "processes.h"
#include "scan-job-fixture.h"
#include "template-fixture.h"

#define SAME    "as it was in the template"
#define COPY    "another content of the template"
#define FOREIGN "not in the template"

static void
add_text (VtCleanCacheBuilder *builder, guint64 inode, const char *text)
{
  VtCleanFile file = new_file (0, inode);

  file.digest = vt_digest_of_data (text, strlen (text));
  file.size = strlen (text);
  add_file (builder, file);
}

static void
make_template (Fixture *fixture)
{
  VtCleanCacheBuilder *builder = new_builder ();
  g_autoptr (GError) error = NULL;
  const VtDigest member = vt_digest_of_data (MEMBER, strlen (MEMBER));

  add_text (builder, 12, SAME);
  add_text (builder, 13, COPY);
  g_assert_true (vt_clean_cache_builder_add_content (builder, &member, &error));
  g_assert_no_error (error);
  fixture->template = new_template (builder);
}

/* One of other signatures than those in force, and taken all the same, or not. */
static void
prepare_template (Fixture *fixture, gboolean counts)
{
  make_template (fixture);
  prepare_at (fixture->template, fixture->engine_id->id, counts ? G_MAXINT64 : 0, CREATED,
              fixture->store);
  g_assert_cmpint (vt_template_counts (fixture->template), ==, counts);
  vt_template_apply (fixture->template, fixture->options);
}

static void
tear_down_template (Fixture *fixture, gconstpointer reader)
{
  g_clear_object (&fixture->job);
  g_clear_pointer (&fixture->template, vt_template_unref);
  tear_down (fixture, reader);
}

static void
send_unchanged (VtImageSink *sink, const char *path, guint64 inode, const char *text, char **links)
{
  g_autoptr (VtFileResult) file = vt_file_result_new ();

  file->path = g_strdup (path);
  file->inode = inode;
  file->size = strlen (text);
  file->has_digest = TRUE;
  file->digest = vt_digest_of_data (text, strlen (text));
  must (vt_image_sink_file (sink, file, links, -1, NULL));
}

static int
unchanged_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);
  char *links[] = {(char *)"/other-name", NULL};

  send_filesystem (sink, "/dev/sda1");
  send_unchanged (sink, "/same", 12, SAME, links);
  return send_end (sink);
}

static int
copied_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  send_unchanged (sink, "/same", 12, SAME, NULL);
  send_file (sink, "/copy", COPY, NULL);
  return send_end (sink);
}

static int
foreign_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  send_unchanged (sink, "/foreign", 12, FOREIGN, NULL);
  return send_end (sink);
}

static int
mixed_clone_reader (int socket, GVariant *arguments)
{
  g_autoptr (VtImageSink) sink = vt_image_sink_new (socket);

  send_filesystem (sink, "/dev/sda1");
  send_unchanged (sink, "/same", 12, SAME, NULL);
  send_file (sink, "/new", FOREIGN, NULL);
  return send_end (sink);
}

/* Those that are gone wait for their parent until it has something to do. */
static guint
count_living_children (pid_t parent)
{
  pid_t children[PROCESSES_MAX];
  guint n = list_children (parent, children);
  guint living = 0;

  for (guint i = 0; i < n; i++)
    living += get_process_state (children[i]) != 'Z';
  return living;
}

/* The engine's host would stay as long as the pool; the reader may take a moment to end. */
static void
assert_engine_is_not_there (const VtScanResult *result)
{
  pid_t parent = only_child (getpid ());

  for (guint i = 0; i < DEADLINE_MS / 10 && count_living_children (parent) > 0; i++)
    g_usleep (10000);
  g_assert_cmpuint (count_living_children (parent), ==, 0);
  g_assert_cmpfloat (result->stats.load_seconds, <=, 0);
}

static void
test_unchanged_is_not_read (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = NULL;

  prepare_template (fixture, TRUE);
  result = run_job (fixture);
  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.files, ==, 2);
  g_assert_cmpuint (result->stats.clean, ==, 2);
  g_assert_cmpuint (result->stats.scanned, ==, 0);
  g_assert_cmpuint (result->stats.from_template, ==, 1);
  g_assert_cmpuint (result->stats.from_store, ==, 0);
  g_assert_cmpuint (result->stats.unread, ==, 1);
  g_assert_cmpuint (result->stats.unread_bytes, ==, strlen (SAME));
  g_assert_cmpuint (result->template.unchanged, ==, 1);
  g_assert_cmpuint (result->template.removed, ==, 1);
  g_assert_cmpstr (result->template.id, ==, TEMPLATE);
  assert_engine_is_not_there (result);
}

static void
test_known_content_needs_no_engine (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = NULL;

  prepare_template (fixture, TRUE);
  result = run_job (fixture);
  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.clean, ==, 2);
  g_assert_cmpuint (result->stats.scanned, ==, 0);
  g_assert_cmpuint (result->stats.from_template, ==, 2);
  g_assert_cmpuint (result->stats.unread, ==, 1);
  assert_engine_is_not_there (result);
  /* It is another file, whatever its content. */
  g_assert_cmpuint (result->template.added, ==, 1);
}

static void
test_what_the_template_does_not_have_fails (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = NULL;

  prepare_template (fixture, TRUE);
  result = run_job (fixture);
  g_assert_error (result->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER);
  g_assert_nonnull (strstr (result->error->message, "does not have it"));
  g_assert_cmpuint (result->stats.clean, ==, 0);
}

/* The options are of a template, and the job has none: nobody can say what a digest means. */
static void
test_without_a_template_fails (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = NULL;

  fixture->options->template = vt_image_template_new ();
  fixture->options->template->files = g_strdup ("/dev/null");
  result = run_job (fixture);
  g_assert_error (result->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER);
  g_assert_cmpuint (result->stats.clean, ==, 0);
}

/* Nothing counts, so that a reader which says so all the same is not believed. */
static void
test_outdated_template_fails (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = NULL;

  prepare_template (fixture, FALSE);
  result = run_job (fixture);
  g_assert_error (result->error, VT_IMAGE_ERROR, VT_IMAGE_ERROR_READER);
  g_assert_cmpuint (result->stats.clean, ==, 0);
}

/* An older verdict of the template's counts, but what is known by now comes before it. */
static void
test_newer_finding_comes_first (Fixture *fixture, gconstpointer reader)
{
  const VtDigest digest = vt_digest_of_data (SAME, strlen (SAME));
  g_autoptr (VtScanResult) result = NULL;

  remember (fixture->store, fixture->engine_id->id, &digest, strlen (SAME),
            vt_verdict_infected ("Found"), NULL);
  make_template (fixture);
  prepare_at (fixture->template, fixture->engine_id->id, G_MAXINT64, CREATED + 1000,
              fixture->store);
  g_assert_true (vt_template_counts (fixture->template));
  g_assert_cmpint (vt_template_get_age (fixture->template), >, 0);
  vt_template_apply (fixture->template, fixture->options);
  result = run_job (fixture);
  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.infected, ==, 2);
  g_assert_cmpuint (result->stats.unread, ==, 1);
  g_assert_cmpuint (result->stats.from_store, ==, 1);
}

/* Neither the template's verdicts nor those of the engine in force, and nothing is read. */
static void
test_older_verdict_on_what_is_not_read (Fixture *fixture, gconstpointer reader)
{
  const VtDigest digest = vt_digest_of_data (SAME, strlen (SAME));
  g_autoptr (VtScanResult) result = NULL;
  g_autoptr (GError) error = NULL;
  guint64 known = 77;

  set_engine (fixture->store, SEED_ENGINE, CREATED - DAY, CREATED, 0);
  remember (fixture->store, SEED_ENGINE, &digest, strlen (SAME), vt_verdict_clean (), NULL);
  g_assert_true (vt_store_flush (fixture->store, &error));
  set_engine (fixture->store, fixture->engine_id->id, CREATED, CREATED, 2 * DAY);
  prepare_template (fixture, FALSE);
  result = run_job (fixture);
  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.clean, ==, 2);
  g_assert_cmpuint (result->stats.unread, ==, 1);
  g_assert_cmpuint (result->stats.from_store, ==, 1);
  g_assert_cmpuint (result->stats.from_store_older, ==, 1);
  g_assert_cmpint (result->stats.from_store_age, ==, DAY);
  /* That makes it no verdict of the engine in force. */
  g_assert_true (vt_store_count (fixture->store, fixture->engine_id->id, &known, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (known, ==, 0);
}

static void
test_finding_of_the_store_is_reported (Fixture *fixture, gconstpointer reader)
{
  const VtDigest digest = vt_digest_of_data (SAME, strlen (SAME));
  const char *const path[] = {"data.tar", "tool", NULL};
  g_autoptr (VtScanResult) result = NULL;
  const VtFileResult *file;

  remember (fixture->store, fixture->engine_id->id, &digest, strlen (SAME),
            vt_verdict_infected ("Found"), path);
  prepare_template (fixture, FALSE);
  result = run_job (fixture);
  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.infected, ==, 2);
  g_assert_cmpuint (result->stats.unread, ==, 1);
  g_assert_cmpuint (result->stats.from_store, ==, 1);
  file = g_ptr_array_index (result->findings, 1);
  g_assert_cmpstr (file->path, ==, "/same");
  g_assert_cmpstr (file->verdict.threat, ==, "Found");
  g_assert_cmpstrv (file->members, path);
}

/* A container of another content is opened, and what is in it is known. */
static void
test_members_are_known (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = NULL;

  make_template (fixture);
  prepare (fixture->template, SEED_ENGINE, fixture->store);
  result = run_job (fixture);
  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.clean, ==, 1);
  g_assert_cmpuint (result->stats.scanned, ==, 1);
  g_assert_cmpuint (result->stats.members, >, 0);
  g_assert_cmpuint (result->stats.infected, ==, 0);
}

/* The container's verdict is kept as one of the engine in force. */
static void
test_members_are_not_known_by_older_signatures (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = NULL;

  prepare_template (fixture, TRUE);
  result = run_job (fixture);
  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.infected, ==, 1);
}

/* The same without a template is a finding, so that the tests above say something. */
static void
test_members_are_scanned_without_a_template (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = run_job (fixture);

  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.infected, ==, 1);
}

static void
test_new_content_goes_to_the_engine (Fixture *fixture, gconstpointer reader)
{
  g_autoptr (VtScanResult) result = NULL;

  prepare_template (fixture, TRUE);
  result = run_job (fixture);
  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.clean, ==, 2);
  g_assert_cmpuint (result->stats.from_template, ==, 1);
  g_assert_cmpuint (result->stats.scanned, ==, 1);
  g_assert_cmpfloat (result->stats.load_seconds, >, 0);
}

#define ADD_WITH_TEMPLATE(name, reader, test)                                                      \
  g_test_add ("/scan-job-template/" name, Fixture, (gconstpointer)reader, set_up, test,            \
              tear_down_template)

static void
add_tests (void)
{
  ADD_WITH_TEMPLATE ("unchanged-is-not-read", unchanged_reader, test_unchanged_is_not_read);
  ADD_WITH_TEMPLATE ("known-content-needs-no-engine", copied_reader,
                     test_known_content_needs_no_engine);
  ADD_WITH_TEMPLATE ("what-the-template-does-not-have-fails", foreign_reader,
                     test_what_the_template_does_not_have_fails);
  ADD_WITH_TEMPLATE ("without-a-template-fails", unchanged_reader, test_without_a_template_fails);
  ADD_WITH_TEMPLATE ("outdated-template-fails", unchanged_reader, test_outdated_template_fails);
  ADD_WITH_TEMPLATE ("finding-of-the-store-is-reported", unchanged_reader,
                     test_finding_of_the_store_is_reported);
  ADD_WITH_TEMPLATE ("older-verdict-on-what-is-not-read", unchanged_reader,
                     test_older_verdict_on_what_is_not_read);
  ADD_WITH_TEMPLATE ("newer-finding-comes-first", unchanged_reader, test_newer_finding_comes_first);
  ADD_WITH_TEMPLATE ("members-are-known", archive_reader, test_members_are_known);
  ADD_WITH_TEMPLATE ("members-are-not-known-by-older-signatures", archive_reader,
                     test_members_are_not_known_by_older_signatures);
  ADD_WITH_TEMPLATE ("members-are-scanned-without-a-template", archive_reader,
                     test_members_are_scanned_without_a_template);
  ADD_WITH_TEMPLATE ("new-content-goes-to-the-engine", mixed_clone_reader,
                     test_new_content_goes_to_the_engine);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
