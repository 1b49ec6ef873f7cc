// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <string.h>

#include "vt-config.h"
#include "vt-paths.h"

typedef struct {
  char *name;
  char *other;
  GStrv listen;
  GStrv none;
  gboolean wanted;
  guint64 jobs;
  guint64 room;
  guint64 patience;
} Values;

static const VtConfigField fields[] = {
    {"service", "name", VT_CONFIG_TEXT, G_STRUCT_OFFSET (Values, name), "unnamed", 0, 0},
    {"service", "other", VT_CONFIG_TEXT, G_STRUCT_OFFSET (Values, other), NULL, 0, 0},
    {"service", "listen", VT_CONFIG_LIST, G_STRUCT_OFFSET (Values, listen), "one", 0, 0},
    {"service", "none", VT_CONFIG_LIST, G_STRUCT_OFFSET (Values, none), NULL, 0, 0},
    {"engine", "wanted", VT_CONFIG_FLAG, G_STRUCT_OFFSET (Values, wanted), "true", 0, 0},
    {"engine", "jobs", VT_CONFIG_NUMBER, G_STRUCT_OFFSET (Values, jobs), "2", 1, 8},
    {"engine", "room", VT_CONFIG_SIZE, G_STRUCT_OFFSET (Values, room), "1K", 0, 1 << 30},
    {"engine", "patience", VT_CONFIG_DURATION, G_STRUCT_OFFSET (Values, patience), NULL, 0, 86400},
};

typedef struct {
  char *dir;
  char *file;
  Values values;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->dir = g_dir_make_tmp ("vt-config-XXXXXX", NULL);
  g_assert_nonnull (fixture->dir);
  fixture->file = g_build_filename (fixture->dir, "service.conf", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  vt_config_clear (fields, G_N_ELEMENTS (fields), &fixture->values);
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->file);
}

static gboolean
read_text (Fixture *fixture, const char *text, GError **error)
{
  g_assert_true (g_file_set_contents (fixture->file, text, -1, NULL));
  return vt_config_read (fixture->file, fields, G_N_ELEMENTS (fields), &fixture->values, error);
}

static void
assert_fallbacks (const Values *values)
{
  g_assert_cmpstr (values->name, ==, "unnamed");
  g_assert_null (values->other);
  g_assert_cmpuint (g_strv_length (values->listen), ==, 1);
  g_assert_cmpstr (values->listen[0], ==, "one");
  g_assert_cmpuint (g_strv_length (values->none), ==, 0);
  g_assert_true (values->wanted);
  g_assert_cmpuint (values->jobs, ==, 2);
  g_assert_cmpuint (values->room, ==, 1024);
  g_assert_cmpuint (values->patience, ==, 0);
}

static void
test_fallbacks (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_config_read (NULL, fields, G_N_ELEMENTS (fields), &fixture->values, &error));
  assert_fallbacks (&fixture->values);
}

static void
test_empty_file (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (read_text (fixture, "# nothing\n[service]\n", &error));
  assert_fallbacks (&fixture->values);
}

static void
test_values_are_taken (Fixture *fixture, gconstpointer data)
{
  const Values *values = &fixture->values;
  g_autoptr (GError) error = NULL;

  g_assert_true (read_text (fixture,
                            "[service]\nname = a b \nother=c\nlisten=; x;y ;;z\nnone=n\n"
                            "[engine]\nwanted=false\njobs=8\nroom=3 MiB\npatience=2h\n",
                            &error));
  g_assert_cmpstr (values->name, ==, "a b");
  g_assert_cmpstr (values->other, ==, "c");
  g_assert_cmpuint (g_strv_length (values->listen), ==, 3);
  g_assert_cmpstr (values->listen[0], ==, "x");
  g_assert_cmpstr (values->listen[1], ==, "y");
  g_assert_cmpstr (values->listen[2], ==, "z");
  g_assert_cmpstr (values->none[0], ==, "n");
  g_assert_false (values->wanted);
  g_assert_cmpuint (values->jobs, ==, 8);
  g_assert_cmpuint (values->room, ==, 3 * 1024 * 1024);
  g_assert_cmpuint (values->patience, ==, 7200);
}

