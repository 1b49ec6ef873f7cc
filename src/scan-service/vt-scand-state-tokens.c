// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Join tokens. Their text is random enough that a plain digest of it tells nothing.
 */
#include "vt-scand-state-private.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/random.h>

#include "vt-secret.h"

#define SECRET_SIZE ((gsize)32)
/* In base64url without padding (RFC 4648, section 5). */
#define SECRET_LENGTH ((gsize)43)
#define PREFIX_LENGTH (sizeof VT_SCAND_TOKEN_PREFIX - 1)
#define TOKEN_LENGTH  (PREFIX_LENGTH + VT_SCAND_TOKEN_ID_LENGTH + 1 + SECRET_LENGTH)

/* Ids are few digits, so one may be taken. */
#define ID_TRIES 16

static const char adding[] = "adding a token";
static const char using[] = "using a token";
static const char listing[] = "reading tokens";

static void
token_free (gpointer data)
{
  VtScandToken *token = data;

  g_free (token->id);
  g_free (token->group);
  g_free (token);
}

static gboolean
fill_with_random (guint8 *bytes, gsize size, GError **error)
{
  gssize n;

  /* As little as that comes whole (getrandom(2)), unless a signal comes before the system has had
   * its first random numbers. */
  do
    n = getrandom (bytes, size, 0);
  while (n < 0 && errno == EINTR);
  if (n == (gssize)size)
    return TRUE;
  g_set_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_FAILED,
               "state: random numbers: %zd of %zu bytes", n, size);
  return FALSE;
}

static char *
make_id (GError **error)
{
  guint8 bytes[VT_SCAND_TOKEN_ID_LENGTH / 2];
  GString *id;

  if (!fill_with_random (bytes, sizeof bytes, error))
    return NULL;
  id = g_string_new (NULL);
  for (gsize i = 0; i < sizeof bytes; i++)
    g_string_append_printf (id, "%02x", bytes[i]);
  return g_string_free (id, FALSE);
}

static char *
make_text (const char *id, GError **error)
{
  guint8 bytes[SECRET_SIZE];
  vt_autosecret *secret = NULL;

  if (!fill_with_random (bytes, sizeof bytes, error))
    return NULL;
  secret = g_base64_encode (bytes, sizeof bytes);
  OPENSSL_cleanse (bytes, sizeof bytes);
  g_strdelimit (secret, "+", '-');
  g_strdelimit (secret, "/", '_');
  secret[SECRET_LENGTH] = '\0';
  return g_strconcat (VT_SCAND_TOKEN_PREFIX, id, "-", secret, NULL);
}

/* TAKEN: there is one of that id. */
static gboolean
insert (VtScandState *self,
        const VtScandTokenWish *wish,
        gint64 now,
        const char *id,
        const VtDigest *digest,
        gboolean *taken,
        GError **error)
{
  g_autoptr (sqlite3_stmt) statement = vt_scand_state_prepare (
      self,
      "INSERT INTO token (id, sha256, group_name, uses, used, made, expires)"
      " VALUES (?, ?, ?, ?, 0, ?, ?) ON CONFLICT (id) DO NOTHING",
      adding, error);

  if (statement == NULL)
    return FALSE;
  vt_scand_state_bind_text (statement, 1, id);
  sqlite3_bind_blob (statement, 2, digest->bytes, VT_DIGEST_SIZE, SQLITE_STATIC);
  vt_scand_state_bind_text (statement, 3, wish->group != NULL ? wish->group : "");
  sqlite3_bind_int64 (statement, 4, (gint64)wish->uses);
  sqlite3_bind_int64 (statement, 5, now);
  sqlite3_bind_int64 (statement, 6, wish->expires);
  if (!vt_scand_state_finish (self, statement, adding, error))
    return FALSE;
  *taken = sqlite3_changes (self->db) == 0;
  return TRUE;
}

static char *
add_one (VtScandState *self, const VtScandTokenWish *wish, gint64 now, char **id, GError **error)
{
  for (guint i = 0; i < ID_TRIES; i++) {
    g_autofree char *made = make_id (error);
    vt_autosecret *text = made != NULL ? make_text (made, error) : NULL;
    VtDigest digest;
    gboolean taken;

    if (text == NULL)
      return NULL;
    digest = vt_digest_of_data (text, strlen (text));
    if (!insert (self, wish, now, made, &digest, &taken, error))
      return NULL;
    if (taken)
      continue;
    *id = g_steal_pointer (&made);
    return g_steal_pointer (&text);
  }
  g_set_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_FAILED,
               "state: %s: no id is free, tried %d", self->path, ID_TRIES);
  return NULL;
}

static gboolean
check_wish (const VtScandTokenWish *wish, gint64 now, GError **error)
{
  if (vt_scand_state_check_group (wish->group, error) == NULL)
    return FALSE;
  if (wish->expires > now && wish->uses <= G_MAXINT64)
    return TRUE;
  g_set_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_INVALID,
               "a join token of %" G_GUINT64_FORMAT " uses that expires at %" G_GINT64_FORMAT
               ": it is %" G_GINT64_FORMAT " now, and it takes up to %" G_GINT64_FORMAT " uses",
               wish->uses, wish->expires, now, G_MAXINT64);
  return FALSE;
}

