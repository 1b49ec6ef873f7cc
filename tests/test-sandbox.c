// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Tries to break out, from every situation a process can enter the sandbox from.
 */
#include <poll.h>
#include <sys/stat.h>

#include "sandbox-calls.h"
#include "sandbox-probes.h"
#include "vt-fd.h"

/* How long a process may take to end once it has to; it takes milliseconds. */
#define DEADLINE_MS 20000

static void
assert_held (int status)
{
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

static void
assert_killed (int status, int with_signal)
{
  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, with_signal);
}

typedef struct {
  const char *name;
  const VtSandboxPolicy *policy;
  InsideFunc func;
  int killed_with; /* 0: exits with 0 */
} Probe;

static const VtSandboxPolicy with_memfd = {
    .tmp_size = TMP_SIZE, .open_files = 64, .memfd_size = 2 * TMP_SIZE};
static const VtSandboxPolicy with_cpu = {.open_files = 64, .cpu_seconds = 1};

static const Probe probes[] = {
    {"host-files", &with_tmp, open_host_files, 0},
    {"root-listing", &with_tmp, list_root, 0},
    {"host-files-status", &with_tmp, look_at_host_files, 0},
    {"no-temporary-directory", &without_tmp, open_with_no_tmp, 0},
    {"temporary-directory", &with_tmp, use_tmp, 0},
    {"temporary-directory-litter", &with_tmp, litter_tmp, 0},
    {"temporary-directory-full", &with_tmp, fill_tmp, 0},
    {"kill-parent", &with_tmp, kill_parent, SIGSYS},
    {"trace-parent", &with_tmp, trace_parent, SIGSYS},
    {"thread", &with_tmp, start_thread, SIGSYS},
    {"abort", &with_tmp, abort_itself, SIGABRT},
    {"modes", &with_tmp, change_modes, 0},
    {"memfd", &with_memfd, make_memfd, 0},
    {"processor-time", &with_cpu, burn, SIGXCPU},
    {"open-files", &with_tmp, open_many, 0},
    {"limits", &with_tmp, read_limits, 0},
    {"converters", &with_tmp, convert_text, 0},
};

static char *tmp_root;

static void
assert_nothing_left (void)
{
  g_autoptr (GDir) dir = g_dir_open (tmp_root, 0, NULL);

  g_assert_nonnull (dir);
  g_assert_cmpstr (g_dir_read_name (dir), ==, NULL);
}

static void
test_probes (gconstpointer data)
{
  const Situation *situation = data;

  if (skip_situation (situation))
    return;
  vt_sandbox_preload ();
  for (gsize i = 0; i < G_N_ELEMENTS (probes); i++) {
    const Probe *probe = &probes[i];
    int status;

    g_test_message ("%s", probe->name);
    status = run_in_sandbox (situation, probe->policy, probe->func, NULL);
    if (probe->killed_with != 0)
      assert_killed (status, probe->killed_with);
    else
      assert_held (status);
    assert_nothing_left ();
  }
}

static void
test_calls (gconstpointer data)
{
  const Situation *situation = data;

  if (skip_situation (situation))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (killing_calls); i++) {
    g_test_message ("%s", killing_calls[i].name);
    assert_killed (run_in_sandbox (situation, &with_tmp, make_call, &killing_calls[i]), SIGSYS);
  }
}

static void
test_layers (gconstpointer data)
{
  const Situation *situation = data;

  if (skip_situation (situation))
    return;
  assert_held (run_in_sandbox (situation, &with_tmp, check_layers,
                               GINT_TO_POINTER (kernel_has_landlock ())));
}

static void
test_address_space (gconstpointer data)
{
  const VtSandboxPolicy policy = {.open_files = 64, .address_space = ADDRESS_SPACE};

  if (HAS_ADDRESS_SANITIZER)
    g_test_skip ("AddressSanitizer maps more than any limit");
  else if (!skip_situation (data))
    assert_held (run_in_sandbox (data, &policy, map_much, NULL));
}

static void
test_descriptors (gconstpointer data)
{
  static const int kept[] = {LEFT_FD};
  const VtSandboxPolicy keeps = {.open_files = 100, .fds = kept, .n_fds = 1};
  int fd;

  if (skip_situation (data))
    return;
  fd = open ("/", O_PATH | O_DIRECTORY);
  g_assert_cmpint (dup2 (fd, LEFT_FD), ==, LEFT_FD);
  assert_held (run_in_sandbox (data, &with_tmp, find_left_fd, NULL));
  /* A directory cannot be kept. */
  g_assert_cmpint (WEXITSTATUS (run_in_sandbox (data, &keeps, use_kept_fd, NULL)), ==, 98);
  for (int copy = LEFT_FD - 1; copy <= LEFT_FD + 1; copy++)
    g_assert_cmpint (dup2 (STDERR_FILENO, copy), ==, copy);
  assert_held (run_in_sandbox (data, &keeps, use_kept_fd, NULL));
  for (int copy = LEFT_FD - 1; copy <= LEFT_FD + 1; copy++)
    close (copy);
  close (fd);
}

