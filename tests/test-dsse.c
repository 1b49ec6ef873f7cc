// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "key-fixture.h"
#include "vt-dsse.h"

#define TYPE    "application/vnd.example+json"
#define PAYLOAD "{\"hello\":\"w\303\266rld\"}\n"

/* Made once of the above and the known key, and seen to be right with openssl(1): what is out there
 * must go on being read, and the same must come of the same. */
#define VECTOR_KEYID "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9"
#define VECTOR_SIG                                                                                 \
  "tIWWZvpa5A09OmpM5GtodsI3f/7oFZZX66ltv4cLj/7iWJAHwD+F5mDXB4e/gtdlk1J1QtiduNXj3o39nTdMCw=="
#define VECTOR_PAYLOAD "eyJoZWxsbyI6InfDtnJsZCJ9Cg=="

/* How an envelope is told apart from the next here. */
typedef struct {
  const char *payload;
  const char *keyid; /* the JSON of it, or NULL for none */
  const char *sig;
} Parts;

static char *
put_together (const Parts *parts)
{
  g_autofree char *keyid =
      parts->keyid != NULL ? g_strdup_printf ("\"keyid\": %s, ", parts->keyid) : g_strdup ("");

  return g_strdup_printf ("{\"payloadType\": \"" TYPE "\", \"payload\": \"%s\",\n"
                          " \"signatures\": [{%s\"sig\": \"%s\"}]}\n",
                          parts->payload, keyid, parts->sig);
}

static void
assert_verifies (const char *text, const VtPublicKey *key)
{
  g_autoptr (GBytes) envelope = bytes_of (text);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = vt_dsse_verify (envelope, TYPE, key, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (payload, NULL), g_bytes_get_size (payload), PAYLOAD,
                   strlen (PAYLOAD));
}

static void
assert_fails (GBytes *envelope, const VtPublicKey *key, VtDsseError code, const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vt_dsse_verify (envelope, TYPE, key, &error));
  g_assert_error (error, VT_DSSE_ERROR, (int)code);
  if (strstr (error->message, message) == NULL)
    g_error ("'%s' is not in '%s'", message, error->message);
}

static void
assert_text_fails (const char *text, const VtPublicKey *key, VtDsseError code, const char *message)
{
  g_autoptr (GBytes) envelope = bytes_of (text);

  assert_fails (envelope, key, code, message);
}

static void
assert_parts_fail (Parts parts, const VtPublicKey *key, VtDsseError code, const char *message)
{
  g_autofree char *text = put_together (&parts);

  assert_text_fails (text, key, code, message);
}

static GBytes *
sign (const VtPrivateKey *key, const char *type, GBytes *payload)
{
  g_autoptr (GError) error = NULL;
  GBytes *envelope = vt_dsse_sign (type, payload, key, &error);

  g_assert_no_error (error);
  return envelope;
}

static void
test_the_vector (KeyFixture *fixture, gconstpointer data)
{
  static const char vector[] =
      "{\"payloadType\":\"" TYPE "\",\"payload\":\"" VECTOR_PAYLOAD
      "\",\"signatures\":[{\"keyid\":\"" VECTOR_KEYID "\",\"sig\":\"" VECTOR_SIG "\"}]}";
  g_autoptr (VtPrivateKey) key = make_known_key (fixture);
  g_autoptr (GBytes) payload = bytes_of (PAYLOAD);
  g_autoptr (GBytes) envelope = sign (key, TYPE, payload);

  g_assert_cmpmem (g_bytes_get_data (envelope, NULL), g_bytes_get_size (envelope), vector,
                   strlen (vector));
  assert_verifies (vector, vt_private_key_get_public (key));
}

