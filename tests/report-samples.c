// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "report-samples.h"

#include <string.h>

#define LONG_PATH_SIZE 4095

/* What guests may call their files. */
const char *const hostile_paths[N_HOSTILE_PATHS] = {
    "/new\nline",
    "/esc\033[2Jape",
    "/quo\"te's\\back",
    "/not\xff\xfeutf8\xc3",
    "/<&]]>",
    "/right\xe2\x80\xaeto left\xf3\xa0\x80\x81",
    "/c1\xc2\x9b\x33\x31m",
    "/never\xef\xbf\xbe\xef\xb7\x90xml",
    "/{0} [link](1) 100%",
    "/plain \xc3\xa9\xf0\x9f\x90\xb1",
};

static VtFileResult *
new_file (guint filesystem, const char *path, VtVerdict verdict)
{
  VtFileResult *file = vt_file_result_new ();

  file->filesystem = filesystem;
  file->path = g_strdup (path);
  file->inode = G_MAXUINT64;
  file->size = 544;
  file->has_digest = TRUE;
  file->digest = vt_digest_of_data (path, strlen (path));
  file->verdict = verdict;
  file->source = VT_SOURCE_ENGINE;
  return file;
}

static VtFilesystem *
new_filesystem (const char *id, gboolean primary)
{
  VtFilesystem *filesystem = vt_filesystem_new ();

  filesystem->id = g_strdup (id);
  filesystem->type = g_strdup ("ext4");
  filesystem->uuid = g_strdup ("0b9f6a44-8d0c-4a43-b2c6-2f4f6f6b7a11");
  filesystem->label = g_strdup ("r\xc3\xb6\xc3\xb6t");
  filesystem->size = 1073741824;
  filesystem->mountpoint = g_strdup (primary ? "/" : NULL);
  filesystem->primary = primary;
  return filesystem;
}

