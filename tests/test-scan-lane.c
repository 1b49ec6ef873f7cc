// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <string.h>
#include <sys/socket.h>

#include "vt-engine-protocol-private.h"
#include "vt-fd.h"
#include "vt-ipc.h"
#include "vt-scan-lane-private.h"

/* The other end of a lane, in the hands of hostile code. */
typedef struct {
  VtScanLane *lane;
  int worker;
  guint ready;
  guint scanned;
  guint lost;
  VtReason reason;
} Fixture;

static void
on_lane_ready (VtScanLane *lane, const char *weakness, gpointer owner)
{
  ((Fixture *)owner)->ready++;
}

static void
on_lane_scanned (VtScanLane *lane, VtScanRequest *request, const VtVerdict *verdict, gpointer owner)
{
  ((Fixture *)owner)->scanned++;
  g_free (request);
}

static void
on_lane_lost (
    VtScanLane *lane, VtScanRequest *request, VtReason reason, const char *what, gpointer owner)
{
  Fixture *fixture = owner;

  g_test_message ("%s", what);
  fixture->lost++;
  fixture->reason = reason;
  g_free (request);
  g_clear_pointer (&fixture->lane, vt_scan_lane_free);
}

static const VtScanLaneEvents lane_events = {on_lane_ready, on_lane_scanned, on_lane_lost};

static void
set_up (Fixture *fixture, gconstpointer data)
{
  int pair[2];

  g_assert_true (vt_ipc_pair (pair, NULL));
  fixture->worker = pair[1];
  fixture->lane =
      vt_scan_lane_new (1, pair[0], 60, g_main_context_default (), &lane_events, fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_clear_pointer (&fixture->lane, vt_scan_lane_free);
  vt_fd_clear (&fixture->worker);
}

static void
say (Fixture *fixture, guint kind, guint64 serial, guint verdict, guint reason, const char *text)
{
  g_assert_true (vt_ipc_send (fixture->worker,
                              g_variant_new ("(utuus)", kind, serial, verdict, reason, text), NULL,
                              0, NULL));
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
give (Fixture *fixture, guint64 serial)
{
  VtScanRequest *request = g_new0 (VtScanRequest, 1);

  request->serial = serial;
  request->memfd = fixture->worker;
  vt_scan_lane_scan (fixture->lane, request);
}

static void
test_answers (Fixture *fixture, gconstpointer data)
{
  say (fixture, VT_WORKER_READY, 0, 0, 0, "");
  g_assert_cmpuint (fixture->ready, ==, 1);
  give (fixture, 7);
  say (fixture, VT_WORKER_VERDICT, 7, VT_VERDICT_CLEAN, 0, "");
  g_assert_cmpuint (fixture->scanned, ==, 1);
  g_assert_cmpuint (fixture->lost, ==, 0);
  g_assert_true (vt_scan_lane_is_idle (fixture->lane));
}

static const struct {
  guint kind;
  guint64 serial;
  guint verdict;
  guint reason;
  const char *text;
} wrong_answers[] = {
    {VT_WORKER_VERDICT, 6, VT_VERDICT_CLEAN, 0, ""},      /* another content's */
    {VT_WORKER_VERDICT, 7, VT_VERDICT_UNKNOWN, 0, ""},    /* no verdict */
    {VT_WORKER_VERDICT, 7, VT_VERDICT_INFECTED, 0, ""},   /* no name */
    {VT_WORKER_VERDICT, 7, VT_VERDICT_INCOMPLETE, 0, ""}, /* no reason */
    {VT_WORKER_VERDICT, 7, VT_VERDICT_CLEAN, VT_REASON_ENCRYPTED, ""},
    {VT_WORKER_VERDICT, 7, 99, 0, ""},
    {VT_WORKER_READY, 0, 0, 0, ""}, /* once is enough */
    {VT_WORKER_FAILED, 0, 0, 0, "too late"},
    {99, 7, VT_VERDICT_CLEAN, 0, ""},
};

static void
test_wrong_answers (Fixture *fixture, gconstpointer data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (wrong_answers); i++) {
    say (fixture, VT_WORKER_READY, 0, 0, 0, "");
    give (fixture, 7);
    say (fixture, wrong_answers[i].kind, wrong_answers[i].serial, wrong_answers[i].verdict,
         wrong_answers[i].reason, wrong_answers[i].text);
    g_assert_cmpuint (fixture->scanned, ==, 0);
    g_assert_cmpuint (fixture->lost, ==, i + 1);
    g_assert_cmpint (fixture->reason, ==, VT_REASON_ENGINE_CRASH);
    tear_down (fixture, data);
    set_up (fixture, data);
  }
}

static void
test_unasked_verdict (Fixture *fixture, gconstpointer data)
{
  say (fixture, VT_WORKER_READY, 0, 0, 0, "");
  say (fixture, VT_WORKER_VERDICT, 0, VT_VERDICT_CLEAN, 0, "");
  g_assert_cmpuint (fixture->lost, ==, 1);
}

static void
test_garbage (Fixture *fixture, gconstpointer data)
{
  say (fixture, VT_WORKER_READY, 0, 0, 0, "");
  give (fixture, 7);
  g_assert_cmpint (send (fixture->worker, "garbage", 7, 0), ==, 7);
  while (fixture->lost == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (fixture->reason, ==, VT_REASON_ENGINE_CRASH);
}

/* It answers to what it has not read, until its socket is full: the pool must not wait for it. */
static void
test_that_does_not_read (Fixture *fixture, gconstpointer data)
{
  guint64 serial = 0;

  say (fixture, VT_WORKER_READY, 0, 0, 0, "");
  while (fixture->lost == 0) {
    give (fixture, ++serial);
    while (g_main_context_iteration (NULL, FALSE))
      ;
    if (fixture->lost == 0)
      say (fixture, VT_WORKER_VERDICT, serial, VT_VERDICT_CLEAN, 0, "");
    g_assert_cmpuint (serial, <, 1000000);
  }
  g_assert_cmpint (fixture->reason, ==, VT_REASON_ENGINE_CRASH);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/scan-lane/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("answers", test_answers);
  ADD ("wrong-answers", test_wrong_answers);
  ADD ("unasked-verdict", test_unasked_verdict);
  ADD ("garbage", test_garbage);
  ADD ("that-does-not-read", test_that_does_not_read);
  return g_test_run ();
}
