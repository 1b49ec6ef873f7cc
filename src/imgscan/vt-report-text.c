// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The text report: findings as clamscan(1) writes them, then a summary for each image.
 *
 * The word "clean" stands only where files were found clean; of a scan that failed it never does.
 */
#include "vt-report-private.h"

#define SECONDS_A_DAY ((gint64)24 * 60 * 60)

/* PREFIX is empty, or the image's name and a colon. */
static void
write_findings (const VtScanResult *result, const char *prefix, VtSink *sink)
{
  for (guint i = 0; i < result->findings->len && !vt_sink_has_failed (sink); i++) {
    const VtFileResult *file = g_ptr_array_index (result->findings, i);
    g_autofree char *path = vt_report_escaped_path (result, file);
    g_autofree char *threat = vt_report_escape (file->verdict.threat);

    vt_sink_printf (sink, "%s%s: %s FOUND\n", prefix, path, threat);
  }
}

static void
write_incomplete (const VtScanResult *result, const char *prefix, VtSink *sink)
{
  for (guint i = 0; i < result->filesystems->len; i++) {
    const VtFilesystem *filesystem = g_ptr_array_index (result->filesystems, i);
    g_autofree char *id = vt_report_escape (vt_report_filesystem_id (result, i));
    g_autofree char *detail = vt_report_escape (vt_report_filesystem_detail (filesystem));

    if (filesystem->reason != VT_REASON_NONE)
      vt_sink_printf (sink, "%s%s: INCOMPLETE (%s): %s\n", prefix, id,
                      vt_reason_to_string (filesystem->reason), detail);
  }
  for (guint i = 0; i < result->incomplete->len && !vt_sink_has_failed (sink); i++) {
    const VtFileResult *file = g_ptr_array_index (result->incomplete, i);
    g_autofree char *path = vt_report_escaped_path (result, file);

    vt_sink_printf (sink, "%s%s: INCOMPLETE (%s)\n", prefix, path,
                    vt_reason_to_string (file->verdict.reason));
  }
}

static void
write_database (const VtEngineDatabase *database, VtSink *sink)
{
  g_autofree char *name = vt_report_escape (database->name);
  g_autofree char *age = vt_report_format_age (database->time);

  vt_sink_printf (sink, "Database: %s", name);
  if (database->version > 0)
    vt_sink_printf (sink, ", version %u, %u signatures", database->version, database->signatures);
  if (age != NULL)
    vt_sink_printf (sink, ", of %s", age);
  vt_sink_puts (sink, "\n");
}

static void
write_engine (const VtEngineId *engine, VtSink *sink)
{
  g_autofree char *version = NULL;

  if (engine == NULL) {
    vt_sink_puts (sink, "Engine version: unknown\n");
    return;
  }
  version = vt_report_escape (engine->version);
  vt_sink_printf (sink, "Engine version: %s (functionality level %u)\n", version, engine->flevel);
  for (guint i = 0; i < engine->databases->len; i++)
    write_database (g_ptr_array_index (engine->databases, i), sink);
}

static void
write_image (const VtScanResult *result, VtSink *sink)
{
  g_autofree char *path = vt_report_escape (result->path);

  vt_sink_printf (sink, "Image: %s", path);
  if (result->format != NULL) {
    g_autofree char *format = vt_report_escape (result->format);
    g_autofree char *size = vt_report_format_size (result->virtual_size);

    vt_sink_printf (sink, " (%s, %s)", format, size);
  }
  vt_sink_puts (sink, "\n");
  if (result->snapshot != NULL) {
    g_autofree char *snapshot = vt_report_escape (result->snapshot);

    vt_sink_printf (sink, "Snapshot: %s\n", snapshot);
  }
  for (guint i = 0; i < result->systems->len; i++) {
    const VtOperatingSystem *system = g_ptr_array_index (result->systems, i);
    g_autofree char *name = vt_report_escape (system->product ? system->product : "unknown");

    vt_sink_printf (sink, "Operating system: %s\n", name);
  }
}

static void
write_filesystem_count (const VtScanResult *result, VtSink *sink)
{
  guint failed = 0;

  for (guint i = 0; i < result->filesystems->len; i++)
    failed += ((const VtFilesystem *)g_ptr_array_index (result->filesystems, i))->reason !=
              VT_REASON_NONE;
  vt_sink_printf (sink, "File systems: %u", result->filesystems->len);
  if (failed > 0)
    vt_sink_printf (sink, " (%u not read whole)", failed);
  vt_sink_puts (sink, "\n");
}

static void
write_incomplete_count (const VtScanResult *result, VtSink *sink)
{
  guint64 by_reason[VT_REASON_N] = {0};
  const char *separator = " (";

  for (guint i = 0; i < result->incomplete->len; i++)
    by_reason[((const VtFileResult *)g_ptr_array_index (result->incomplete, i))->verdict.reason]++;
  vt_sink_printf (sink, "Incomplete files: %" G_GUINT64_FORMAT, result->stats.incomplete);
  for (guint i = 0; i < G_N_ELEMENTS (by_reason); i++) {
    if (by_reason[i] == 0)
      continue;
    vt_sink_printf (sink, "%s%s: %" G_GUINT64_FORMAT, separator, vt_reason_to_string ((VtReason)i),
                    by_reason[i]);
    separator = ", ";
  }
  vt_sink_puts (sink, result->incomplete->len > 0 ? ")\n" : "\n");
}

/* A day that has begun counts: these are as old as that, or younger. */
static void
write_from_store (const VtScanStats *stats, VtSink *sink)
{
  gint64 days = (stats->from_store_age + SECONDS_A_DAY - 1) / SECONDS_A_DAY;

  vt_sink_printf (sink, "From store: %" G_GUINT64_FORMAT " files\n", stats->from_store);
  if (stats->from_store_older > 0)
    vt_sink_printf (sink,
                    "Of these by older signatures: %" G_GUINT64_FORMAT
                    " files, the oldest %" G_GINT64_FORMAT " %s old (--max-verdict-age)\n",
                    stats->from_store_older, days, days == 1 ? "day" : "days");
}