static void
test_any_payload_comes_back (void)
{
  g_autoptr (VtPrivateKey) key = make_key ();
  static const gsize sizes[] = {0, 1, 2, 3, 64, 1000, 700 * 1024};
  g_autofree guint8 *bytes = g_malloc0 (700 * 1024);

  for (gsize i = 0; i < 700 * 1024; i++)
    bytes[i] = (guint8)(i * 7 + i / 256);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GBytes) payload = g_bytes_new (bytes, sizes[i]);
    g_autoptr (GBytes) envelope = sign (key, "t", payload);
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) again =
        vt_dsse_verify (envelope, "t", vt_private_key_get_public (key), &error);

    g_assert_no_error (error);
    g_assert_true (g_bytes_equal (payload, again));
  }
}

/* Nothing of ours: openssl(1) and a JSON parser of Python's, as the documents tell people to do. */
static void
test_openssl_verifies_what_is_signed (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) key = make_key ();
  g_autoptr (GBytes) payload = bytes_of (PAYLOAD);
  g_autoptr (GBytes) envelope = sign (key, TYPE, payload);
  g_autofree char *public = file_of (fixture, "our.pub");

  g_assert_true (vt_public_key_write (vt_private_key_get_public (key), public, NULL));
  write_text (fixture, "envelope", g_bytes_get_data (envelope, NULL),
              (gssize)g_bytes_get_size (envelope));
  run_script (
      fixture->dir,
      "/usr/bin/python3 - <<'PYTHON'\n"
      "import base64, json\n"
      "envelope = json.load(open('envelope', encoding='utf-8'))\n"
      "kind = envelope['payloadType'].encode()\n"
      "body = base64.b64decode(envelope['payload'], validate=True)\n"
      "(signature,) = envelope['signatures']\n"
      "open('signed', 'wb').write(b'DSSEv1 %d %s %d %s' % (len(kind), kind, len(body), body))\n"
      "open('signature', 'wb').write(base64.b64decode(signature['sig'], validate=True))\n"
      "PYTHON\n"
      "openssl pkeyutl -verify -pubin -inkey our.pub -rawin -in signed -sigfile signature\n"
      "printf x >>signed\n"
      "! openssl pkeyutl -verify -pubin -inkey our.pub -rawin -in signed "
      "-sigfile signature");
}

static void
test_what_openssl_signs_verifies (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPublicKey) key = NULL;
  g_autoptr (GBytes) text = NULL;
  g_autofree char *envelope = NULL;

  write_text (fixture, "payload", PAYLOAD, -1);
  run_script (fixture->dir,
              "openssl genpkey -algorithm ed25519 -out their.key\n"
              "openssl pkey -in their.key -pubout -out their.pub\n"
              "{ printf 'DSSEv1 28 " TYPE " 19 '; cat payload; } >signed\n"
              "openssl pkeyutl -sign -inkey their.key -rawin -in signed -out signature\n"
              "/usr/bin/python3 - <<'PYTHON'\n"
              "import base64, json\n"
              "def text(name):\n"
              "    return base64.b64encode(open(name, 'rb').read()).decode()\n"
              "signature = {'sig': text('signature'), 'keyid': 'theirs', 'cert': 'unknown'}\n"
              "json.dump({'signatures': [signature], 'payload': text('payload'), 'more': {},\n"
              "           'payloadType': '" TYPE "'}, open('envelope', 'w'), indent=2)\n"
              "PYTHON");
  key = load_public (fixture, "their.pub");
  text = read_bytes (fixture, "envelope");
  envelope = g_strndup (g_bytes_get_data (text, NULL), g_bytes_get_size (text));
  assert_verifies (envelope, key);
}

static void
test_key_ids_are_hints (KeyFixture *fixture, gconstpointer data)
{
  static const char *const keyids[] = {NULL, "null", "\"\"", "\"another\"", "\"" VECTOR_KEYID "\""};
  g_autoptr (VtPrivateKey) key = make_known_key (fixture);

  for (guint i = 0; i < G_N_ELEMENTS (keyids); i++) {
    g_autofree char *text = put_together (&(const Parts){VECTOR_PAYLOAD, keyids[i], VECTOR_SIG});

    assert_verifies (text, vt_private_key_get_public (key));
  }
}

