// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What the files of the scan job share. */
#pragma once

#include "vt-scan-job.h"
#include "vt-template-tally.h"

struct _VtScanJob {
  GObject parent_instance;

  VtScanScope *scope; /* of its files' contents */
  VtImageOptions *options;
  VtManifest *manifest;
  GMainContext *main_context;

  VtImage *image;
  VtScanResult *result;
  VtTemplateTally *tally; /* NULL without a template */
  VtScanProgress progress;
  GArray *clean_files; /* of guint64: clean files of each file system */
  guint n_expected;    /* file systems whose files were counted */
  guint generation;    /* how often another reader had to begin from the start */
  guint underway;      /* files that have come and have no verdict yet */
  gboolean store_warned;
  gboolean reading; /* files may still come */
  GSource *done;    /* tells that there is nothing left to do */

  gint64 start_time; /* monotonic, microseconds; so are all below */
  gint64 read_time;
  gint64 load_time;
  gint64 end_time; /* when there was nothing left to do; 0: there is */
};

/* Takes FILE, and sees to it that it gets a verdict. */
void vt_scan_job_take_file (VtScanJob *self, VtImageFile *file);
/* Notes a file with its verdict under all its names. */
void vt_scan_job_book_file (VtScanJob *self, const VtImageFile *file);
/* When no more files come: what was not read whole is not clean, and the lists get their order. */
void vt_scan_job_close_books (VtScanJob *self);
/* To be called when something has ended that the job may have waited for. */
void vt_scan_job_look_at_end (VtScanJob *self);
/* Ends the job early. */
void vt_scan_job_fail (VtScanJob *self, const GError *error);
