// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What is changed in an image to make it a template, and what is not installed there. */
#include "../src/templater/vt-seed-edits.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vt-paths.h"
#include "vt-template-open.h"

/* Edits before those of the files to install. */
#define OWN_EDITS 9

typedef struct {
  char *dir; /* what is to be installed */
  GPtrArray *edits;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->dir = g_dir_make_tmp ("vt-seed-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->edits = vt_image_edits_new ();
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_ptr_array_unref (fixture->edits);
  vt_paths_remove_tree (fixture->dir);
  g_free (fixture->dir);
}

static char *
path_of (Fixture *fixture, const char *name)
{
  return g_build_filename (fixture->dir, name, NULL);
}

static void
make_directory (Fixture *fixture, const char *name, mode_t mode)
{
  g_autofree char *path = path_of (fixture, name);

  g_assert_cmpint (g_mkdir_with_parents (path, 0755), ==, 0);
  g_assert_cmpint (chmod (path, mode), ==, 0);
}

static void
make_file (Fixture *fixture, const char *name, mode_t mode)
{
  g_autofree char *path = path_of (fixture, name);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, name, -1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (chmod (path, mode), ==, 0);
}

static void
make_link (Fixture *fixture, const char *name, const char *text)
{
  g_autofree char *path = path_of (fixture, name);

  g_assert_cmpint (symlink (text, path), ==, 0);
}

static void
add_first_edits (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_seed_add_first_edits (fixture->edits, "/run/key.pub", fixture->dir, &error));
  g_assert_no_error (error);
}

static void
assert_refused (Fixture *fixture, GIOErrorEnum code, const char *name, const char *message)
{
  g_autofree char *start = g_strdup_printf ("--agent: %s%s", fixture->dir, name);
  g_autoptr (GError) error = NULL;

  g_assert_false (vt_seed_add_first_edits (fixture->edits, "/run/key.pub", fixture->dir, &error));
  g_test_message ("%s", error->message);
  g_assert_error (error, G_IO_ERROR, (int)code);
  g_assert_true (g_str_has_prefix (error->message, start));
  g_assert_true (g_str_has_suffix (error->message, message));
}

/* One line for each edit, from the one with number FIRST on. */
static char *
list_edits (Fixture *fixture, guint first)
{
  static const char *const kinds[VT_EDIT_N_KINDS] = {
      [VT_EDIT_MKDIR] = "mkdir",
      [VT_EDIT_UPLOAD] = "upload",
      [VT_EDIT_SYMLINK] = "symlink",
      [VT_EDIT_REMOVE] = "remove",
      [VT_EDIT_REMOVE_TREE] = "remove-tree",
      [VT_EDIT_CHMOD] = "chmod",
  };
  GString *text = g_string_new (NULL);

  for (guint i = first; i < fixture->edits->len; i++) {
    const VtImageEdit *edit = g_ptr_array_index (fixture->edits, i);
    const char *source = edit->source;

    /* From where it is installed, without the directory's name. */
    if (g_str_has_prefix (source, fixture->dir))
      source += strlen (fixture->dir);
    g_string_append_printf (text, "%s %s %s %o%s\n", kinds[edit->kind], edit->path, source,
                            edit->mode, edit->missing_ok ? " missing-ok" : "");
    g_assert_cmpuint (edit->uid, ==, 0);
    g_assert_cmpuint (edit->gid, ==, 0);
  }
  return g_string_free (text, FALSE);
}

static void
test_place_for_the_cache (Fixture *fixture, gconstpointer data)
{
  g_autofree char *edits = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (vt_seed_add_first_edits (fixture->edits, "/run/key.pub", NULL, &error));
  g_assert_no_error (error);
  edits = list_edits (fixture, 0);
  g_assert_cmpstr (edits, ==,
                   "mkdir /etc  755\n"
                   "mkdir /etc/vtemplater  755\n"
                   "mkdir /var  755\n"
                   "mkdir /var/lib  755\n"
                   "mkdir /var/lib/vtemplater  755\n"
                   "mkdir /var/lib/vtemplater/template  755\n"
                   "remove /var/lib/vtemplater/template/clean.dsse.json  0 missing-ok\n"
                   "remove /var/lib/vtemplater/template/clean.db  0 missing-ok\n"
                   "upload /etc/vtemplater/template.pub /run/key.pub 644\n");
  g_assert_cmpuint (fixture->edits->len, ==, OWN_EDITS);
}

static void
test_directory_tree (Fixture *fixture, gconstpointer data)
{
  g_autofree char *edits = NULL;

  make_directory (fixture, "usr/bin", 0755);
  make_directory (fixture, "etc", 0750);
  make_directory (fixture, "empty", 01777);
  make_file (fixture, "usr/bin/agent", 04755);
  make_file (fixture, "etc/agent.conf", 0600);
  make_file (fixture, "etc/with space\xff", 0640);
  make_link (fixture, "usr/bin/a-link", "agent");
  make_link (fixture, "etc/absolute", "/nowhere/at/all");
  add_first_edits (fixture);
  edits = list_edits (fixture, OWN_EDITS);
  g_assert_cmpstr (edits, ==,
                   "mkdir /empty  1777\n"
                   "mkdir /etc  750\n"
                   "symlink /etc/absolute /nowhere/at/all 0\n"
                   "upload /etc/agent.conf /etc/agent.conf 600\n"
                   "upload /etc/with space\xff /etc/with space\xff 640\n"
                   "mkdir /usr  755\n"
                   "mkdir /usr/bin  755\n"
                   "symlink /usr/bin/a-link agent 0\n"
                   "upload /usr/bin/agent /usr/bin/agent 4755\n");
}

