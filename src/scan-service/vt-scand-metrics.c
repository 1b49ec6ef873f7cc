// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-metrics.h"

void
vt_scand_counters_count_request (VtScandCounters *self, const char *route, guint status)
{
  guint class = status / 100 < VT_SCAND_STATUS_CLASSES ? status / 100 : 0;

  for (gsize i = 0; i < VT_SCAND_ROUTES_MAX; i++) {
    VtScandRouteCounts *counts = &self->routes[i];

    if (counts->route == NULL)
      counts->route = route;
    if (g_str_equal (counts->route, route)) {
      counts->counts[class]++;
      return;
    }
  }
}

static void
begin (GString *text, const char *name, const char *type, const char *help)
{
  g_string_append_printf (text, "# HELP vt_scand_%s %s\n# TYPE vt_scand_%s %s\n", name, help, name,
                          type);
}

static void
add (GString *text, const char *name, const char *type, const char *help, gint64 value)
{
  begin (text, name, type, help);
  g_string_append_printf (text, "vt_scand_%s %" G_GINT64_FORMAT "\n", name, value);
}

static void
add_requests (GString *text, const VtScandCounters *counters)
{
  begin (text, "requests_total", "counter", "Requests, by what they were for and how they ended.");
  for (gsize i = 0; i < VT_SCAND_ROUTES_MAX && counters->routes[i].route != NULL; i++)
    for (guint class = 1; class < VT_SCAND_STATUS_CLASSES; class ++)
      g_string_append_printf (
          text, "vt_scand_requests_total{route=\"%s\",status=\"%uxx\"} %" G_GUINT64_FORMAT "\n",
          counters->routes[i].route, class, counters->routes[i].counts[class]);
}

static void
add_verdicts (GString *text, const char *name, const char *help, const guint64 counts[4])
{
  begin (text, name, "counter", help);
  for (guint kind = 0; kind < 4; kind++)
    g_string_append_printf (text, "vt_scand_%s{verdict=\"%s\"} %" G_GUINT64_FORMAT "\n", name,
                            vt_verdict_kind_to_string ((VtVerdictKind)kind), counts[kind]);
}

static void
add_counters (GString *text, const VtScandCounters *counters)
{
  add_requests (text, counters);
  add_verdicts (text, "lookups_total", "Digests looked up, by what was known.", counters->lookups);
  add_verdicts (text, "objects_total", "Contents received, by their verdict.", counters->scans);
  add (text, "object_bytes_total", "counter", "Bytes of these contents.",
       (gint64)counters->scanned_bytes);
  add (text, "engine_loads_total", "counter", "Engines that came into force.",
       (gint64)counters->engines_taken);
  add (text, "engine_refusals_total", "counter", "Signatures that were refused.",
       (gint64)counters->engines_refused);
  add (text, "engine_losses_total", "counter", "Engines that failed while in force.",
       (gint64)counters->engines_lost);
  add (text, "revocations_total", "counter", "Contents that were clean and are infected.",
       (gint64)counters->revoked);
  add (text, "store_errors_total", "counter", "Failures of the verdict store.",
       (gint64)counters->store_errors);
  add (text, "state_errors_total", "counter", "Failures of the state database.",
       (gint64)counters->state_errors);
}

GBytes *
vt_scand_metrics_write (const VtScandCounters *counters, const VtScandGauges *gauges)
{
  GString *text = g_string_new (NULL);

  add_counters (text, counters);
  add (text, "connections", "gauge", "Connections that are open.", (gint64)gauges->connections);
  add (text, "cache_entries", "gauge", "Contents that are known.", (gint64)gauges->cache_entries);
  add (text, "object_memory_bytes", "gauge", "Bytes of contents that are in memory.",
       (gint64)gauges->upload_bytes);
  add (text, "epoch", "gauge", "The epoch that agents are told.", (gint64)gauges->epoch);
  add (text, "engine_up", "gauge", "Whether an engine is in force.", gauges->engine_in_force);
  add (text, "signatures_age_seconds", "gauge", "Age of the newest signatures; -1: there are none.",
       gauges->signatures_age_s);
  add (text, "signatures_outdated", "gauge", "Whether they are older than they may be.",
       gauges->signatures_too_old);
  return g_string_free_to_bytes (text);
}
