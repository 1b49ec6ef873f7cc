// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "wrapper-fixture.h"

/* Data, zeros and data again, at odd places. */
#define DATA_SIZE  ((gsize)300001)
#define ZEROS_SIZE ((gsize)4000003)
#define TOTAL      (DATA_SIZE + ZEROS_SIZE + DATA_SIZE)
#define NO_LIMIT   ((guint64)1024 * 1024 * 1024 * 1024)

typedef struct {
  const char *name;
  const char *program;
  VtWrapperKind kind;
} Format;

static const Format formats[] = {
    {"gzip", "gzip -c", VT_WRAPPER_GZIP},
    {"xz", "xz -c", VT_WRAPPER_XZ},
    {"zstd", "zstd -q -c", VT_WRAPPER_ZSTD},
    {"bzip2", "bzip2 -c", VT_WRAPPER_BZIP2},
};

static guint8 *
make_content (void)
{
  guint8 *content = g_malloc0 (TOTAL);
  g_autoptr (GRand) random = g_rand_new_with_seed (1);

  for (gsize i = 0; i < DATA_SIZE; i++) {
    content[i] = (guint8)g_rand_int (random);
    content[DATA_SIZE + ZEROS_SIZE + i] = (guint8)g_rand_int (random);
  }
  return content;
}

static void
compress (const Fixture *fixture, const Format *format)
{
  g_autofree guint8 *content = make_content ();
  g_autofree char *command = g_strdup_printf ("%s <image >packed", format->program);

  write_file (fixture, "image", content, TOTAL);
  shell (fixture, command);
}

static void
count_progress (guint64 packed, guint64 unpacked, gpointer user_data)
{
}

static gboolean
unpack (const Fixture *fixture, guint64 max_size, GError **error)
{
  g_autofree char *path = in_dir (fixture, "unpacked");
  guint64 size;
  vt_autofd in = open_file (fixture, "packed", &size);
  vt_autofd out = open (path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const VtWrapperUnpacking job = {.in = in,
                                  .size = size,
                                  .kind = vt_wrapper_recognise (in, 0, size),
                                  .out = out,
                                  .max_size = max_size,
                                  .dir = fixture->dir,
                                  .progress = count_progress};

  return vt_wrapper_unpack (&job, error);
}

static void
assert_fails (const Fixture *fixture, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (unpack (fixture, NO_LIMIT, &error));
  g_assert_error (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_BAD);
  if (strstr (error->message, text) == NULL)
    g_error ("'%s' is not in '%s'", text, error->message);
}

static void
test_all_of_it (Fixture *fixture, gconstpointer data)
{
  const Format *format = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = in_dir (fixture, "unpacked");
  struct stat info;

  compress (fixture, format);
  /* Twice, one after the other: the programs unpack both. */
  shell (fixture, "cat packed packed >two && mv two packed && cat image image >both");
  g_assert_true (unpack (fixture, NO_LIMIT, &error));
  g_assert_no_error (error);
  shell (fixture, "cmp both unpacked");
  g_assert_cmpint (stat (path, &info), ==, 0);
  g_assert_cmpint (info.st_blocks * 512, <, 6 * DATA_SIZE);
}

static void
test_zeros_at_the_end (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  shell (fixture, "head -c 5000001 /dev/zero >image && zstd -q -c image >packed");
  g_assert_true (unpack (fixture, NO_LIMIT, &error));
  g_assert_no_error (error);
  shell (fixture, "cmp image unpacked");
}

static void
test_cut_off (Fixture *fixture, gconstpointer data)
{
  compress (fixture, data);
  shell (fixture, "head -c -1 packed >cut && mv cut packed");
  assert_fails (fixture, "cut off");
  shell (fixture, "head -c 200000 packed >cut && mv cut packed");
  assert_fails (fixture, "cut off");
}

static void
test_something_follows (Fixture *fixture, gconstpointer data)
{
  compress (fixture, data);
  shell (fixture, "printf 'and that was it' >>packed");
  assert_fails (fixture, "damaged");
}

/* The data are stored, not compressed, so that nothing but a checksum can tell. */
static void
test_wrong_byte (Fixture *fixture, gconstpointer data)
{
  compress (fixture, data);
  shell (fixture, "printf x | dd of=packed bs=1 seek=100000 conv=notrunc 2>dd.log");
  assert_fails (fixture, "damaged");
}

static void
test_wrong_checksum_of_gzip (Fixture *fixture, gconstpointer data)
{
  compress (fixture, &formats[0]);
  shell (fixture, "size=$(stat -c %s packed) && "
                  "printf xxxx | dd of=packed bs=1 seek=$((size - 8)) conv=notrunc 2>dd.log");
  assert_fails (fixture, "damaged");
}

static void
test_compressed_twice (Fixture *fixture, gconstpointer data)
{
  compress (fixture, &formats[1]);
  shell (fixture, "xz <packed >twice && mv twice packed");
  assert_fails (fixture, "more than once");
}

static void
test_limit (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = in_dir (fixture, "unpacked");
  struct stat info;

  compress (fixture, data);
  g_assert_true (unpack (fixture, TOTAL, &error));
  g_assert_no_error (error);
  g_assert_false (unpack (fixture, TOTAL - 1, &error));
  g_assert_error (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_LIMIT);
  g_assert_nonnull (strstr (error->message, "--max-unpacked-image"));
  g_assert_cmpint (stat (path, &info), ==, 0);
  g_assert_cmpint (info.st_size, <, TOTAL);
}

/* 2 GiB of zeros in 1.5 KB. */
static void
test_ratio (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  shell (fixture, "head -c 64M /dev/zero | bzip2 >one && "
                  "for i in 1 2 3 4 5 6 7 8; do cat one one one one; done >packed");
  g_assert_false (unpack (fixture, NO_LIMIT, &error));
  g_assert_error (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_LIMIT);
  g_assert_nonnull (strstr (error->message, "times its size"));
}

static guint64
hint (const Fixture *fixture)
{
  guint64 size;
  vt_autofd in = open_file (fixture, "packed", &size);

  return vt_wrapper_hint (in, 0, size, vt_wrapper_recognise (in, 0, size));
}

static void
test_hints (Fixture *fixture, gconstpointer data)
{
  static const guint sizes[] = {0, 1, 255, 256, 65791, 65792, 1000000};

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree char *make = g_strdup_printf ("head -c %u /dev/zero >image", sizes[i]);

    shell (fixture, make);
    shell (fixture, "zstd -q -c image >packed");
    g_assert_cmpuint (hint (fixture), ==, sizes[i]);
    shell (fixture, "xz --block-size=1000 <image >packed");
    g_assert_cmpuint (hint (fixture), ==, sizes[i]);
    shell (fixture, "xz <image >one && cat one one one >packed");
    g_assert_cmpuint (hint (fixture), ==, 3 * sizes[i]);
  }
  shell (fixture, "zstd -q <image >packed");
  g_assert_cmpuint (hint (fixture), ==, 0);
  shell (fixture, "gzip -c image >packed");
  g_assert_cmpuint (hint (fixture), ==, 0);
}

