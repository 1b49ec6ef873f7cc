// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scan-own.h"

#include <errno.h>

#include "vt-fd.h"
#include "vt-memfd.h"

typedef struct {
  GMainLoop *loop;
  VtVerdict verdict;
} Scan;

static void
on_scanned (const VtVerdict *verdict, gpointer user_data)
{
  Scan *self = user_data;

  self->verdict = *verdict;
  g_main_loop_quit (self->loop);
}

static VtVerdict
ask_engine (VtSession *session, int content, guint64 size)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (g_main_context_get_thread_default (), FALSE);
  Scan scan = {loop, vt_verdict_incomplete (VT_REASON_ENGINE_ERROR)};

  vt_scan_pool_load (session->pool, session->engine_id->id);
  vt_scan_pool_submit (session->pool, &scan, content, size, on_scanned, &scan);
  g_main_loop_run (loop);
  return scan.verdict;
}

static gboolean
judge (const VtVerdict *verdict, const char *what, GError **error)
{
  if (verdict->kind == VT_VERDICT_CLEAN)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s is itself %s to the engine (%s)", what,
               vt_verdict_kind_to_string (verdict->kind),
               verdict->kind == VT_VERDICT_INFECTED ? verdict->threat
                                                    : vt_reason_to_string (verdict->reason));
  return FALSE;
}

gboolean
vt_scan_own_content (
    VtSession *session, int content, guint64 size, const char *what, GError **error)
{
  VtDigest digest;
  VtVerdict verdict;
  GStrv members = NULL;
  g_autoptr (GError) failure = NULL;

  if (!vt_digest_of_fd (content, size, &digest, error))
    return FALSE;
  if (vt_store_lookup (session->store, session->engine_id->id, &digest, size, &verdict, &members,
                       &failure)) {
    g_strfreev (members);
    return judge (&verdict, what, error);
  }
  if (failure != NULL) {
    g_propagate_error (error, g_steal_pointer (&failure));
    return FALSE;
  }
  verdict = ask_engine (session, content, size);
  return judge (&verdict, what, error) && vt_store_insert (session->store, session->engine_id->id,
                                                           &digest, size, &verdict, NULL, error);
}

gboolean
vt_scan_own_bytes (VtSession *session, GBytes *bytes, const char *what, GError **error)
{
  vt_autofd content = vt_memfd_new ("vt-own");
  gsize size;
  const void *data = g_bytes_get_data (bytes, &size);

  if (content < 0 || !vt_fd_write_at (content, 0, data, size) || !vt_memfd_seal (content)) {
    g_set_error (error, G_IO_ERROR, (gint)g_io_error_from_errno (errno), "memfd: %s",
                 g_strerror (errno));
    return FALSE;
  }
  return vt_scan_own_content (session, content, size, what, error);
}
