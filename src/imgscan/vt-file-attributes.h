// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What a file has beside its content and its times, so that it can be put back as it was. */
#pragma once

#include <glib.h>

/* Bytes of a label; those that are met have some 40. */
#define VT_FILE_LABEL_MAX 1024
/* Bits of a mode that are rights, as chmod(2) takes them. */
#define VT_FILE_MODE_MAX 07777U

typedef struct {
  guint32 mode; /* rights only */
  guint32 uid;
  guint32 gid;
  guint32 links; /* names that the file has */
  gsize label_size;
  guint8 label[VT_FILE_LABEL_MAX]; /* of SELinux (security.selinux), with its NUL if it has one */
} VtFileAttributes;