static void
test_both_alphabets_are_read (void)
{
  /* Of this payload, and some of the signatures, each has bytes that look different. */
  static const guint8 bytes[] = {0xfb, 0xff, 0xfe, 0x3e};
  g_autoptr (GBytes) payload = g_bytes_new_static (bytes, sizeof bytes);
  gboolean differed = FALSE;

  while (!differed) {
    g_autoptr (VtPrivateKey) key = make_key ();
    g_autoptr (GBytes) envelope = sign (key, "t", payload);
    g_autofree char *text =
        g_strndup (g_bytes_get_data (envelope, NULL), g_bytes_get_size (envelope));
    g_autoptr (GBytes) url_safe = NULL;
    g_autoptr (GBytes) again = NULL;
    g_autoptr (GError) error = NULL;

    differed = strchr (strstr (text, "\"sig\""), '+') != NULL;
    g_strdelimit (text, "+", '-');
    g_strdelimit (text, "/", '_');
    url_safe = bytes_of (text);
    again = vt_dsse_verify (url_safe, "t", vt_private_key_get_public (key), &error);
    g_assert_no_error (error);
    g_assert_true (g_bytes_equal (again, payload));
  }
}

static void
test_base64_is_strict (KeyFixture *fixture, gconstpointer data)
{
  static const char *const payloads[] = {"eyJoZWxsbyI6InfDtnJsZCJ9Cg",
                                         "eyJoZWxsbyI6InfDtnJsZCJ9Cg=",
                                         "eyJoZWxsbyI6InfDtnJsZCJ9Ch==",
                                         "eyJoZWxsbyI6InfDtnJsZCJ9Cg===",
                                         "eyJoZWxs byI6InfDtnJsZCJ9Cg==",
                                         "eyJoZWxs\\nbyI6InfDtnJsZCJ9Cg==",
                                         "=eyJoZWxsbyI6InfDtnJsZCJ9Cg=",
                                         "eyJoZWxsbyI6InfDtnJsZCJ9Cg==eyJo",
                                         "+_+_",
                                         "eyJoZWxsbyI6InfDtnJsZCJ9Cg==\\u00e9"};
  g_autoptr (VtPrivateKey) key = make_known_key (fixture);
  const VtPublicKey *public = vt_private_key_get_public (key);

  for (guint i = 0; i < G_N_ELEMENTS (payloads); i++)
    assert_parts_fail ((Parts){payloads[i], NULL, VECTOR_SIG}, public, VT_DSSE_ERROR_MALFORMED,
                       "payload is no base64");
  assert_parts_fail ((Parts){VECTOR_PAYLOAD, NULL, "AA=A"}, public, VT_DSSE_ERROR_MALFORMED,
                     "signature that is no base64");
}

static void
test_other_keys_are_named (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) key = make_known_key (fixture);
  g_autoptr (VtPrivateKey) other = make_key ();
  const VtPublicKey *public = vt_private_key_get_public (other);
  g_autofree char *ours = g_strdup_printf ("not by %.16s...", vt_public_key_get_id (public));

  assert_parts_fail ((Parts){VECTOR_PAYLOAD, "\"" VECTOR_KEYID "\"", VECTOR_SIG}, public,
                     VT_DSSE_ERROR_OTHER_KEY, "(06e3fd8fda29bb60...)");
  assert_parts_fail ((Parts){VECTOR_PAYLOAD, "\"short\"", VECTOR_SIG}, public,
                     VT_DSSE_ERROR_OTHER_KEY, "(short)");
  assert_parts_fail ((Parts){VECTOR_PAYLOAD, "\"a\\u001b[31m\\u202e\"", VECTOR_SIG}, public,
                     VT_DSSE_ERROR_OTHER_KEY, "(a?[31m??\?)");
  assert_parts_fail ((Parts){VECTOR_PAYLOAD, NULL, VECTOR_SIG}, public, VT_DSSE_ERROR_OTHER_KEY,
                     "(without a name)");
  assert_parts_fail ((Parts){VECTOR_PAYLOAD, NULL, ""}, public, VT_DSSE_ERROR_OTHER_KEY, ours);
}

