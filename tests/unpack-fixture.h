// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Containers that tests/make-containers made, and what comes out of them. */
#pragma once

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "vt-content.h"
#include "vt-digest.h"
#include "vt-fd.h"
#include "vt-unpack.h"

#define MEBI ((guint64)1024 * 1024)

/* What the tests of limits change. */
static const VtUnpackLimits usual_limits = {
    .max_member_size = 32 * MEBI,
    .max_size = 128 * MEBI,
    .max_members = 1000,
    .max_ratio = 1000,
};

typedef struct {
  char *name;
  guint64 size;
  VtReason reason;
  VtDigest digest;
  int content; /* as it was handed out */
} UnpackedMember;

typedef struct {
  GPtrArray *members; /* of UnpackedMember */
  guint stop_after;   /* members; 0: never */
  VtContainerKind kind;
  VtReason reason;
  char *detail;
} Unpacked;

static inline void
unpacked_member_free (gpointer data)
{
  UnpackedMember *self = data;

  vt_fd_clear (&self->content);
  g_free (self->name);
  g_free (self);
}

static inline void
unpacked_free (Unpacked *self)
{
  g_ptr_array_unref (self->members);
  g_free (self->detail);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Unpacked, unpacked_free)

static inline gboolean
on_member (const VtUnpackMember *member, gpointer user_data)
{
  Unpacked *self = user_data;
  UnpackedMember *copy = g_new0 (UnpackedMember, 1);

  copy->name = g_strdup (member->name);
  copy->size = member->size;
  copy->reason = member->reason;
  copy->content = member->content;
  g_ptr_array_add (self->members, copy);
  g_assert_cmpstr (member->name, !=, "");
  g_assert_true ((member->content >= 0) == (member->reason == VT_REASON_NONE));
  if (member->content >= 0) {
    g_autoptr (GError) error = NULL;

    g_assert_true (vt_content_is_sealed (member->content, member->size));
    g_assert_true (vt_digest_of_fd (member->content, member->size, &copy->digest, &error));
  }
  return self->members->len != self->stop_after;
}

static inline GBytes *
container_bytes (const char *path)
{
  g_autofree char *full = g_build_filename (g_getenv ("VT_TEST_CONTAINERS"), path, NULL);
  g_autoptr (GError) error = NULL;
  char *data;
  gsize size;

  g_file_get_contents (full, &data, &size, &error);
  g_assert_no_error (error);
  return g_bytes_new_take (data, size);
}

/* A sealed memfd. */
static inline int
content_of (gconstpointer data, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VtContent) content = vt_content_new (size, size, &error);
  VtDigest digest;
  int fd = -1;

  g_assert_true (vt_content_write (content, 0, data, size, &error));
  g_assert_true (vt_content_finish (content, &fd, &digest, &error));
  return fd;
}

static inline Unpacked *
unpack_fd (int fd, guint64 size, const VtUnpackLimits *limits, guint stop_after)
{
  Unpacked *self = g_new0 (Unpacked, 1);

  self->members = g_ptr_array_new_with_free_func (unpacked_member_free);
  self->stop_after = stop_after;
  self->kind = vt_container_recognise (fd, size, NULL);
  self->reason = vt_unpack (fd, size, self->kind, limits, on_member, self, &self->detail);
  g_assert_true ((self->detail == NULL) == (self->reason == VT_REASON_NONE));
  return self;
}

static inline Unpacked *
unpack_data (gconstpointer data, gsize size, const VtUnpackLimits *limits)
{
  vt_autofd fd = content_of (data, size);

  return unpack_fd (fd, size, limits, 0);
}

static inline Unpacked *
unpack_made (const char *path, const VtUnpackLimits *limits)
{
  g_autoptr (GBytes) bytes = container_bytes (path);
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);

  return unpack_data (data, size, limits);
}

/* How many members have the content of FILE of the tree. */
static inline guint
count_content (const Unpacked *self, const char *file)
{
  g_autofree char *path = g_build_filename ("tree", file, NULL);
  g_autoptr (GBytes) bytes = container_bytes (path);
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);
  VtDigest digest = vt_digest_of_data (data, size);
  guint found = 0;

  for (guint i = 0; i < self->members->len; i++) {
    const UnpackedMember *member = g_ptr_array_index (self->members, i);

    found += member->reason == VT_REASON_NONE && vt_digest_equal (&member->digest, &digest);
  }
  return found;
}
