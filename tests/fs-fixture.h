// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What tests of file systems share: a directory with a tree and an image, and what a reader makes
 * of the image, beside what the kernel does.
 */
#pragma once

#include "vt-digest.h"
#include "vt-fs.h"

typedef struct {
  VtFs *(*open) (VtDisk *disk, guint64 start, guint64 size, char **refusal, GError **error);
  const char *type;    /* as mount(8) has it; NULL: it finds out */
  gboolean has_inodes; /* whose numbers are the kernel's */
} FsKind;

typedef struct {
  const FsKind *kind;
  char *dir;
  char *tree;  /* what goes into the file systems */
  char *image; /* the latest that was made */
} FsFixture;

void fs_fixture_set_up (FsFixture *fixture, const FsKind *kind);
void fs_fixture_tear_down (FsFixture *fixture, gconstpointer data);

/* Runs a program and gives what it prints; what it complains of is a note of the test. */
char *fs_fixture_run (const char *directory, const char *const *argv, int *status);

/* PATH is within the tree, its directories are made. It may hold any bytes. */
void fs_fixture_write (FsFixture *fixture, const char *path, const void *data, gsize size);
void fs_fixture_write_noise (FsFixture *fixture, const char *path, gsize size);
char *fs_fixture_path (FsFixture *fixture, const char *path);
/* Overwrites a part of the image. */
void fs_fixture_patch (FsFixture *fixture, guint64 offset, const void *data, gsize size);

typedef struct {
  VtFsStat stat;
  gboolean delivered;
  VtReason reason;
  gboolean has_digest;
  VtDigest digest;
  GBytes *bytes; /* NULL: not kept */
} FsFile;

typedef struct {
  GHashTable *files; /* path, owned, to FsFile, owned */
  GPtrArray *order;  /* of FsFile, as they were delivered */
  char *refusal;
  GError *error;
} FsResult;

void fs_result_free (FsResult *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FsResult, fs_result_free)

/* Opens, lists and reads all. */
FsResult *
fs_result_of_disk (const FsKind *kind, VtDisk *disk, guint64 start, guint64 size, guint64 max_size);
FsResult *fs_fixture_read (FsFixture *fixture, guint64 max_size);
/* The image's one refusal, which holds PART, at whatever step. */
void fs_fixture_assert_refused (FsFixture *fixture, const char *part);

/* Sorted lines with all that there is to compare. */
char *fs_result_to_text (const FsKind *kind, FsResult *self);
/* The same of the tree, without what the file system adds: path, size and digest. */
char *fs_result_to_short_text (FsResult *self);
char *fs_fixture_tree_to_short_text (FsFixture *fixture);
/* The same of what the kernel mounts; NULL, with a note, when it cannot. */
char *fs_fixture_kernel_to_text (FsFixture *fixture);

/* The image as a disk, of which FILE is the descriptor; both are the caller's. */
VtDisk *fs_fixture_open_image (FsFixture *fixture, int *file);
/* What PATH leads to. */
void fs_assert_type (VtFs *fs, const char *path, VtFsType expected);

/* Compares such texts, and names the first line that differs, since there are hundreds. */
void fs_assert_same (const char *ours, const char *theirs);
/* The image is read, and the same as the kernel shows it, if it can. */
void fs_fixture_assert_as_the_kernel (FsFixture *fixture);
/* The image is read, and the same as the tree. */
void fs_fixture_assert_as_the_tree (FsFixture *fixture);
