// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What the files of the scan job share: vt-scan-job.c runs it, vt-scan-flow.c leads contents. */
#pragma once

#include "vt-nested-image.h"
#include "vt-scan-job.h"
#include "vt-template-tally.h"

struct _VtScanJob {
  GObject parent_instance;

  VtScanContext context;
  VtImageOptions *options;
  VtManifest *manifest;
  GMainContext *main_context;

  VtImage *image;
  VtNestedReader *nested;
  VtScanResult *result;
  VtTemplateTally *tally; /* NULL without a template */
  VtScanProgress progress;
  GThreadPool *hashers;
  GHashTable *failures; /* VtDigest to VtKnownVerdict: found by this job, not for the store */
  GHashTable *openings; /* set of containers that are open */
  GArray *clean_files;  /* of guint64: clean files of each file system */
  guint n_expected;     /* file systems whose files were counted */
  guint generation;     /* how often another reader had to begin from the start */
  guint underway;       /* files that have come and have no verdict yet */
  guint hashing;        /* contents that a hasher thread has */
  gboolean store_warned;
  gboolean reading; /* files may still come */
  gboolean ended;   /* nothing that comes now counts */
  GSource *done;    /* tells that there is nothing left to do */

  gint64 start_time; /* monotonic, microseconds; so are all below */
  gint64 read_time;
  gint64 load_time;
  gint64 end_time; /* when there was nothing left to do; 0: there is */
};

typedef struct {
  VtVerdict verdict;
  GStrv members;
  gboolean passing; /* it is not for a reason that always passes */
} VtKnownVerdict;

/* Takes FILE, and sees to it that it gets a verdict. */
void vt_scan_job_take_file (VtScanJob *self, VtImageFile *file);
/* Loads the engine unless that was done. */
void vt_scan_job_load_engine (VtScanJob *self);
/* Notes a file with its verdict under all its names. */
void vt_scan_job_book_file (VtScanJob *self, const VtImageFile *file);
/* When no more files come: what was not read whole is not clean, and the lists get their order. */
void vt_scan_job_close_books (VtScanJob *self);
/* Says, once, that verdicts cannot be kept now; they are tried again, and at the end it counts. */
void vt_scan_job_warn_of_store (VtScanJob *self, const GError *error);
/* To be called when something has ended that the job may have waited for. */
void vt_scan_job_look_at_end (VtScanJob *self);
/* Ends the job early. */
void vt_scan_job_fail (VtScanJob *self, const GError *error);
/* Says something to who wants to know more. */
void vt_scan_job_say (VtScanJob *self, const char *format, ...) G_GNUC_PRINTF (2, 3);
