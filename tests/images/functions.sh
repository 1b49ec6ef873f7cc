#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#
# What the image scripts share. File systems are made from directories, disks from file systems,
# all without mounting anything and without root. Identifiers and times are fixed, so that the
# same tree gives the same image as far as each mkfs allows it.

# Every time stamp in the images: 14 November 2023, 22:13:20 UTC.
image_time=1700000000
export SOURCE_DATE_EPOCH=$image_time
export E2FSPROGS_FAKE_TIME=$image_time
export TZ=UTC
export LC_ALL=C

# File systems start here and end as far from the end of the disk.
image_margin=1048576
image_disk_id=5eed0000-0000-4000-8000-00000000d15c
image_default_uuid=5eed0000-0000-4000-8000-000000000001
image_default_label=vtimage

PATH=$PATH:/usr/sbin:/sbin
export PATH

image_die () {
  echo "${0##*/}: $*" >&2
  exit 2
}

# Runs guestfish without hardware virtualisation: a /dev/kvm that opens but does not work hangs it.
image_guestfish () {
  LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg guestfish "$@"
}

# Seconds apart in one tree must not depend on when it was made.
image_fix_times () {
  find "$1" -depth -exec touch -h -d "@$image_time" {} +
}

# image_default_size TYPE TREE: bytes, a multiple of 1 MiB, with room to spare.
image_default_size () {
  used=$(du -s --apparent-size -B 1048576 "$2" | cut -f 1)
  count=$(find "$2" | wc -l)
  used=$((used + count / 200))
  case $1 in
    xfs) smallest=320 ;;
    btrfs) smallest=160 ;;
    ntfs | fat) smallest=16 ;;
    *) smallest=8 ;;
  esac
  echo $(((smallest + used * 5 / 4) * 1048576))
}

# mkfs.xfs fills a file system from a list that has no way to write a white space.
image_xfs_list () {
  if find "$1" -name '*[[:space:]]*' | grep -q .; then
    image_die "$1: mkfs.xfs cannot take names with white space"
  fi
  echo /dev/null
  echo "0 0"
  image_xfs_directory "$1" "d--755 0 0"
  echo "$"
}

image_xfs_mode () {
  mode=$(stat -c %a "$1")
  case ${#mode} in
    1) mode=00$mode ;;
    2) mode=0$mode ;;
    4) mode=${mode#?} ;;
  esac
  echo "$mode $(stat -c '%u %g' "$1")"
}

image_xfs_directory () {
  echo "$2"
  find "$1" -mindepth 1 -maxdepth 1 | sort | while IFS= read -r entry; do
    name=${entry##*/}
    if [ -L "$entry" ]; then
      echo "$name l--777 0 0 $(readlink "$entry")"
    elif [ -d "$entry" ]; then
      image_xfs_directory "$entry" "$name d--$(image_xfs_mode "$entry")"
      echo "$"
    elif [ -p "$entry" ]; then
      echo "$name p--$(image_xfs_mode "$entry")"
    elif [ -f "$entry" ]; then
      echo "$name ---$(image_xfs_mode "$entry") $entry"
    fi
  done
}

# FAT holds directories and files, nothing else.
image_fill_fat () {
  (cd "$1" && find . -mindepth 1 -type d | sort) | while IFS= read -r name; do
    mmd -i "$2" "::${name#./}" || return
  done
  (cd "$1" && find . -type f | sort) | while IFS= read -r name; do
    mcopy -m -i "$2" "$1/${name#./}" "::${name#./}" || return
  done
}

# Through FUSE where that can be had, else in libguestfs's appliance, which takes half a minute.
image_fill_ntfs () {
  mount_point=$2.mnt
  mkdir -p "$mount_point"
  if [ "$(id -u)" -eq 0 ] && ntfs-3g "$2" "$mount_point" 2>/dev/null; then
    tar -C "$1" -cf - . | tar -C "$mount_point" -xpf -
    filled=$?
    umount "$mount_point" || image_die "cannot unmount $mount_point"
  else
    tar -C "$1" -cf "$2.tar" . &&
      image_guestfish --format=raw -a "$2" run : mount /dev/sda / : tar-in "$2.tar" /
    filled=$?
    rm -f "$2.tar"
  fi
  rmdir "$mount_point"
  return "$filled"
}

# image_make_fs TYPE TREE OUTPUT [SIZE|0 [UUID [LABEL]]]: a file system in a file of its own.
image_make_fs () {
  type=$1
  tree=$2
  file=$3
  size=${4:-0}
  uuid=${5:-$image_default_uuid}
  label=${6:-$image_default_label}
  [ -d "$tree" ] || image_die "$tree: not a directory"
  [ "$size" -ne 0 ] || size=$(image_default_size "$type" "$tree")
  rm -f "$file"
  [ "$type" = iso9660 ] || truncate -s "$size" "$file"
  serial=$(printf '%s' "$uuid" | tr -d - | tail -c 16)
  case $type in
    ext2 | ext3 | ext4)
      mke2fs -q -F -t "$type" -b 4096 -m 0 -U "$uuid" -L "$label" \
        -E "hash_seed=$uuid,lazy_itable_init=0,lazy_journal_init=0,nodiscard" -d "$tree" "$file"
      ;;
    xfs)
      image_xfs_list "$tree" >"$file.list"
      mkfs.xfs -q -f -m "uuid=$uuid" -L "$label" -p "$file.list" "$file"
      rm -f "$file.list"
      ;;
    btrfs)
      mkfs.btrfs -q -f -m single -d single -U "$uuid" -L "$label" --rootdir "$tree" "$file" \
        >/dev/null
      ;;
    ntfs)
      mkntfs -q -F -Q -L "$label" -s 512 -p 0 -H 255 -S 63 "$file" 2>/dev/null &&
        image_fill_ntfs "$tree" "$file" &&
        ntfslabel --new-serial="$serial" "$file" "$label" >/dev/null 2>&1
      ;;
    fat)
      mkfs.vfat --invariant -i "$(printf '%s' "$serial" | tail -c 8)" -n VTIMAGE "$file" \
        >/dev/null &&
        image_fill_fat "$tree" "$file"
      ;;
    iso9660)
      xorrisofs -quiet -R -file_name_limit 255 -V VTIMAGE -o "$file" "$tree" 2>"$file.log" || {
        cat "$file.log" >&2
        return 1
      }
      rm -f "$file.log"
      ;;
    *) image_die "$type: no such file system here" ;;
  esac
}

