// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-sandbox.h"

#include <dlfcn.h>
#include <iconv.h>
#include <stdlib.h>
#include <time.h>

#define MODULE_SUFFIX ".so"

/* The converters lie beside the C library, each in a file that is named after its character set. */
static char *
converters_dir (void)
{
  Dl_info info;
  g_autofree char *libc = NULL;
  g_autofree char *dir = NULL;

  if (dladdr ((void *)iconv_open, &info) != 0 && info.dli_fname != NULL)
    libc = realpath (info.dli_fname, NULL);
  if (libc == NULL)
    return NULL;
  dir = g_path_get_dirname (libc);
  return g_build_filename (dir, "gconv", NULL);
}

void
vt_sandbox_preload (void)
{
  /* Never closed: the library would unload the converters again. */
  static GPtrArray *converters;
  g_autofree char *path = NULL;
  g_autoptr (GDir) dir = NULL;
  const char *name;

  if (converters != NULL)
    return;
  tzset ();
  converters = g_ptr_array_new ();
  path = converters_dir ();
  dir = path != NULL ? g_dir_open (path, 0, NULL) : NULL;
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *charset = NULL;
    iconv_t converter;

    if (!g_str_has_suffix (name, MODULE_SUFFIX))
      continue;
    charset = g_strndup (name, strlen (name) - strlen (MODULE_SUFFIX));
    converter = iconv_open ("UTF-8", charset);
    if (converter != (iconv_t)-1)
      g_ptr_array_add (converters, converter);
  }
}
