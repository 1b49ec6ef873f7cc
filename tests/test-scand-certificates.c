// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "scand-state-fixture.h"

#define YEAR ((gint64)365 * 24 * 60 * 60)

static gboolean
try_to_add (VtScandState *state, const char *serial, const char *name, GError **error)
{
  return vt_scand_state_add_certificate (state,
                                         &(VtScandCertificate){.serial = (char *)serial,
                                                               .name = (char *)name,
                                                               .group = (char *)"web",
                                                               .issued = NOW,
                                                               .expires = NOW + YEAR},
                                         error);
}

static void
add (VtScandState *state, const char *serial, const char *name)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (try_to_add (state, serial, name, &error));
  g_assert_no_error (error);
}

static void
assert_not_added (VtScandState *state, const char *serial, const char *name, VtScandStateError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (try_to_add (state, serial, name, &error));
  g_assert_error (error, VT_SCAND_STATE_ERROR, (gint)code);
}

static guint
revoke_name (VtScandState *state, const char *name)
{
  g_autoptr (GError) error = NULL;
  guint n;

  g_assert_true (vt_scand_state_revoke_certificates (state, name, NOW, &n, &error));
  g_assert_no_error (error);
  return n;
}

static void
revoke_serial (VtScandState *state, const char *serial)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_scand_state_revoke_serial (state, serial, NOW, &error));
  g_assert_no_error (error);
}

static void
assert_list (VtScandState *state, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) certificates = vt_scand_state_list_certificates (state, &error);
  g_autoptr (GString) text = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < certificates->len; i++) {
    const VtScandCertificate *certificate = g_ptr_array_index (certificates, i);

    g_string_append_printf (text, "%s %s %s %s\n", certificate->serial,
                            certificate->name != NULL ? certificate->name : "-", certificate->group,
                            certificate->revoked != 0 ? "revoked" : "");
  }
  g_assert_cmpstr (text->str, ==, expected);
}

static void
test_names_are_unique (StateFixture *fixture, gconstpointer data)
{
  const VtScandCertificate later = {
      .serial = (char *)"04", .name = (char *)"a", .issued = NOW + YEAR, .expires = NOW + 2 * YEAR};
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autoptr (GError) error = NULL;

  add (state, "01", "a");
  add (state, "02", "b");
  assert_not_added (state, "03", "a", VT_SCAND_STATE_ERROR_EXISTS);
  assert_not_added (state, "1", "c", VT_SCAND_STATE_ERROR_EXISTS);
  assert_list (state, "01 a web \n02 b web \n");
  /* Revoked, the name is free. */
  g_assert_cmpuint (revoke_name (state, "a"), ==, 1);
  add (state, "03", "a");
  assert_list (state, "01 a web revoked\n02 b web \n03 a web \n");
  /* Expired as well. */
  g_assert_true (vt_scand_state_add_certificate (state, &later, &error));
  g_assert_no_error (error);
}

static void
test_senseless_ones (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autofree char *long_serial = g_strnfill (VT_SCAND_SERIAL_MAX + 1, '1');
  g_autoptr (GError) error = NULL;

  assert_not_added (state, "", "a", VT_SCAND_STATE_ERROR_INVALID);
  assert_not_added (state, ":", "a", VT_SCAND_STATE_ERROR_INVALID);
  assert_not_added (state, "0x01", "a", VT_SCAND_STATE_ERROR_INVALID);
  assert_not_added (state, long_serial, "a", VT_SCAND_STATE_ERROR_INVALID);
  assert_not_added (state, "01", "a b", VT_SCAND_STATE_ERROR_INVALID);
  g_assert_false (vt_scand_state_revoke_serial (state, "none", NOW, &error));
  g_assert_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_INVALID);
  g_assert_true (vt_scand_state_is_revoked (state, "none"));
  assert_list (state, "");
}