static void
test_errors_say_where (Fixture *fixture, gconstpointer data)
{
  static const struct {
    const char *text;
    VtConfigError code;
    const char *message;
  } cases[] = {
      {"[servise]\n", VT_CONFIG_ERROR_KEY, "there is no group [servise]"},
      {"[service]\nnmae=x\n", VT_CONFIG_ERROR_KEY, "[service] has no key 'nmae'"},
      {"[service]\njobs=2\n", VT_CONFIG_ERROR_KEY, "[service] has no key 'jobs'"},
      {"[service]\nname=\n", VT_CONFIG_ERROR_VALUE, "[service] name: '' is not a text"},
      {"[engine]\njobs=many\n", VT_CONFIG_ERROR_VALUE, "[engine] jobs: 'many' is not a number"},
      {"[engine]\njobs=-1\n", VT_CONFIG_ERROR_VALUE, "'-1' is not a number"},
      {"[engine]\njobs=0\n", VT_CONFIG_ERROR_VALUE, "'0' is not from 1 to 8"},
      {"[engine]\njobs=9\n", VT_CONFIG_ERROR_VALUE, "'9' is not from 1 to 8"},
      {"[engine]\nroom=1T\n", VT_CONFIG_ERROR_VALUE, "'1T' is not a size"},
      {"[engine]\nroom=2G\n", VT_CONFIG_ERROR_VALUE, "is not from 0 to 1073741824"},
      {"[engine]\nroom=99999999999G\n", VT_CONFIG_ERROR_VALUE, "is not a size"},
      {"[engine]\npatience=2w\n", VT_CONFIG_ERROR_VALUE, "'2w' is not a time"},
      {"[engine]\npatience=999999999999999999d\n", VT_CONFIG_ERROR_VALUE, "is not a time"},
      {"[engine]\nwanted=yes\n", VT_CONFIG_ERROR_VALUE, "'yes' is not true or false"},
      {"name=x\n", VT_CONFIG_ERROR_FILE, "group"},
      {"[service]\nname=\xff\n", VT_CONFIG_ERROR_VALUE, "[service] name: "},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (read_text (fixture, cases[i].text, &error));
    g_assert_error (error, VT_CONFIG_ERROR, (gint)cases[i].code);
    g_test_message ("%s", error->message);
    g_assert_true (g_str_has_prefix (error->message, fixture->file));
    g_assert_nonnull (strstr (error->message, cases[i].message));
    vt_config_clear (fields, G_N_ELEMENTS (fields), &fixture->values);
    memset (&fixture->values, 0, sizeof fixture->values);
  }
}

static void
test_missing_file (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (
      vt_config_read (fixture->file, fields, G_N_ELEMENTS (fields), &fixture->values, &error));
  g_assert_error (error, VT_CONFIG_ERROR, VT_CONFIG_ERROR_FILE);
  g_assert_true (g_str_has_prefix (error->message, fixture->file));
}

static void
assert_same (const Values *a, const Values *b)
{
  g_assert_cmpstr (a->name, ==, b->name);
  g_assert_cmpstr (a->other, ==, b->other);
  g_assert_cmpstrv (a->listen, b->listen);
  g_assert_cmpstrv (a->none, b->none);
  g_assert_true (a->wanted == b->wanted);
  g_assert_cmpuint (a->jobs, ==, b->jobs);
  g_assert_cmpuint (a->room, ==, b->room);
  g_assert_cmpuint (a->patience, ==, b->patience);
}

static void
test_printed_text_reads_back (Fixture *fixture, gconstpointer data)
{
  static const char *const texts[] = {
      "",
      "[service]\nname=a \\\\ b\\nc \xc3\xa4 #d=e\nother=[x]\nlisten=x;y z\nnone=\n",
      "[service]\nlisten=\nnone=\\sa\\tb;;\n[engine]\nwanted=false\njobs=8\n",
      "[engine]\nroom=0\npatience=0\n",
      "[engine]\nroom=1023\npatience=59\n",
      "[engine]\nroom=3M\npatience=90m\n",
      "[engine]\nroom=1025K\npatience=61\n",
      "[engine]\nroom=1G\npatience=1d\n",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *printed = NULL;
    Values before;

    g_assert_true (read_text (fixture, texts[i], &error));
    before = fixture->values;
    memset (&fixture->values, 0, sizeof fixture->values);
    printed = vt_config_print (fields, G_N_ELEMENTS (fields), &before);
    g_test_message ("%s", printed);
    g_assert_true (read_text (fixture, printed, &error));
    assert_same (&fixture->values, &before);
    vt_config_clear (fields, G_N_ELEMENTS (fields), &before);
    vt_config_clear (fields, G_N_ELEMENTS (fields), &fixture->values);
    memset (&fixture->values, 0, sizeof fixture->values);
  }
}

static void
test_all_keys_are_printed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *printed = NULL;

  g_assert_true (read_text (fixture, "[engine]\nroom=1025K\npatience=5400\n", &error));
  printed = vt_config_print (fields, G_N_ELEMENTS (fields), &fixture->values);
  g_assert_cmpstr (printed, ==,
                   "[service]\nname=unnamed\n#other=\nlisten=one\nnone=\n\n"
                   "[engine]\nwanted=true\njobs=2\nroom=1025K\npatience=90m\n");
}

#define ADD(name, function) g_test_add ("/config/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("fallbacks", test_fallbacks);
  ADD ("empty-file", test_empty_file);
  ADD ("values-are-taken", test_values_are_taken);
  ADD ("errors-say-where", test_errors_say_where);
  ADD ("missing-file", test_missing_file);
  ADD ("printed-text-reads-back", test_printed_text_reads_back);
  ADD ("all-keys-are-printed", test_all_keys_are_printed);
  return g_test_run ();
}
