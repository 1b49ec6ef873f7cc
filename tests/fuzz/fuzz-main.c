// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Runs a fuzzer's body without libFuzzer: first over the inputs of a directory, then over a number
 * of inputs that are made of these. Each is made of its number alone, so that what is found can be
 * made again.
 *
 * Usage: fuzz-NAME CORPUS [COUNT [FIRST]]
 *
 * A child does the work. When it crashes, or takes longer than HANG_SECONDS for one input, that
 * input is written to crash-NUMBER in the current directory, and another child goes on behind it.
 */
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#define HANG_SECONDS   60
#define CHANGES_MAX    12
#define COPIED_MAX     64
#define FAILURES_MAX   10
#define COUNT_STANDARD 200

typedef struct {
  GPtrArray *inputs; /* of GBytes */
  guint64 count;
  guint64 first;
  volatile guint64 *at; /* the number under test, shared with the child */
} Run;

static const guint32 values[] = {0,      1,      2,      3,          8,          0x7f,      0xff,
                                 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *)a, *(char *const *)b);
}

static GPtrArray *
load (const char *directory)
{
  GPtrArray *inputs = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (directory, 0, &error);

  g_assert_no_error (error);
  for (const char *name; (name = g_dir_read_name (dir)) != NULL;)
    g_ptr_array_add (names, g_build_filename (directory, name, NULL));
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++) {
    char *data;
    gsize size;

    g_file_get_contents (g_ptr_array_index (names, i), &data, &size, &error);
    g_assert_no_error (error);
    g_ptr_array_add (inputs, g_bytes_new_take (data, size));
  }
  g_assert_cmpuint (inputs->len, >, 0);
  return inputs;
}

/* Most of an image is empty: a place near something is more worth a change. */
static gsize
pick_place (GRand *rand, const guint8 *data, gsize size)
{
  gsize place = 0;

  for (guint tries = 0; tries < 20; tries++) {
    place = (gsize)(g_rand_double (rand) * (double)size);
    if (data[place] != 0 || (place > 0 && data[place - 1] != 0))
      break;
  }
  /* Fields have their ends at such places. */
  return g_rand_boolean (rand) ? place : place & ~(gsize)3;
}

static void
change (GRand *rand, guint8 *data, gsize size)
{
  gsize place = pick_place (rand, data, size);
  gsize room = size - place;
  gsize other = pick_place (rand, data, size);
  guint32 value = values[g_rand_int_range (rand, 0, G_N_ELEMENTS (values))];
  gsize n;

  switch (g_rand_int_range (rand, 0, 5)) {
  case 0:
    data[place] ^= (guint8)(1U << g_rand_int_range (rand, 0, 8));
    break;
  case 1:
    data[place] = (guint8)g_rand_int (rand);
    break;
  case 2:
    n = g_rand_boolean (rand) ? 4 : 2;
    memcpy (data + place, &value, MIN (room, n));
    break;
  case 3:
    n = (gsize)g_rand_int_range (rand, 1, COPIED_MAX);
    memmove (data + place, data + other, MIN (n, size - MAX (place, other)));
    break;
  default:
    data[place] = (guint8)(data[place] + (g_rand_boolean (rand) ? 1 : -1));
    break;
  }
}

/* The input NUMBER: one of the corpus as it is, then changed ones. */
static guint8 *
make_input (const Run *run, guint64 number, gsize *size)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed ((guint32)number);
  const GBytes *origin;
  guint8 *data;
  guint32 index =
      number < run->inputs->len ? (guint32)number : g_rand_int (rand) % run->inputs->len;

  origin = g_ptr_array_index (run->inputs, index);
  *size = g_bytes_get_size ((GBytes *)origin);
  data = g_memdup2 (g_bytes_get_data ((GBytes *)origin, NULL), *size);
  if (number >= run->inputs->len && *size > 0)
    for (int i = g_rand_int_range (rand, 1, CHANGES_MAX); i > 0; i--)
      change (rand, data, *size);
  return data;
}

static void
work (const Run *run)
{
  for (; *run->at < run->first + run->count; ++*run->at) {
    gsize size;
    g_autofree guint8 *data = make_input (run, *run->at, &size);

    alarm (HANG_SECONDS);
    LLVMFuzzerTestOneInput (data, size);
  }
  alarm (0);
}

static gboolean
run_child (const Run *run)
{
  pid_t child = fork ();
  int status = 0;

  g_assert_cmpint (child, >=, 0);
  if (child == 0) {
    work (run);
    exit (0);
  }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  return status == 0;
}

static void
keep_failure (const Run *run)
{
  g_autofree char *name = g_strdup_printf ("crash-%" G_GUINT64_FORMAT, *run->at);
  g_autoptr (GError) error = NULL;
  gsize size;
  g_autofree guint8 *data = make_input (run, *run->at, &size);

  g_file_set_contents (name, (const char *)data, (gssize)size, &error);
  g_assert_no_error (error);
  g_printerr ("fuzz: input %" G_GUINT64_FORMAT " failed, see %s\n", *run->at, name);
}

int
main (int argc, char **argv)
{
  Run run = {.count = COUNT_STANDARD};
  guint failures = 0;

  if (argc < 2) {
    g_printerr ("usage: %s CORPUS [COUNT [FIRST]]\n", argv[0]);
    return 2;
  }
  run.inputs = load (argv[1]);
  if (argc > 2)
    run.count = g_ascii_strtoull (argv[2], NULL, 10);
  if (argc > 3)
    run.first = g_ascii_strtoull (argv[3], NULL, 10);
  /* cppcheck-suppress invalidFunctionArg */
  run.at = mmap (NULL, sizeof *run.at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  g_assert_true ((void *)run.at != MAP_FAILED);
  *run.at = run.first;
  while (failures < FAILURES_MAX && !run_child (&run)) {
    failures++;
    if (*run.at >= run.first + run.count)
      break; /* at its end: a leak */
    keep_failure (&run);
    ++*run.at;
  }
  g_print ("%" G_GUINT64_FORMAT " inputs, %u failures\n", *run.at - run.first, failures);
  g_ptr_array_unref (run.inputs);
  return failures > 0 ? 1 : 0;
}
