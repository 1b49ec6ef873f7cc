// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What is to be done about each finding, decided before and after the files were looked at again.
 * Nothing here touches an image.
 */
#pragma once

#include "vt-findings.h"

/* One infected file's name. */
typedef struct {
  const VtFinding *finding; /* not owned */
  char *display;            /* its path, as reports have it; bytes */
  char *why;                /* it is not cleaned, for that reason; NULL: it is, or would be */
  gboolean seen;            /* it was looked at again, and is what was found */
  guint64 inode;            /* 0: not known */
  guint32 links;            /* names of the file; 0: not known */
  char *id;                 /* of its entry in quarantine, or NULL */
} VtCleanItem;

void vt_clean_item_free (VtCleanItem *self);
/* Sets the reason, printf-like, unless there is one. */
void vt_clean_item_refuse (VtCleanItem *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

/*
 * An item (to be freed with the list) for each name in FINDINGS, once. IMAGE has the file systems
 * and operating systems. Refused is what cannot be cleaned at all; what is in a container too,
 * unless CONTAINERS says that the outermost file is meant.
 */
GPtrArray *
vt_clean_plan_new (const VtFindings *findings, const VtScanResult *image, gboolean containers);

/* Once all that could be was seen, and again when more is refused: refuses what was not, and each
 * file of which not all names are to be cleaned, since it would stay in the image all the same. */
void vt_clean_plan_settle (GPtrArray *items);

/* How many are not refused. */
guint vt_clean_plan_count (GPtrArray *items);