/* A log on disk that is larger than all that the process may write elsewhere. */
static void
test_standard_error (gconstpointer data)
{
  vt_autofd saved = dup (STDERR_FILENO);
  vt_autofd log = memfd_create ("log", MFD_CLOEXEC);
  char text[6] = "";
  int status;

  if (skip_situation (data))
    return;
  g_assert_cmpint (ftruncate (log, 2 * TMP_SIZE), ==, 0);
  g_assert_cmpint (lseek (log, 0, SEEK_END), ==, 2 * TMP_SIZE);
  dup2 (log, STDERR_FILENO);
  status = run_in_sandbox (data, &with_tmp, write_log, "hello");
  dup2 (saved, STDERR_FILENO);
  assert_held (status);
  g_assert_cmpint (pread (log, text, 5, 2 * TMP_SIZE), ==, 5);
  g_assert_cmpstr (text, ==, "hello");
}

static void
assert_ends (int pidfd)
{
  struct pollfd ended = {.fd = pidfd, .events = POLLIN};

  g_assert_cmpint (poll (&ended, 1, DEADLINE_MS), ==, 1);
}

/* Its files in /proc are root's then, whatever its user is. */
static void
assert_not_dumpable (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/maps", pid);
  struct stat status;

  g_assert_cmpint (stat (path, &status), ==, 0);
  if (geteuid () == 0)
    g_assert_cmpuint (status.st_uid, ==, 0);
}

/* Also leaves a directory behind, which the next one to make one removes. */
static void
test_death_of_parent (gconstpointer data)
{
  const Situation *situation = data;
  vt_autofd pidfd = -1;
  int report[2];
  int ready[2];
  VtSandboxPolicy policy = {.tmp_size = TMP_SIZE, .open_files = 64, .fds = &ready[1], .n_fds = 1};
  char byte;
  pid_t parent;
  pid_t inside;

  if (skip_situation (situation))
    return;
  g_assert_cmpint (pipe2 (report, O_CLOEXEC), ==, 0);
  g_assert_cmpint (pipe2 (ready, O_CLOEXEC), ==, 0);
  parent = fork ();
  if (parent == 0)
    run_parent (situation, &policy, idle, GINT_TO_POINTER (ready[1]), report[1]);
  close (report[1]);
  close (ready[1]);
  g_assert_cmpint (read (report[0], &inside, sizeof inside), ==, sizeof inside);
  g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
  pidfd = vt_pidfd_open (inside);
  assert_not_dumpable (inside);
  kill (parent, SIGKILL);
  g_assert_cmpint (waitpid (parent, NULL, 0), ==, parent);
  assert_ends (pidfd);
  close (report[0]);
  close (ready[0]);
  assert_held (run_in_sandbox (situation, &with_tmp, litter_tmp, NULL));
  assert_nothing_left ();
}

/* In a child that is thrown away, since some layers may be in place afterwards. */
static int
enter_and_report (const VtSandboxPolicy *policy, void (*prepare) (void))
{
  int status;
  pid_t pid = fork ();

  if (pid == 0) {
    g_autoptr (GError) error = NULL;
    VtSandboxLayers layers;
    char tmp_dir[PATH_MAX];

    prepare ();
    if (vt_sandbox_enter (policy, tmp_dir, &layers, &error))
      _exit (1);
    _exit (g_error_matches (error, VT_SANDBOX_ERROR, VT_SANDBOX_ERROR_FAILED) ? 0 : 2);
  }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  return status;
}

static void
test_no_directory (void)
{
  assert_held (enter_and_report (&with_tmp, become_confined));
}

static gpointer
wait_for_ever (gpointer data)
{
  pause ();
  return NULL;
}

static void
become_threaded (void)
{
  g_thread_unref (g_thread_new ("second", wait_for_ever, NULL));
}

static void
test_threads_are_refused (void)
{
  assert_held (enter_and_report (&with_tmp, become_threaded));
}

static void
test_layers_to_string (void)
{
  g_autofree char *all = vt_sandbox_layers_to_string (VT_SANDBOX_NAMESPACES | VT_SANDBOX_USER |
                                                      VT_SANDBOX_LANDLOCK | VT_SANDBOX_SECCOMP);
  g_autofree char *one = vt_sandbox_layers_to_string (VT_SANDBOX_LANDLOCK);
  g_autofree char *none = vt_sandbox_layers_to_string (0);

  g_assert_cmpstr (all, ==, "namespaces, user, landlock, seccomp");
  g_assert_cmpstr (one, ==, "landlock");
  g_assert_cmpstr (none, ==, "");
}

static void
add_tests (const Situation *situation)
{
  static const struct {
    const char *name;
    GTestDataFunc func;
  } tests[] = {
      {"layers", test_layers},
      {"probes", test_probes},
      {"calls", test_calls},
      {"address-space", test_address_space},
      {"descriptors", test_descriptors},
      {"standard-error", test_standard_error},
      {"death-of-parent", test_death_of_parent},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++) {
    g_autofree char *path = g_strdup_printf ("/sandbox/%s/%s", situation->name, tests[i].name);

    g_test_add_data_func (path, situation, tests[i].func);
  }
}

int
main (int argc, char **argv)
{
  int result;

  /* Every situation's user makes directories in it. */
  tmp_root = g_strdup ("/tmp/test-sandbox-XXXXXX");
  g_assert_nonnull (g_mkdtemp (tmp_root));
  g_assert_cmpint (chmod (tmp_root, 01777), ==, 0);
  g_setenv ("TMPDIR", tmp_root, TRUE);
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (situations); i++)
    add_tests (&situations[i]);
  g_test_add_func ("/sandbox/no-directory", test_no_directory);
  g_test_add_func ("/sandbox/threads-are-refused", test_threads_are_refused);
  g_test_add_func ("/sandbox/layers-to-string", test_layers_to_string);
  result = g_test_run ();
  rmdir (tmp_root);
  g_free (tmp_root);
  return result;
}
