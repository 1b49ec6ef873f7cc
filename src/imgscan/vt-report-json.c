// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The JSON report; data/vtemplater-report.schema.json describes it.
 */
#include "vt-report-private.h"

/* Raised when a consumer of the report before would misread the new one. */
#define SCHEMA_VERSION 1

/* A plain file has no version of its own; 0 would look like one. */
static void
write_number_if_any (VtJsonWriter *json, const char *name, guint32 number)
{
  if (number > 0)
    vt_json_uint (json, name, number);
  else
    vt_json_null (json, name);
}

static void
write_database (VtJsonWriter *json, const VtEngineDatabase *database)
{
  char hex[VT_DIGEST_HEX_SIZE];

  vt_json_begin_object (json, NULL);
  vt_json_string (json, "name", database->name);
  write_number_if_any (json, "version", database->version);
  write_number_if_any (json, "signatures", database->signatures);
  vt_json_time (json, "time", database->time);
  vt_json_string (json, "sha256", vt_digest_to_hex (&database->digest, hex));
  vt_json_end_object (json);
}

void
vt_report_json_engine (VtJsonWriter *json, const char *name, const VtEngineId *engine)
{
  if (engine == NULL) {
    vt_json_null (json, name);
    return;
  }
  vt_json_begin_object (json, name);
  vt_json_string (json, "version", engine->version);
  vt_json_uint (json, "flevel", engine->flevel);
  vt_json_begin_array (json, "databases");
  for (guint i = 0; i < engine->databases->len; i++)
    write_database (json, g_ptr_array_index (engine->databases, i));
  vt_json_end_array (json);
  vt_json_string (json, "id", engine->id);
  vt_json_end_object (json);
}

void
vt_report_json_stats (VtJsonWriter *json, const char *name, const VtScanStats *stats)
{
  vt_json_begin_object (json, name);
  vt_json_uint (json, "files", stats->files);
  vt_json_uint (json, "bytes", stats->bytes);
  vt_json_uint (json, "clean", stats->clean);
  vt_json_uint (json, "infected", stats->infected);
  vt_json_uint (json, "incomplete", stats->incomplete);
  vt_json_uint (json, "unlisted", stats->unlisted);
  vt_json_uint (json, "excluded", stats->excluded);
  vt_json_uint (json, "scanned", stats->scanned);
  vt_json_uint (json, "scanned_bytes", stats->scanned_bytes);
  vt_json_uint (json, "members", stats->members);
  vt_json_uint (json, "member_bytes", stats->member_bytes);
  vt_json_uint (json, "scanned_members", stats->scanned_members);
  vt_json_uint (json, "scanned_member_bytes", stats->scanned_member_bytes);
  vt_json_uint (json, "from_store", stats->from_store);
  vt_json_uint (json, "from_store_older", stats->from_store_older);
  vt_json_uint (json, "from_store_age", (guint64)stats->from_store_age);
  vt_json_uint (json, "from_template", stats->from_template);
  vt_json_uint (json, "unread", stats->unread);
  vt_json_uint (json, "unread_bytes", stats->unread_bytes);
  vt_json_begin_object (json, "seconds");
  vt_json_seconds (json, "open", stats->open_seconds);
  vt_json_seconds (json, "load", stats->load_seconds);
  vt_json_seconds (json, "read", stats->read_seconds);
  vt_json_seconds (json, "total", stats->total_seconds);
  vt_json_end_object (json);
  vt_json_end_object (json);
}

static void
write_image (VtJsonWriter *json, const VtScanResult *result)
{
  vt_json_begin_object (json, "image");
  vt_json_bytes (json, "path", result->path);
  vt_json_string (json, "format", result->format);
  vt_json_uint (json, "virtual_size", result->virtual_size);
  if (result->snapshot != NULL)
    vt_json_string (json, "snapshot", result->snapshot);
  vt_json_end_object (json);
}