static void
test_a_changed_envelope_is_told (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) key = make_known_key (fixture);
  const VtPublicKey *public = vt_private_key_get_public (key);
  const char *keyid = "\"" VECTOR_KEYID "\"";
  g_autofree char *text = put_together (&(const Parts){VECTOR_PAYLOAD, keyid, VECTOR_SIG});
  g_autofree char *retyped = NULL;
  g_autoptr (GBytes) envelope = NULL;

  assert_parts_fail ((Parts){"eyJoZWxsbyI6InfDtnJsZCJ8Cg==", keyid, VECTOR_SIG}, public,
                     VT_DSSE_ERROR_BAD_SIGNATURE, "does not match");
  assert_parts_fail ((Parts){"", keyid, VECTOR_SIG}, public, VT_DSSE_ERROR_BAD_SIGNATURE,
                     "does not match");
  assert_parts_fail ((Parts){VECTOR_PAYLOAD, keyid, ""}, public, VT_DSSE_ERROR_BAD_SIGNATURE,
                     "does not match");
  /* The type is signed too: who asks for another one gets nothing, and nothing if it is changed. */
  *strstr (text, "example") = 'f';
  assert_text_fails (text, public, VT_DSSE_ERROR_TYPE, "'application/vnd....', not '" TYPE "'");
  envelope = bytes_of (text);
  {
    g_autoptr (GError) error = NULL;

    g_assert_null (vt_dsse_verify (envelope, "application/vnd.fxample+json", public, &error));
    g_assert_error (error, VT_DSSE_ERROR, VT_DSSE_ERROR_BAD_SIGNATURE);
  }
}

/* "a" and "bc" must not be signed as "ab" and "c" are: the lengths are part of it. */
static void
test_type_and_payload_do_not_run_together (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) key = make_known_key (fixture);
  g_autoptr (GBytes) one = bytes_of ("3 b");
  g_autoptr (GBytes) other = bytes_of ("b");
  g_autoptr (GBytes) first = sign (key, "a", one);
  g_autoptr (GBytes) second = sign (key, "a 3", other);
  const char *first_text = g_bytes_get_data (first, NULL);
  const char *second_text = g_bytes_get_data (second, NULL);

  g_assert_cmpint (strncmp (strstr (first_text, "\"sig\""), strstr (second_text, "\"sig\""), 94),
                   !=, 0);
}

static char *
repeat_signature (guint count, const char *last)
{
  GString *text = g_string_new ("{\"payloadType\":\"" TYPE "\",\"payload\":\"" VECTOR_PAYLOAD
                                "\",\"signatures\":[");

  for (guint i = 0; i + 1 < count; i++)
    g_string_append_printf (text, "{\"keyid\":\"key%u\",\"sig\":\"AAAA\"},", i);
  if (count > 0)
    g_string_append_printf (text, "{\"sig\":\"%s\"}", last);
  g_string_append (text, "]}");
  return g_string_free (text, FALSE);
}

static void
test_one_of_several_signatures_is_enough (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) key = make_known_key (fixture);
  const VtPublicKey *public = vt_private_key_get_public (key);
  g_autofree char *none = repeat_signature (0, "");
  g_autofree char *most = repeat_signature (VT_DSSE_SIGNATURES_MAX, VECTOR_SIG);
  g_autofree char *more = repeat_signature (VT_DSSE_SIGNATURES_MAX + 1, VECTOR_SIG);
  g_autofree char *wrong = repeat_signature (VT_DSSE_SIGNATURES_MAX, "AAAA");

  assert_verifies (most, public);
  assert_text_fails (more, public, VT_DSSE_ERROR_MALFORMED, "has 17 signatures; it takes 1 to 16");
  assert_text_fails (none, public, VT_DSSE_ERROR_MALFORMED, "has 0 signatures");
  assert_text_fails (wrong, public, VT_DSSE_ERROR_OTHER_KEY, "(key0, key1, key2, and more)");
}

