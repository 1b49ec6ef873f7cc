#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#
# Makes an image of a real Debian 12 system with debootstrap. Needs root (or sudo) and a mirror.

set -eu
. "$(dirname "$0")/functions.sh"

usage () {
  cat <<'USAGE'
Usage: make-debian-image.sh [OPTION...] --output FILE
  --variant full|half|minimal|bootable
                               full: a small server with kernel, compiler, web server, about
                               850 MB; half: the same with every second regular file left out;
                               minimal: debootstrap's minbase, about 250 MB (default); bootable:
                               the same with a kernel and systemd, and with root, who has no
                               password
  --tree DIR                   use and keep the system's files here; one made before is taken as
                               it is (half: the full tree, from which it is made)
  --format FORMAT              qcow2 (default), raw, vmdk, vpc, vhdx, vdi
DEBIAN_MIRROR names the mirror, if it is not to be the one that debootstrap knows.
USAGE
}

variant=minimal
tree=
format=qcow2
output=
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
  esac
  [ $# -ge 2 ] || image_die "$1: a value is missing"
  case $1 in
    --variant) variant=$2 ;;
    --tree) tree=$2 ;;
    --format) format=$2 ;;
    --output) output=$2 ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  shift 2
done
if [ -z "$output" ]; then
  usage >&2
  exit 2
fi
case $variant in
  full | half) packages=systemd,systemd-sysv,python3,perl,nginx-light,git,gcc,linux-image-amd64 ;;
  minimal) packages= ;;
  # Of the kernels it is the smallest, and has what QEMU's machines need.
  bootable) packages=systemd,systemd-sysv,linux-image-cloud-amd64 ;;
  *) image_die "$variant: no such variant" ;;
esac

as_root () {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    image_die "debootstrap needs root; run this as root, or install sudo"
  fi
}

scratch=$(mktemp -d "$(dirname "$output")/.make-debian-XXXXXX")
trap 'as_root rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# install_system DIR: a tree is complete only under its final name.
install_system () {
  [ ! -e "$1.part" ] || as_root rm -rf "$1.part"
  echo "debian image: installing Debian ($variant); this takes a minute or more" >&2
  as_root debootstrap --variant=minbase ${packages:+--include=$packages} bookworm "$1.part" \
    ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$scratch/log" 2>&1 ||
    image_die "debootstrap failed: $(tail -n 5 "$scratch/log")"
  as_root find "$1.part/var/cache/apt/archives" "$1.part/var/lib/apt/lists" -type f -delete
  as_root rm -f "$1.part/etc/resolv.conf" "$1.part/var/log/bootstrap.log"
  echo "golden" | as_root tee "$1.part/etc/hostname" >/dev/null
  printf 'UUID=%s / ext4 defaults 0 1\n' "$image_default_uuid" |
    as_root tee "$1.part/etc/fstab" >/dev/null
  [ "$variant" != bootable ] || prepare_boot "$1.part"
  as_root mv "$1.part" "$1"
}

# prepare_boot DIR: as templates are published, the machine's id is still to be made up.
prepare_boot () {
  as_root sed -i 's/^root:[^:]*:/root::/' "$1/etc/shadow"
  as_root truncate -s 0 "$1/etc/machine-id"
}

# copy_half FROM TO
copy_half () {
  as_root cp -a "$1" "$2"
  (cd "$1" && as_root find . -type f -print0 | sort -z | awk 'BEGIN { RS = ORS = "\0" } NR % 2') |
    (cd "$2" && as_root xargs -0 rm -f)
}

keep=${tree:-$scratch/tree}
[ -d "$keep" ] || install_system "$keep"
source=$keep
if [ "$variant" = half ]; then
  source=$scratch/half
  copy_half "$keep" "$source"
fi
echo "debian image: making the file system" >&2
as_root "$(dirname "$0")/make-image.sh" --fs ext4 --format "$format" --tree "$source" \
  --output "$scratch/image"
[ "$(id -u)" -eq 0 ] || as_root chown "$(id -u):$(id -g)" "$scratch/image"
mv "$scratch/image" "$output"
