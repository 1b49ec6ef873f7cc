// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What the files of the scan job share: vt-scan-job.c runs it, vt-scan-flow.c leads contents. */
#pragma once

#include "vt-scan-job.h"

struct _VtScanJob {
  GObject parent_instance;

  VtScanContext context;
  VtImageOptions *options;
  VtManifest *manifest;
  GMainContext *main_context;

  VtImage *image;
  VtScanResult *result;
  VtScanProgress progress;
  GThreadPool *hashers;
  GHashTable *contents; /* VtDigest to VtContentWait: contents whose verdict is waited for */
  GHashTable *failures; /* VtDigest to VtVerdict: found in this run, not for the store */
  GArray *clean_files;  /* of guint64: clean files of each file system */
  guint n_expected;     /* file systems whose files were counted */
  guint generation;     /* how often another reader had to begin from the start */
  guint underway;       /* files that have come and have no verdict yet */
  guint hashing;        /* those of them that a hasher thread has */
  gboolean store_warned;
  gboolean reading; /* files may still come */
  gboolean ended;   /* nothing that comes now counts */

  gint64 start_time; /* monotonic, microseconds; so are all below */
  gint64 read_time;
  gint64 load_time;
};

/* A file on its way to its verdict. */
typedef struct {
  VtScanJob *job; /* a reference */
  VtImageFile *file;
  guint generation; /* the job's when the file came */
  GError *error;    /* why it could not be hashed */
} VtScanTask;

/* Takes FILE, and sees to it that it gets a verdict. */
void vt_scan_job_take_file (VtScanJob *self, VtImageFile *file);
/* Loads the engine unless that was done. */
void vt_scan_job_load_engine (VtScanJob *self);
/* Books the verdict of TASK's file under all its names, gives its credit back, and frees TASK. */
void vt_scan_job_finish_task (VtScanTask *task, const VtVerdict *verdict, VtSource source);
/* Notes a file with its verdict under all its names. */
void vt_scan_job_book_file (VtScanJob *self, const VtImageFile *file);
/* When no more files come: what was not read whole is not clean, and the lists get their order. */
void vt_scan_job_close_books (VtScanJob *self);
/* Says, once, that verdicts cannot be kept now; they are tried again, and at the end it counts. */
void vt_scan_job_warn_of_store (VtScanJob *self, const GError *error);
/* Ends the job early. */
void vt_scan_job_fail (VtScanJob *self, const GError *error);
/* Runs in a hasher thread; the task goes on in the job's own. */
void vt_scan_job_hash (gpointer task, gpointer job);
