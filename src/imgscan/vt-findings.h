// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What a scan found infected, for whoever is to do something about it: from the scan itself, or
 * from its JSON report. What holds names and contents chosen by a guest, and may have been changed
 * since, is parsed strictly and within bounds.
 */
#pragma once

#include <gio/gio.h>

#include "vt-scan-result.h"

typedef enum {
  VT_FINDINGS_ERROR_MALFORMED, /* not a report of ours, or beyond a limit */
  VT_FINDINGS_ERROR_IMAGE,     /* a report of other images */
} VtFindingsError;

#define VT_FINDINGS_ERROR (vt_findings_error_quark ())
GQuark vt_findings_error_quark (void);

/* Bytes of a report that is read, and of a path and a file system's id in it. */
#define VT_FINDINGS_REPORT_MAX ((gsize)128 * 1024 * 1024)
#define VT_FINDINGS_PATH_MAX   ((gsize)4096)

/* One name of an infected file. Path and members are bytes as the guest has them. */
typedef struct {
  char *path; /* as VtFileResult has it */
  char *fs;   /* the file system's id */
  char *threat;
  GStrv members; /* where in the file it is; NULL for the file itself */
  guint64 size;
  gboolean has_digest;
  VtDigest digest; /* of the file's content */
} VtFinding;

typedef struct {
  GPtrArray *findings; /* of VtFinding */
  guint64 infected;    /* files; more than are listed, if not all are */
  gboolean incomplete; /* something was not scanned whole, or the scan did not come to its end */
} VtFindings;

void vt_findings_free (VtFindings *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtFindings, vt_findings_free)

VtFindings *vt_findings_of_result (const VtScanResult *result);

/* Parses a report. Of one that has several images, IMAGE is the path of the one to take, as it was
 * given to the scan; with one image, its name does not matter, since it may have been moved. */
VtFindings *
vt_findings_parse (GBytes *report, const char *image, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same of a file. Errors are of VT_FINDINGS_ERROR, VT_JSON_READER_ERROR and G_FILE_ERROR. */
VtFindings *
vt_findings_read (const char *file, const char *image, GError **error) G_GNUC_WARN_UNUSED_RESULT;