static void
write_counts (const VtScanResult *result, VtSink *sink)
{
  const VtScanStats *stats = &result->stats;
  g_autofree char *bytes = vt_report_format_size (stats->bytes);
  g_autofree char *scanned = vt_report_format_size (stats->scanned_bytes);
  g_autofree char *member_bytes = vt_report_format_size (stats->member_bytes);
  g_autofree char *scanned_member_bytes = vt_report_format_size (stats->scanned_member_bytes);

  write_filesystem_count (result, sink);
  vt_sink_printf (sink, "Files: %" G_GUINT64_FORMAT "\n", stats->files);
  if (result->error == NULL)
    vt_sink_printf (sink, "Clean files: %" G_GUINT64_FORMAT "\n", stats->clean);
  vt_sink_printf (sink, "Infected files: %" G_GUINT64_FORMAT "\n", stats->infected);
  write_incomplete_count (result, sink);
  if (stats->unlisted > 0)
    vt_sink_printf (sink, "Not listed above: %" G_GUINT64_FORMAT " files, see --manifest\n",
                    stats->unlisted);
  vt_sink_printf (sink, "Excluded files: %" G_GUINT64_FORMAT "\n", stats->excluded);
  vt_sink_printf (sink, "Data: %s\n", bytes);
  vt_sink_printf (sink, "Scanned: %" G_GUINT64_FORMAT " files, %s\n", stats->scanned, scanned);
  if (stats->members > 0)
    vt_sink_printf (sink,
                    "Members of containers: %" G_GUINT64_FORMAT ", %s (scanned: %" G_GUINT64_FORMAT
                    ", %s)\n",
                    stats->members, member_bytes, stats->scanned_members, scanned_member_bytes);
  write_from_store (stats, sink);
  vt_sink_printf (sink, "From template: %" G_GUINT64_FORMAT " files\n", stats->from_template);
}

static void
write_template_age (const VtTemplateUse *use, VtSink *sink)
{
  if (use->age == 0) {
    vt_sink_puts (sink, ", current signatures\n");
    return;
  }
  vt_sink_printf (sink,
                  ", its signatures are not those in use, and %" G_GINT64_FORMAT
                  " days old: its verdicts are %s\n",
                  use->age / SECONDS_A_DAY,
                  use->counts ? "taken" : "not taken (--max-verdict-age)");
}

static void
write_template (const VtScanResult *result, VtSink *sink)
{
  const VtTemplateUse *use = &result->template;
  g_autofree char *unread = vt_report_format_size (result->stats.unread_bytes);

  if (use->id == NULL)
    return;
  vt_sink_printf (sink, "Template: %s", use->id);
  write_template_age (use, sink);
  vt_sink_printf (sink,
                  "Since the template: %" G_GUINT64_FORMAT " files unchanged, %" G_GUINT64_FORMAT
                  " changed, %" G_GUINT64_FORMAT " added",
                  use->unchanged, use->changed, use->added);
  if (use->removed_is_known)
    vt_sink_printf (sink, ", %" G_GUINT64_FORMAT " removed", use->removed);
  vt_sink_printf (sink, "\nNot read, since unchanged: %" G_GUINT64_FORMAT " files, %s\n",
                  result->stats.unread, unread);
}

static void
write_time (const VtScanStats *stats, VtSink *sink)
{
  char total[G_ASCII_DTOSTR_BUF_SIZE];
  char opening[G_ASCII_DTOSTR_BUF_SIZE];
  char loading[G_ASCII_DTOSTR_BUF_SIZE];
  char reading[G_ASCII_DTOSTR_BUF_SIZE];

  vt_sink_printf (sink, "Time: %s s (opening %s s, loading %s s, reading and scanning %s s)\n",
                  vt_json_format_seconds (stats->total_seconds, total),
                  vt_json_format_seconds (stats->open_seconds, opening),
                  vt_json_format_seconds (stats->load_seconds, loading),
                  vt_json_format_seconds (stats->read_seconds, reading));
}

static void
write_summary (const VtScanResult *result, VtSink *sink)
{
  vt_sink_puts (sink, "\n----------- SCAN SUMMARY -----------\n");
  if (result->error != NULL) {
    g_autofree char *message = vt_report_escape (result->error->message);

    vt_sink_printf (sink, "FAILED: %s\n", message);
  }
  if (result->partial)
    vt_sink_puts (sink, "PARTIAL: the scan was stopped before its end\n");
  write_image (result, sink);
  write_engine (result->engine, sink);
  /* Noughts after a failure would look like an answer. */
  if (result->error == NULL || result->stats.files > 0)
    write_counts (result, sink);
  write_template (result, sink);
  write_time (&result->stats, sink);
}

void
vt_report_write_text (GPtrArray *results, VtSink *sink)
{
  for (guint i = 0; i < results->len; i++) {
    const VtScanResult *result = g_ptr_array_index (results, i);
    g_autofree char *path = vt_report_escape (result->path);
    g_autofree char *prefix = results->len > 1 ? g_strconcat (path, ":", NULL) : g_strdup ("");

    write_findings (result, prefix, sink);
    write_incomplete (result, prefix, sink);
    if (result->error != NULL) {
      g_autofree char *message = vt_report_escape (result->error->message);

      vt_sink_printf (sink, "%s: FAILED: %s\n", path, message);
    }
  }
  for (guint i = 0; i < results->len; i++)
    write_summary (g_ptr_array_index (results, i), sink);
}
