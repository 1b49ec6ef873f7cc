// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-ca.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vt-scand-files.h"
#include "vt-secret.h"

#define KEY_NAME         "authority.key"
#define CERTIFICATE_NAME "authority.pem"

#define KEY_MODE         0600
#define CERTIFICATE_MODE 0644

/* A key and its certificate, in files. */
typedef struct {
  char *key;
  char *certificate;
} Files;

static void
files_clear (Files *self)
{
  g_free (self->key);
  g_free (self->certificate);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Files, files_clear)

G_DEFINE_QUARK (vt_scand_ca_error_quark, vt_scand_ca_error)

/* Always returns FALSE. */
static gboolean
fail (const GError *cause, GError **error)
{
  VtScandCaError kind = VT_SCAND_CA_ERROR_FAILED;

  if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_EXISTS))
    kind = VT_SCAND_CA_ERROR_EXISTS;
  else if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    kind = VT_SCAND_CA_ERROR_NOT_FOUND;
  else if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    kind = VT_SCAND_CA_ERROR_UNTRUSTED;
  g_set_error_literal (error, VT_SCAND_CA_ERROR, (gint)kind, cause->message);
  return FALSE;
}

static gboolean
check_days (guint days, GError **error)
{
  if (days >= 1 && days <= VT_SCAND_CA_DAYS_MAX)
    return TRUE;
  g_set_error (error, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_INVALID,
               "a certificate for %u days; it may be 1 to %d", days, VT_SCAND_CA_DAYS_MAX);
  return FALSE;
}

static gboolean
make_directory (const char *dir, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  return vt_scand_file_make_directory (dir, 0700, &local_error) || fail (local_error, error);
}

static gboolean
check_both_free (const Files *files, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  return (vt_scand_file_check_free (files->key, &local_error) &&
          vt_scand_file_check_free (files->certificate, &local_error)) ||
         fail (local_error, error);
}

/* The key last: who finds it has both. */
static gboolean
write_both (const Files *files,
            const char *key,
            const char *certificate,
            VtScandFileOwner owner,
            GError **error)
{
  g_autoptr (GError) local_error = NULL;

  if (!vt_scand_file_write_new (files->certificate, certificate, CERTIFICATE_MODE, owner,
                                &local_error))
    return fail (local_error, error);
  if (vt_scand_file_write_new (files->key, key, KEY_MODE, owner, &local_error))
    return TRUE;
  unlink (files->certificate);
  return fail (local_error, error);
}

gboolean
vt_scand_ca_init (const char *dir, const char *name, guint days, GError **error)
{
  g_auto (Files) files = {.key = g_build_filename (dir, KEY_NAME, NULL),
                          .certificate = g_build_filename (dir, CERTIFICATE_NAME, NULL)};
  g_autoptr (VtAuthority) authority = NULL;
  g_autofree char *certificate = NULL;
  vt_autosecret *key = NULL;

  if (!check_days (days, error) || !check_both_free (&files, error))
    return FALSE;
  authority = vt_authority_new (name, days, error);
  if (authority == NULL || (key = vt_authority_get_key (authority, error)) == NULL ||
      (certificate = vt_authority_get_certificate (authority, error)) == NULL)
    return FALSE;
  return make_directory (dir, error) &&
         write_both (&files, key, certificate, VT_SCAND_FILE_OF_ITS_DIRECTORY, error);
}

static char *
read_file (const char *path, VtScandFileOthers others, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  char *text = NULL;

  if (vt_scand_file_check (path, others, &local_error))
    text = vt_secret_read_file (path, VT_CERTIFICATE_PEM_MAX, NULL, &local_error);
  if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    g_set_error (error, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_NOT_FOUND,
                 "%s: there is no authority; \"vt-scand ca init\" makes one", path);
  else if (text == NULL)
    fail (local_error, error);
  return text;
}

VtAuthority *
vt_scand_ca_load (const char *dir, GError **error)
{
  g_auto (Files) files = {.key = g_build_filename (dir, KEY_NAME, NULL),
                          .certificate = g_build_filename (dir, CERTIFICATE_NAME, NULL)};
  vt_autosecret *key = read_file (files.key, VT_SCAND_FILE_OTHERS_USE, error);
  vt_autosecret *certificate = NULL;
  VtAuthority *authority;

  if (key == NULL)
    return NULL;
  certificate = read_file (files.certificate, VT_SCAND_FILE_OTHERS_WRITE, error);
  if (certificate == NULL)
    return NULL;
  authority = vt_authority_load (key, certificate, error);
  if (authority == NULL)
    g_prefix_error (error, "%s: ", dir);
  return authority;
}

