// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Images that are found within an image, read by real readers, without the appliance. */
#pragma once

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "run-program.h"
#include "vt-content.h"
#include "vt-fd.h"
#include "vt-nested-image.h"
#include "vt-paths.h"

typedef struct _Nested Nested;

typedef struct {
  char *dir;
  VtSpawner *spawner;
  VtNestedReader *reader;
  GMainLoop *loop;
  GString *order; /* what the images are called whose events came, one after the other */
} Fixture;

typedef struct {
  char *name;
  guint64 size;
  VtReason reason;
  char *text; /* NULL: no content */
} Member;

/* One image that is read. */
struct _Nested {
  Fixture *fixture;
  const char *name;
  int fd;
  VtMemberSource *source; /* NULL: freed */
  GPtrArray *members;     /* of Member */
  GPtrArray *credits;     /* of members that are not released; NULL: they are at once */
  guint free_after;       /* members, within their event; 0: never */
  guint pause_after;      /* members; 0: never */
  gboolean ended;
  VtReason reason;
  char *detail;
};

static inline void
member_free (gpointer data)
{
  Member *self = data;

  g_free (self->name);
  g_free (self->text);
  g_free (self);
}

static inline void
nested_free (Nested *self)
{
  g_clear_pointer (&self->source, vt_member_source_free);
  g_ptr_array_unref (self->members);
  g_clear_pointer (&self->credits, g_ptr_array_unref);
  vt_fd_clear (&self->fd);
  g_free (self->detail);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Nested, nested_free)

static inline char *
read_text (int fd, guint64 size)
{
  char *text = g_malloc0 (size + 1);

  g_assert_true (vt_content_is_sealed (fd, size));
  g_assert_cmpint (pread (fd, text, size, 0), ==, size);
  return text;
}

static inline void
on_member (const VtUnpackMember *unpacked, gpointer credit, gpointer user_data)
{
  Nested *self = user_data;
  Member *member = g_new0 (Member, 1);
  vt_autofd content = unpacked->content;

  g_assert_nonnull (self->source);
  g_assert_false (self->ended);
  g_assert_true ((content >= 0) == (credit != NULL));
  g_assert_true ((content >= 0) == (unpacked->reason == VT_REASON_NONE));
  member->name = g_strdup (unpacked->name);
  member->size = unpacked->size;
  member->reason = unpacked->reason;
  member->text = content >= 0 ? read_text (content, unpacked->size) : NULL;
  g_ptr_array_add (self->members, member);
  g_string_append (self->fixture->order, self->name);
  if (credit != NULL && self->credits != NULL)
    g_ptr_array_add (self->credits, credit);
  else if (credit != NULL)
    vt_member_source_release (self->source, credit);
  if (self->members->len == self->free_after)
    g_clear_pointer (&self->source, vt_member_source_free);
  if (self->members->len == self->pause_after)
    g_main_loop_quit (self->fixture->loop);
}

static inline void
on_ended (VtReason reason, const char *detail, gpointer user_data)
{
  Nested *self = user_data;

  g_assert_nonnull (self->source);
  g_assert_false (self->ended);
  self->ended = TRUE;
  self->reason = reason;
  self->detail = g_strdup (detail);
  g_string_append_c (self->fixture->order, '.');
  /* The next one waits for that. */
  g_clear_pointer (&self->source, vt_member_source_free);
  g_main_loop_quit (self->fixture->loop);
}

static const VtMemberEvents events = {.member = on_member, .ended = on_ended};

static inline void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (VtImageOptions) options = vt_image_options_new ("/srv/around.qcow2");
  g_autoptr (GError) error = NULL;

  fixture->dir = g_dir_make_tmp ("vt-test-XXXXXX", NULL);
  fixture->spawner = vt_spawner_new (&error);
  g_assert_no_error (error);
  options->backend = VT_BACKEND_DIRECT;
  /* All this is of the image around. */
  options->file = g_strdup ("/proc/self/fd/0");
  options->offset = 512;
  options->size = 1024;
  options->format = g_strdup ("vdi");
  options->snapshot = g_strdup ("first");
  g_strfreev (options->exclude);
  options->exclude = g_strsplit ("*", ":", -1);
  g_strfreev (options->backing);
  options->backing = g_strsplit ("/", ":", -1);
  fixture->reader = vt_nested_reader_new (fixture->spawner, options);
  fixture->loop = g_main_loop_new (NULL, FALSE);
  fixture->order = g_string_new (NULL);
  run_script (fixture->dir,
              "mkdir -p tree/dir; printf one >tree/first; printf two >tree/dir/second; "
              "touch tree/empty; mke2fs -qF -t ext4 -d tree ext4 8M");
}

static inline void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_nested_reader_free (fixture->reader);
  vt_spawner_free (fixture->spawner);
  g_main_loop_unref (fixture->loop);
  g_string_free (fixture->order, TRUE);
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
}

static inline int
open_file (Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->dir, name, NULL);
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  return fd;
}

/* A sealed memfd, as contents are. */
static inline int
open_content (Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->dir, name, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (VtContent) content = NULL;
  g_autofree char *data = NULL;
  VtDigest digest;
  gsize size;
  int fd = -1;

  g_file_get_contents (path, &data, &size, &error);
  g_assert_no_error (error);
  content = vt_content_new (size, size, &error);
  g_assert_true (vt_content_write (content, 0, data, size, &error));
  g_assert_true (vt_content_finish (content, &fd, &digest, &error));
  return fd;
}

/* Takes FD. NAME is for the order of events. */
static inline Nested *
open_nested (Fixture *fixture, guint level, int fd, const char *name)
{
  Nested *self = g_new0 (Nested, 1);

  self->fixture = fixture;
  self->name = name;
  self->fd = fd;
  self->members = g_ptr_array_new_with_free_func (member_free);
  self->source = vt_nested_reader_open (fixture->reader, level, fd, &events, self);
  return self;
}

static inline void
run_to_end (Nested *self)
{
  while (!self->ended)
    g_main_loop_run (self->fixture->loop);
}

static inline const Member *
find_member (Nested *self, const char *name)
{
  for (guint i = 0; i < self->members->len; i++) {
    const Member *member = g_ptr_array_index (self->members, i);

    if (g_str_equal (member->name, name))
      return member;
  }
  g_test_message ("no member %s", name);
  g_assert_not_reached ();
}

static inline void
assert_text (Nested *self, const char *name, const char *text)
{
  g_assert_cmpstr (find_member (self, name)->text, ==, text);
  g_assert_cmpuint (find_member (self, name)->size, ==, strlen (text));
}

static inline void
assert_ended (Nested *self, VtReason reason, guint n_members)
{
  run_to_end (self);
  if (self->detail[0] != '\0')
    g_test_message ("%s", self->detail);
  g_assert_cmpstr (vt_reason_to_string (self->reason), ==, vt_reason_to_string (reason));
  g_assert_cmpuint (self->members->len, ==, n_members);
  g_assert_true ((self->detail[0] == '\0') == (reason == VT_REASON_NONE));
  /* Whoever tells it knows where the image is; how it was opened means nothing to anybody. */
  g_assert_null (strstr (self->detail, "/proc/"));
  g_assert_null (strstr (self->detail, "/srv/"));
}

static inline void
assert_tree (Nested *self)
{
  assert_ended (self, VT_REASON_NONE, 2);
  assert_text (self, "/dev/sda:/first", "one");
  assert_text (self, "/dev/sda:/dir/second", "two");
}
