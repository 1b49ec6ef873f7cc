// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What tests of keys and signatures share: a directory, openssl(1), and keys that are known. */
#pragma once

#include <string.h>

#include "run-program.h"
#include "vt-key.h"
#include "vt-paths.h"

/* The first key of RFC 8032, 7.1. */
#define KNOWN_KEY_PEM                                                                              \
  "-----BEGIN PRIVATE KEY-----\n"                                                                  \
  "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"                             \
  "-----END PRIVATE KEY-----\n"

typedef struct {
  char *dir;
} KeyFixture;

static inline void
key_fixture_set_up (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->dir = g_dir_make_tmp ("vt-key-XXXXXX", &error);
  g_assert_no_error (error);
}

static inline void
key_fixture_tear_down (KeyFixture *fixture, gconstpointer data)
{
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
}

static inline char *
file_of (const KeyFixture *fixture, const char *name)
{
  return g_build_filename (fixture->dir, name, NULL);
}

static inline void
write_text (const KeyFixture *fixture, const char *name, const char *text, gssize size)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *file = file_of (fixture, name);

  g_file_set_contents (file, text, size, &error);
  g_assert_no_error (error);
}

static inline GBytes *
read_bytes (const KeyFixture *fixture, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *file = file_of (fixture, name);
  char *data;
  gsize size;

  g_file_get_contents (file, &data, &size, &error);
  g_assert_no_error (error);
  return g_bytes_new_take (data, size);
}

static inline GBytes *
bytes_of (const char *text)
{
  return g_bytes_new (text, strlen (text));
}

static inline VtPrivateKey *
load_private (const KeyFixture *fixture, const char *name, const VtKeySource *source)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *file = file_of (fixture, name);
  VtPrivateKey *key = vt_private_key_load (file, source, &error);

  g_assert_no_error (error);
  return key;
}

static inline VtPublicKey *
load_public (const KeyFixture *fixture, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *file = file_of (fixture, name);
  VtPublicKey *key = vt_public_key_load (file, &error);

  g_assert_no_error (error);
  return key;
}

static inline VtPrivateKey *
make_known_key (const KeyFixture *fixture)
{
  write_text (fixture, "known.key", KNOWN_KEY_PEM, -1);
  return load_private (fixture, "known.key", NULL);
}

static inline VtPrivateKey *
make_key (void)
{
  g_autoptr (GError) error = NULL;
  VtPrivateKey *key = vt_private_key_generate (&error);

  g_assert_no_error (error);
  return key;
}