static void
test_relative_directory (Fixture *fixture, gconstpointer data)
{
  g_autofree char *name = g_path_get_basename (fixture->dir);
  g_autofree char *parent = g_path_get_dirname (fixture->dir);
  g_autofree char *before = g_get_current_dir ();
  g_autofree char *edits = NULL;
  g_autoptr (GError) error = NULL;

  make_file (fixture, "file", 0644);
  g_assert_cmpint (g_chdir (parent), ==, 0);
  g_assert_true (vt_seed_add_first_edits (fixture->edits, "/run/key.pub", name, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_chdir (before), ==, 0);
  edits = list_edits (fixture, OWN_EDITS);
  g_assert_cmpstr (edits, ==, "upload /file /file 644\n");
}

static void
test_odd_files (Fixture *fixture, gconstpointer data)
{
  g_autofree char *pipe = path_of (fixture, "pipe");

  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  assert_refused (fixture, G_IO_ERROR_INVALID_ARGUMENT, "/pipe",
                  "neither a file, a directory nor a symbolic link");
}

/* A directory that is a link is no directory to be installed: its link is. */
static void
test_links_are_not_followed (Fixture *fixture, gconstpointer data)
{
  g_autofree char *edits = NULL;

  make_link (fixture, "loop", ".");
  make_link (fixture, "host", "/etc");
  add_first_edits (fixture);
  edits = list_edits (fixture, OWN_EDITS);
  g_assert_cmpstr (edits, ==, "symlink /host /etc 0\nsymlink /loop . 0\n");
}

static void
make_files (Fixture *fixture, guint n)
{
  for (guint i = 0; i < n; i++) {
    g_autofree char *name = g_strdup_printf ("file-%03u", i);

    make_file (fixture, name, 0644);
  }
}

static void
test_as_many_as_can_be (Fixture *fixture, gconstpointer data)
{
  make_files (fixture, VT_IMAGE_EDITS_MAX - OWN_EDITS);
  add_first_edits (fixture);
  g_assert_cmpuint (fixture->edits->len, ==, VT_IMAGE_EDITS_MAX);
}

static void
test_too_many (Fixture *fixture, gconstpointer data)
{
  make_files (fixture, VT_IMAGE_EDITS_MAX - OWN_EDITS + 1);
  assert_refused (fixture, G_IO_ERROR_INVALID_ARGUMENT, "/file-247",
                  "more than 256 files, directories and links");
}

static void
make_depth (Fixture *fixture, guint depth)
{
  g_autoptr (GString) path = g_string_new ("d");

  for (guint i = 1; i < depth; i++)
    g_string_append (path, "/d");
  make_directory (fixture, path->str, 0755);
}

static void
test_as_deep_as_can_be (Fixture *fixture, gconstpointer data)
{
  make_depth (fixture, 31);
  add_first_edits (fixture);
  g_assert_cmpuint (fixture->edits->len, ==, OWN_EDITS + 31);
}

static void
test_too_deep (Fixture *fixture, gconstpointer data)
{
  make_depth (fixture, 32);
  assert_refused (fixture, G_IO_ERROR_INVALID_ARGUMENT, "/d/d/", "nested deeper than 32");
}

static void
test_no_directory (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (
      vt_seed_add_first_edits (fixture->edits, "/run/key.pub", "/nowhere/agent", &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_assert_true (g_str_has_prefix (error->message, "--agent: "));
  g_assert_nonnull (strstr (error->message, "/nowhere/agent"));
}

static void
test_last_edits (Fixture *fixture, gconstpointer data)
{
  const VtMadeTemplate made = {.database = {.fd = 42}};
  g_autofree char *edits = NULL;
  g_autofree char *expected =
      g_strdup_printf ("upload " VT_TEMPLATE_DATABASE " /proc/%d/fd/42 644\n"
                       "upload " VT_TEMPLATE_ENVELOPE " /run/envelope 644\n",
                       (int)getpid ());

  vt_seed_add_last_edits (fixture->edits, &made, "/run/envelope");
  edits = list_edits (fixture, 0);
  g_assert_cmpstr (edits, ==, expected);
}

static void
add (const char *path, void (*test) (Fixture *, gconstpointer))
{
  g_test_add (path, Fixture, NULL, set_up, test, tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/seed-edits/place-for-the-cache", test_place_for_the_cache);
  add ("/seed-edits/directory-tree", test_directory_tree);
  add ("/seed-edits/relative-directory", test_relative_directory);
  add ("/seed-edits/odd-files", test_odd_files);
  add ("/seed-edits/links-are-not-followed", test_links_are_not_followed);
  add ("/seed-edits/as-many-as-can-be", test_as_many_as_can_be);
  add ("/seed-edits/too-many", test_too_many);
  add ("/seed-edits/as-deep-as-can-be", test_as_deep_as_can_be);
  add ("/seed-edits/too-deep", test_too_deep);
  add ("/seed-edits/no-directory", test_no_directory);
  add ("/seed-edits/last-edits", test_last_edits);
  return g_test_run ();
}
