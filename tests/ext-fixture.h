// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Ext file systems for tests, made by mke2fs and debugfs without mounting anything, and what the
 * reader makes of them, beside what the kernel does.
 */
#pragma once

#include "vt-digest.h"
#include "vt-ext.h"

typedef struct {
  char *dir;
  char *tree;  /* what goes into the file systems */
  char *image; /* the latest that was made */
} ExtFixture;

void ext_fixture_set_up (ExtFixture *fixture, gconstpointer data);
void ext_fixture_tear_down (ExtFixture *fixture, gconstpointer data);

/* Adds a test that has a fixture of its own. */
void
ext_fixture_add (const char *path, gconstpointer data, void (*test) (ExtFixture *, gconstpointer));

/* Runs a program and gives what it prints; what it complains of is a note of the test. */
char *ext_fixture_run (const char *directory, const char *const *argv, int *status);

/* PATH is within the tree, its directories are made. NAME may hold any bytes. */
void ext_fixture_write (ExtFixture *fixture, const char *path, const void *data, gsize size);
void ext_fixture_write_noise (ExtFixture *fixture, const char *path, gsize size);
char *ext_fixture_path (ExtFixture *fixture, const char *path);
/* Files of all sizes that matter, links, holes (none at an end, which mke2fs loses when there is
 * inline data), odd names and dates. */
void ext_fixture_make_tree (ExtFixture *fixture);

/* Makes an image of the tree; OPTIONS are mke2fs's. FALSE: mke2fs cannot do that. */
gboolean ext_fixture_mke2fs (ExtFixture *fixture, guint mib, const char *options);
/* Commands of debugfs, one a line. */
void ext_fixture_debugfs (ExtFixture *fixture, const char *commands);
/* Overwrites a part of the image. */
void ext_fixture_patch (ExtFixture *fixture, guint64 offset, const void *data, gsize size);

typedef struct {
  VtFsStat stat;
  gboolean delivered;
  VtReason reason;
  gboolean has_digest;
  VtDigest digest;
  GBytes *bytes; /* NULL: not kept */
} ExtFile;

typedef struct {
  GHashTable *files; /* path, owned, to ExtFile, owned */
  GPtrArray *order;  /* of ExtFile, as they were delivered */
  char *refusal;
  GError *error;
} ExtResult;

void ext_result_free (ExtResult *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ExtResult, ext_result_free)

/* Opens, lists and reads all. */
ExtResult *ext_result_of_disk (VtDisk *disk, guint64 start, guint64 size, guint64 max_size);
ExtResult *ext_fixture_read (ExtFixture *fixture, guint64 max_size);
/* The image's one refusal, which holds PART, at whatever step. */
void ext_fixture_assert_refused (ExtFixture *fixture, const char *part);

/* Sorted lines with all that there is to compare. */
char *ext_result_to_text (ExtResult *self);
/* The same of the tree, without what the file system adds: path, size and digest. */
char *ext_result_to_short_text (ExtResult *self);
char *ext_fixture_tree_to_short_text (ExtFixture *fixture);
/* The same of what the kernel mounts; NULL, with a note, when it cannot. */
char *ext_fixture_kernel_to_text (ExtFixture *fixture);
