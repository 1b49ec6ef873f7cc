// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* With the real helper, in its sandbox. */
#include "wrapper-fixture.h"

#define IMAGE_SIZE 1000000

typedef struct {
  VtSpawner *spawner;
  VtWrapperOptions options;
  GString *messages;
  guint progress;
  GCancellable *cancellable;
} Opener;

static Opener opener;

static void
on_message (GLogLevelFlags level, const char *text, gpointer user_data)
{
  g_string_append (opener.messages, text);
}

static void
on_progress (const char *name, guint64 packed, guint64 total, guint64 unpacked, gpointer user_data)
{
  opener.progress++;
  g_assert_cmpuint (packed, <=, total);
  if (opener.cancellable != NULL)
    g_cancellable_cancel (opener.cancellable);
}

static const VtWrapperEvents events = {.message = on_message, .progress = on_progress};

static void
set_up_opener (Fixture *fixture, gconstpointer data)
{
  set_up (fixture, data);
  g_setenv ("TMPDIR", fixture->dir, TRUE);
  g_string_truncate (opener.messages, 0);
  opener.progress = 0;
  opener.options = (VtWrapperOptions){.max_size = VT_WRAPPER_MAX_SIZE, .stall_timeout_s = 30};
  g_clear_object (&opener.cancellable);
  shell (fixture, "{ printf 'QFI\\373'; head -c 999996 /dev/urandom; } >image");
}

static VtWrapper *
open_wrapper (const Fixture *fixture, const char *name, GError **error)
{
  g_autofree char *path = in_dir (fixture, name);

  return vt_wrapper_open (opener.spawner, path, &opener.options, &events, NULL, opener.cancellable,
                          error);
}

/* The files in the directory. */
static guint
count_files (const Fixture *fixture)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->dir, 0, NULL);
  guint count = 0;

  while (g_dir_read_name (dir) != NULL)
    count++;
  return count;
}

/* What is to be read is the image, and nothing beyond. */
static void
assert_file (const Fixture *fixture, const VtImageOptions *options)
{
  g_autofree char *command = g_strdup_printf (
      "tail -c +%" G_GUINT64_FORMAT " %s | head -c %" G_GUINT64_FORMAT " | cmp - image",
      options->offset + 1, options->file, options->size != 0 ? options->size : IMAGE_SIZE + 1);

  shell (fixture, command);
}

static void
assert_image (const Fixture *fixture, const char *name, const char *suffix)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtWrapper) wrapper = open_wrapper (fixture, name, &error);
  g_autoptr (VtImageOptions) options = vt_image_options_new ("none");
  g_autofree char *path = g_strconcat (fixture->dir, "/", name, suffix, NULL);
  guint files = count_files (fixture);

  g_assert_no_error (error);
  g_assert_cmpuint (vt_wrapper_get_n_images (wrapper), ==, 1);
  g_assert_cmpstr (vt_wrapper_get_name (wrapper, 0), ==, path);
  g_assert_true (vt_wrapper_prepare (wrapper, 0, options, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (options->path, ==, path);
  assert_file (fixture, options);
  g_assert_cmpuint (count_files (fixture), ==, files);
}

static void
test_no_wrapper (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = {"image", "missing", "."};

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (VtWrapper) wrapper = open_wrapper (fixture, names[i], &error);
    g_autoptr (VtImageOptions) options = vt_image_options_new ("none");

    g_assert_no_error (error);
    g_assert_cmpuint (vt_wrapper_get_n_images (wrapper), ==, 1);
    g_assert_true (vt_wrapper_prepare (wrapper, 0, options, NULL, &error));
    g_assert_null (options->file);
    g_assert_true (g_str_has_suffix (options->path, names[i]));
  }
  g_assert_cmpuint (opener.progress, ==, 0);
}

static void
test_taken_as_it_is (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtWrapper) wrapper = NULL;
  g_autoptr (VtImageOptions) options = vt_image_options_new ("none");

  opener.options.take_as_it_is = TRUE;
  shell (fixture, "gzip image");
  wrapper = open_wrapper (fixture, "image.gz", &error);
  g_assert_true (vt_wrapper_prepare (wrapper, 0, options, NULL, &error));
  g_assert_null (options->file);
}

static void
test_compressed (Fixture *fixture, gconstpointer data)
{
  shell (fixture, "gzip -c image >gz; xz -c image >xz; zstd -q image -o zst; bzip2 -c image >bz2");
  assert_image (fixture, "gz", "");
  assert_image (fixture, "xz", "");
  assert_image (fixture, "zst", "");
  assert_image (fixture, "bz2", "");
  g_assert_cmpuint (opener.progress, >=, 4);
}

