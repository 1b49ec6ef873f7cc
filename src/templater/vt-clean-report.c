// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-clean-report.h"

#include "vt-json-writer.h"
#include "vt-report.h"

/* Raised when a consumer of the report before would misread the new one. */
#define SCHEMA_VERSION 1

typedef struct {
  const char *name; /* in JSON */
  const char *text;
} Word;

static const Word not_cleaned = {"not-cleaned", "NOT CLEANED"};
static const Word restored[] = {{"restored", "RESTORED"},
                                {"would-be-restored", "WOULD BE RESTORED"}};

static const Word *
get_word (const VtCleanOrder *order, const VtCleanItem *item)
{
  static const Word words[][2] = {
      [VT_CLEAN_QUARANTINE] = {{"quarantined", "QUARANTINED"},
                               {"would-be-quarantined", "WOULD BE QUARANTINED"}},
      [VT_CLEAN_REMOVE] = {{"removed", "REMOVED"}, {"would-be-removed", "WOULD BE REMOVED"}},
  };

  return item->why != NULL ? &not_cleaned : &words[order->action][order->dry_run ? 1 : 0];
}

static void
write_item (const VtCleanOrder *order, const VtCleanItem *item, VtSink *sink)
{
  const Word *word = get_word (order, item);
  g_autofree char *path = vt_report_escape (item->display);
  g_autofree char *threat = vt_report_escape (item->finding->threat);
  g_autofree char *why = item->why != NULL ? vt_report_escape (item->why) : NULL;

  vt_sink_printf (sink, "%s: %s %s", path, threat, word->text);
  if (why != NULL)
    vt_sink_printf (sink, ": %s\n", why);
  else if (item->id != NULL)
    vt_sink_printf (sink, " (%s)\n", item->id);
  else
    vt_sink_puts (sink, "\n");
}

static void
write_summary (const VtCleanOrder *order, const VtCleaned *cleaned, VtSink *sink)
{
  g_autofree char *image = vt_report_escape (order->image);
  const guint64 found = cleaned->items->len + cleaned->unlisted;

  if (found == 0)
    vt_sink_printf (sink, "%s: nothing infected was found\n", image);
  else
    vt_sink_printf (sink, "%s: %u of %" G_GUINT64_FORMAT " infected files %s\n", image,
                    vt_clean_plan_count (cleaned->items), found,
                    order->dry_run ? "would be cleaned" : "cleaned");
  if (cleaned->findings->incomplete)
    vt_sink_printf (sink, "%s: some files were not scanned whole\n", image);
}

static void
write_text (const VtCleanOrder *order, const VtCleaned *cleaned, VtSink *sink)
{
  g_autofree char *image = vt_report_escape (order->image);

  for (guint i = 0; i < cleaned->items->len && !vt_sink_has_failed (sink); i++)
    write_item (order, g_ptr_array_index (cleaned->items, i), sink);
  if (cleaned->unlisted > 0)
    vt_sink_printf (
        sink, "%s: NOT CLEANED: %" G_GUINT64_FORMAT " more infected files that are not listed\n",
        image, cleaned->unlisted);
  write_summary (order, cleaned, sink);
}

static void
begin (VtJsonWriter *json, const char *image, const char *action, gboolean dry_run)
{
  vt_json_begin_object (json, NULL);
  vt_json_uint (json, "schema", SCHEMA_VERSION);
  vt_json_begin_object (json, "tool");
  vt_json_string (json, "name", "vtemplater");
  vt_json_string (json, "version", VT_VERSION);
  vt_json_end_object (json);
  vt_json_begin_object (json, "image");
  vt_json_bytes (json, "path", image);
  vt_json_end_object (json);
  vt_json_string (json, "action", action);
  vt_json_boolean (json, "dry_run", dry_run);
}

