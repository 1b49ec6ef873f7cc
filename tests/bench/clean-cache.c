// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Measures what a clean cache of many files takes: bytes on disk, and the time until it may be
 * used.
 *
 * Usage: clean-cache [FILES [ROUNDS]]
 *
 * Side by side in each round: SHA-256 over the same bytes, the least that any check of them takes;
 * the signature, that digest and the opening of the database, after which single files and contents
 * can be looked up in it; and the same with all files read and sorted, as a scan of a clone needs
 * them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../key-fixture.h"
#include "../template-fixture.h"
#include "vt-dsse.h"
#include "vt-template-open.h"

#define FILES  200000
#define ROUNDS 20

enum { HASH, OPEN, LOAD, N_STEPS };

static const char *const names[N_STEPS] = {
    "SHA-256 alone",
    "verified and opened",
    "and all files loaded, for a scan",
};

typedef struct {
  VtPrivateKey *key;
  VtCleanDatabase database;
  GBytes *envelope;
} Material;

static void
make (Material *self, guint files)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtStatement) statement = NULL;
  g_autoptr (GBytes) payload = NULL;

  self->key = make_key ();
  self->database = make_realistic (files);
  statement = new_statement (&self->database.digest);
  payload = vt_statement_to_json (statement, &error);
  g_assert_no_error (error);
  self->envelope = vt_dsse_sign (VT_STATEMENT_MEDIA_TYPE, payload, self->key, &error);
  g_assert_no_error (error);
}

static void
clear (Material *self)
{
  g_bytes_unref (self->envelope);
  vt_clean_database_clear (&self->database);
  vt_private_key_free (self->key);
}

static void
hash (const Material *self)
{
  g_autoptr (GError) error = NULL;
  VtDigest digest;

  g_assert_true (vt_digest_of_fd (self->database.fd, self->database.size, &digest, &error));
  g_assert_true (vt_digest_equal (&digest, &self->database.digest));
}

static void
verify_and_open (const Material *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = NULL;
  g_autoptr (VtStatement) statement = NULL;
  g_autoptr (VtCleanCache) cache = NULL;

  payload = vt_dsse_verify (self->envelope, VT_STATEMENT_MEDIA_TYPE,
                            vt_private_key_get_public (self->key), &error);
  g_assert_no_error (error);
  statement = vt_statement_parse (payload, &error);
  g_assert_no_error (error);
  cache = vt_clean_cache_open (self->database.fd, &statement->subject, &error);
  g_assert_no_error (error);
}

static void
load (const Material *self)
{
  const VtStatementPolicy policy = {.now = CREATED, .max_age_s = -1};
  g_autoptr (GError) error = NULL;
  g_autoptr (VtTemplate) template =
      vt_template_open (self->envelope, self->database.fd, vt_private_key_get_public (self->key),
                        &policy, NULL, &error);

  g_assert_no_error (error);
}

static gint
compare (gconstpointer a, gconstpointer b)
{
  const gint64 *first = a;
  const gint64 *second = b;

  return (*first > *second) - (*first < *second);
}

static double
take_median (GArray *times)
{
  g_array_sort (times, compare);
  return (double)g_array_index (times, gint64, times->len / 2) / 1000;
}

static guint
parse (const char *text)
{
  guint64 number;
  g_autoptr (GError) error = NULL;

  if (g_ascii_string_to_unsigned (text, 10, 1, 10 * 1000 * 1000, &number, &error))
    return (guint)number;
  fprintf (stderr, "clean-cache: %s\n", error->message);
  exit (2);
}

int
main (int argc, char **argv)
{
  static void (*const steps[N_STEPS]) (const Material *) = {hash, verify_and_open, load};
  guint files = argc > 1 ? parse (argv[1]) : FILES;
  guint rounds = argc > 2 ? parse (argv[2]) : ROUNDS;
  GArray *times[N_STEPS];
  Material material;
  double base = 0;

  make (&material, files);
  printf ("%u files, %" G_GUINT64_FORMAT " bytes: %.2f a file; medians of %u rounds\n", files,
          (guint64)material.database.size, (double)material.database.size / files, rounds);
  for (guint i = 0; i < N_STEPS; i++)
    times[i] = g_array_new (FALSE, FALSE, sizeof (gint64));
  for (guint round = 0; round < rounds; round++)
    for (guint i = 0; i < N_STEPS; i++) {
      gint64 start = g_get_monotonic_time ();
      gint64 taken;

      steps[i](&material);
      taken = g_get_monotonic_time () - start;
      g_array_append_val (times[i], taken);
    }
  for (guint i = 0; i < N_STEPS; i++) {
    double median = take_median (times[i]);

    base = i == HASH ? median : base;
    printf ("%-34s %8.2f ms  %6.2f\n", names[i], median, median / base);
    g_array_unref (times[i]);
  }
  clear (&material);
  return EXIT_SUCCESS;
}