static void
test_revoked_by_name (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) state = open_state (fixture);

  add (state, "0a", "a");
  add (state, "0b", "b");
  g_assert_false (vt_scand_state_is_revoked (state, "0a"));
  g_assert_cmpuint (revoke_name (state, "a"), ==, 1);
  g_assert_cmpuint (revoke_name (state, "a"), ==, 0);
  g_assert_cmpuint (revoke_name (state, "c"), ==, 0);
  g_assert_true (vt_scand_state_is_revoked (state, "0a"));
  g_assert_false (vt_scand_state_is_revoked (state, "0b"));
  g_clear_pointer (&state, vt_scand_state_free);
  state = open_state (fixture);
  g_assert_true (vt_scand_state_is_revoked (state, "0a"));
  g_assert_false (vt_scand_state_is_revoked (state, "0b"));
}

/* However a serial number is written, it is the same. */
static void
test_revoked_by_number (StateFixture *fixture, gconstpointer data)
{
  static const char *const same[] = {"0aff", "AFF", "0A:FF", "000aff", "00:0a:ff"};
  g_autoptr (VtScandState) state = open_state (fixture);

  revoke_serial (state, "0A:ff");
  revoke_serial (state, "aff");
  for (gsize i = 0; i < G_N_ELEMENTS (same); i++)
    g_assert_true (vt_scand_state_is_revoked (state, same[i]));
  g_assert_false (vt_scand_state_is_revoked (state, "aff0"));
  g_assert_false (vt_scand_state_is_revoked (state, "0"));
  assert_list (state, "0aff -  revoked\n");
  /* Before it was known, too. */
  add (state, "0aff", "a");
  assert_list (state, "0aff a web revoked\n");
}

static void
test_handles_learn_from_each_other (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) service = open_state (fixture);
  g_autoptr (VtScandState) verb = open_state (fixture);

  add (service, "01", "a");
  add (service, "02", "b");
  refresh (service);
  g_assert_cmpuint (revoke_name (verb, "a"), ==, 1);
  revoke_serial (verb, "77");
  g_assert_false (vt_scand_state_is_revoked (service, "01"));
  refresh (service);
  g_assert_true (vt_scand_state_is_revoked (service, "01"));
  g_assert_true (vt_scand_state_is_revoked (service, "77"));
  g_assert_false (vt_scand_state_is_revoked (service, "02"));
  /* A write of its own in between hides nothing. */
  g_assert_cmpuint (revoke_name (verb, "b"), ==, 1);
  add (service, "03", "c");
  refresh (service);
  g_assert_true (vt_scand_state_is_revoked (service, "02"));
}

static void
test_groups (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autoptr (GError) error = NULL;
  g_autofree char *group = NULL;

  add (state, "01", "a");
  group = vt_scand_state_get_group (state, "1", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (group, ==, "web");
  g_assert_null (vt_scand_state_get_group (state, "02", &error));
  g_assert_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_NOT_FOUND);
}

static void
test_expired_ones_are_forgotten (StateFixture *fixture, gconstpointer data)
{
  g_autoptr (VtScandState) state = open_state (fixture);
  g_autoptr (GError) error = NULL;

  add (state, "01", "a");
  add (state, "02", "b");
  revoke_name (state, "a");
  revoke_serial (state, "77");
  g_assert_true (vt_scand_state_forget_certificates (state, NOW + YEAR, &error));
  assert_list (state, "01 a web revoked\n02 b web \n77 -  revoked\n");
  g_assert_true (vt_scand_state_forget_certificates (state, NOW + YEAR + 1, &error));
  g_assert_no_error (error);
  assert_list (state, "77 -  revoked\n");
  g_assert_true (vt_scand_state_is_revoked (state, "77"));
  g_assert_false (vt_scand_state_is_revoked (state, "01"));
}

#define ADD_TEST(name, func)                                                                       \
  g_test_add ("/scand-certificates/" name, StateFixture, NULL, state_set_up, func, state_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD_TEST ("names-are-unique", test_names_are_unique);
  ADD_TEST ("senseless-ones", test_senseless_ones);
  ADD_TEST ("revoked-by-name", test_revoked_by_name);
  ADD_TEST ("revoked-by-number", test_revoked_by_number);
  ADD_TEST ("handles-learn-from-each-other", test_handles_learn_from_each_other);
  ADD_TEST ("groups", test_groups);
  ADD_TEST ("expired-ones-are-forgotten", test_expired_ones_are_forgotten);
  return g_test_run ();
}
