#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#
# Makes the trees of file systems that inspection has to tell apart, each in a directory named after
# the number of its partition. Usage: make-inspect-trees.sh DIR

set -eu

[ $# -eq 1 ] || exit 2
top=$1
id=5eed0000-0000-4000-8000-0000000000

# tree NUMBER DIRECTORY...
tree () {
  number=$1
  shift
  for directory in "$@"; do
    mkdir -p "$top/$number/$directory"
  done
}

# release ID NAME VERSION
release () {
  printf 'PRETTY_NAME="%s"\nNAME=%s\nID=%s\nVERSION_ID="%s"\nHOME_URL=x\n' "$2" "$1" "$1" "$3"
}

# The head of a program: ELF, 64 bits, little-endian, position independent, of MACHINE (octal).
program () {
  printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0%b\0\1\0\0\0' "\\0$1"
  head -c 104 /dev/zero
}

# A merged /usr, a version in its own file, and a fstab with all sorts of names.
tree 1 etc usr/bin usr/lib
ln -s usr/bin "$top/1/bin"
program 076 >"$top/1/usr/bin/ls"
printf '#!/bin/sh\nexit 0\n' >"$top/1/usr/bin/bash"
release debian 'Debian GNU/Linux 12 (bookworm)' 12 >"$top/1/usr/lib/os-release"
ln -s ../usr/lib/os-release "$top/1/etc/os-release"
echo 12.5 >"$top/1/etc/debian_version"
printf '# a comment\n\ntester\n' >"$top/1/etc/hostname"
cat >"$top/1/etc/fstab" <<FSTAB
# <file system> <mount point> <type> <options> <dump> <pass>
UUID=${id}01	/	ext4	errors=remount-ro	0 1
  LABEL=fs3 /home/ ext4 defaults 0 2
/dev/vda4 ///srv//data// ext4 defaults,x-systemd.growfs 0

/dev/disk/by-id/ata-QEMU_HARDDISK-part5 /opt ext4 defaults
/dev/disk/by-uuid/${id}06 /by-uuid ext4 defaults 0 0
PARTUUID=5eed0000-0000-4000-8000-0000000a0006 /by-partuuid ext4 defaults 0 0
UUID=${id}07 /media/seven ext4 defaults 0 0
UUID=${id}08 none swap sw 0 0
UUID=${id}aa /gone ext4 nofail 0 0
/dev/nvme0n1p1 /other-disk ext4 defaults 0 0
/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0
tmpfs /tmp tmpfs size=50%,mode=1777 0 0
proc /proc proc defaults 0 0
FSTAB

# No fstab entries, no program; and what the first system has taken already.
tree 2 etc bin usr/bin
release fedora 'Fedora Linux 38 (Cloud Edition)' 38 >"$top/2/etc/os-release"
: >"$top/2/usr/bin/dnf"
: >"$top/2/etc/fstab"

for number in 3 4 5 6 7; do
  tree "$number" "data"
done

# A root that says of others only where they belong.
tree 9 etc bin
release ubuntu 'Ubuntu 22.04.3 LTS' 22.04 >"$top/9/etc/os-release"
printf 'DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\n' >"$top/9/etc/lsb-release"
program 267 >"$top/9/bin/bash"
printf '127.0.0.1 localhost\n' >"$top/9/etc/hosts"
printf 'LABEL=fs3 /home ext4 defaults 0 0\nLABEL=fs6 /six ext4 defaults 0 0\n' >"$top/9/etc/fstab"
echo nine >"$top/9/etc/HOSTNAME"

# Links in the place of the files that make a root.
tree 10 etc bin lib
printf '\n' >"$top/10/lib/hosts"
ln -s ../lib/hosts "$top/10/etc/hosts"

tree 11 etc bin
release centos 'CentOS Stream 9' 9 >"$top/11/etc/os-release"
echo 'CentOS Stream release 9' >"$top/11/etc/centos-release"
ln -s centos-release "$top/11/etc/redhat-release"
printf 'LABEL=fs11 / xfs defaults 0 0\n' >"$top/11/etc/fstab"

# A partition for /boot.
tree 12 grub2 etc bin
: >"$top/12/grub2/grub.cfg"
: >"$top/12/etc/fstab"

tree 13 etc bin
printf 'NAME="Void"\nID="void"\nPRETTY_NAME="Void Linux"\n' >"$top/13/etc/os-release"
: >"$top/13/etc/hosts"
