#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#
# What the store knows of signatures: which files they are, and verdicts that were found with older
# ones (vtemplater scan --max-verdict-age).
# Usage: older.sh VTEMPLATER SOURCE_DIR

vtemplater=$(realpath "$1")
source_dir=$(realpath "$2")
. "$source_dir/tests/cli/tap.sh"

PATH=$PATH:/usr/sbin:/sbin
XDG_CACHE_HOME=$tmp/cache
export XDG_CACHE_HOME
unset G_DEBUG
umask 022
cd "$tmp" || exit 1

make_image () {
  mkdir -p tree signatures
  echo 'one file' >tree/one
  echo 'another one' >tree/two
  "$source_dir/tests/images/make-image.sh" --format raw --tree tree --output image.raw || return
  echo "$(echo unknown | sha256sum | cut -d' ' -f1):8:Test.Unknown" >signatures/test.hsb
  touch -d '121 hours ago' signatures/test.hsb
}

scan () {
  "$vtemplater" scan --database signatures --progress none "$@" image.raw </dev/null
}

# counts STATUS STORE DAYS SCANNED OLDER: what a scan with a copy of the store comes to.
counts () {
  rm -f "$2"
  cp store.db "$2"
  status "$1" scan --store "$2" --max-verdict-age "$3" --format json --output report || return
  grep -E '"(scanned|from_store_older)":' report
  grep -q "\"scanned\": $4," report && grep -q "\"from_store_older\": $5," report
}

# tells TEXT: the text report has it.
tells () {
  rm -f told.db
  cp store.db told.db
  scan --store told.db --max-verdict-age 30 >out
  grep '^Of these' out
  grep -q "^$1" out
}

if ! make_image >making 2>&1; then
  sed 's/^/# /' making
  skip 'older verdicts' 'images cannot be made here'
  tap_done
  exit
fi

ok 'a first scan' status 0 scan --store store.db
ok 'the verdicts in force are not old' counts 0 same.db 30 0 0
echo "$(echo other | sha256sum | cut -d' ' -f1):6:Test.Other" >signatures/more.hsb
ok 'after an update, all is scanned' counts 0 none.db 0 2 0
ok 'with permission, nothing is' counts 0 some.db 30 0 2
ok 'the limit is that of the signatures' counts 0 few.db 4 2 0
ok 'it is told' tells 'Of these by older signatures: 2 files, the oldest 6 days old'
echo "$(sha256sum <tree/one | cut -d' ' -f1):9:Test.One" >signatures/more.hsb
ok 'an update that finds something' counts 1 found.db 0 2 0
ok 'it is not asked, with permission' counts 0 unasked.db 30 0 2
cp found.db store.db
echo "$(echo other | sha256sum | cut -d' ' -f1):6:Test.Other" >>signatures/more.hsb
ok 'what was found since is looked at again' counts 1 again.db 30 1 1
# query SQL: of the store "digests.db".
query () {
  /usr/bin/python3 -c 'import sqlite3, sys
with sqlite3.connect("digests.db") as store:
  print(*[value for row in store.execute(sys.argv[1]) for value in row])' "$1"
}

# These files have been there for a while; what has just changed is hashed each time.
scan_with_old_signatures () {
  "$vtemplater" scan --database "$source_dir/data/demo-signatures" --store digests.db \
    --progress none image.raw </dev/null
}

digests_are_kept () {
  status 0 scan_with_old_signatures || return
  kept=$(query 'SELECT count(*) FROM host_file')
  echo "$kept"
  [ "$kept" -gt 0 ] && status 0 scan_with_old_signatures
}

# It makes another engine id, with which what the engine's host computes does not agree.
wrong_digest_is_noticed () {
  query "UPDATE host_file SET sha256 = zeroblob (32)"
  status 2 scan_with_old_signatures 2>err || { cat err; return 1; }
  cat err
  grep -q 'changed' err && [ "$(query 'SELECT count(*) FROM host_file')" = 0 ]
}

ok 'digests of the signatures are kept' digests_are_kept
ok 'a wrong one is noticed when they are loaded, and forgotten' wrong_digest_is_noticed
ok 'and the next scan is right' status 0 scan_with_old_signatures
tap_done
