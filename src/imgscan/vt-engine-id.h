// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Which engine, signatures, options and limits a verdict was found with.
 *
 * Computed from the database files alone, without loading the engine.
 */
#pragma once

#include <gio/gio.h>

#include "vt-digest.h"
#include "vt-engine-options.h"
#include "vt-file-digests.h"

typedef enum {
  VT_ENGINE_ERROR_NO_DATABASE,  /* the directory is missing or holds no signatures */
  VT_ENGINE_ERROR_BAD_DATABASE, /* the engine refuses the signatures */
  VT_ENGINE_ERROR_CHANGED,      /* the signatures changed while they were loaded */
  VT_ENGINE_ERROR_FAILED,       /* everything else: no memory, a process that died */
} VtEngineError;

#define VT_ENGINE_ERROR (vt_engine_error_quark ())
GQuark vt_engine_error_quark (void);

typedef struct {
  char *name;         /* file name in the directory: "daily.cvd" */
  guint32 version;    /* of a .cvd or .cld; 0 for a plain file, which has none */
  guint32 signatures; /* likewise */
  gint64 time;        /* seconds since 1970: build time of a .cvd or .cld, else time of change */
  VtDigest digest;    /* of the file's bytes */
} VtEngineDatabase;

typedef struct {
  char *version;        /* libclamav's own: "1.4.6" */
  guint32 flevel;       /* functionality level */
  GPtrArray *databases; /* of VtEngineDatabase, in the order of their names */
  char *settings;       /* 64 hexadecimal digits: of the rules, options and limits alone */
  char *id;             /* likewise, of all */
} VtEngineId;

/* Reads and hashes every database file of OPTIONS' directory, but for those that DIGESTS has (may
 * be NULL). */
VtEngineId *vt_engine_id_new (const VtEngineOptions *options,
                              VtFileDigests *digests,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The time of its newest database, in seconds since 1970. */
gint64 vt_engine_id_get_signature_time (const VtEngineId *self);
void vt_engine_id_free (VtEngineId *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtEngineId, vt_engine_id_free)
