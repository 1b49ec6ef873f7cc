// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What becomes of containers and their members.
 */
#include "members-fixture.h"
#include "vt-unpack-protocol-private.h"

static void
test_members_are_found_and_named (Fixture *fixture, gconstpointer worker)
{
  g_autoptr (VtScanResult) result = NULL;
  g_autoptr (VtScanResult) again = NULL;

  add_file (fixture, "clean", make_tar_zst ("one", "nothing", "two", "to see"));
  add_file (fixture, "inner",
            wrap ("outer member", make_tar_zst ("one", "nothing", "two", MARKER)));
  result = run_job (fixture);
  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.clean, ==, 1);
  g_assert_cmpuint (result->stats.members, ==, 5);
  /* "nothing" is in both, and scanned once. */
  g_assert_cmpuint (result->stats.scanned_members, ==, 4);
  assert_infected (result, "/inner", "!outer member!two");
  again = run_job (fixture);
  g_assert_cmpuint (again->stats.from_store, ==, 2);
  g_assert_cmpuint (again->stats.members, ==, 0);
  assert_infected (again, "/inner", "!outer member!two");
}

/* Whatever the engine is done with first. */
static void
test_the_first_member_decides (Fixture *fixture, gconstpointer worker)
{
  g_autofree char *long_text = g_strnfill (3000000, 'x');
  g_autofree char *slow = g_strconcat (long_text, MARKER, NULL);
  g_autoptr (VtScanResult) result = NULL;

  add_file (fixture, "two", make_tar_zst ("slow", slow, "fast", MARKER, "faster", MARKER));
  result = run_job (fixture);
  assert_infected (result, "/two", "!slow");
}

static void
test_copies_wait_for_one (Fixture *fixture, gconstpointer worker)
{
  g_autoptr (VtScanResult) result = NULL;

  for (guint i = 0; i < 20; i++) {
    g_autofree char *name = g_strdup_printf ("copy-%u", i);

    add_file (fixture, name, make_tar_zst ("one", "nothing", "two", MARKER));
  }
  result = run_job (fixture);
  g_assert_cmpuint (result->stats.infected, ==, 20);
  g_assert_cmpuint (result->stats.scanned, ==, 1);
  g_assert_cmpuint (result->stats.scanned_members, ==, 2);
  assert_infected (result, "/copy-7", "!two");
}

static void
test_depth_is_limited (Fixture *fixture, gconstpointer worker)
{
  g_autoptr (VtScanResult) result = NULL;
  g_autoptr (VtScanResult) again = NULL;

  fixture->base.options->max_recursion = 2;
  add_file (fixture, "a-two", wrap ("m", make_tar_zst ("n", "nothing")));
  add_file (fixture, "b-three", wrap ("l", wrap ("m", make_tar_zst ("n", "other"))));
  result = run_job (fixture);
  g_assert_cmpuint (result->stats.clean, ==, 1);
  assert_incomplete (result, "/b-three", VT_REASON_RECURSION_LIMIT, "!l!m");
  /* Not too deep as a file of its own, whatever it was in another. */
  add_file (fixture, "c-one", make_tar_zst ("n", "other"));
  again = run_job (fixture);
  g_assert_cmpuint (again->stats.clean, ==, 2);
}

/* What a limit of the outer container cut is not kept for the inner one, whatever else is in it. */
static void
test_a_cut_verdict_is_not_kept (Fixture *fixture, gconstpointer worker)
{
  g_autoptr (VtScanResult) result = NULL;
  g_autoptr (VtScanResult) again = NULL;
  GByteArray *inner = make_tar_zst ("a", "one", "b", "two", "c", MARKER);
  GByteArray *copy = g_byte_array_new ();

  g_byte_array_append (copy, inner->data, inner->len);
  fixture->base.options->max_files = 3;
  add_file (fixture, "outer", wrap ("m", inner));
  result = run_job (fixture);
  assert_incomplete (result, "/outer", VT_REASON_FILES_LIMIT, "!m");
  add_file (fixture, "inner", copy);
  again = run_job (fixture);
  assert_infected (again, "/inner", "!c");
}

static void
test_unknown_containers_are_not_clean (Fixture *fixture, gconstpointer worker)
{
  g_autoptr (VtScanResult) result = NULL;
  GByteArray *romfs = bytes_of_text ("-rom1fs-");

  g_byte_array_append (romfs, (const guint8 *)"0123456789012345678901234567890123456789", 40);
  add_file (fixture, "romfs", romfs);
  result = run_job (fixture);
  assert_incomplete (result, "/romfs", VT_REASON_UNSUPPORTED, "");
}

