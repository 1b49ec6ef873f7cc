// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What the scan service must not lose: who it is, which engines it has had, which verdicts it took
 * back, which join tokens it gave out, and which certificates. A database of SQLite; what a
 * function here says is done is on the disk, and what it could not do has left nothing behind.
 *
 * One thread at a time uses a handle, and no process one that was opened before it was forked.
 * Several handles, of one process or of several, may be open to one database. Times are seconds
 * since 1970.
 *
 * Where a group may be NULL it means the same as "": none. Else it is a name (vt-certificate.h).
 */
#pragma once

#include "vt-digest.h"

typedef enum {
  VT_SCAND_STATE_ERROR_CORRUPT,   /* damaged, or another program's */
  VT_SCAND_STATE_ERROR_NEWER,     /* made by a later version */
  VT_SCAND_STATE_ERROR_FULL,      /* no room on the disk */
  VT_SCAND_STATE_ERROR_BUSY,      /* another process holds it for too long */
  VT_SCAND_STATE_ERROR_READ_ONLY, /* may not be read or written */
  VT_SCAND_STATE_ERROR_UNTRUSTED, /* others may write to it */
  VT_SCAND_STATE_ERROR_REFUSED,   /* a join token that is not valid */
  VT_SCAND_STATE_ERROR_EXISTS,    /* a certificate's name or number that is in use */
  VT_SCAND_STATE_ERROR_NOT_FOUND, /* nothing of that name or number */
  VT_SCAND_STATE_ERROR_INVALID,   /* what was to be added cannot be right */
  VT_SCAND_STATE_ERROR_FAILED,
} VtScandStateError;

#define VT_SCAND_STATE_ERROR (vt_scand_state_error_quark ())
GQuark vt_scand_state_error_quark (void);

typedef struct _VtScandState VtScandState;

/*
 * Opens the database at PATH and looks through it for damage. One that does not exist is made (mode
 * 0600), in a directory that does; root makes it for the directory's owner. Errors: all but
 * _REFUSED, _EXISTS and _INVALID.
 */