static void
test_archive (Fixture *fixture, gconstpointer data)
{
  shell (fixture,
         "printf x >readme; gzip -c image >gz; tar -c image readme >ova; xz -c ova >ova.xz; "
         "tar -c gz >gz.ova");
  assert_image (fixture, "ova", "!image");
  g_assert_cmpuint (opener.progress, ==, 0);
  g_assert_nonnull (strstr (opener.messages->str, "'readme' in it is no disk image"));
  assert_image (fixture, "ova.xz", "!image");
  assert_image (fixture, "gz.ova", "!gz");
}

static void
assert_fails (const Fixture *fixture, const char *name, int code, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtWrapper) wrapper = open_wrapper (fixture, name, &error);
  g_autoptr (VtImageOptions) options = vt_image_options_new ("none");

  if (wrapper != NULL)
    g_assert_false (vt_wrapper_prepare (wrapper, 0, options, NULL, &error));
  g_assert_error (error, VT_WRAPPER_ERROR, code);
  if (strstr (error->message, text) == NULL)
    g_error ("'%s' is not in '%s'", text, error->message);
}

static void
test_nested_too_deep (Fixture *fixture, gconstpointer data)
{
  shell (fixture,
         "gzip -c image >gz; xz -c gz >gz.xz; tar -c gz >gz.ova; gzip -c gz.ova >gz.ova.gz; "
         "tar -c gz.ova >ova.ova; tar -c gz.xz >gz.xz.ova");
  assert_fails (fixture, "gz.xz", VT_WRAPPER_ERROR_BAD, "more than once");
  assert_fails (fixture, "gz.ova.gz", VT_WRAPPER_ERROR_BAD, "more than once");
  assert_fails (fixture, "ova.ova", VT_WRAPPER_ERROR_BAD, "more than once");
  assert_fails (fixture, "gz.xz.ova", VT_WRAPPER_ERROR_BAD, "more than once");
}

static void
test_limit (Fixture *fixture, gconstpointer data)
{
  opener.options.max_size = IMAGE_SIZE - 1;
  shell (fixture, "gzip -c image >gz; tar -c gz >gz.ova; tar -c image >ova");
  assert_fails (fixture, "gz", VT_WRAPPER_ERROR_LIMIT, "--max-unpacked-image");
  assert_fails (fixture, "gz.ova", VT_WRAPPER_ERROR_LIMIT, "--max-unpacked-image");
  /* What is not unpacked has none. */
  assert_image (fixture, "ova", "!image");
}

/* A dictionary of 1.5 GiB. */
static void
test_memory (Fixture *fixture, gconstpointer data)
{
  shell (fixture, "xz -c image >xz && printf '\\045' | dd of=xz bs=1 seek=16 conv=notrunc 2>log");
  assert_fails (fixture, "xz", VT_WRAPPER_ERROR_BAD, "damaged");
}

static void
test_no_directory (Fixture *fixture, gconstpointer data)
{
  g_setenv ("TMPDIR", "/nowhere", TRUE);
  shell (fixture, "gzip image");
  assert_fails (fixture, "image.gz", VT_WRAPPER_ERROR_FILE, "TMPDIR");
}

static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint files;

  shell (fixture, "gzip image");
  files = count_files (fixture);
  opener.cancellable = g_cancellable_new ();
  g_assert_null (open_wrapper (fixture, "image.gz", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (count_files (fixture), ==, files);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/wrapper/" name, Fixture, NULL, set_up_opener, function, tear_down)

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  opener.spawner = vt_spawner_new (&error);
  g_assert_no_error (error);
  opener.messages = g_string_new (NULL);
  ADD ("no-wrapper", test_no_wrapper);
  ADD ("taken-as-it-is", test_taken_as_it_is);
  ADD ("compressed", test_compressed);
  ADD ("archive", test_archive);
  ADD ("nested-too-deep", test_nested_too_deep);
  ADD ("limit", test_limit);
  ADD ("memory", test_memory);
  ADD ("no-directory", test_no_directory);
  ADD ("cancelled", test_cancelled);
  status = g_test_run ();
  vt_spawner_free (opener.spawner);
  g_string_free (opener.messages, TRUE);
  g_clear_object (&opener.cancellable);
  return status;
}