static gboolean
note (VtScandState *state, const char *certificate, const VtScandCaWish *wish, GError **error)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autofree char *serial = vt_certificate_get_serial (certificate, error);
  gint64 end;

  if (serial == NULL || !vt_certificate_get_end (certificate, &end, error))
    return FALSE;
  /* No certificate is valid longer than the authority's. */
  if (end <= now) {
    g_set_error_literal (error, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_EXPIRED,
                         "the authority's own certificate has expired");
    return FALSE;
  }
  return vt_scand_state_add_certificate (state,
                                         &(VtScandCertificate){.serial = serial,
                                                               .name = (char *)wish->name,
                                                               .group = (char *)wish->group,
                                                               .issued = now,
                                                               .expires = end + 1},
                                         error);
}

char *
vt_scand_ca_sign (const VtAuthority *authority,
                  VtScandState *state,
                  const char *request,
                  const VtScandCaWish *wish,
                  GError **error)
{
  const VtCertificateWish sign = {
      .name = wish->name, .addresses = wish->addresses, .days = wish->days};
  g_autofree char *certificate = NULL;

  if (!check_days (wish->days, error))
    return NULL;
  certificate = vt_authority_issue (authority, request, &sign, error);
  return certificate != NULL && note (state, certificate, wish, error)
             ? g_steal_pointer (&certificate)
             : NULL;
}

/* Nobody has it: the name is free again. If that fails too, it can still be revoked by hand. */
static void
take_back (VtScandState *state, const char *certificate)
{
  g_autofree char *serial = vt_certificate_get_serial (certificate, NULL);
  g_autoptr (GError) error = NULL;

  if (serial != NULL &&
      !vt_scand_state_revoke_serial (state, serial, g_get_real_time () / G_USEC_PER_SEC, &error))
    g_debug ("a certificate that could not be written stays noted: %s", error->message);
}

static gboolean
issue (const VtAuthority *authority,
       VtScandState *state,
       const VtScandCaWish *wish,
       const Files *files,
       GError **error)
{
  vt_autosecret *key = vt_certificate_new_key (error);
  g_autofree char *request =
      key != NULL ? vt_certificate_new_request (key, wish->name, error) : NULL;
  g_autofree char *certificate = NULL;

  if (request == NULL || !check_both_free (files, error))
    return FALSE;
  certificate = vt_scand_ca_sign (authority, state, request, wish, error);
  if (certificate == NULL)
    return FALSE;
  if (write_both (files, key, certificate, VT_SCAND_FILE_OWN, error))
    return TRUE;
  take_back (state, certificate);
  return FALSE;
}

static gboolean
issue_in (const VtAuthority *authority,
          VtScandState *state,
          const VtScandCaWish *wish,
          const char *out_dir,
          GError **error)
{
  g_autofree char *key_name = g_strconcat (wish->name, ".key", NULL);
  g_autofree char *certificate_name = g_strconcat (wish->name, ".pem", NULL);
  g_auto (Files) files = {.key = g_build_filename (out_dir, key_name, NULL),
                          .certificate = g_build_filename (out_dir, certificate_name, NULL)};

  /* Making the request refuses what is no name before there is a file. */
  return issue (authority, state, wish, &files, error);
}

gboolean
vt_scand_ca_issue_service (const VtAuthority *authority,
                           VtScandState *state,
                           const VtScandCaWish *wish,
                           const char *out_dir,
                           GError **error)
{
  if (wish->addresses != NULL && wish->addresses[0] != NULL)
    return issue_in (authority, state, wish, out_dir, error);
  g_set_error (error, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_INVALID,
               "%s: a service needs an address that agents find it at", wish->name);
  return FALSE;
}

gboolean
vt_scand_ca_issue_agent (const VtAuthority *authority,
                         VtScandState *state,
                         const VtScandCaWish *wish,
                         const char *out_dir,
                         GError **error)
{
  if (wish->addresses == NULL)
    return issue_in (authority, state, wish, out_dir, error);
  g_set_error (error, VT_SCAND_CA_ERROR, VT_SCAND_CA_ERROR_INVALID,
               "%s: an agent's certificate has no addresses", wish->name);
  return FALSE;
}
