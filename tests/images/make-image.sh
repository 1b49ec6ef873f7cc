#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#
# Makes a disk image of one file system that holds the files of a directory.

set -eu
. "$(dirname "$0")/functions.sh"

usage () {
  cat <<'USAGE'
Usage: make-image.sh [OPTION...] --tree DIR --output FILE
  --fs ext2|ext3|ext4|xfs|btrfs|ntfs|fat|iso9660   default ext4
  --table gpt|mbr|none                             default gpt; none: the disk is the file system
  --format qcow2|raw|vmdk|vpc|vhdx|vdi             default qcow2
  --size BYTES                                     of the file system; default: a little spare
  --uuid UUID, --label LABEL                       of the file system
  --luks PASSPHRASE                                put it in a LUKS version 1 container
USAGE
}

fs=ext4
table=gpt
format=qcow2
size=0
uuid=$image_default_uuid
label=$image_default_label
passphrase=
tree=
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
    --fs) fs=$2 ;;
    --table) table=$2 ;;
    --format) format=$2 ;;
    --size) size=$2 ;;
    --uuid) uuid=$2 ;;
    --label) label=$2 ;;
    --luks) passphrase=$2 ;;
    --tree) tree=$2 ;;
    --output) output=$2 ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  shift 2
done
if [ -z "$tree" ] || [ -z "$output" ]; then
  usage >&2
  exit 2
fi

scratch=$(mktemp -d "$(dirname "$output")/.make-image-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

image_make_fs "$fs" "$(realpath "$tree")" "$scratch/fs" "$size" "$uuid" "$label"
content=$scratch/fs
if [ -n "$passphrase" ]; then
  content=$scratch/luks
  printf '%s' "$passphrase" >"$scratch/passphrase"
  # It measures its own use of the processor first, and gives up where the kernel's clock for that
  # is too coarse to see any.
  tries=20
  until qemu-img convert -f raw -O luks --object "secret,id=key,file=$scratch/passphrase" \
    -o key-secret=key,iter-time=10 "$scratch/fs" "$content"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || image_die "qemu-img makes no LUKS container"
  done
  rm -f "$scratch/fs"
fi
image_make_disk "$table" "$scratch/disk" "$fs:$content"
image_convert "$scratch/disk" "$format" "$scratch/image"
mv "$scratch/image" "$output"