/* What is claimed to be too large is not even begun. */
static void
test_hint_is_enough (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = in_dir (fixture, "unpacked");
  struct stat info;

  compress (fixture, data);
  g_assert_false (unpack (fixture, TOTAL - 1, &error));
  g_assert_error (error, VT_WRAPPER_ERROR, VT_WRAPPER_ERROR_LIMIT);
  g_assert_cmpint (stat (path, &info), ==, 0);
  g_assert_cmpint (info.st_size, ==, 0);
}

static void
assert_kind (const Fixture *fixture, const void *bytes, gsize size, VtWrapperKind kind)
{
  guint64 file_size;
  vt_autofd fd = -1;

  write_file (fixture, "file", bytes, size);
  fd = open_file (fixture, "file", &file_size);
  g_assert_cmpint (vt_wrapper_recognise (fd, 0, file_size), ==, kind);
}

static void
test_kinds (Fixture *fixture, gconstpointer data)
{
  guint8 sector[512] = {0};

  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++) {
    guint64 size;
    vt_autofd fd = -1;

    compress (fixture, &formats[i]);
    fd = open_file (fixture, "packed", &size);
    g_assert_cmpint (vt_wrapper_recognise (fd, 0, size), ==, formats[i].kind);
  }
  assert_kind (fixture, "", 0, VT_WRAPPER_NONE);
  assert_kind (fixture, "\x1f", 1, VT_WRAPPER_NONE);
  assert_kind (fixture, "BZh9 is how this begins", 23, VT_WRAPPER_NONE);
  /* A boot sector may have the text, but not the checksum. */
  memcpy (sector + 257, "ustar", 6);
  assert_kind (fixture, sector, sizeof sector, VT_WRAPPER_NONE);
}

#define ADD(name, data, function)                                                                  \
  g_test_add ("/wrapper-unpack/" name, Fixture, data, set_up, function, tear_down)

static void
add_for_format (const char *name,
                const Format *format,
                void (*function) (Fixture *fixture, gconstpointer data))
{
  g_autofree char *path = g_strdup_printf ("/wrapper-unpack/%s/%s", format->name, name);

  g_test_add (path, Fixture, format, set_up, function, tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++) {
    add_for_format ("all-of-it", &formats[i], test_all_of_it);
    add_for_format ("cut-off", &formats[i], test_cut_off);
    add_for_format ("something-follows", &formats[i], test_something_follows);
    add_for_format ("wrong-byte", &formats[i], test_wrong_byte);
    add_for_format ("limit", &formats[i], test_limit);
  }
  ADD ("zeros-at-the-end", NULL, test_zeros_at_the_end);
  ADD ("wrong-checksum-of-gzip", NULL, test_wrong_checksum_of_gzip);
  ADD ("compressed-twice", NULL, test_compressed_twice);
  ADD ("ratio", NULL, test_ratio);
  ADD ("hints", NULL, test_hints);
  ADD ("hint-is-enough", &formats[1], test_hint_is_enough);
  ADD ("kinds", NULL, test_kinds);
  return g_test_run ();
}
