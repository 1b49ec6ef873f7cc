// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Private keys that a provider has: ossl_store(7). */
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <string.h>

#include "vt-key-passphrase-private.h"
#include "vt-key-private.h"

/* Objects of all kinds that are looked through for the key. */
#define OBJECTS_MAX 1024

G_DEFINE_AUTOPTR_CLEANUP_FUNC (UI_METHOD, UI_destroy_method)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (OSSL_STORE_INFO, OSSL_STORE_INFO_free)

struct _VtKeyProviders {
  OSSL_LIB_CTX *context;
  GPtrArray *loaded; /* of OSSL_PROVIDER */
};

static void
unload (gpointer provider)
{
  OSSL_PROVIDER_unload (provider);
}

/* The oldest error tells which file was looked for, and where. */
static char *
explain_load (void)
{
  const char *data = NULL;
  int flags = 0;
  char *told;

  ERR_peek_error_all (NULL, NULL, NULL, &data, &flags);
  told = g_strdup ((flags & ERR_TXT_STRING) != 0 ? data : NULL);
  if (told == NULL)
    told = g_strdup (vt_key_take_openssl_error ());
  ERR_clear_error ();
  return told;
}

static gboolean
load (VtKeyProviders *self, const char *name, GError **error)
{
  OSSL_PROVIDER *provider = OSSL_PROVIDER_load (self->context, name);

  if (provider == NULL) {
    g_autofree char *told = explain_load ();

    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_PROVIDER, "provider '%s': cannot be loaded: %s",
                 name, told);
    return FALSE;
  }
  g_ptr_array_add (self->loaded, provider);
  return TRUE;
}

VtKeyProviders *
vt_key_providers_new (const char *const *names, GError **error)
{
  g_autoptr (VtKeyProviders) self = g_new0 (VtKeyProviders, 1);

  self->loaded = g_ptr_array_new_with_free_func (unload);
  self->context = OSSL_LIB_CTX_new ();
  ERR_clear_error ();
  /* openssl.cnf(5) is where a provider for tokens has its settings; there may be none. */
  if (self->context == NULL ||
      CONF_modules_load_file_ex (self->context, NULL, NULL,
                                 CONF_MFLAGS_DEFAULT_SECTION | CONF_MFLAGS_IGNORE_MISSING_FILE) <=
          0) {
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_PROVIDER, "OpenSSL's settings: %s",
                 vt_key_take_openssl_error ());
    return NULL;
  }
  if (!load (self, "default", error))
    return NULL;
  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    if (!load (self, names[i], error))
      return NULL;
  return g_steal_pointer (&self);
}

void
vt_key_providers_free (VtKeyProviders *self)
{
  g_ptr_array_unref (self->loaded);
  OSSL_LIB_CTX_free (self->context);
  g_free (self);
}

OSSL_LIB_CTX *
vt_key_providers_get_context (VtKeyProviders *self)
{
  return self->context;
}

static gboolean
is_file_uri (const char *uri)
{
  return g_str_equal (g_uri_peek_scheme (uri), "file");
}

/* OpenSSL takes a file of that very name first, whatever the scheme: who can write to the present
 * directory could put another key under the name of the one that was meant. */
static gboolean
check_no_file (const char *uri, const char *shown, GError **error)
{
  if (is_file_uri (uri) || !g_file_test (uri, G_FILE_TEST_EXISTS))
    return TRUE;
  g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_BAD,
               "%s: there is a file of that name; if it is meant, put './' before it", shown);
  return FALSE;
}

static OSSL_STORE_CTX *
open_store (const char *uri,
            VtKeyProviders *providers,
            UI_METHOD *method,
            VtKeyPassphrase *passphrase,
            GError **error)
{
  OSSL_STORE_CTX *store;

  ERR_clear_error ();
  store = OSSL_STORE_open_ex (uri, vt_key_providers_get_context (providers), VT_KEY_PROPERTIES,
                              method, passphrase, NULL, NULL, NULL);
  if (store != NULL || vt_key_passphrase_explain (passphrase, error))
    return store;
  if (is_file_uri (uri))
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_NOT_FOUND, "%s: cannot be opened: %s",
                 passphrase->what, vt_key_take_openssl_error ());
  else
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_PROVIDER,
                 "%s: cannot be opened by any provider that was named: %s", passphrase->what,
                 vt_key_take_openssl_error ());
  return NULL;
}

/* Of several keys, which one is meant cannot be told: *COUNT says how many there are. */
static EVP_PKEY *
find_key (OSSL_STORE_CTX *store, guint *count)
{
  EVP_PKEY *key = NULL;

  *count = 0;
  for (guint i = 0; i < OBJECTS_MAX && !OSSL_STORE_eof (store); i++) {
    g_autoptr (OSSL_STORE_INFO) info = OSSL_STORE_load (store);

    if (info == NULL)
      break;
    if (OSSL_STORE_INFO_get_type (info) != OSSL_STORE_INFO_PKEY)
      continue;
    ++*count;
    if (key == NULL)
      key = OSSL_STORE_INFO_get1_PKEY (info);
  }
  return key;
}

static EVP_PKEY *
read_store (const char *uri, VtKeyProviders *providers, VtKeyPassphrase *passphrase, GError **error)
{
  g_autoptr (UI_METHOD) method = UI_UTIL_wrap_read_pem_callback (vt_key_passphrase_give, 0);
  OSSL_STORE_CTX *store = open_store (uri, providers, method, passphrase, error);
  g_autoptr (EVP_PKEY) key = NULL;
  guint count = 0;

  if (store == NULL)
    return NULL;
  if (OSSL_STORE_expect (store, OSSL_STORE_INFO_PKEY) == 1)
    key = find_key (store, &count);
  OSSL_STORE_close (store);
  if (count > 1)
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_BAD,
                 "%s: leads to %u private keys; it must be one", passphrase->what, count);
  else if (key == NULL && !vt_key_passphrase_explain (passphrase, error))
    g_set_error (error, VT_KEY_ERROR, VT_KEY_ERROR_NOT_FOUND, "%s: leads to no private key: %s",
                 passphrase->what, vt_key_take_openssl_error ());
  ERR_clear_error ();
  return count == 1 ? g_steal_pointer (&key) : NULL;
}

VtPrivateKey *
vt_private_key_load_uri (const char *uri, const VtKeySource *source, GError **error)
{
  g_autofree char *shown = g_strndup (uri, strcspn (uri, "?"));
  g_auto (VtKeyPassphrase) passphrase = VT_KEY_PASSPHRASE_INIT (shown, source);
  g_autoptr (VtKeyProviders) providers = NULL;
  EVP_PKEY *key;

  if (!check_no_file (uri, shown, error))
    return NULL;
  providers = vt_key_providers_new (source->providers, error);
  if (providers == NULL)
    return NULL;
  key = read_store (uri, providers, &passphrase, error);
  if (key == NULL)
    return NULL;
  return vt_private_key_new (key, g_steal_pointer (&providers), shown, error);
}