char *
vt_scand_state_add_token (
    VtScandState *self, const VtScandTokenWish *wish, gint64 now, char **id, GError **error)
{
  g_autofree char *own_id = NULL;
  vt_autosecret *text = NULL;

  if (!check_wish (wish, now, error) || !vt_scand_state_begin (self, error))
    return NULL;
  if (vt_scand_state_exec_with (self, "DELETE FROM token WHERE expires <= ?", now, adding, error))
    text = add_one (self, wish, now, &own_id, error);
  if (!vt_scand_state_end (self, text != NULL, error))
    return NULL;
  if (id != NULL)
    *id = g_steal_pointer (&own_id);
  return g_steal_pointer (&text);
}

/* The id in TOKEN, if that may be one at all. */
static char *
get_id (const char *token)
{
  if (strnlen (token, TOKEN_LENGTH + 1) != TOKEN_LENGTH ||
      !g_str_has_prefix (token, VT_SCAND_TOKEN_PREFIX))
    return NULL;
  return g_strndup (token + PREFIX_LENGTH, VT_SCAND_TOKEN_ID_LENGTH);
}

/* How long this takes depends on the id, which is no secret, and on nothing else of TOKEN. */
static gboolean
is_valid (sqlite3_stmt *row, const char *token, gint64 now)
{
  VtDigest digest = vt_digest_of_data (token, strlen (token));
  gint64 uses = sqlite3_column_int64 (row, 2);

  return sqlite3_column_bytes (row, 0) == VT_DIGEST_SIZE &&
         CRYPTO_memcmp (sqlite3_column_blob (row, 0), digest.bytes, VT_DIGEST_SIZE) == 0 &&
         (uses == 0 || sqlite3_column_int64 (row, 3) < uses) && now < sqlite3_column_int64 (row, 4);
}

/* VALID: it is, and GROUP is set. */
static gboolean
look_up (VtScandState *self,
         const char *id,
         const char *token,
         gint64 now,
         gboolean *valid,
         char **group,
         GError **error)
{
  g_autoptr (sqlite3_stmt) statement = vt_scand_state_prepare (
      self, "SELECT sha256, group_name, uses, used, expires FROM token WHERE id = ?", using, error);

  if (statement == NULL)
    return FALSE;
  vt_scand_state_bind_text (statement, 1, id);
  if (!vt_scand_state_step (self, statement, using, valid, error))
    return FALSE;
  *valid = *valid && is_valid (statement, token, now);
  if (*valid)
    *group = vt_scand_state_dup_column (statement, 1);
  return TRUE;
}

static gboolean
count_use (VtScandState *self, const char *id, GError **error)
{
  g_autoptr (sqlite3_stmt) statement =
      vt_scand_state_prepare (self, "UPDATE token SET used = used + 1 WHERE id = ?", using, error);

  if (statement == NULL)
    return FALSE;
  vt_scand_state_bind_text (statement, 1, id);
  return vt_scand_state_finish (self, statement, using, error);
}

/* Which of the reasons it is would help who guesses. */
static gboolean
refuse (GError **error)
{
  g_set_error_literal (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_REFUSED,
                       "the join token is not valid");
  return FALSE;
}

static gboolean
use (
    VtScandState *self, const char *id, const char *token, gint64 now, char **group, GError **error)
{
  gboolean valid;

  if (!look_up (self, id, token, now, &valid, group, error))
    return FALSE;
  return valid ? count_use (self, id, error) : refuse (error);
}

gboolean
vt_scand_state_use_token (
    VtScandState *self, const char *token, gint64 now, char **group, GError **error)
{
  g_autofree char *id = get_id (token);
  g_autofree char *own_group = NULL;

  if (id == NULL)
    return refuse (error);
  if (!vt_scand_state_begin (self, error) ||
      !vt_scand_state_end (self, use (self, id, token, now, &own_group, error), error))
    return FALSE;
  *group = g_steal_pointer (&own_group);
  return TRUE;
}

static VtScandToken *
read_token (sqlite3_stmt *row)
{
  VtScandToken *token = g_new0 (VtScandToken, 1);

  token->id = vt_scand_state_dup_column (row, 0);
  token->group = vt_scand_state_dup_column (row, 1);
  token->uses = (guint64)sqlite3_column_int64 (row, 2);
  token->used = (guint64)sqlite3_column_int64 (row, 3);
  token->made = sqlite3_column_int64 (row, 4);
  token->expires = sqlite3_column_int64 (row, 5);
  return token;
}

GPtrArray *
vt_scand_state_list_tokens (VtScandState *self, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = vt_scand_state_prepare (
      self, "SELECT id, group_name, uses, used, made, expires FROM token ORDER BY rowid", listing,
      error);
  g_autoptr (GPtrArray) tokens = g_ptr_array_new_with_free_func (token_free);
  gboolean more;

  if (statement == NULL)
    return NULL;
  for (;;) {
    if (!vt_scand_state_step (self, statement, listing, &more, error))
      return NULL;
    if (!more)
      return g_steal_pointer (&tokens);
    g_ptr_array_add (tokens, read_token (statement));
  }
}

gboolean
vt_scand_state_remove_token (VtScandState *self, const char *id, GError **error)
{
  static const char doing[] = "withdrawing a token";
  g_autoptr (sqlite3_stmt) statement =
      vt_scand_state_prepare (self, "DELETE FROM token WHERE id = ?", doing, error);

  if (statement == NULL)
    return FALSE;
  vt_scand_state_bind_text (statement, 1, id);
  if (!vt_scand_state_finish (self, statement, doing, error))
    return FALSE;
  if (sqlite3_changes (self->db) > 0)
    return TRUE;
  g_set_error (error, VT_SCAND_STATE_ERROR, VT_SCAND_STATE_ERROR_NOT_FOUND,
               "%s: there is no such join token", id);
  return FALSE;
}
