// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The engine must find in the sandbox what it finds outside, and must not be killed there.
 */
#include <clamav.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "sandbox-situations.h"
#include "vt-fd.h"

/* The file that all of Debian's test files contain. */
#define SIGNATURE  "aa15bcf478d165efd2065190eb473bcb:544:ClamAV-Test-File\n"
#define TEST_FILES "/usr/share/clamav-testfiles"
/* Files taken from each directory of the system, and the largest. */
#define FILES_MAX     80
#define FILE_SIZE_MAX (2 * 1024 * 1024)

static const VtSandboxPolicy policy = {.tmp_size = (guint64)256 * 1024 * 1024,
                                       .address_space = (guint64)2 * 1024 * 1024 * 1024,
                                       .open_files = 256};

typedef struct {
  struct cl_engine *engine;
  GPtrArray *paths;
  GArray *contents; /* of memfds, one for each path */
  GPtrArray *expected;
  int results; /* a memfd that the sandboxed process writes a line for each content to */
} Fixture;

static char *
scan (struct cl_engine *engine, int fd)
{
  struct cl_scan_options options = {
      .general = CL_SCAN_GENERAL_ALLMATCHES | CL_SCAN_GENERAL_HEURISTICS,
      .parse = ~0u,
      .heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE};
  const char *name = NULL;
  unsigned long scanned = 0;
  cl_error_t result = cl_scandesc (fd, NULL, &name, &scanned, engine, &options);

  return g_strdup_printf ("%d %s %lu", result, name != NULL ? name : "-", scanned);
}

static struct cl_engine *
load_engine (void)
{
  g_autofree char *dir = g_dir_make_tmp ("test-sandbox-engine-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "test.hdb", NULL);
  struct cl_engine *engine = cl_engine_new ();
  unsigned int signatures = 0;

  g_assert_true (g_file_set_contents (path, SIGNATURE, -1, NULL));
  g_assert_cmpint (cl_load (path, engine, &signatures, CL_DB_STDOPT), ==, CL_SUCCESS);
  g_assert_cmpuint (signatures, ==, 1);
  cl_engine_set_num (engine, CL_ENGINE_DISABLE_CACHE, 1);
  g_assert_cmpint (cl_engine_compile (engine), ==, CL_SUCCESS);
  unlink (path);
  rmdir (dir);
  return engine;
}

static void
add_content (Fixture *fixture, const char *path, const char *data, gsize size)
{
  int fd = memfd_create ("content", MFD_CLOEXEC);

  g_assert_cmpint (write (fd, data, size), ==, (gssize)size);
  g_array_append_val (fixture->contents, fd);
  g_ptr_array_add (fixture->paths, g_strdup (path));
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (*(const char *const *)a, *(const char *const *)b);
}

/* Files come sorted, so that the same are taken every time. */
static void
add_files (Fixture *fixture, const char *dir_path, guint depth, guint *left)
{
  g_autoptr (GDir) dir = g_dir_open (dir_path, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_build_filename (dir_path, name, NULL));
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i<names->len && * left> 0; i++) {
    const char *path = names->pdata[i];
    g_autofree char *data = NULL;
    struct stat status;
    gsize size;

    if (lstat (path, &status) != 0)
      continue;
    if (S_ISDIR (status.st_mode) && depth > 0)
      add_files (fixture, path, depth - 1, left);
    if (!S_ISREG (status.st_mode) || status.st_size > FILE_SIZE_MAX ||
        !g_file_get_contents (path, &data, &size, NULL))
      continue;
    add_content (fixture, path, data, size);
    (*left)--;
  }
}

/* COMMAND writes an archive of the files in the directory $1 to its standard output. */
static void
add_archive (Fixture *fixture, const char *command)
{
  const char *argv[] = {"/bin/sh", "-c", command, "sh", TEST_FILES, NULL};
  GSubprocess *process = g_subprocess_newv (
      argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL);
  g_autoptr (GBytes) output = NULL;

  g_assert_true (g_subprocess_communicate (process, NULL, NULL, &output, NULL, NULL));
  if (g_subprocess_get_successful (process))
    add_content (fixture, command, g_bytes_get_data (output, NULL), g_bytes_get_size (output));
  else
    g_test_message ("skipped, the program is not here: %s", command);
  g_object_unref (process);
}

/* Text in character sets that the C library has converters for, each around a script. */
static void
add_documents (Fixture *fixture)
{
  static const char *const charsets[] = {"windows-1251", "UTF-16", "EUC-JP", "ISO-8859-5"};

  for (gsize i = 0; i < G_N_ELEMENTS (charsets); i++) {
    g_autofree char *page =
        g_strdup_printf ("<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; "
                         "charset=%s\"></head><body><script>var a = 1;</script>"
                         "\xd0\xd1\xd2\xd3</body></html>",
                         charsets[i]);

    add_content (fixture, charsets[i], page, strlen (page));
  }
}

