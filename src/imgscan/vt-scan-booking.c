// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What a scan job writes down of each file: counts, findings, the manifest. */
#include "vt-scan-job-private.h"

#include <string.h>

static void
count_verdict (VtScanJob *self, const VtFileResult *file)
{
  VtScanStats *stats = &self->result->stats;

  stats->files++;
  switch (file->verdict.kind) {
  case VT_VERDICT_CLEAN:
    stats->clean++;
    g_array_set_size (self->clean_files, self->result->filesystems->len);
    g_array_index (self->clean_files, guint64, file->filesystem)++;
    break;
  case VT_VERDICT_INFECTED:
    stats->infected++;
    break;
  case VT_VERDICT_INCOMPLETE:
  case VT_VERDICT_UNKNOWN:
  default:
    stats->incomplete++;
    break;
  }
}

static void
count_source (VtScanJob *self, const VtFileResult *file)
{
  VtScanStats *stats = &self->result->stats;

  stats->bytes += file->size;
  if (file->source == VT_SOURCE_ENGINE) {
    stats->scanned++;
    stats->scanned_bytes += file->size;
  } else if (file->source == VT_SOURCE_STORE) {
    stats->from_store++;
    stats->from_store_older += file->verdict_age > 0;
    stats->from_store_age = MAX (stats->from_store_age, file->verdict_age);
  } else if (file->source == VT_SOURCE_TEMPLATE) {
    stats->from_template++;
  }
}

/* What of it was there before. */
static void
count_unread (VtScanJob *self, const VtImageFile *file)
{
  VtScanStats *stats = &self->result->stats;

  if (self->tally != NULL)
    vt_template_tally_note (self->tally, file->result);
  if (file->unchanged) {
    stats->unread++;
    stats->unread_bytes += file->result->size;
  }
}

static void
list_file (VtScanJob *self, GPtrArray *list, VtFileResult *file)
{
  if (list->len < VT_SCAN_RESULT_LISTED_MAX) {
    g_ptr_array_add (list, file);
  } else {
    self->result->stats.unlisted++;
    vt_file_result_free (file);
  }
}

static void
book_name (VtScanJob *self, const VtFileResult *file, const char *path)
{
  g_autoptr (VtFileResult) named = g_new (VtFileResult, 1);
  g_autoptr (GError) error = NULL;

  *named = *file;
  named->path = g_strdup (path);
  named->members = g_strdupv (file->members);
  count_verdict (self, named);
  if (self->manifest != NULL && !vt_manifest_add (self->manifest, named, &error))
    vt_scan_job_fail (self, error);
  if (named->verdict.kind == VT_VERDICT_INFECTED) {
    g_signal_emit_by_name (self, "finding", named);
    list_file (self, self->result->findings, g_steal_pointer (&named));
  } else if (named->verdict.kind != VT_VERDICT_CLEAN) {
    list_file (self, self->result->incomplete, g_steal_pointer (&named));
  }
}

void
vt_scan_job_book_file (VtScanJob *self, const VtImageFile *file)
{
  count_source (self, file->result);
  count_unread (self, file);
  book_name (self, file->result, file->result->path);
  for (guint i = 0; file->links != NULL && i < file->links->len; i++)
    book_name (self, file->result, g_ptr_array_index (file->links, i));
  self->progress.files = self->result->stats.files;
  self->progress.bytes = self->result->stats.bytes;
  g_signal_emit_by_name (self, "progress");
}

/* The clean files of a file system that was not read whole may not be what it holds. */
static void
fail_filesystem (VtScanJob *self, guint index)
{
  const VtFilesystem *filesystem = g_ptr_array_index (self->result->filesystems, index);
  guint64 clean = g_array_index (self->clean_files, guint64, index);
  g_autoptr (GError) error = NULL;

  if (filesystem->reason == VT_REASON_NONE)
    return;
  self->result->stats.clean -= clean;
  self->result->stats.incomplete += clean;
  if (self->manifest != NULL &&
      !vt_manifest_fail_filesystem (self->manifest, index, filesystem->reason, &error))
    vt_scan_job_fail (self, error);
}

static int
compare_files (gconstpointer a, gconstpointer b)
{
  const VtFileResult *first = *(VtFileResult *const *)a;
  const VtFileResult *second = *(VtFileResult *const *)b;

  if (first->filesystem != second->filesystem)
    return first->filesystem < second->filesystem ? -1 : 1;
  return strcmp (first->path, second->path);
}

void
vt_scan_job_close_books (VtScanJob *self)
{
  g_array_set_size (self->clean_files, self->result->filesystems->len);
  for (guint i = 0; i < self->result->filesystems->len; i++)
    fail_filesystem (self, i);
  if (self->tally != NULL)
    vt_template_tally_finish (self->tally, self->result);
  g_ptr_array_sort (self->result->findings, compare_files);
  g_ptr_array_sort (self->result->incomplete, compare_files);
}