static void
test_passwords_are_tried (Fixture *fixture, gconstpointer worker)
{
  static const char *const passwords[] = {"wrong", "secret", NULL};
  g_autoptr (VtScanResult) without = NULL;
  g_autoptr (VtScanResult) with = NULL;
  GByteArray *zip = g_byte_array_new ();
  g_autoptr (GByteArray) content = bytes_of_text (MARKER);
  struct archive *archive = archive_write_new ();

  archive_write_set_format_zip (archive);
  g_assert_cmpint (archive_write_set_options (archive, "zip:encryption=aes256"), ==, ARCHIVE_OK);
  archive_write_set_passphrase (archive, "secret");
  g_assert_cmpint (archive_write_open (archive, zip, NULL, archive_sink, NULL), ==, ARCHIVE_OK);
  add_member (archive, "locked", content);
  g_assert_cmpint (archive_write_close (archive), ==, ARCHIVE_OK);
  archive_write_free (archive);
  add_file (fixture, "zip", zip);
  without = run_job (fixture);
  assert_incomplete (without, "/zip", VT_REASON_ENCRYPTED, "");
  /* Though the store has it as encrypted. */
  fixture->passwords = passwords;
  with = run_job (fixture);
  assert_infected (with, "/zip", "!locked");
}

/* What the engine alone takes for too much is unpacked, and each member scanned. */
static void
test_members_make_up_for_limits (Fixture *fixture, gconstpointer worker)
{
  g_autoptr (VtScanResult) result = NULL;
  g_autoptr (GByteArray) content = noise (60000, 1);
  g_autoptr (GByteArray) marked = noise (60000, 2);

  fixture->base.options->max_scan_size = 150000;
  g_byte_array_append (marked, (const guint8 *)MARKER, sizeof MARKER - 1);
  add_file (fixture, "clean.zip", make_archive ("zip", NULL, content, 6));
  add_file (fixture, "marked.zip", make_archive ("zip", NULL, marked, 6));
  result = run_job (fixture);
  g_assert_cmpuint (result->stats.clean, ==, 1);
  g_assert_cmpuint (result->stats.infected, ==, 1);
  g_assert_cmpuint (result->stats.incomplete, ==, 0);
}

static void
test_large_files_are_looked_into (Fixture *fixture, gconstpointer worker)
{
  g_autoptr (VtScanResult) result = NULL;
  g_autoptr (GByteArray) content = noise (40000, 3);
  GByteArray *marked = noise (200000, 4);

  fixture->base.options->max_file_size = 65536;
  fixture->options->max_file_size = 65536;
  g_clear_pointer (&fixture->unpack_pool, vt_unpack_pool_free);
  fixture->unpack_pool = new_unpack_pool (fixture);
  memcpy (marked->data + 150000, MARKER, sizeof MARKER - 1);
  add_file (fixture, "archive", make_archive ("ustar", "zstd", content, 5));
  add_file (fixture, "archive.zip", make_archive ("zip", NULL, content, 5));
  add_file (fixture, "marked", marked);
  add_file (fixture, "noise", noise (200000, 5));
  result = run_job (fixture);
  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.clean, ==, 2);
  assert_infected (result, "/marked", "!bytes 98304-163839");
  assert_incomplete (result, "/noise", VT_REASON_SIZE_LIMIT, "");
  g_assert_true (find_file (result->incomplete, "/noise")->has_digest);
}

/* Unpackers that are not what they must be */

static void
send_member (int socket, const char *name, const char *text)
{
  vt_autofd content = make_memfd (text, TRUE);
  GVariant *bytes = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, name, strlen (name), 1);
  GVariant *value = g_variant_new ("(@ayty)", bytes, (guint64)strlen (text), (guchar)0);

  must (vt_ipc_send (socket, g_variant_new ("(yv)", (guchar)VT_UNPACK_MEMBER, value), &content, 1,
                     NULL));
}

static void
send_done (int socket)
{
  must (vt_ipc_send (socket,
                     g_variant_new ("(yv)", (guchar)VT_UNPACK_DONE, g_variant_new ("(ys)", 0, "")),
                     NULL, 0, NULL));
}

/* FALSE at the end. Credit is taken for nothing. */
static gboolean
wait_for_container (int socket, VtIpcFds *fds)
{
  guchar kind = VT_UNPACK_CREDIT;

  while (kind != VT_UNPACK_OPEN) {
    g_autoptr (GVariant) message = vt_ipc_receive (socket, VT_UNPACK_MESSAGE_TYPE, fds, NULL);

    if (message == NULL)
      return FALSE;
    g_variant_get (message, "(yv)", &kind, NULL);
  }
  return TRUE;
}

#define WORKER(name, body)                                                                         \
  static int name (int socket, GVariant *arguments)                                                \
  {                                                                                                \
    for (guint i = 0; i < 100; i++) {                                                              \
      g_auto (VtIpcFds) fds = VT_IPC_FDS_INIT;                                                     \
                                                                                                   \
      if (!wait_for_container (socket, &fds))                                                      \
        break;                                                                                     \
      body;                                                                                        \
      send_done (socket);                                                                          \
    }                                                                                              \
    return EXIT_SUCCESS;                                                                           \
  }