static void
test_what_is_no_envelope_is_refused (KeyFixture *fixture, gconstpointer data)
{
  static const char *const texts[] = {
      "",
      " \n",
      "[]",
      "\"text\"",
      "{",
      "{}",
      "null",
      "var envelope = {}",
      "{\"payloadType\":\"" TYPE "\",\"payload\":\"\",/**/\"signatures\":[{\"sig\":\"\"}]}",
      "{'payloadType':\"" TYPE "\",\"payload\":\"\",\"signatures\":[{\"sig\":\"\"}]}",
      "{\"payloadType\":\"" TYPE "\",\"payload\":\"\",\"signatures\":[{\"sig\":\"\"}",
      "{\"\\",
      "{\"payloadType\":\"" TYPE "\",\"payload\":\"\"}",
      "{\"payloadType\":\"" TYPE "\",\"payload\":\"\",\"signatures\":{}}",
      "{\"payloadType\":\"" TYPE "\",\"payload\":\"\",\"signatures\":[1]}",
      "{\"payloadType\":\"" TYPE "\",\"payload\":\"\",\"signatures\":[null]}",
      "{\"payloadType\":\"" TYPE "\",\"payload\":\"\",\"signatures\":[{}]}",
      "{\"payloadType\":\"" TYPE "\",\"payload\":\"\",\"signatures\":[{\"sig\":1}]}",
      "{\"payloadType\":\"" TYPE "\",\"payload\":\"\",\"signatures\":[{\"sig\":\"\",\"keyid\":1}]}",
      "{\"payloadType\":\"" TYPE
      "\",\"payload\":\"\",\"signatures\":[{\"sig\":\"\",\"keyid\":{}}]}",
      "{\"payloadType\":\"" TYPE "\",\"payload\":{},\"signatures\":[{\"sig\":\"\"}]}",
      "{\"payloadType\":\"\",\"payload\":\"\",\"signatures\":[{\"sig\":\"\"}]}",
      "{\"payloadType\":3,\"payload\":\"\",\"signatures\":[{\"sig\":\"\"}]}",
      "{\"payload\":\"\",\"signatures\":[{\"sig\":\"\"}]}",
      "{\"payloadType\":\"\xff\",\"payload\":\"\",\"signatures\":[{\"sig\":\"\"}]}",
  };
  g_autoptr (VtPrivateKey) key = make_known_key (fixture);
  const VtPublicKey *public = vt_private_key_get_public (key);
  g_autofree char *good = put_together (&(const Parts){VECTOR_PAYLOAD, NULL, VECTOR_SIG});
  g_autofree char *with_more = g_strconcat (good, "{}", NULL);
  g_autoptr (GBytes) with_nul = g_bytes_new (good, strlen (good) + 1);
  gsize size = strlen (good);

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_text_fails (texts[i], public, VT_DSSE_ERROR_MALFORMED, "");
  assert_text_fails (with_more, public, VT_DSSE_ERROR_MALFORMED, "");
  assert_fails (with_nul, public, VT_DSSE_ERROR_MALFORMED, "UTF-8");
  for (gsize i = 0; i < size - 2; i++) {
    g_autoptr (GBytes) cut = g_bytes_new (good, i);

    assert_fails (cut, public, VT_DSSE_ERROR_MALFORMED, "");
  }
}

