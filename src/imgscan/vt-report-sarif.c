// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The SARIF 2.1.0 report (OASIS standard), one run an image.
 *
 * Each threat is a rule, and so is each reason for which something was incomplete. A file is
 * located by a URI relative to the base "IMAGE", the image's own; of a file system that is not of
 * the first operating system, relative to a base of its own below that. Messages are SARIF's
 * message syntax, where brackets make links and braces placeholders: names from the guest stand in
 * logical locations, which have no syntax.
 */
#include "vt-report-private.h"

#include <string.h>

#define SARIF_SCHEMA                                                                               \
  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

/* GitHub sorts findings by it: 9 and more is critical. */
#define SEVERITY_INFECTED "9.5"

/* The rules of one run, in the order of their first use. */
typedef struct {
  GPtrArray *ids;
  GHashTable *indices; /* id, which ids owns, to its index */
  guint n_threats;     /* these come first */
} Rules;

static void
rules_clear (Rules *rules)
{
  g_hash_table_unref (rules->indices);
  g_ptr_array_unref (rules->ids);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Rules, rules_clear)

static void
add_rule (Rules *rules, const char *id)
{
  char *copy;

  if (g_hash_table_contains (rules->indices, id))
    return;
  copy = g_strdup (id);
  g_hash_table_insert (rules->indices, copy, GUINT_TO_POINTER (rules->ids->len));
  g_ptr_array_add (rules->ids, copy);
}

/* No threat is named so: the engine's names have no spaces. */
static char *
reason_rule_id (VtReason reason)
{
  return g_strconcat ("incomplete ", vt_reason_to_string (reason), NULL);
}

static void
add_reason_rule (Rules *rules, VtReason reason)
{
  g_autofree char *id = reason_rule_id (reason);

  if (reason != VT_REASON_NONE)
    add_rule (rules, id);
}

static Rules
collect_rules (const VtScanResult *result)
{
  Rules rules = {.ids = g_ptr_array_new_with_free_func (g_free),
                 .indices = g_hash_table_new (g_str_hash, g_str_equal)};

  for (guint i = 0; i < result->findings->len; i++)
    add_rule (&rules,
              ((const VtFileResult *)g_ptr_array_index (result->findings, i))->verdict.threat);
  rules.n_threats = rules.ids->len;
  for (guint i = 0; i < result->filesystems->len; i++)
    add_reason_rule (&rules,
                     ((const VtFilesystem *)g_ptr_array_index (result->filesystems, i))->reason);
  for (guint i = 0; i < result->incomplete->len; i++)
    add_reason_rule (
        &rules, ((const VtFileResult *)g_ptr_array_index (result->incomplete, i))->verdict.reason);
  return rules;
}

/* TEXT as it stands, in a message. */
static void
write_message (VtJsonWriter *json, const char *name, const char *text)
{
  g_autofree char *readable = vt_report_escape (text);
  g_autoptr (GString) quoted = g_string_new (NULL);

  for (const char *p = readable; *p != '\0'; p++) {
    if (strchr ("[]\\", *p) != NULL)
      g_string_append_c (quoted, '\\');
    else if (strchr ("{}", *p) != NULL)
      g_string_append_c (quoted, *p);
    g_string_append_c (quoted, *p);
  }
  vt_json_begin_object (json, name);
  vt_json_string (json, "text", quoted->str);
  vt_json_end_object (json);
}

static void
write_rule (VtJsonWriter *json, const char *id, gboolean threat)
{
  g_autofree char *text = g_strconcat (threat ? "malware: " : "not scanned whole: ",
                                       threat ? id : id + strlen ("incomplete "), NULL);

  vt_json_begin_object (json, NULL);
  vt_json_string (json, "id", id);
  write_message (json, "shortDescription", text);
  vt_json_begin_object (json, "defaultConfiguration");
  vt_json_string (json, "level", threat ? "error" : "warning");
  vt_json_end_object (json);
  vt_json_begin_object (json, "properties");
  vt_json_begin_array (json, "tags");
  vt_json_string (json, NULL, "security");
  vt_json_string (json, NULL, threat ? "malware" : "incomplete");
  vt_json_end_array (json);
  if (threat)
    vt_json_string (json, "security-severity", SEVERITY_INFECTED);
  vt_json_end_object (json);
  vt_json_end_object (json);
}

