// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Shows on standard error how far a scan is: a line that is written over on a terminal, or a line
 * from time to time for a log. Of several on a terminal, that is the oldest, with the number of the
 * others.
 */
#pragma once

#include "vt-cli.h"
#include "vt-scan-job.h"

typedef struct _VtProgress VtProgress;

/* Shows JOB's progress until freed. LABEL, the image's name, is copied. */
VtProgress *vt_progress_new (
    VtScanJob *job, VtProgressStyle style, gboolean quiet, gboolean verbose, const char *label);
/* The same for what goes on before there is a job: vt_progress_show_unpacking(). */
VtProgress *vt_progress_new_without_job (VtProgressStyle style, const char *label);
/* PACKED of TOTAL bytes have been unpacked to UNPACKED. */
void vt_progress_show_unpacking (VtProgress *self, guint64 packed, guint64 total, guint64 unpacked);
/* A line that stays: TEXT, about what is called LABEL. Neither need be fit to be printed. */
void vt_progress_say (const char *label, const char *text);
void vt_progress_free (VtProgress *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtProgress, vt_progress_free)
