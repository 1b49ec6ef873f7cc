// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Files that are written as text: whole, damaged, and text that only looks like one. */
#include <string.h>

#include "vt-engine-encoded.h"

/* What is decoded, with a bar behind each file, in BinHex behind each fork. */
static VtReason
on_begin (gpointer text)
{
  return VT_REASON_NONE;
}

static VtReason
on_add (gpointer text, const void *data, gsize size)
{
  g_string_append_len (text, data, (gssize)size);
  return VT_REASON_NONE;
}

static void
on_end (gpointer text)
{
  g_string_append_c (text, '|');
}

static const VtEngineDecoded funcs = {on_begin, on_add, on_end};

typedef VtReason (*ListFunc) (const guint8 *data,
                              gsize size,
                              const VtEngineDecoded *funcs,
                              gpointer user_data);

static void
assert_decoded (ListFunc list, const char *text, VtReason reason, const char *expected)
{
  g_autoptr (GString) decoded = g_string_new (NULL);

  g_test_message ("%s", text);
  g_assert_cmpint (list ((const guint8 *)text, strlen (text), &funcs, decoded), ==, reason);
  if (expected != NULL)
    g_assert_cmpstr (decoded->str, ==, expected);
}

#define CAT "begin 644 cat\n#0V%T\n`\nend\n"

static void
test_uu (void)
{
  static const struct {
    const char *text;
    VtReason reason;
    const char *decoded;
  } texts[] = {
      {CAT, VT_REASON_NONE, "Cat|"},
      {"before\n" CAT "between\n" CAT, VT_REASON_NONE, "Cat|Cat|"},
      {"begin 0755 a name\r\n#0V%T\r\n`\r\nend\r\n", VT_REASON_NONE, "Cat|"},
      /* A sum behind the line; blanks that got lost at its end. */
      {"begin 644 cat\n#0V%TX\nend\n", VT_REASON_NONE, "Cat|"},
      {"begin 644 zero\n!\n`\nend\n", VT_REASON_NONE, NULL},
      {"begin 644 cat\n#0V%T\n`\nen", VT_REASON_DAMAGED, NULL},
      {"begin 644 cat\n#0V%T\n", VT_REASON_DAMAGED, NULL},
      {"begin 644 cat\n#0V%T\n#0V%Txyz\n`\nend\n", VT_REASON_DAMAGED, NULL},
      {"begin 644 cat\n#0V%T\n#0v%T\n`\nend\n", VT_REASON_DAMAGED, NULL},
      /* Sentences. */
      {"begin at 644 the end", VT_REASON_NONE, ""},
      {"begin 644 of them all\nand then a line of text\n", VT_REASON_NONE, ""},
      {" " CAT, VT_REASON_NONE, ""},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_decoded (vt_engine_encoded_list_uu, texts[i].text, texts[i].reason, texts[i].decoded);
}

#define HEAD "(This file must be converted with BinHex 4.0)\n\n"

/* "Cat", with a run of dots behind it, in the file "c". */
#define DIGITS                                                                                     \
  ":!@-!9%9B9&4&@&3!!!!!!!d!!!!!k8P$BA3ZN!S\n"                                                     \
  "iB3!!:\n"

static void
test_binhex (void)
{
  static const struct {
    const char *text;
    VtReason reason;
    const char *decoded;
  } texts[] = {
      {HEAD DIGITS, VT_REASON_NONE, "Cat..........||"},
      {"before\n" HEAD DIGITS "\n" HEAD DIGITS, VT_REASON_NONE, "Cat..........||Cat..........||"},
      {"print (\"" HEAD "\")", VT_REASON_NONE, ""},
      {"(This file must be converted with BinHex 4.0)\\n:')", VT_REASON_NONE, ""},
  };
  g_autofree char *whole = g_strdup (HEAD DIGITS);

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_decoded (vt_engine_encoded_list_binhex, texts[i].text, texts[i].reason,
                    texts[i].decoded);
  for (gsize size = strlen (HEAD) + 1; size < strlen (whole) - 1; size++) {
    g_autofree char *cut = g_strndup (whole, size);
    g_autofree char *flipped = g_strdup (whole);

    assert_decoded (vt_engine_encoded_list_binhex, cut, VT_REASON_DAMAGED, NULL);
    /* Of the last digit a part fills up the byte. */
    if (size < strlen (whole) - 3) {
      flipped[size] = flipped[size] == '!' ? 'r' : '!';
      assert_decoded (vt_engine_encoded_list_binhex, flipped, VT_REASON_DAMAGED, NULL);
    }
  }
}

static void
test_pages (void)
{
  static const struct {
    const char *text;
    VtReason reason;
  } pages[] = {
      {"<img src=\"data:image/png;base64,QUJD\">", VT_REASON_NONE},
      {"<img src=\"data:image/png;base64,QUJD", VT_REASON_DAMAGED},
      {"<img src=\"data:image/png;base64,QU\n JD\n", VT_REASON_DAMAGED},
      {"<img src=\"data:image/png;base64,", VT_REASON_DAMAGED},
      {"<p>words, words", VT_REASON_NONE},
      {"<p>base64,words", VT_REASON_NONE},
      {"", VT_REASON_NONE},
      {"QUJD", VT_REASON_NONE},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pages); i++)
    g_assert_cmpint (
        vt_engine_encoded_check_page ((const guint8 *)pages[i].text, strlen (pages[i].text)), ==,
        pages[i].reason);
}

/* Nothing is read beyond the end; the sanitizers would see it. */
static void
test_hostile (void)
{
  static const char whole[] = CAT HEAD DIGITS " src=\"data:image/png;base64,QUJD\">";
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (guint i = 0; i < 20000; i++) {
    g_autoptr (GString) decoded = g_string_new (NULL);
    gsize start = (gsize)g_rand_int_range (rand, 0, sizeof whole);
    gsize size = (gsize)g_rand_int_range (rand, 0, (gint32)(sizeof whole - start) + 1);
    g_autofree guint8 *copy = g_memdup2 (whole + start, size);

    for (guint n = 0; n < 3 && size > 0; n++)
      copy[g_rand_int_range (rand, 0, (gint32)size)] = (guint8)g_rand_int (rand);
    (void)vt_engine_encoded_list_uu (copy, size, &funcs, decoded);
    (void)vt_engine_encoded_list_binhex (copy, size, &funcs, decoded);
    (void)vt_engine_encoded_check_page (copy, size);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine-encoded/uu", test_uu);
  g_test_add_func ("/engine-encoded/binhex", test_binhex);
  g_test_add_func ("/engine-encoded/pages", test_pages);
  g_test_add_func ("/engine-encoded/hostile", test_hostile);
  return g_test_run ();
}
