// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Which Linux distribution a root has, by os-release(5) and, of those that give but half of their
 * version there, by the file of their own: as libguestfs does it.
 */
#include <string.h>

#include "vt-direct-inspect-private.h"

/* Longest part of a version. */
#define DIGITS_MAX 8

typedef struct {
  const char *id;     /* in os-release */
  const char *distro; /* libguestfs's name */
  const char *package_format;
  const char *package_manager; /* NULL: depends on the version */
  gboolean is_rolling;         /* has no version */
  const char *release_file;    /* where the whole version is, if os-release has but one number */
} Distro;

static const Distro distros[] = {
    {"alpine", "alpinelinux", "apk", "apk", FALSE, NULL},
    {"arch", "archlinux", "pacman", "pacman", TRUE, NULL},
    {"centos", "centos", "rpm", NULL, FALSE, "/etc/centos-release"},
    {"debian", "debian", "deb", "apt", FALSE, "/etc/debian_version"},
    {"fedora", "fedora", "rpm", NULL, FALSE, NULL},
    {"gentoo", "gentoo", "ebuild", "portage", TRUE, NULL},
    {"kali", "kalilinux", "deb", "apt", FALSE, NULL},
    {"opensuse", "opensuse", "rpm", "zypper", FALSE, NULL},
    {"opensuse-leap", "opensuse", "rpm", "zypper", FALSE, NULL},
    {"opensuse-tumbleweed", "opensuse", "rpm", "zypper", FALSE, NULL},
    {"rhel", "rhel", "rpm", NULL, FALSE, NULL},
    {"rocky", "rocky", "rpm", NULL, FALSE, ""},
    {"sled", "sles", "rpm", "zypper", FALSE, NULL},
    {"sles", "sles", "rpm", "zypper", FALSE, NULL},
    {"ubuntu", "ubuntu", "deb", "apt", FALSE, NULL},
    {"void", "voidlinux", "xbps", "xbps", TRUE, NULL},
};

/* Files that libguestfs asks before a distribution's own. */
static const char *const earlier_files[] = {
    "/etc/lsb-release",   "/etc/openmandriva-release", "/etc/oracle-release",
    "/etc/rocky-release", "/etc/altlinux-release",
};

typedef struct {
  const Distro *distro;
  char *product;
  gint major;
  gint minor;
  gboolean has_version;
} Release;

static void
release_clear (Release *self)
{
  g_free (self->product);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Release, release_clear)

static gboolean
take_digits (const char **at, gint *number)
{
  gsize n = strspn (*at, "0123456789");

  if (n == 0 || n > DIGITS_MAX)
    return FALSE;
  *number = (gint)g_ascii_strtoull (*at, NULL, 10);
  *at += n;
  return TRUE;
}

/*
 * The first "1.2" that stands in TEXT, or else the first "1". FALSE: no number, or one that is too
 * long, of which WHY tells.
 */
static gboolean
parse_version (Release *self, const char *text, char **why)
{
  const char *single = NULL;

  for (const char *at = text + strcspn (text, "0123456789"); *at != '\0';
       at += strcspn (at, "0123456789")) {
    const char *start = at;
    gint major;
    gint minor;

    if (!take_digits (&at, &major))
      return vt_inspect_refuse (why, "a version of too many digits");
    single = single ?: start;
    if (*at != '.' || !g_ascii_isdigit (at[1]))
      continue;
    at++;
    if (!take_digits (&at, &minor))
      return vt_inspect_refuse (why, "a version of too many digits");
    self->major = major;
    self->minor = minor;
    self->has_version = TRUE;
    return TRUE;
  }
  if (single == NULL)
    return FALSE;
  self->minor = 0;
  self->has_version = TRUE;
  return take_digits (&single, &self->major);
}

/* A value as a shell would read it, if it is a plain one. */
static char *
unquote (const char *value)
{
  gsize n = strlen (value);

  if (strpbrk (value, "\\$`\t") != NULL)
    return NULL;
  if (n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n - 1] == value[0] &&
      memchr (value + 1, value[0], n - 2) == NULL)
    return g_strndup (value + 1, n - 2);
  return strpbrk (value, "\"' ;&|<>()#~*?[]{}!^") == NULL ? g_strdup (value) : NULL;
}

static gboolean
take_value (Release *self, const char *key, const char *value, char **why)
{
  if (g_str_equal (key, "PRETTY_NAME")) {
    g_free (self->product);
    self->product = g_strdup (value);
    return TRUE;
  }
  /* One distribution writes "V7Update6". */
  if (g_str_equal (key, "VERSION_ID") && value[0] == 'V')
    return vt_inspect_refuse (why, "/etc/os-release: an unusual version");
  if (g_str_equal (key, "VERSION_ID"))
    return parse_version (self, value, why) || *why == NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (distros); i++)
    if (g_str_equal (value, distros[i].id)) {
      self->distro = &distros[i];
      return TRUE;
    }
  return vt_inspect_refuse (why, "a distribution that is not known here");
}

static gboolean
parse_os_release (Release *self, char *const *lines, char **why)
{
  static const char *const keys[] = {"ID", "PRETTY_NAME", "VERSION_ID"};

  for (guint i = 0; lines[i] != NULL; i++)
    for (gsize k = 0; k < G_N_ELEMENTS (keys); k++) {
      const char *line = lines[i];
      gsize n = strlen (keys[k]);
      g_autofree char *value = NULL;

      if (strncmp (line, keys[k], n) != 0 || line[n] != '=')
        continue;
      value = unquote (line + n + 1);
      if (value == NULL)
        return vt_inspect_refuse (why, "/etc/os-release: an unusual value");
      if (!take_value (self, keys[k], value, why))
        return FALSE;
    }
  if (self->distro == NULL || self->product == NULL)
    return vt_inspect_refuse (why, "/etc/os-release does not say which system it is");
  return TRUE;
}