static void
write_filesystem (VtJsonWriter *json, const VtFilesystem *filesystem)
{
  gboolean whole = filesystem->reason == VT_REASON_NONE;

  vt_json_begin_object (json, NULL);
  vt_json_string (json, "id", filesystem->id != NULL ? filesystem->id : "unknown");
  vt_json_string (json, "type", filesystem->type != NULL ? filesystem->type : "unknown");
  vt_json_string (json, "uuid", filesystem->uuid != NULL ? filesystem->uuid : "");
  vt_json_string (json, "label", filesystem->label != NULL ? filesystem->label : "");
  vt_json_uint (json, "size", filesystem->size);
  vt_json_string (json, "mountpoint", filesystem->mountpoint);
  vt_json_string (json, "os", filesystem->os);
  vt_json_boolean (json, "primary", filesystem->primary);
  vt_json_string (json, "reason", whole ? NULL : vt_reason_to_string (filesystem->reason));
  vt_json_string (json, "detail", whole ? NULL : vt_report_filesystem_detail (filesystem));
  vt_json_end_object (json);
}

static void
write_system (VtJsonWriter *json, const VtOperatingSystem *system)
{
  vt_json_begin_object (json, NULL);
  vt_json_string (json, "root", system->root);
  vt_json_string (json, "type", system->type);
  vt_json_string (json, "distro", system->distro);
  vt_json_string (json, "product", system->product);
  vt_json_int (json, "major", system->major);
  vt_json_int (json, "minor", system->minor);
  vt_json_string (json, "hostname", system->hostname);
  vt_json_string (json, "arch", system->arch);
  vt_json_string (json, "package_format", system->package_format);
  vt_json_string (json, "package_manager", system->package_manager);
  vt_json_end_object (json);
}

/* A finding, or what is incomplete. */
static void
write_file (VtJsonWriter *json, const VtScanResult *result, const VtFileResult *file)
{
  gboolean infected = file->verdict.kind == VT_VERDICT_INFECTED;
  char hex[VT_DIGEST_HEX_SIZE];

  vt_json_begin_object (json, NULL);
  vt_json_bytes (json, "path", file->path);
  vt_json_string (json, "fs", vt_report_filesystem_id (result, file->filesystem));
  if (infected)
    vt_json_string (json, "threat", file->verdict.threat);
  else
    vt_json_string (json, "reason", vt_reason_to_string (file->verdict.reason));
  vt_json_string (json, "sha256", file->has_digest ? vt_digest_to_hex (&file->digest, hex) : NULL);
  vt_json_uint (json, "size", file->size);
  vt_json_string (json, "source", vt_source_to_string (file->source));
  vt_json_bytes_array (json, "members", (const char *const *)file->members);
  vt_json_end_object (json);
}

/* A file system that could not be read whole, as an entry of "incomplete". */
static void
write_incomplete_filesystem (VtJsonWriter *json, const VtFilesystem *filesystem)
{
  vt_json_begin_object (json, NULL);
  vt_json_string (json, "path", "/");
  vt_json_string (json, "fs", filesystem->id != NULL ? filesystem->id : "unknown");
  vt_json_string (json, "reason", vt_reason_to_string (filesystem->reason));
  vt_json_null (json, "sha256");
  vt_json_uint (json, "size", filesystem->size);
  vt_json_string (json, "source", vt_source_to_string (VT_SOURCE_NONE));
  vt_json_bytes_array (json, "members", NULL);
  vt_json_string (json, "detail", vt_report_filesystem_detail (filesystem));
  vt_json_end_object (json);
}

static void
write_contents (VtJsonWriter *json, const VtScanResult *result)
{
  vt_json_begin_array (json, "filesystems");
  for (guint i = 0; i < result->filesystems->len; i++)
    write_filesystem (json, g_ptr_array_index (result->filesystems, i));
  vt_json_end_array (json);
  vt_json_begin_array (json, "systems");
  for (guint i = 0; i < result->systems->len; i++)
    write_system (json, g_ptr_array_index (result->systems, i));
  vt_json_end_array (json);
}

static void
write_files (VtJsonWriter *json, const VtScanResult *result)
{
  vt_json_begin_array (json, "findings");
  for (guint i = 0; i < result->findings->len; i++)
    write_file (json, result, g_ptr_array_index (result->findings, i));
  vt_json_end_array (json);
  vt_json_begin_array (json, "incomplete");
  for (guint i = 0; i < result->filesystems->len; i++) {
    const VtFilesystem *filesystem = g_ptr_array_index (result->filesystems, i);

    if (filesystem->reason != VT_REASON_NONE)
      write_incomplete_filesystem (json, filesystem);
  }
  for (guint i = 0; i < result->incomplete->len; i++)
    write_file (json, result, g_ptr_array_index (result->incomplete, i));
  vt_json_end_array (json);
}