/* What an engine with one official and one plain database is known by. */
static VtEngineId *
get_engine (void)
{
  static VtEngineDatabase databases[2];
  static VtEngineId engine;

  if (engine.databases == NULL) {
    gint64 now = g_get_real_time () / G_USEC_PER_SEC;

    databases[0] = (VtEngineDatabase){.name = (char *)"daily.cvd",
                                      .version = 27000,
                                      .signatures = 2000000,
                                      .time = now - 3 * 86400 - 60};
    databases[1] = (VtEngineDatabase){.name = (char *)"own.hdb", .time = 1600000000};
    engine = (VtEngineId){
        .version = (char *)"1.4.6",
        .flevel = 210,
        .databases = g_ptr_array_new (),
        .settings = (char *)"",
        .id = (char *)"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
    g_ptr_array_add (engine.databases, &databases[0]);
    g_ptr_array_add (engine.databases, &databases[1]);
  }
  return &engine;
}

VtScanResult *
new_clean_result (const char *path)
{
  VtScanResult *result = vt_scan_result_new (path);

  result->format = g_strdup ("qcow2");
  result->virtual_size = 10737418240;
  result->engine = get_engine ();
  g_ptr_array_add (result->filesystems, new_filesystem ("/dev/sda1", TRUE));
  result->stats = (VtScanStats){.files = 13744,
                                .bytes = 895483904,
                                .clean = 13744,
                                .scanned = 700,
                                .scanned_bytes = 3145728,
                                .from_store = 13044,
                                .open_seconds = 0.25,
                                .load_seconds = 6.1,
                                .read_seconds = 70.0625,
                                .total_seconds = 76.5};
  return result;
}

static VtOperatingSystem *
new_system (void)
{
  VtOperatingSystem *system = vt_operating_system_new ();

  system->root = g_strdup ("/dev/sda1");
  system->type = g_strdup ("linux");
  system->product = g_strdup ("Debian GNU/Linux 12 (bookworm)");
  system->major = 12;
  return system;
}

static const char *const hostile_members[] = {"data.tar\n", "\xff\033[31m<&", NULL};

static VtScanResult *
new_hostile_result (const char *path)
{
  VtScanResult *result = new_clean_result (path);
  VtFilesystem *encrypted = new_filesystem ("/dev/sda2", FALSE);
  VtFileResult *inside;
  g_autofree char *long_path = g_strnfill (LONG_PATH_SIZE, 'x');

  encrypted->reason = VT_REASON_ENCRYPTED;
  encrypted->detail = g_strdup ("LUKS: no key was given");
  g_ptr_array_add (result->filesystems, encrypted);
  g_ptr_array_add (result->filesystems, new_filesystem ("btrfsvol:/dev/sdb/h\xc3\xb6me", FALSE));
  g_ptr_array_add (result->systems, new_system ());
  g_ptr_array_add (result->systems, vt_operating_system_new ());
  result->snapshot = g_strdup ("before \"update\"");
  for (gsize i = 0; i < N_HOSTILE_PATHS; i++) {
    g_ptr_array_add (result->findings, new_file (i % 2 == 0 ? 0 : 2, hostile_paths[i],
                                                 vt_verdict_infected ("Eicar-Test")));
    g_ptr_array_add (result->incomplete,
                     new_file (0, hostile_paths[i], vt_verdict_incomplete (VT_REASON_SIZE_LIMIT)));
  }
  long_path[0] = '/';
  inside = new_file (0, long_path, vt_verdict_infected ("Other <{[&]}>"));
  inside->members = g_strdupv ((char **)hostile_members);
  g_ptr_array_add (result->findings, inside);
  g_ptr_array_add (result->incomplete,
                   new_file (2, "/unread", vt_verdict_incomplete (VT_REASON_READ_ERROR)));
  ((VtFileResult *)g_ptr_array_index (result->incomplete, 10))->has_digest = FALSE;
  result->stats.infected = result->findings->len;
  result->stats.incomplete = result->incomplete->len;
  result->stats.excluded = G_MAXUINT64;
  return result;
}

static VtScanResult *
new_failed_result (const char *path)
{
  VtScanResult *result = vt_scan_result_new (path);

  result->error =
      g_error_new (G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "image: %s: no such [file]\n\xff", path);
  return result;
}

static VtScanResult *
new_partial_result (const char *path)
{
  VtScanResult *result = new_clean_result (path);

  result->partial = TRUE;
  return result;
}

GPtrArray *
new_results (VtScanResult *first, VtScanResult *second)
{
  GPtrArray *results = g_ptr_array_new_with_free_func ((GDestroyNotify)vt_scan_result_free);

  g_ptr_array_add (results, first);
  if (second != NULL)
    g_ptr_array_add (results, second);
  return results;
}

/* Every kind of result there is; the last has several images. */
GPtrArray *
new_sample (guint number)
{
  switch (number) {
  case 0:
    return new_results (new_clean_result ("disk.qcow2"), NULL);
  case 1:
    return new_results (new_hostile_result ("/images/di sk\xff#?.qcow2"), NULL);
  case 2:
    return new_results (new_failed_result ("gone.raw"), NULL);
  case 3:
    return new_results (new_partial_result ("disk.qcow2"), NULL);
  case 4:
    return new_results (new_hostile_result ("a<\033>.qcow2"), new_failed_result ("b.qcow2"));
  default:
    return NULL;
  }
}

char *
write_report (VtReportFormat format, GPtrArray *results)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GOutputStream) stream = g_memory_output_stream_new_resizable ();

  g_assert_true (vt_report_write (format, results, stream, &error));
  g_assert_no_error (error);
  g_assert_false (g_output_stream_is_closed (stream));
  g_output_stream_write_all (stream, "", 1, NULL, NULL, NULL);
  g_output_stream_close (stream, NULL, NULL);
  return g_memory_output_stream_steal_data (G_MEMORY_OUTPUT_STREAM (stream));
}

char *
write_sample (VtReportFormat format, guint number)
{
  g_autoptr (GPtrArray) results = new_sample (number);

  return write_report (format, results);
}
