// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* FAT file systems for tests, made by mkfs.vfat and mtools without mounting anything. */
#pragma once

#include "fs-fixture.h"
#include "vt-fat-boot.h"
#include "vt-fat.h"

/* Adds a test that has a fixture of its own. */
void
fat_fixture_add (const char *path, gconstpointer data, void (*test) (FsFixture *, gconstpointer));

/* Files of all sizes that matter, and names that FAT can have. */
void fat_fixture_make_tree (FsFixture *fixture);

/* Makes an empty image; OPTIONS are mkfs.vfat's. */
void fat_fixture_mkfs (FsFixture *fixture, guint kib, const char *options);
/* Copies the tree into it. */
void fat_fixture_fill (FsFixture *fixture);
/* Runs one of mtools on the image: its name, then its words. */
void fat_fixture_mtool (FsFixture *fixture, const char *command);

/* Kinds whose clusters have 512 bytes. */
#define FAT_FIXTURE_16 "-F 16 -s 1"
#define FAT_FIXTURE_32 "-F 32 -s 1"

/* An image with one of each thing, to be spoilt at one place. */
void fat_fixture_make_sample (FsFixture *fixture, const char *options);
/* The image is not refused. */
void fat_fixture_assert_read (FsFixture *fixture);

/* Where the image's parts are. */
VtFatGeometry fat_fixture_geometry (FsFixture *fixture);
/* The first place in the image that holds the N bytes WHAT, such as the slot of a name. */
guint64 fat_fixture_find (FsFixture *fixture, const void *what, gsize n);
/* The entry of the table, in all copies of it. FAT16 and FAT32. */
void fat_fixture_set_next (FsFixture *fixture, guint32 cluster, guint32 next);
/* The first cluster of the file whose short name is NAME, eleven bytes. */
guint32 fat_fixture_first_cluster (FsFixture *fixture, const char *name);
