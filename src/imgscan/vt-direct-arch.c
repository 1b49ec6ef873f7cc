// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * A system's architecture: that of the first of some programs that has one. libguestfs asks
 * file(1); here it is the head of the ELF file (elf(5)).
 */
#include <elf.h>
#include <string.h>

#include "vt-direct-inspect-private.h"

#define HEAD_SIZE 64

static const struct {
  guint16 machine;
  guint8 class;
  guint8 order;
  const char *name;
} machines[] = {
    {EM_X86_64, ELFCLASS64, ELFDATA2LSB, "x86_64"},
    {EM_386, ELFCLASS32, ELFDATA2LSB, "i386"},
    {EM_AARCH64, ELFCLASS64, ELFDATA2LSB, "aarch64"},
    {EM_ARM, ELFCLASS32, ELFDATA2LSB, "arm"},
    {EM_PPC64, ELFCLASS64, ELFDATA2LSB, "ppc64le"},
    {EM_RISCV, ELFCLASS64, ELFDATA2LSB, "riscv64"},
    {EM_S390, ELFCLASS64, ELFDATA2MSB, "s390x"},
};

static guint16
get_number (const guint8 *at, guint8 order)
{
  return order == ELFDATA2LSB ? (guint16)(at[0] | at[1] << 8) : (guint16)(at[0] << 8 | at[1]);
}

/* NULL: not an ELF program of a kind that is known. */
static const char *
find_machine (const guint8 *head, gsize n)
{
  guint16 type;

  if (n < HEAD_SIZE || memcmp (head, ELFMAG, SELFMAG) != 0 || head[EI_VERSION] != EV_CURRENT ||
      (head[EI_DATA] != ELFDATA2LSB && head[EI_DATA] != ELFDATA2MSB))
    return NULL;
  type = get_number (head + offsetof (Elf64_Ehdr, e_type), head[EI_DATA]);
  if (type != ET_EXEC && type != ET_DYN)
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (machines); i++)
    if (machines[i].machine ==
            get_number (head + offsetof (Elf64_Ehdr, e_machine), head[EI_DATA]) &&
        machines[i].class == head[EI_CLASS] && machines[i].order == head[EI_DATA])
      return machines[i].name;
  return NULL;
}

/* What surely has no architecture: nothing, and a script. */
static gboolean
has_none (const guint8 *head, gsize n)
{
  static const char script[] = "#!/bin/sh\n";

  return n == 0 || (n >= strlen (script) && memcmp (head, script, strlen (script)) == 0);
}

gboolean
vt_inspect_arch (const VtInspectContext *self, gpointer fs, char **arch, char **why)
{
  static const char *const programs[] = {"/bin/bash", "/bin/ls", "/bin/echo", "/bin/rm", "/bin/sh"};

  for (gsize i = 0; i < G_N_ELEMENTS (programs); i++) {
    g_autoptr (GBytes) data = NULL;
    g_autoptr (GError) error = NULL;
    const char *name;
    const guint8 *head;
    gsize n;

    if (!self->reader->is_file (fs, programs[i]))
      continue;
    if (!self->reader->read_small (fs, programs[i], HEAD_SIZE, &data, &error))
      return vt_inspect_refuse (why, error->message);
    head = g_bytes_get_data (data, &n);
    name = find_machine (head, n);
    if (name == NULL && has_none (head, n))
      continue;
    if (name == NULL)
      return vt_inspect_refuse (why, "programs of an architecture that is not known here");
    *arch = g_strdup (name);
    return TRUE;
  }
  *arch = g_strdup ("unknown");
  return TRUE;
}
