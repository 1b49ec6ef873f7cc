// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What is signed of a template: an in-toto Statement, version 1, about its clean cache
 * (https://github.com/in-toto/attestation, spec/v1/statement.md), with a predicate of our own. The
 * part about the scanner follows the predicate for results of vulnerability scanners there.
 *
 * {
 *   "_type": "https://in-toto.io/Statement/v1",
 *   "subject": [{"name": "clean.db", "digest": {"sha256": 64 hexadecimal digits}}],
 *   "predicateType": "https://vtemplater.org/attestation/template/v1",
 *   "predicate": {
 *     "template": {"id": UUID, "created": time, "expires": time or null},
 *     "scanner": {
 *       "uri": text, "version": text,
 *       "engine": {
 *         "version": text, "flevel": number, "id": 64 digits, "settings": 64 digits or null,
 *         "databases": [{"name": text, "version": number, "signatures": number, "time": time,
 *                        "sha256": 64 digits}]
 *       }
 *     },
 *     "options": {name: number},
 *     "counts": {"files": number, "bytes": number, "clean": number, "incomplete": number,
 *                "reasons": {name: number}},
 *     "filesystems": [{"id": text, "type": text, "uuid": text}],
 *     "system": {"product": text, "arch": text} or null
 *   }
 * }
 *
 * Times are UTC as in "2026-11-25T01:02:03Z" (RFC 3339). Members of other names are passed over.
 */
#pragma once

#include <gio/gio.h>

#include "vt-digest.h"

#define VT_STATEMENT_MEDIA_TYPE     "application/vnd.in-toto+json"
#define VT_STATEMENT_TYPE           "https://in-toto.io/Statement/v1"
#define VT_STATEMENT_PREDICATE_TYPE "https://vtemplater.org/attestation/template/v1"
#define VT_STATEMENT_SUBJECT        "clean.db"

/* Bytes of the longest one that is made or read. */
#define VT_STATEMENT_SIZE_MAX ((gsize)512 * 1024)

typedef enum {
  VT_STATEMENT_ERROR_MALFORMED,      /* not a statement, or one with values that cannot be */
  VT_STATEMENT_ERROR_TYPE,           /* one of another version, or about something else */
  VT_STATEMENT_ERROR_EXPIRED,        /* its time is over, or has not come */
  VT_STATEMENT_ERROR_TOO_OLD,        /* its signatures are older than what is taken */
  VT_STATEMENT_ERROR_OTHER_DATABASE, /* of another clean cache than this one */
} VtStatementError;

#define VT_STATEMENT_ERROR (vt_statement_error_quark ())
GQuark vt_statement_error_quark (void);

/* A signature database. */
typedef struct {
  char *name;
  guint64 version; /* 0: it has none */
  guint64 signatures;
  gint64 time; /* seconds since 1970 */
  VtDigest digest;
} VtStatementDatabase;

/* A number with a name. */
typedef struct {
  char *name;
  guint64 value;
} VtStatementNumber;

/* A file system of the template; its place in the list is its number in the clean cache. */
typedef struct {
  char *id;
  char *type;
  char *uuid; /* may be empty */
} VtStatementFilesystem;

/* Value of expires: never. */
#define VT_STATEMENT_NEVER G_MAXINT64

/* Strings are UTF-8. Numbers are at most 2^53 - 1. Times are in seconds since 1970. */
typedef struct {
  VtDigest subject; /* of the clean cache */

  char *template_id; /* UUID (RFC 4122) */
  gint64 created;
  gint64 expires; /* after created; VT_STATEMENT_NEVER */

  char *scanner_uri;
  char *scanner_version;
  char *engine_version;
  guint32 flevel;
  char *engine_id;      /* 64 lower-case hexadecimal digits */
  char *settings;       /* likewise: of the engine's options and rules, without signatures; NULL */
  GPtrArray *databases; /* of VtStatementDatabase; at least one */

  GPtrArray *options; /* of VtStatementNumber: limits of the scan; each name once */

  guint64 files; /* names of regular files; clean and incomplete are some of them */
  guint64 bytes;
  guint64 clean;
  guint64 incomplete;
  GPtrArray *reasons; /* of VtStatementNumber: incomplete files by reason; each name once */

  GPtrArray *filesystems; /* of VtStatementFilesystem */

  char *product; /* of the operating system; NULL: there is none, and no arch either */
  char *arch;
} VtStatement;

/* One that never expires and of which nothing else is set, for the caller to fill. */
VtStatement *vt_statement_new (void);
void vt_statement_free (VtStatement *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtStatement, vt_statement_free)

/* These add to the lists; what they are given is copied. */
void vt_statement_add_database (VtStatement *self,
                                const char *name,
                                guint64 version,
                                guint64 signatures,
                                gint64 time,
                                const VtDigest *digest);
void vt_statement_add_option (VtStatement *self, const char *name, guint64 value);
void vt_statement_add_reason (VtStatement *self, const char *name, guint64 files);
void
vt_statement_add_filesystem (VtStatement *self, const char *id, const char *type, const char *uuid);

/* As JSON, on one line; the same statement gives the same bytes. An error is one of
 * vt_statement_parse(): what could not be read again is not written. */
GBytes *vt_statement_to_json (const VtStatement *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Fails with _MALFORMED or _TYPE. */
VtStatement *vt_statement_parse (GBytes *json, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* When its signatures are from: the time of its newest database, though never later than the
 * statement itself, whatever a file's time of change says. */
gint64 vt_statement_get_signature_time (const VtStatement *self);

typedef struct {
  gint64 now;       /* seconds since 1970 */
  gint64 max_age_s; /* how old its signatures may be; -1: as old as they like */
} VtStatementPolicy;

/* Whether it may be relied on now. Fails with _EXPIRED or _TOO_OLD. One that is from the future by
 * more than a day is refused as well: by such a clock nobody knows what has expired. */
gboolean vt_statement_check (const VtStatement *self,
                             const VtStatementPolicy *policy,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether it is about the clean cache with this DIGEST. Fails with _OTHER_DATABASE. */
gboolean vt_statement_check_subject (const VtStatement *self,
                                     const VtDigest *digest,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