static void
send_container_itself (int socket, int fd)
{
  struct stat info;
  GVariant *name = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, "same", 4, 1);
  GVariant *value;

  must (fstat (fd, &info) == 0);
  value = g_variant_new ("(@ayty)", name, (guint64)info.st_size, (guchar)0);
  must (
      vt_ipc_send (socket, g_variant_new ("(yv)", (guchar)VT_UNPACK_MEMBER, value), &fd, 1, NULL));
}

WORKER (mirroring_worker, send_container_itself (socket, fds.fd[0]))
WORKER (generous_worker, for (guint k = 0; k < 20; k++) send_member (socket, "m", "0123456789"))
WORKER (dying_worker, _exit (EXIT_FAILURE))
WORKER (hanging_worker, send_member (socket, "m", "nothing"); pause ())

static void
test_a_container_in_itself_has_an_end (Fixture *fixture, gconstpointer worker)
{
  g_autoptr (VtScanResult) result = NULL;

  add_file (fixture, "quine", make_tar_zst ("m", "nothing"));
  result = run_job (fixture);
  assert_incomplete (result, "/quine", VT_REASON_RECURSION_LIMIT, "!same");
}

static void
test_members_are_counted (Fixture *fixture, gconstpointer worker)
{
  g_autoptr (VtScanResult) many = NULL;
  g_autoptr (VtScanResult) much = NULL;

  add_file (fixture, "many", make_tar_zst ("m", "nothing"));
  fixture->base.options->max_files = 10;
  many = run_job (fixture);
  assert_incomplete (many, "/many", VT_REASON_FILES_LIMIT, "");
  add_file (fixture, "many", make_tar_zst ("m", "other"));
  fixture->base.options->max_files = 1000;
  fixture->base.options->max_unpacked_size = 95;
  much = run_job (fixture);
  assert_incomplete (much, "/many", VT_REASON_SCAN_LIMIT, "");
}

static void
test_a_crash_costs_one_container (Fixture *fixture, gconstpointer worker)
{
  g_autoptr (VtScanResult) result = NULL;

  add_file (fixture, "container", make_tar_zst ("m", "nothing"));
  add_file (fixture, "file", bytes_of_text ("nothing"));
  add_file (fixture, "other", make_tar_zst ("n", "nothing"));
  result = run_job (fixture);
  g_assert_no_error (result->error);
  g_assert_cmpuint (result->stats.clean, ==, 1);
  assert_incomplete (result, "/container", VT_REASON_ENGINE_CRASH, "");
  assert_incomplete (result, "/other", VT_REASON_ENGINE_CRASH, "");
}

static gboolean
on_pause (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

static void
test_an_interrupt_ends_openings (Fixture *fixture, gconstpointer worker)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (VtScanResult) result = NULL;

  for (guint i = 0; i < 5; i++) {
    g_autofree char *name = g_strdup_printf ("container-%u", i);

    add_file (fixture, name, make_tar_zst (name, "nothing"));
  }
  make_job (fixture);
  g_timeout_add (500, on_pause, cancellable);
  result = vt_scan_job_run (fixture->job, cancellable);
  g_assert_true (result->partial);
  g_assert_cmpuint (result->stats.clean, ==, 0);
}

static void
add_tests (void)
{
  ADD_MEMBERS ("members-are-found-and-named", NULL, test_members_are_found_and_named);
  ADD_MEMBERS ("the-first-member-decides", NULL, test_the_first_member_decides);
  ADD_MEMBERS ("copies-wait-for-one", NULL, test_copies_wait_for_one);
  ADD_MEMBERS ("depth-is-limited", NULL, test_depth_is_limited);
  ADD_MEMBERS ("a-cut-verdict-is-not-kept", NULL, test_a_cut_verdict_is_not_kept);
  ADD_MEMBERS ("unknown-containers-are-not-clean", NULL, test_unknown_containers_are_not_clean);
  ADD_MEMBERS ("passwords-are-tried", NULL, test_passwords_are_tried);
  ADD_MEMBERS ("members-make-up-for-limits", NULL, test_members_make_up_for_limits);
  ADD_MEMBERS ("large-files-are-looked-into", NULL, test_large_files_are_looked_into);
  ADD_MEMBERS ("a-container-in-itself-has-an-end", mirroring_worker,
               test_a_container_in_itself_has_an_end);
  ADD_MEMBERS ("members-are-counted", generous_worker, test_members_are_counted);
  ADD_MEMBERS ("a-crash-costs-one-container", dying_worker, test_a_crash_costs_one_container);
  ADD_MEMBERS ("an-interrupt-ends-openings", hanging_worker, test_an_interrupt_ends_openings);
}

int
main (int argc, char **argv)
{
  return run_tests (argc, argv, add_tests);
}
