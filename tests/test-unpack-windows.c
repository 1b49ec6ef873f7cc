// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <string.h>
#include <unistd.h>

#include "vt-fd.h"
#include "vt-paths.h"
#include "vt-unpack-windows.h"

#define WINDOW ((guint64)1024 * 1024)
#define LIMITS                                                                                     \
  {                                                                                                \
    .max_member_size = WINDOW                                                                      \
  }

typedef struct {
  GPtrArray *names;
  GPtrArray *contents; /* of GBytes */
  guint stop_after;
} Windows;

static gboolean
on_window (const VtUnpackMember *member, gpointer user_data)
{
  Windows *self = user_data;
  vt_autofd content = member->content;
  guint8 *bytes = g_malloc (member->size);

  g_assert_cmpuint (member->size, <=, WINDOW);
  g_assert_cmpint (member->reason, ==, VT_REASON_NONE);
  g_assert_cmpint (pread (content, bytes, member->size, 0), ==, member->size);
  g_ptr_array_add (self->names, g_strdup (member->name));
  g_ptr_array_add (self->contents, g_bytes_new_take (bytes, member->size));
  return self->names->len != self->stop_after;
}

static Windows
cut (int fd, guint64 size, guint stop_after)
{
  const VtUnpackLimits limits = LIMITS;
  Windows self = {g_ptr_array_new_with_free_func (g_free),
                  g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref), stop_after};

  g_assert_cmpint (vt_unpack_windows (fd, size, &limits, on_window, &self, NULL), ==,
                   VT_REASON_NONE);
  return self;
}

static void
clear (Windows *self)
{
  g_ptr_array_unref (self->names);
  g_ptr_array_unref (self->contents);
}

static guint
count_with (const Windows *self, const char *text)
{
  guint n = 0;

  for (guint i = 0; i < self->contents->len; i++) {
    gsize size;
    const void *bytes = g_bytes_get_data (g_ptr_array_index (self->contents, i), &size);

    n += memmem (bytes, size, text, strlen (text)) != NULL;
  }
  return n;
}

static int
new_file (guint64 size)
{
  g_autoptr (GError) error = NULL;
  int fd = vt_paths_open_unnamed (&error);

  g_assert_no_error (error);
  g_assert_cmpint (ftruncate (fd, (off_t)size), ==, 0);
  return fd;
}

/* Wherever it lies, a pattern is whole in one window at least. */
static void
test_patterns_are_whole_somewhere (void)
{
  static const char pattern[] = "a pattern that may lie across the end of a window";
  guint64 size = 4 * WINDOW + 12345;
  g_autofree char *data = g_malloc (size);

  memset (data, 'x', size);
  for (guint64 at = 0; at < size - sizeof pattern; at += 65521) {
    vt_autofd fd = new_file (size);
    Windows windows;

    g_assert_cmpint (pwrite (fd, data, size, 0), ==, size);
    g_assert_cmpint (pwrite (fd, pattern, strlen (pattern), (off_t)at), ==, strlen (pattern));
    windows = cut (fd, size, 0);
    g_assert_cmpuint (count_with (&windows, pattern), >=, 1);
    clear (&windows);
  }
}

static void
test_windows_cover_all (void)
{
  guint64 size = 2 * WINDOW;
  vt_autofd fd = new_file (size);
  g_autofree char *data = g_strnfill (size, 'x');
  Windows windows;

  g_assert_cmpint (pwrite (fd, data, size, 0), ==, size);
  windows = cut (fd, size, 0);
  g_assert_cmpuint (windows.names->len, ==, 3);
  g_assert_cmpstr (g_ptr_array_index (windows.names, 0), ==, "bytes 0-1048575");
  g_assert_cmpstr (g_ptr_array_index (windows.names, 1), ==, "bytes 524288-1572863");
  g_assert_cmpstr (g_ptr_array_index (windows.names, 2), ==, "bytes 1048576-2097151");
  clear (&windows);
  windows = cut (fd, size, 1);
  g_assert_cmpuint (windows.names->len, ==, 1);
  clear (&windows);
}

/* A file of a terabyte with a few bytes in it: what is a hole is not read. */
static void
test_holes_are_left_out (void)
{
  guint64 size = (guint64)1 << 40;
  vt_autofd fd = new_file (size);
  Windows windows = cut (fd, size, 0);

  g_assert_cmpuint (windows.names->len, ==, 0);
  clear (&windows);
  g_assert_cmpint (pwrite (fd, "first", 5, (off_t)size / 3), ==, 5);
  g_assert_cmpint (pwrite (fd, "last", 4, (off_t)size - 4), ==, 4);
  windows = cut (fd, size, 0);
  g_assert_cmpuint (windows.names->len, <=, 4);
  g_assert_cmpuint (count_with (&windows, "first"), >=, 1);
  g_assert_cmpuint (count_with (&windows, "last"), ==, 1);
  clear (&windows);
}

static void
test_what_cannot_be_read_is_told (void)
{
  const VtUnpackLimits limits = LIMITS;
  vt_autofd fd = new_file (WINDOW / 2);
  g_autofree char *detail = NULL;
  Windows windows = {g_ptr_array_new_with_free_func (g_free),
                     g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref), 0};

  g_assert_cmpint (pwrite (fd, "x", 1, WINDOW / 2 - 1), ==, 1);
  /* Not as large as it is said to be. */
  g_assert_cmpint (vt_unpack_windows (fd, 3 * WINDOW, &limits, on_window, &windows, &detail), ==,
                   VT_REASON_READ_ERROR);
  g_assert_nonnull (detail);
  clear (&windows);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/unpack-windows/patterns-are-whole-somewhere",
                   test_patterns_are_whole_somewhere);
  g_test_add_func ("/unpack-windows/windows-cover-all", test_windows_cover_all);
  g_test_add_func ("/unpack-windows/holes-are-left-out", test_holes_are_left_out);
  g_test_add_func ("/unpack-windows/what-cannot-be-read-is-told", test_what_cannot_be_read_is_told);
  return g_test_run ();
}