# The partition's type, as the table names it.
image_partition_type () {
  case $1:$2 in
    gpt:esp) echo C12A7328-F81F-11D2-BA4B-00A0C93EC93B ;;
    gpt:*) echo 0FC63DAF-8483-4772-8E79-3D69D8477DE4 ;;
    mbr:fat) echo c ;;
    mbr:ntfs) echo 7 ;;
    *) echo 83 ;;
  esac
}

# image_make_disk TABLE OUTPUT [TYPE:FILE...]: a raw disk with one partition for each file. A type
# may also be esp, for an EFI system partition.
image_make_disk () {
  table=$1
  disk=$2
  shift 2
  case $table in
    none)
      cp --sparse=always "${1#*:}" "$disk"
      return
      ;;
    gpt) script="label: gpt
label-id: $image_disk_id" ;;
    mbr) script="label: dos
label-id: 0x5eedd15c" ;;
    *) image_die "$table: no such partition table here" ;;
  esac
  start=$image_margin
  number=0
  for part in "$@"; do
    number=$((number + 1))
    length=$(stat -c %s "${part#*:}")
    length=$(((length + 1048575) / 1048576 * 1048576))
    line="start=$((start / 512)), size=$((length / 512)),"
    line="$line type=$(image_partition_type "$table" "${part%%:*}")"
    [ "$table" = mbr ] || line="$line, uuid=5eed0000-0000-4000-8000-0000000a$(printf %04d $number)"
    script="$script
$line"
    start=$((start + length))
  done
  rm -f "$disk"
  truncate -s $((start + image_margin)) "$disk"
  printf '%s\n' "$script" | sfdisk -q "$disk" || image_die "$disk: sfdisk failed"
  start=$image_margin
  for part in "$@"; do
    length=$(stat -c %s "${part#*:}")
    dd if="${part#*:}" of="$disk" bs=1M seek=$((start / 1048576)) conv=notrunc,sparse status=none ||
      return
    start=$((start + (length + 1048575) / 1048576 * 1048576))
  done
}

# image_convert RAW FORMAT OUTPUT
image_convert () {
  case $2 in
    raw) cp --sparse=always "$1" "$3" ;;
    vpc) qemu-img convert -f raw -O vpc -o force_size=on "$1" "$3" ;;
    qcow2 | vmdk | vhdx | vdi) qemu-img convert -f raw -O "$2" "$1" "$3" ;;
    *) image_die "$2: no such image format here" ;;
  esac
}