VtScandState *vt_scand_state_open (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vt_scand_state_free (VtScandState *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtScandState, vt_scand_state_free)

/* The UUID that the database got when it was made; another one is another history. */
const char *vt_scand_state_get_service (const VtScandState *self);

/* Takes in what others have written to the database: the epoch, and what is revoked. Cheap when
 * nobody has. */
gboolean vt_scand_state_refresh (VtScandState *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The epoch, 1 at first, rises with each change of the engine and each verdict that is taken back.
 * As of the last write or refresh of this handle; asks nobody.
 */
guint64 vt_scand_state_get_epoch (const VtScandState *self);

typedef struct {
  char *id;          /* VtEngineId's */
  gint64 since;      /* in force, the last time */
  gint64 superseded; /* 0: is in force */
} VtScandPastEngine;

/*
 * From NOW on the engine ENGINE_ID is in force, and the one before is superseded. Nothing is
 * changed if it is in force already.
 */
gboolean vt_scand_state_set_engine (VtScandState *self,
                                    const char *engine_id,
                                    gint64 now,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Of VtScandPastEngine: in the order in which they were superseded, the one in force last. */
GPtrArray *vt_scand_state_get_engines (VtScandState *self,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Forgets the engines that were superseded before SUPERSEDED_BEFORE. */
gboolean vt_scand_state_forget_engines (VtScandState *self,
                                        gint64 superseded_before,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A content that had been called clean, and is infected. */
typedef struct {
  guint64 epoch; /* that it began */
  VtDigest digest;
  char *threat;
  gint64 time;
} VtScandChange;

void vt_scand_change_free (VtScandChange *change);

gboolean vt_scand_state_revoke (VtScandState *self,
                                const VtDigest *digest,
                                const char *threat,
                                gint64 now,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/*
 * The changes after epoch SINCE, of VtScandChange: the first MAX (at least 1) of them, in their
 * order. UNTIL gets the epoch up to which these are all: the one to ask with next, and the present
 * one if nothing is left. GAP is TRUE if some of them are not kept any more, or if SINCE is still
 * to come and so of another history: then none are given, and who asks must forget all clean
 * verdicts and go on from UNTIL.
 */
GPtrArray *vt_scand_state_get_changes (VtScandState *self,
                                       guint64 since,
                                       guint max,
                                       guint64 *until,
                                       gboolean *gap,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* All that are kept, of VtScandChange, in their order. */
GPtrArray *vt_scand_state_list_changes (VtScandState *self,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Forgets the changes before the time OLDER_THAN. */
gboolean vt_scand_state_forget_changes (VtScandState *self,
                                        gint64 older_than,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What begins the text of a join token: "vtjoin-ID-SECRET". */
#define VT_SCAND_TOKEN_PREFIX "vtjoin-"
/* Hexadecimal digits of its id. */
#define VT_SCAND_TOKEN_ID_LENGTH 8

typedef struct {
  const char *group; /* that who joins with it belongs to; may be NULL */
  guint64 uses;      /* 0: any number */
  gint64 expires;    /* first second in which it is not valid */
} VtScandTokenWish;

typedef struct {
  char *id;
  char *group;
  guint64 uses; /* 0: any number */
  guint64 used;
  gint64 made;
  gint64 expires;
} VtScandToken;

/*
 * Makes a join token; its text, of which only a digest is kept, is to be freed with
 * vt_secret_free(). ID (may be NULL) gets what it is known by. Forgets the tokens that have
 * expired. Errors: _INVALID for a time that has passed, for too many uses, and for a group that is
 * no name.
 */
char *vt_scand_state_add_token (VtScandState *self,
                                const VtScandTokenWish *wish,
                                gint64 now,
                                char **id,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/*
 * Uses TOKEN once; GROUP gets its group, "" if it has none. _REFUSED, always with the same message,
 * if it is unknown, withdrawn, used up or expired.
 */
gboolean vt_scand_state_use_token (VtScandState *self,
                                   const char *token,
                                   gint64 now,
                                   char **group,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Of VtScandToken, in the order in which they were made. */
GPtrArray *vt_scand_state_list_tokens (VtScandState *self,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Withdraws a token. Errors: _NOT_FOUND. */
gboolean vt_scand_state_remove_token (VtScandState *self,
                                      const char *id,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Hexadecimal digits of a serial number. RFC 5280 allows 40; some authorities do not know. */
#define VT_SCAND_SERIAL_MAX 64

typedef struct {
  char *serial; /* hexadecimal digits: of either case, with colons or without */
  char *name;   /* in a list, NULL: not issued by this service */
  char *group;  /* in a list, "" for none */
  gint64 issued;
  gint64 expires; /* first second in which it is not valid */
  gint64 revoked; /* 0: it is not; when one is added, it does not count */
} VtScandCertificate;

/*
 * Notes a certificate. Errors: _EXISTS for a number that is there, or a name of a certificate that
 * is neither revoked nor expired when this one is issued; _INVALID.
 */
gboolean vt_scand_state_add_certificate (VtScandState *self,
                                         const VtScandCertificate *certificate,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Revokes all certificates of NAME; N (may be NULL) gets the number of those that were not revoked
 * yet. */
gboolean vt_scand_state_revoke_certificates (VtScandState *self,
                                             const char *name,
                                             gint64 now,
                                             guint *n,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for one, which this service need not have issued. Errors: _INVALID for a SERIAL that is
 * none. */
gboolean vt_scand_state_revoke_serial (VtScandState *self,
                                       const char *serial,
                                       gint64 now,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* As of the last write or refresh of this handle; asks nobody. TRUE for what is no serial number.
 */
gboolean vt_scand_state_is_revoked (const VtScandState *self,
                                    const char *serial) G_GNUC_WARN_UNUSED_RESULT;
/* The group of a certificate, "" for none; free with g_free(). Errors: _NOT_FOUND. */
char *vt_scand_state_get_group (VtScandState *self,
                                const char *serial,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Of VtScandCertificate, in the order in which they were issued; then what is revoked, but was not
 * issued here. */
GPtrArray *vt_scand_state_list_certificates (VtScandState *self,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Forgets the certificates that expired before EXPIRED_BEFORE, and that they were revoked. */
gboolean vt_scand_state_forget_certificates (VtScandState *self,
                                             gint64 expired_before,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