static void
write_tool (VtJsonWriter *json, const Rules *rules)
{
  vt_json_begin_object (json, "tool");
  vt_json_begin_object (json, "driver");
  vt_json_string (json, "name", "vtemplater");
  vt_json_string (json, "version", VT_VERSION);
  vt_json_begin_array (json, "rules");
  for (guint i = 0; i < rules->ids->len; i++)
    write_rule (json, g_ptr_array_index (rules->ids, i), i < rules->n_threats);
  vt_json_end_array (json);
  vt_json_end_object (json);
  vt_json_end_object (json);
}

static void
write_invocation (VtJsonWriter *json, const VtScanResult *result)
{
  vt_json_begin_array (json, "invocations");
  vt_json_begin_object (json, NULL);
  vt_json_boolean (json, "executionSuccessful", result->error == NULL && !result->partial);
  vt_json_begin_array (json, "toolExecutionNotifications");
  if (result->error != NULL) {
    vt_json_begin_object (json, NULL);
    vt_json_string (json, "level", "error");
    write_message (json, "message", result->error->message);
    vt_json_end_object (json);
  }
  if (result->partial) {
    vt_json_begin_object (json, NULL);
    vt_json_string (json, "level", "warning");
    write_message (json, "message", "The scan was stopped before its end.");
    vt_json_end_object (json);
  }
  vt_json_end_array (json);
  vt_json_end_object (json);
  vt_json_end_array (json);
}

/* The base of the file system's URIs; free with g_free(). */
static char *
base_id (const VtScanResult *result, guint index)
{
  const VtFilesystem *filesystem;

  g_return_val_if_fail (index < result->filesystems->len, g_strdup ("IMAGE"));
  filesystem = g_ptr_array_index (result->filesystems, index);
  return filesystem->primary ? g_strdup ("IMAGE") : g_strdup_printf ("FILESYSTEM%u", index);
}

static void
write_bases (VtJsonWriter *json, const VtScanResult *result)
{
  g_autofree char *absolute = g_canonicalize_filename (result->path, NULL);
  g_autofree char *escaped = g_uri_escape_string (absolute, "/", FALSE);
  g_autofree char *uri = g_strconcat ("file://", escaped, "/", NULL);

  vt_json_begin_object (json, "originalUriBaseIds");
  vt_json_begin_object (json, "IMAGE");
  vt_json_string (json, "uri", uri);
  vt_json_end_object (json);
  for (guint i = 0; i < result->filesystems->len; i++) {
    g_autofree char *base = base_id (result, i);
    g_autofree char *id = g_uri_escape_string (vt_report_filesystem_id (result, i), NULL, FALSE);
    g_autofree char *relative = g_strconcat (id, "/", NULL);

    if (strcmp (base, "IMAGE") == 0)
      continue;
    vt_json_begin_object (json, base);
    vt_json_string (json, "uri", relative);
    vt_json_string (json, "uriBaseId", "IMAGE");
    vt_json_end_object (json);
  }
  vt_json_end_object (json);
}

/* PATH is within the file system; NAME is how people read it, not escaped. */
static void
write_location (VtJsonWriter *json,
                const VtScanResult *result,
                guint filesystem,
                const char *path,
                const char *name)
{
  g_autofree char *base = base_id (result, filesystem);
  g_autofree char *uri = g_uri_escape_string (path + strspn (path, "/"), "/", FALSE);
  g_autofree char *readable = vt_report_escape (name);

  vt_json_begin_array (json, "locations");
  vt_json_begin_object (json, NULL);
  vt_json_begin_object (json, "physicalLocation");
  vt_json_begin_object (json, "artifactLocation");
  vt_json_string (json, "uri", uri[0] != '\0' ? uri : "./");
  vt_json_string (json, "uriBaseId", base);
  vt_json_end_object (json);
  vt_json_end_object (json);
  vt_json_begin_array (json, "logicalLocations");
  vt_json_begin_object (json, NULL);
  vt_json_string (json, "fullyQualifiedName", readable);
  vt_json_end_object (json);
  vt_json_end_array (json);
  vt_json_end_object (json);
  vt_json_end_array (json);
}