static void
write_template (VtJsonWriter *json, const VtTemplateUse *use)
{
  if (use->id == NULL) {
    vt_json_null (json, "template");
    return;
  }
  vt_json_begin_object (json, "template");
  vt_json_string (json, "id", use->id);
  vt_json_time (json, "created", use->created);
  vt_json_boolean (json, "verdicts_taken", use->counts);
  vt_json_uint (json, "signatures_age", (guint64)use->age);
  vt_json_uint (json, "unchanged", use->unchanged);
  vt_json_uint (json, "changed", use->changed);
  vt_json_uint (json, "added", use->added);
  if (use->removed_is_known)
    vt_json_uint (json, "removed", use->removed);
  else
    vt_json_null (json, "removed");
  vt_json_end_object (json);
}

static void
write_result (VtJsonWriter *json, const VtScanResult *result)
{
  vt_report_json_engine (json, "engine", result->engine);
  write_image (json, result);
  write_contents (json, result);
  write_files (json, result);
  vt_report_json_stats (json, "stats", &result->stats);
  write_template (json, &result->template);
  vt_json_boolean (json, "partial", result->partial);
  vt_json_string (json, "error", result->error != NULL ? result->error->message : NULL);
}

static void
write_head (VtJsonWriter *json)
{
  vt_json_uint (json, "schema", SCHEMA_VERSION);
  vt_json_begin_object (json, "tool");
  vt_json_string (json, "name", "vtemplater");
  vt_json_string (json, "version", VT_VERSION);
  vt_json_end_object (json);
}

typedef void (*WriteFunc) (VtJsonWriter *json, const VtScanResult *result);

/* One result's members stand for themselves, those of several in "reports". */
static void
write_report (GPtrArray *results, WriteFunc write_one, VtSink *sink)
{
  g_autoptr (VtJsonWriter) json = vt_json_writer_new (sink, TRUE);

  vt_json_begin_object (json, NULL);
  write_head (json);
  if (results->len == 1) {
    write_one (json, g_ptr_array_index (results, 0));
  } else {
    vt_json_begin_array (json, "reports");
    for (guint i = 0; i < results->len; i++) {
      vt_json_begin_object (json, NULL);
      write_one (json, g_ptr_array_index (results, i));
      vt_json_end_object (json);
    }
    vt_json_end_array (json);
  }
  vt_json_end_object (json);
}

void
vt_report_write_json (GPtrArray *results, VtSink *sink)
{
  write_report (results, write_result, sink);
}

static void
write_cache (VtJsonWriter *json, const VtEmbeddedCache *cache)
{
  if (cache == NULL) {
    vt_json_null (json, "template");
    return;
  }
  vt_json_begin_object (json, "template");
  vt_json_string (json, "id", cache->id);
  vt_json_time (json, "created", cache->created);
  vt_json_time (json, "expires", cache->expires);
  vt_json_time (json, "signatures", cache->signatures_time);
  vt_json_string (json, "engine", cache->engine);
  vt_json_uint (json, "clean", cache->clean);
  vt_json_begin_array (json, "keys");
  for (char **id = cache->keyids; id != NULL && *id != NULL; id++)
    vt_json_string (json, NULL, *id);
  vt_json_end_array (json);
  vt_json_string (json, "signature",
                  cache->problem != NULL ? "invalid"
                  : cache->checked       ? "valid"
                                         : "unchecked");
  vt_json_string (json, "problem", cache->problem);
  vt_json_end_object (json);
}

static void
write_inspection (VtJsonWriter *json, const VtScanResult *result)
{
  write_image (json, result);
  write_contents (json, result);
  write_cache (json, result->cache);
}

void
vt_report_write_json_inspection (GPtrArray *results, VtSink *sink)
{
  write_report (results, write_inspection, sink);
}
