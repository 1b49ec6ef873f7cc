// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A provider of OpenSSL (provider(7)) that stands for a token: it has a key for each name, which is
 * made of the name and never leaves it, and signs with it. "vttest:NAME" leads to one. A name that
 * begins with "pin-" wants a PIN, PIN below; at "none" there is nothing, at "two" there are two
 * keys, and "broken" signs wrongly.
 */
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME     "vttest:"
#define PIN        "271828"
#define PROPERTIES "provider=vttest"
#define SIZE       32

typedef struct {
  OSSL_LIB_CTX *library; /* of its own: what does the work here */
} Provider;

typedef struct {
  EVP_PKEY *key;
  unsigned char public[SIZE];
  int broken;
} Key;

typedef struct {
  Provider *provider;
  char name[64];
  int left; /* keys that were not given yet */
} Loader;

typedef struct {
  Provider *provider;
  const Key *key;
} Signer;

static void
key_free (void *key)
{
  if (key != NULL)
    EVP_PKEY_free (((Key *)key)->key);
  free (key);
}

static Key *
key_new (Provider *provider, const char *name)
{
  Key *key = calloc (1, sizeof *key);
  unsigned char seed[SIZE];
  size_t size = SIZE;

  if (key == NULL)
    return NULL;
  key->broken = strcmp (name, "broken") == 0;
  if (EVP_Q_digest (provider->library, "SHA256", NULL, name, strlen (name), seed, NULL) == 1)
    key->key = EVP_PKEY_new_raw_private_key_ex (provider->library, "ED25519", NULL, seed, SIZE);
  if (key->key != NULL && EVP_PKEY_get_raw_public_key (key->key, key->public, &size) == 1)
    return key;
  key_free (key);
  return NULL;
}

/* Takes the key out of what the store gave, which must not be freed twice. */
static void *
key_load (const void *reference, size_t size)
{
  Key *key;

  if (size != sizeof key)
    return NULL;
  key = *(Key *const *)reference;
  *(Key **)reference = NULL;
  return key;
}

static int
key_has (const void *key, int selection)
{
  return key != NULL;
}

static int
key_export (void *data, int selection, OSSL_CALLBACK *callback, void *argument)
{
  Key *key = data;
  OSSL_PARAM params[] = {
      OSSL_PARAM_octet_string (OSSL_PKEY_PARAM_PUB_KEY, key->public, SIZE),
      OSSL_PARAM_END,
  };

  /* The public half only. */
  if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
    return 0;
  return callback (params, argument);
}

static const OSSL_PARAM *
key_export_types (int selection)
{
  static const OSSL_PARAM types[] = {
      OSSL_PARAM_octet_string (OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
      OSSL_PARAM_END,
  };

  return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 ? types : NULL;
}

static const OSSL_DISPATCH key_functions[] = {
    {OSSL_FUNC_KEYMGMT_LOAD, (void (*) (void))key_load},
    {OSSL_FUNC_KEYMGMT_FREE, (void (*) (void))key_free},
    {OSSL_FUNC_KEYMGMT_HAS, (void (*) (void))key_has},
    {OSSL_FUNC_KEYMGMT_EXPORT, (void (*) (void))key_export},
    {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*) (void))key_export_types},
    {0, NULL},
};

static void *
signer_new (void *provider, const char *properties)
{
  Signer *signer = calloc (1, sizeof *signer);

  if (signer != NULL)
    signer->provider = provider;
  return signer;
}

static void
signer_free (void *signer)
{
  free (signer);
}

static int
signer_init (void *data, const char *digest, void *key, const OSSL_PARAM params[])
{
  ((Signer *)data)->key = key;
  return key != NULL && (digest == NULL || digest[0] == '\0');
}

static int
signer_sign (void *data,
             unsigned char *signature,
             size_t *length,
             size_t size,
             const unsigned char *message,
             size_t message_size)
{
  const Signer *signer = data;
  EVP_MD_CTX *context = EVP_MD_CTX_new ();
  int done = 0;

  *length = size;
  if (context != NULL && EVP_DigestSignInit_ex (context, NULL, NULL, signer->provider->library,
                                                NULL, signer->key->key, NULL) == 1)
    done = EVP_DigestSign (context, signature, length, message, message_size);
  EVP_MD_CTX_free (context);
  if (done == 1 && signature != NULL && signer->key->broken)
    signature[0] ^= 1;
  return done;
}

static const OSSL_DISPATCH signer_functions[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, (void (*) (void))signer_new},
    {OSSL_FUNC_SIGNATURE_FREECTX, (void (*) (void))signer_free},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*) (void))signer_init},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (void (*) (void))signer_sign},
    {0, NULL},
};