static void
begin_result (VtJsonWriter *json, const Rules *rules, const char *rule, const char *level)
{
  gpointer index = g_hash_table_lookup (rules->indices, rule);

  vt_json_begin_object (json, NULL);
  vt_json_string (json, "ruleId", rule);
  vt_json_uint (json, "ruleIndex", GPOINTER_TO_UINT (index));
  vt_json_string (json, "level", level);
}

static void
write_file (VtJsonWriter *json,
            const VtScanResult *result,
            const Rules *rules,
            const VtFileResult *file)
{
  gboolean infected = file->verdict.kind == VT_VERDICT_INFECTED;
  g_autofree char *rule =
      infected ? g_strdup (file->verdict.threat) : reason_rule_id (file->verdict.reason);
  g_autofree char *text = infected ? g_strconcat (rule, " was found", NULL)
                                   : g_strconcat ("could not be scanned whole: ",
                                                  vt_reason_to_string (file->verdict.reason), NULL);
  g_autofree char *name = vt_scan_result_display_path (result, file);

  begin_result (json, rules, rule, infected ? "error" : "warning");
  write_message (json, "message", text);
  write_location (json, result, file->filesystem, file->path, name);
  if (file->has_digest) {
    char hex[VT_DIGEST_HEX_SIZE];

    vt_json_begin_object (json, "partialFingerprints");
    vt_json_string (json, "contentSha256/v1", vt_digest_to_hex (&file->digest, hex));
    vt_json_end_object (json);
  }
  vt_json_end_object (json);
}

static void
write_filesystem (VtJsonWriter *json, const VtScanResult *result, const Rules *rules, guint index)
{
  const VtFilesystem *filesystem = g_ptr_array_index (result->filesystems, index);
  g_autofree char *rule = reason_rule_id (filesystem->reason);
  g_autofree char *text = g_strconcat (
      "the file system could not be read whole: ", vt_report_filesystem_detail (filesystem), NULL);
  g_autofree char *name = g_strconcat (vt_report_filesystem_id (result, index), ":/", NULL);

  begin_result (json, rules, rule, "warning");
  write_message (json, "message", text);
  write_location (json, result, index, "/", name);
  vt_json_end_object (json);
}

static void
write_results (VtJsonWriter *json, const VtScanResult *result, const Rules *rules)
{
  vt_json_begin_array (json, "results");
  for (guint i = 0; i < result->findings->len; i++)
    write_file (json, result, rules, g_ptr_array_index (result->findings, i));
  for (guint i = 0; i < result->filesystems->len; i++) {
    const VtFilesystem *filesystem = g_ptr_array_index (result->filesystems, i);

    if (filesystem->reason != VT_REASON_NONE)
      write_filesystem (json, result, rules, i);
  }
  for (guint i = 0; i < result->incomplete->len; i++)
    write_file (json, result, rules, g_ptr_array_index (result->incomplete, i));
  vt_json_end_array (json);
}

static void
write_run (VtJsonWriter *json, const VtScanResult *result)
{
  g_auto (Rules) rules = collect_rules (result);
  g_autofree char *image = vt_report_escape (result->path);
  g_autofree char *id = g_strconcat ("vtemplater/", image, NULL);

  vt_json_begin_object (json, NULL);
  write_tool (json, &rules);
  /* Tells the runs of one file apart, as GitHub wants it. */
  vt_json_begin_object (json, "automationDetails");
  vt_json_string (json, "id", id);
  vt_json_end_object (json);
  write_invocation (json, result);
  write_bases (json, result);
  write_results (json, result, &rules);
  vt_json_begin_object (json, "properties");
  vt_report_json_engine (json, "engine", result->engine);
  vt_report_json_stats (json, "stats", &result->stats);
  vt_json_end_object (json);
  vt_json_end_object (json);
}

void
vt_report_write_sarif (GPtrArray *results, VtSink *sink)
{
  g_autoptr (VtJsonWriter) json = vt_json_writer_new (sink, TRUE);

  vt_json_begin_object (json, NULL);
  vt_json_string (json, "$schema", SARIF_SCHEMA);
  vt_json_string (json, "version", "2.1.0");
  vt_json_begin_array (json, "runs");
  for (guint i = 0; i < results->len; i++)
    write_run (json, g_ptr_array_index (results, i));
  vt_json_end_array (json);
  vt_json_end_object (json);
}
