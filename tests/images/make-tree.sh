#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#
# Makes a small directory with the kinds of files a scanner stumbles over. The same call makes the
# same tree, times included.

set -eu
. "$(dirname "$0")/functions.sh"

usage () {
  cat <<'USAGE'
Usage: make-tree.sh [--plain] [--infected] DIR
  --plain     only names, kinds and modes that every file system can hold
  --infected  with ClamAV's test file, plain and packed, and the EICAR test file, in infected/
USAGE
}

plain=no
infected=no
while [ $# -gt 0 ]; do
  case $1 in
    --plain) plain=yes ;;
    --infected) infected=yes ;;
    -h | --help)
      usage
      exit 0
      ;;
    -*)
      usage >&2
      exit 2
      ;;
    *) break ;;
  esac
  shift
done
if [ $# -ne 1 ]; then
  usage >&2
  exit 2
fi
tree=$1
[ ! -e "$tree" ] || image_die "$tree: there is one already"

# noise NUMBER BYTES: bytes that do not compress, the same ones each time.
noise () {
  openssl enc -aes-128-ctr -K "$(printf '%032x' "$1")" -iv 0 -in /dev/zero 2>/dev/null |
    head -c "$2"
}

make_ordinary () {
  mkdir -p bin etc usr/lib usr/share/doc var/log srv/many
  echo "golden" >etc/hostname
  printf 'root:x:0:0:root:/var/empty:/bin/sh\n' >etc/passwd
  noise 1 65536 >bin/tool
  noise 2 5242880 >usr/lib/large.bin
  noise 3 4097 >usr/lib/odd-size.bin
  : >var/log/empty
  printf 'abc' >srv/three-bytes
  number=0
  while [ "$number" -lt 300 ]; do
    printf 'file %d\n' "$number" >"srv/many/file-$number"
    number=$((number + 1))
  done
  cp usr/lib/odd-size.bin usr/share/doc/copy-of-odd-size.bin
  mkdir -p srv/deep/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20
  echo "bottom" >srv/deep/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/file
  chmod 755 bin/tool
}

make_unusual () {
  ln bin/tool bin/hard-link
  ln -s tool bin/soft-link
  ln -s loop srv/loop
  ln -s nowhere srv/dangling
  ln -s / srv/to-root
  ln -s ../../../../../../../../../etc/passwd srv/escape
  mkfifo srv/fifo
  truncate -s 10485760 srv/hole
  truncate -s 10485760 srv/sparse
  printf 'after a hole' >>srv/sparse
  printf 'secret\n' >etc/shadow
  # Only root reads such a file, and so makes an image of it.
  [ "$(id -u)" -ne 0 ] || chmod 000 etc/shadow
  cp bin/tool bin/setuid
  chmod 4755 bin/setuid
  mkdir "srv/names"
  echo 1 >"srv/names/with space"
  echo 2 >"srv/names/$(printf 'new\nline')"
  echo 3 >"srv/names/$(printf 'not-utf8-\377\376')"
  echo 4 >"srv/names/-rf"
  echo 5 >"srv/names/quote\"back\\slash"
  echo 6 >"srv/names/$(printf 'snow-\342\230\203')"
  echo 7 >"srv/names/$(printf 'escape-\033[31m')"
  echo 8 >"srv/names/$(printf '%0255d' 0)"
  mkdir "srv/names/..."
  echo 9 >"srv/names/.../hidden"
}

# The test texts are put together at run time: this repository holds no file a scanner would find.
make_infected () {
  mkdir infected
  testfiles=/usr/share/clamav-testfiles
  [ -d "$testfiles" ] || image_die "$testfiles is missing: install clamav-testfiles"
  cp "$testfiles"/clam* infected/
  # shellcheck disable=SC2016
  printf '%s%s' 'X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-' 'ANTIVIRUS-TEST-FILE!$H+H*' \
    >infected/eicar.com
  chmod 644 infected/*
}

umask 022
mkdir -p "$tree"
tree=$(realpath "$tree")
(
  cd "$tree"
  make_ordinary
  [ "$plain" = yes ] || make_unusual
  [ "$infected" = no ] || make_infected
)
image_fix_times "$tree"