static void
test_envelopes_are_bounded (KeyFixture *fixture, gconstpointer data)
{
  g_autoptr (VtPrivateKey) key = make_known_key (fixture);
  const VtPublicKey *public = vt_private_key_get_public (key);
  g_autofree char *text = put_together (&(const Parts){VECTOR_PAYLOAD, NULL, VECTOR_SIG});
  g_autofree char *blank = g_strnfill (VT_DSSE_ENVELOPE_MAX - strlen (text), ' ');
  g_autofree char *largest = g_strconcat (blank, text, NULL);
  g_autofree char *larger = g_strconcat (" ", largest, NULL);
  g_autofree char *levels = g_strnfill (500 * 1024, '[');
  g_autofree char *deep = g_strdup_printf ("{\"more\":%s", levels);
  g_autofree char *long_type = g_strnfill (257, 'x');
  g_autofree guint8 *zeros = g_malloc0 (VT_DSSE_ENVELOPE_MAX);
  g_autoptr (GBytes) small = bytes_of ("x");
  const gsize sizes[] = {VT_DSSE_ENVELOPE_MAX * 3 / 4, VT_DSSE_ENVELOPE_MAX};

  assert_verifies (largest, public);
  assert_text_fails (larger, public, VT_DSSE_ERROR_MALFORMED,
                     "1048577 bytes, the limit is 1048576");
  assert_text_fails (deep, public, VT_DSSE_ERROR_MALFORMED, "more than 16 levels");
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (GBytes) payload = g_bytes_new (zeros, sizes[i]);
    g_autoptr (GError) error = NULL;

    g_assert_null (vt_dsse_sign (TYPE, payload, key, &error));
    g_assert_error (error, VT_DSSE_ERROR, VT_DSSE_ERROR_MALFORMED);
  }
  for (const char *const *type = (const char *const[]){"", long_type, "\xff", NULL}; *type != NULL;
       type++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (vt_dsse_sign (*type, small, key, &error));
    g_assert_error (error, VT_DSSE_ERROR, VT_DSSE_ERROR_MALFORMED);
  }
}

static void
test_a_peek_believes_nothing_and_shows_all (void)
{
  g_autofree char *text = repeat_signature (2, "AAAA");
  g_autoptr (GBytes) envelope = bytes_of (text);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) keyids = NULL;
  g_autoptr (GBytes) payload = vt_dsse_peek_unverified (envelope, TYPE, &keyids, &error);
  const char *const expected[] = {"key0", "", NULL};

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (payload, NULL), g_bytes_get_size (payload), PAYLOAD,
                   strlen (PAYLOAD));
  g_assert_cmpstrv (keyids, expected);
  g_clear_pointer (&keyids, g_strfreev);
  g_assert_null (vt_dsse_peek_unverified (envelope, "other", &keyids, &error));
  g_assert_error (error, VT_DSSE_ERROR, VT_DSSE_ERROR_TYPE);
  g_assert_null (keyids);
}

#define ADD(name, function)                                                                        \
  g_test_add ("/dsse/" name, KeyFixture, NULL, key_fixture_set_up, function, key_fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("the-vector", test_the_vector);
  g_test_add_func ("/dsse/any-payload-comes-back", test_any_payload_comes_back);
  ADD ("openssl-verifies-what-is-signed", test_openssl_verifies_what_is_signed);
  ADD ("what-openssl-signs-verifies", test_what_openssl_signs_verifies);
  ADD ("key-ids-are-hints", test_key_ids_are_hints);
  g_test_add_func ("/dsse/both-alphabets-are-read", test_both_alphabets_are_read);
  ADD ("base64-is-strict", test_base64_is_strict);
  ADD ("other-keys-are-named", test_other_keys_are_named);
  ADD ("a-changed-envelope-is-told", test_a_changed_envelope_is_told);
  ADD ("type-and-payload-do-not-run-together", test_type_and_payload_do_not_run_together);
  ADD ("one-of-several-signatures-is-enough", test_one_of_several_signatures_is_enough);
  ADD ("what-is-no-envelope-is-refused", test_what_is_no_envelope_is_refused);
  ADD ("envelopes-are-bounded", test_envelopes_are_bounded);
  g_test_add_func ("/dsse/a-peek-believes-nothing-and-shows-all",
                   test_a_peek_believes_nothing_and_shows_all);
  return g_test_run ();
}