static void
fixture_set_up (Fixture *fixture)
{
  static const struct {
    const char *dir;
    guint depth;
  } sources[] = {{"/usr/bin", 0}, {"/usr/lib", 2}, {"/usr/share/doc", 1}, {TEST_FILES, 0}};
  static const char *const archives[] = {"tar -cJ -C \"$1\" .", "tar -cz -C \"$1\" .",
                                         "cd \"$1\" && zip -q - clam.exe clam.pdf clam.ole.doc"};

  fixture->paths = g_ptr_array_new_with_free_func (g_free);
  fixture->contents = g_array_new (FALSE, FALSE, sizeof (int));
  fixture->expected = g_ptr_array_new_with_free_func (g_free);
  fixture->engine = load_engine ();
  fixture->results = memfd_create ("results", MFD_CLOEXEC);
  for (gsize i = 0; i < G_N_ELEMENTS (sources); i++) {
    guint left = FILES_MAX;

    add_files (fixture, sources[i].dir, sources[i].depth, &left);
  }
  if (g_file_test (TEST_FILES, G_FILE_TEST_IS_DIR)) {
    for (gsize i = 0; i < G_N_ELEMENTS (archives); i++)
      add_archive (fixture, archives[i]);
  }
  add_documents (fixture);
  for (guint i = 0; i < fixture->contents->len; i++)
    g_ptr_array_add (fixture->expected,
                     scan (fixture->engine, g_array_index (fixture->contents, int, i)));
}

static void
close_contents (Fixture *fixture)
{
  for (guint i = 0; i < fixture->contents->len; i++)
    close (g_array_index (fixture->contents, int, i));
}

static void
fixture_tear_down (Fixture *fixture)
{
  close_contents (fixture);
  close (fixture->results);
  g_ptr_array_unref (fixture->paths);
  g_ptr_array_unref (fixture->expected);
  g_array_unref (fixture->contents);
  cl_engine_free (fixture->engine);
}

static int
scan_inside (const Inside *inside)
{
  const Fixture *fixture = inside->data;

  cl_engine_set_str (fixture->engine, CL_ENGINE_TMPDIR, inside->tmp_dir);
  for (guint i = 0; i < fixture->contents->len; i++) {
    g_autofree char *result = scan (fixture->engine, g_array_index (fixture->contents, int, i));
    g_autofree char *line = g_strconcat (result, "\n", NULL);

    if (write (fixture->results, line, strlen (line)) != (gssize)strlen (line))
      return 1;
  }
  return 0;
}

static char **
read_results (Fixture *fixture)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fixture->results);
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return g_strsplit (text, "\n", -1);
}

static void
compare_results (Fixture *fixture)
{
  g_auto (GStrv) lines = read_results (fixture);
  guint found = 0;

  for (guint i = 0; i < fixture->paths->len; i++) {
    const char *expected = fixture->expected->pdata[i];

    if (lines[i] == NULL || !g_str_equal (lines[i], expected))
      g_test_message ("%s: outside %s", (char *)fixture->paths->pdata[i], expected);
    g_assert_cmpstr (lines[i], ==, expected);
    found += strstr (expected, "ClamAV-Test-File") != NULL;
  }
  g_test_message ("%u contents, %u found", fixture->paths->len, found);
  g_assert_cmpuint (found, >=, g_file_test (TEST_FILES, G_FILE_TEST_IS_DIR) ? 44 : 0);
}

/* All tests': to scan everything outside takes as long as to scan it inside. */
static Fixture shared;

static void
test_same_results (gconstpointer data)
{
  Fixture *fixture = &shared;
  const Situation *situation = data;
  g_autoptr (GArray) fds = g_array_copy (fixture->contents);
  VtSandboxPolicy keeping = policy;
  int status;

  if (skip_situation (situation))
    return;
  g_array_append_val (fds, fixture->results);
  keeping.fds = (const int *)fds->data;
  keeping.n_fds = fds->len;
  /* The descriptors are above what it may open. */
  keeping.open_files = 2048;
  g_assert_cmpint (ftruncate (fixture->results, 0), ==, 0);
  g_assert_cmpint (lseek (fixture->results, 0, SEEK_SET), ==, 0);
  status = run_in_sandbox (situation, &keeping, scan_inside, fixture);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  compare_results (fixture);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (cl_init (CL_INIT_DEFAULT), ==, CL_SUCCESS);
  vt_sandbox_preload ();
  fixture_set_up (&shared);
  for (gsize i = 0; i < G_N_ELEMENTS (situations); i++) {
    g_autofree char *path = g_strdup_printf ("/sandbox-engine/%s", situations[i].name);

    g_test_add_data_func (path, &situations[i], test_same_results);
  }
  result = g_test_run ();
  fixture_tear_down (&shared);
  return result;
}