/* "CentOS Linux release 7.9.2009 (Core)", "CentOS Stream release 9". */
static gboolean
parse_centos_release (Release *self, const char *line, char **why)
{
  const char *name = strstr (line, "CentOS");
  const char *release = name != NULL ? strstr (name, " release ") : NULL;
  const char *at = release != NULL ? release + strlen (" release ") : "";

  self->minor = 0;
  /* Where "release" or "Update" stands twice, patterns may match in another way. */
  if (!take_digits (&at, &self->major) || strstr (at, "release") != NULL ||
      strstr (at, "Update") != NULL)
    return vt_inspect_refuse (why, "/etc/centos-release: an unusual line");
  if (*at == '.' && g_ascii_isdigit (at[1])) {
    at++;
    if (!take_digits (&at, &self->minor))
      return vt_inspect_refuse (why, "a version of too many digits");
  }
  self->has_version = TRUE;
  return TRUE;
}

static gboolean
check_earlier_files (const VtInspectContext *self, gpointer fs, const Distro *distro, char **why)
{
  gboolean is_debian = g_str_equal (distro->id, "debian");

  for (gsize i = 0; i < G_N_ELEMENTS (earlier_files); i++)
    if (self->reader->is_file (fs, earlier_files[i]))
      return vt_inspect_refuse (why, "more than one file tells which system it is");
  if (is_debian && (self->reader->is_file (fs, "/etc/redhat-release") ||
                    self->reader->is_file (fs, "/etc/centos-release")))
    return vt_inspect_refuse (why, "more than one file tells which system it is");
  return TRUE;
}

/* The distribution's own file gives version and product anew. */
static gboolean
read_release_file (const VtInspectContext *self, gpointer fs, Release *release, char **why)
{
  const Distro *distro = release->distro;
  g_auto (GStrv) lines = NULL;

  if (distro->release_file == NULL || distro->release_file[0] == '\0')
    return vt_inspect_refuse (why, "a system that does not give its whole version");
  if (!check_earlier_files (self, fs, distro, why) ||
      !vt_inspect_read_lines (self, fs, distro->release_file, &lines, why))
    return FALSE;
  if (lines == NULL || lines[0] == NULL || lines[0][0] == '\0')
    return vt_inspect_refuse (why, "a system that does not give its whole version");
  g_free (release->product);
  release->product = g_strdup (lines[0]);
  if (g_str_equal (distro->id, "centos"))
    return parse_centos_release (release, lines[0], why);
  return parse_version (release, lines[0], why) || *why == NULL;
}

static gboolean
read_release (const VtInspectContext *self, gpointer fs, Release *release, char **why)
{
  g_auto (GStrv) lines = NULL;

  if (!vt_inspect_read_lines (self, fs, "/etc/os-release", &lines, why))
    return FALSE;
  if (lines == NULL)
    return vt_inspect_refuse (why, "a Linux system without /etc/os-release");
  if (!parse_os_release (release, lines, why))
    return FALSE;
  if (release->has_version && (release->minor != 0 || release->distro->release_file == NULL))
    return TRUE;
  if (!release->has_version && release->distro->is_rolling)
    return TRUE;
  return read_release_file (self, fs, release, why);
}

static const char *
find_package_manager (const VtInspectContext *self, gpointer fs, const Release *release)
{
  if (release->distro->package_manager != NULL)
    return release->distro->package_manager;
  if (g_str_equal (release->distro->id, "fedora"))
    return release->major >= 22 && self->reader->is_file (fs, "/usr/bin/dnf") ? "dnf"
           : release->major >= 1                                              ? "yum"
                                                                              : "unknown";
  return release->major >= 8   ? "dnf"
         : release->major >= 5 ? "yum"
         : release->major >= 2 ? "up2date"
                               : "unknown";
}

static gboolean
read_hostname (const VtInspectContext *self, gpointer fs, char **hostname, char **why)
{
  static const char *const files[] = {"/etc/HOSTNAME", "/etc/hostname"};

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++) {
    g_auto (GStrv) lines = NULL;

    if (!vt_inspect_read_lines (self, fs, files[i], &lines, why))
      return FALSE;
    for (guint k = 0; lines != NULL && lines[k] != NULL; k++)
      if (lines[k][0] != '\0' && lines[k][0] != '#') {
        *hostname = g_strdup (lines[k]);
        return TRUE;
      }
  }
  if (vt_inspect_is_own_file (self, fs, "/etc/sysconfig/network"))
    return vt_inspect_refuse (why, "a host name in /etc/sysconfig/network");
  *hostname = g_strdup ("unknown");
  return TRUE;
}

gboolean
vt_inspect_linux (const VtInspectContext *self, gpointer fs, VtOperatingSystem *system, char **why)
{
  g_auto (Release) release = {0};

  if (!read_release (self, fs, &release, why) || !vt_inspect_arch (self, fs, &system->arch, why) ||
      !read_hostname (self, fs, &system->hostname, why))
    return FALSE;
  system->type = g_strdup ("linux");
  system->distro = g_strdup (release.distro->distro);
  /* Of Debian, the product is a number only ("12.5"). */
  system->product = g_ascii_isdigit (release.product[0])
                        ? g_strdup_printf ("%s %s", system->distro, release.product)
                        : g_strdup (release.product);
  system->package_format = g_strdup (release.distro->package_format);
  system->package_manager = g_strdup (find_package_manager (self, fs, &release));
  system->major = release.major;
  system->minor = release.minor;
  return TRUE;
}
