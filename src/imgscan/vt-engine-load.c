// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-load.h"

#include <string.h>

#include "vt-engine-id.h"
#include "vt-engine-scan.h"

/* Longest message of the engine that is handed on, in bytes. */
#define MESSAGE_MAX 1000

/* The engine's first complaint while it loads: the others follow from it. The library has one
 * message callback for the whole process, and no context for it outside of a scan. */
static char *first_complaint;

static void
on_load_message (enum cl_msg severity, const char *full, const char *message, void *context)
{
  g_autofree char *valid = NULL;

  if (severity != CL_MSG_ERROR || first_complaint != NULL)
    return;
  valid = g_utf8_make_valid (message, (gssize)strnlen (message, MESSAGE_MAX));
  first_complaint = g_strdup (g_strstrip (valid));
}

static void
set_load_error (GError **error, const VtEngineOptions *options, cl_error_t result)
{
  g_autofree char *dir = g_filename_display_name (options->database_dir);
  VtEngineError code = VT_ENGINE_ERROR_BAD_DATABASE;

  if (result == CL_EMEM || result == CL_EMAP || result == CL_ETMPDIR || result == CL_ETMPFILE)
    code = VT_ENGINE_ERROR_FAILED;
  g_set_error (error, VT_ENGINE_ERROR, code, "engine: loading signatures from %s: %s%s%s", dir,
               cl_strerror (result), first_complaint != NULL ? ": " : "",
               first_complaint != NULL ? first_complaint : "");
}

static gboolean
load_signatures (struct cl_engine *engine,
                 const VtEngineOptions *options,
                 guint *signatures,
                 GError **error)
{
  cl_error_t result = cl_load (options->database_dir, engine, signatures, VT_ENGINE_DB_OPTIONS);

  if (result == CL_SUCCESS && *signatures == 0) {
    g_set_error (error, VT_ENGINE_ERROR, VT_ENGINE_ERROR_NO_DATABASE,
                 "the files in %s hold no signatures: run 'vtemplater db update', or freshclam, or "
                 "name another directory with --database",
                 options->database_dir);
    return FALSE;
  }
  if (result == CL_SUCCESS)
    result = cl_engine_compile (engine);
  if (result == CL_SUCCESS)
    return TRUE;
  set_load_error (error, options, result);
  return FALSE;
}

/* After loading: signatures that are replaced beneath the engine make any outcome worthless. */
static gboolean
check_unchanged (const VtEngineOptions *options, const char *engine_id, GError **error)
{
  g_autoptr (VtEngineId) now = vt_engine_id_new (options, NULL, error);

  if (now == NULL)
    return FALSE;
  if (strcmp (now->id, engine_id) == 0)
    return TRUE;
  g_set_error (error, VT_ENGINE_ERROR, VT_ENGINE_ERROR_CHANGED,
               "the signatures in %s changed while they were loaded", options->database_dir);
  return FALSE;
}

static struct cl_engine *
load (const VtEngineOptions *options, guint *signatures, GError **error)
{
  cl_error_t result = cl_init (CL_INIT_DEFAULT);
  g_autoptr (VtClEngine) engine = NULL;

  if (result != CL_SUCCESS || (engine = cl_engine_new ()) == NULL) {
    g_set_error (error, VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED, "engine: %s",
                 cl_strerror (result != CL_SUCCESS ? result : CL_EMEM));
    return NULL;
  }
  if (!vt_engine_settings_apply (options, engine, error))
    return NULL;
  vt_engine_scan_set_callbacks (engine);
  if (!load_signatures (engine, options, signatures, error))
    return NULL;
  return g_steal_pointer (&engine);
}

struct cl_engine *
vt_engine_load (const VtEngineOptions *options,
                const char *engine_id,
                guint *signatures,
                GError **error)
{
  g_autoptr (GError) load_error = NULL;
  g_autoptr (VtClEngine) engine = NULL;

  *signatures = 0;
  if (!vt_engine_options_validate (options, &load_error)) {
    g_set_error (error, VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED, "engine: %s", load_error->message);
    return NULL;
  }
  cl_set_clcb_msg (on_load_message);
  engine = load (options, signatures, &load_error);
  g_clear_pointer (&first_complaint, g_free);
  vt_engine_scan_set_message_callback ();
  /* A change explains a failure to load as well. */
  if (!check_unchanged (options, engine_id, error))
    return NULL;
  if (engine == NULL)
    g_propagate_error (error, g_steal_pointer (&load_error));
  return g_steal_pointer (&engine);
}
