#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#
# Makes the least directory that inspection takes for an installed Linux system.
# Usage: make-phony-linux.sh --id ID --version VERSION --fstab FILE DIR

set -eu
. "$(dirname "$0")/functions.sh"

id=debian
version=12
fstab=/dev/null
while [ $# -gt 1 ]; do
  case $1 in
    --id) id=$2 ;;
    --version) version=$2 ;;
    --fstab) fstab=$2 ;;
    *) image_die "usage: make-phony-linux.sh --id ID --version VERSION --fstab FILE DIR" ;;
  esac
  shift 2
done
[ $# -eq 1 ] || image_die "a directory to make is wanted"
tree=$1

umask 022
mkdir -p "$tree"/bin "$tree"/boot "$tree"/dev "$tree"/etc "$tree"/home "$tree"/lib "$tree"/proc \
  "$tree"/root "$tree"/sbin "$tree"/sys "$tree"/tmp "$tree"/usr/bin "$tree"/usr/lib \
  "$tree"/var/lib/dpkg "$tree"/var/log
cp "$fstab" "$tree/etc/fstab"
cat >"$tree/etc/os-release" <<RELEASE
PRETTY_NAME="Phony $id $version"
NAME="$id"
ID=$id
VERSION_ID="$version"
RELEASE
[ "$id" != debian ] || echo "$version.0" >"$tree/etc/debian_version"
[ "$id" != fedora ] || echo "Fedora release $version (Phony)" >"$tree/etc/fedora-release"
echo "phony-$id" >"$tree/etc/hostname"
printf '#!/bin/sh\nexit 0\n' >"$tree/bin/true"
chmod 755 "$tree/bin/true"
: >"$tree/var/lib/dpkg/status"
image_fix_times "$tree"
