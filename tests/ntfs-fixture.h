// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * NTFS for tests, made by mkntfs and filled through libntfs-3g, without mounting anything. Whatever
 * fails there ends the test.
 */
#pragma once

#include "fs-fixture.h"

typedef struct _NtfsMaker NtfsMaker;

extern const FsKind ntfs_kind;

/* Makes an image; OPTIONS are mkntfs's. FALSE: mkntfs cannot do that. */
gboolean ntfs_maker_format (const char *image, guint kib, const char *options);

NtfsMaker *ntfs_maker_open (const char *image);
void ntfs_maker_close (NtfsMaker *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (NtfsMaker, ntfs_maker_close)

/* PATHS start with "/"; the directories that they are in are there already. */
void ntfs_maker_add_directory (NtfsMaker *self, const char *path, gboolean is_compressed);
/* As services for Unix had them, or Windows's subsystem for Linux. */
void ntfs_maker_add_pipe (NtfsMaker *self, const char *path, gboolean is_wsl);
void ntfs_maker_add_interix_link (NtfsMaker *self, const char *path);
/* Makes the file if it is not there, and writes at OFFSET. */
void
ntfs_maker_write (NtfsMaker *self, const char *path, guint64 offset, const void *data, gsize size);
/* Bytes that depend on the path alone; of few different ones, if they are to be compressed. */
void ntfs_maker_write_noise (NtfsMaker *self, const char *path, gsize size, guint different);
void ntfs_maker_link (NtfsMaker *self, const char *path, const char *other);
void ntfs_maker_set_dos_name (NtfsMaker *self, const char *path, const char *name);
void ntfs_maker_set_reparse_point (
    NtfsMaker *self, const char *path, guint32 tag, const void *data, gsize size);
/* Of the content and of the inode, in units of 100 ns since 1601. */
void ntfs_maker_set_time (NtfsMaker *self, const char *path, gint64 time);
/* Only that much of a file that has a place of its own was ever written. */
void ntfs_maker_set_initialized (NtfsMaker *self, const char *path, guint64 size);
void ntfs_maker_set_encrypted (NtfsMaker *self, const char *path);
/* Lets the tree of a directory with several blocks begin in another of them. */
void ntfs_maker_misdirect (NtfsMaker *self, const char *path);

/* Files of all kinds that are read. */
void ntfs_maker_fill (NtfsMaker *self);