static void
write_json_item (VtJsonWriter *json, const VtCleanOrder *order, const VtCleanItem *item)
{
  const VtFinding *finding = item->finding;
  char hex[VT_DIGEST_HEX_SIZE];

  vt_json_begin_object (json, NULL);
  vt_json_bytes (json, "path", finding->path);
  vt_json_string (json, "fs", finding->fs);
  vt_json_string (json, "threat", finding->threat);
  vt_json_string (json, "sha256",
                  finding->has_digest ? vt_digest_to_hex (&finding->digest, hex) : NULL);
  vt_json_uint (json, "size", finding->size);
  vt_json_bytes_array (json, "members", (const char *const *)finding->members);
  vt_json_string (json, "result", get_word (order, item)->name);
  vt_json_string (json, "reason", item->why);
  vt_json_string (json, "id", item->id);
  vt_json_end_object (json);
}

static void
write_json (const VtCleanOrder *order, const VtCleaned *cleaned, VtSink *sink)
{
  g_autoptr (VtJsonWriter) json = vt_json_writer_new (sink, TRUE);

  begin (json, order->image, order->action == VT_CLEAN_REMOVE ? "remove" : "quarantine",
         order->dry_run);
  vt_json_boolean (json, "changed", cleaned->changed && !order->dry_run);
  vt_json_boolean (json, "template", cleaned->has_template);
  vt_json_boolean (json, "incomplete", cleaned->findings->incomplete);
  vt_json_uint (json, "unlisted", cleaned->unlisted);
  vt_json_begin_array (json, "findings");
  for (guint i = 0; i < cleaned->items->len && !vt_sink_has_failed (sink); i++)
    write_json_item (json, order, g_ptr_array_index (cleaned->items, i));
  vt_json_end_array (json);
  vt_json_end_object (json);
}

gboolean
vt_clean_report_write (const VtCleanOrder *order,
                       const VtCleaned *cleaned,
                       gboolean as_json,
                       GOutputStream *stream,
                       GError **error)
{
  g_autoptr (VtSink) sink = vt_sink_new (stream);

  if (as_json)
    write_json (order, cleaned, sink);
  else
    write_text (order, cleaned, sink);
  return vt_sink_finish (sink, error);
}

static void
write_restored_text (const VtQuarantineEntry *entry, const Word *word, VtSink *sink)
{
  g_autofree char *path = vt_report_escape (entry->path);
  g_autofree char *threat = vt_report_escape (entry->threat);

  vt_sink_printf (sink, "%s: %s %s (%s), stays in quarantine\n", path, threat, word->text,
                  entry->id);
}

static void
write_restored_json (VtJsonWriter *json, const VtQuarantineEntry *entry, const Word *word)
{
  char hex[VT_DIGEST_HEX_SIZE];

  vt_json_begin_object (json, NULL);
  vt_json_bytes (json, "path", entry->path);
  vt_json_string (json, "fs", entry->fs);
  vt_json_string (json, "threat", entry->threat);
  vt_json_string (json, "sha256", vt_digest_to_hex (&entry->digest, hex));
  vt_json_uint (json, "size", entry->size);
  vt_json_bytes_array (json, "members", (const char *const *)entry->members);
  vt_json_string (json, "result", word->name);
  vt_json_null (json, "reason");
  vt_json_string (json, "id", entry->id);
  vt_json_end_object (json);
}

gboolean
vt_clean_report_write_restored (const VtRestoreOrder *order,
                                GPtrArray *entries,
                                gboolean as_json,
                                GOutputStream *stream,
                                GError **error)
{
  g_autoptr (VtSink) sink = vt_sink_new (stream);
  g_autoptr (VtJsonWriter) json = as_json ? vt_json_writer_new (sink, TRUE) : NULL;
  const Word *word = &restored[order->dry_run ? 1 : 0];

  if (json != NULL) {
    begin (json, order->image, "restore", order->dry_run);
    vt_json_boolean (json, "changed", !order->dry_run);
    vt_json_begin_array (json, "findings");
  }
  for (guint i = 0; i < entries->len; i++) {
    if (json != NULL)
      write_restored_json (json, g_ptr_array_index (entries, i), word);
    else
      write_restored_text (g_ptr_array_index (entries, i), word, sink);
  }
  if (json != NULL) {
    vt_json_end_array (json);
    vt_json_end_object (json);
  }
  return vt_sink_finish (sink, error);
}