static void *
loader_open (void *provider, const char *uri)
{
  size_t prefix = strlen (SCHEME);
  const char *name = uri + prefix;
  size_t length = strncmp (uri, SCHEME, prefix) == 0 ? strcspn (name, "?") : 0;
  Loader *loader = calloc (1, sizeof *loader);

  if (loader == NULL || length == 0 || length >= sizeof loader->name) {
    free (loader);
    return NULL;
  }
  memcpy (loader->name, name, length);
  loader->provider = provider;
  loader->left = strcmp (loader->name, "none") == 0 ? 0 : strcmp (loader->name, "two") == 0 ? 2 : 1;
  return loader;
}

static int
check_pin (OSSL_PASSPHRASE_CALLBACK *ask, void *argument)
{
  char pin[64] = {0};
  size_t length = 0;
  char what[] = "PIN";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_utf8_string (OSSL_PASSPHRASE_PARAM_INFO, what, sizeof what - 1),
      OSSL_PARAM_END,
  };

  return ask (pin, sizeof pin - 1, &length, params, argument) == 1 && length == strlen (PIN) &&
         memcmp (pin, PIN, length) == 0;
}

static int
give (Key *key, OSSL_CALLBACK *callback, void *argument)
{
  int type = OSSL_OBJECT_PKEY;
  char name[] = "ED25519";
  Key *reference = key;
  const OSSL_PARAM params[] = {
      OSSL_PARAM_int (OSSL_OBJECT_PARAM_TYPE, &type),
      OSSL_PARAM_utf8_string (OSSL_OBJECT_PARAM_DATA_TYPE, name, sizeof name - 1),
      OSSL_PARAM_octet_string (OSSL_OBJECT_PARAM_REFERENCE, &reference, sizeof reference),
      OSSL_PARAM_END,
  };
  int taken = callback (params, argument);

  key_free (reference); /* NULL once it was loaded */
  return taken;
}

static int
loader_load (void *data,
             OSSL_CALLBACK *callback,
             void *argument,
             OSSL_PASSPHRASE_CALLBACK *ask,
             void *ask_argument)
{
  Loader *loader = data;
  Key *key;

  loader->left--;
  if (strncmp (loader->name, "pin-", 4) == 0 && !check_pin (ask, ask_argument))
    return 0;
  key = key_new (loader->provider, loader->name);
  return key != NULL && give (key, callback, argument);
}

static int
loader_eof (void *loader)
{
  return ((Loader *)loader)->left <= 0;
}

static int
loader_close (void *loader)
{
  free (loader);
  return 1;
}

/* What is expected, which is nothing new: there are only keys. OpenSSL 3.0 calls it unasked. */
static int
loader_set_params (void *loader, const OSSL_PARAM params[])
{
  return 1;
}

/* For another provider, which gets the public half: one that asks for this cannot sign. */
static int
loader_export (
    void *loader, const void *reference, size_t size, OSSL_CALLBACK *callback, void *argument)
{
  return key_export (*(Key *const *)reference, OSSL_KEYMGMT_SELECT_PUBLIC_KEY, callback, argument);
}

static const OSSL_DISPATCH loader_functions[] = {
    {OSSL_FUNC_STORE_OPEN, (void (*) (void))loader_open},
    {OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*) (void))loader_set_params},
    {OSSL_FUNC_STORE_LOAD, (void (*) (void))loader_load},
    {OSSL_FUNC_STORE_EOF, (void (*) (void))loader_eof},
    {OSSL_FUNC_STORE_EXPORT_OBJECT, (void (*) (void))loader_export},
    {OSSL_FUNC_STORE_CLOSE, (void (*) (void))loader_close},
    {0, NULL},
};

static const OSSL_ALGORITHM *
query (void *provider, int operation, int *no_cache)
{
  static const OSSL_ALGORITHM keys[] = {{"ED25519", PROPERTIES, key_functions, NULL},
                                        {NULL, NULL, NULL, NULL}};
  static const OSSL_ALGORITHM signers[] = {{"ED25519", PROPERTIES, signer_functions, NULL},
                                           {NULL, NULL, NULL, NULL}};
  static const OSSL_ALGORITHM loaders[] = {{"vttest", PROPERTIES, loader_functions, NULL},
                                           {NULL, NULL, NULL, NULL}};

  *no_cache = 0;
  switch (operation) {
  case OSSL_OP_KEYMGMT:
    return keys;
  case OSSL_OP_SIGNATURE:
    return signers;
  case OSSL_OP_STORE:
    return loaders;
  default:
    return NULL;
  }
}

static void
teardown (void *provider)
{
  OSSL_LIB_CTX_free (((Provider *)provider)->library);
  free (provider);
}

static const OSSL_DISPATCH provider_functions[] = {
    {OSSL_FUNC_PROVIDER_TEARDOWN, (void (*) (void))teardown},
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*) (void))query},
    {0, NULL},
};

int
OSSL_provider_init (const OSSL_CORE_HANDLE *handle,
                    const OSSL_DISPATCH *in,
                    const OSSL_DISPATCH **out,
                    void **context)
{
  Provider *provider = calloc (1, sizeof *provider);

  if (provider == NULL)
    return 0;
  provider->library = OSSL_LIB_CTX_new ();
  *context = provider;
  *out = provider_functions;
  return provider->library != NULL;
}
