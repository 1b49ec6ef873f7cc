#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
# vtemplater cache. Arguments: the program, and the test program that makes a sample store.
set -u
. "$(dirname "$0")/tap.sh"

vtemplater=$1
test_store=$2
store="$tmp/cache/verdicts.db"
unset G_DEBUG

make_store() {
  rm -rf "$tmp/cache"
  VT_TEST_STORE=$store "$test_store"
}

cache() {
  action=$1
  shift
  "$vtemplater" cache "$action" --store "$store" "$@"
}

# output_has LINE COMMAND...: the command succeeds and prints that line.
output_has() {
  line=$1
  shift
  "$@" >"$tmp/out" || return 1
  grep -Fx -e "$line" "$tmp/out" || {
    cat "$tmp/out"
    return 1
  }
}

# fails_with TEXT COMMAND...: status 2, TEXT in the message, nothing on standard output.
fails_with() {
  text=$1
  shift
  status 2 "$@" >"$tmp/out" 2>"$tmp/err" || return 1
  cat "$tmp/err"
  grep -qF -e "$text" "$tmp/err" && [ ! -s "$tmp/out" ]
}

is_json() {
  cache "$@" --format json >"$tmp/json" || return 1
  /usr/bin/python3 - "$tmp/json" "$expression" <<'PYTHON'
import json, sys
report = json.load(open(sys.argv[1], encoding="utf-8"))
print(report)
sys.exit(0 if eval(sys.argv[2], {"r": report}) else 1)
PYTHON
}

not_made() {
  [ ! -e "$tmp/cache" ]
}

ok 'stats without a store' output_has 'Verdicts: 0' cache stats
ok 'prune without a store' output_has 'Removed: 0 verdicts' cache prune --max-count 1
ok 'clear without a store' output_has 'Removed: 0 verdicts' cache clear
ok 'no store was made' not_made
expression='r["verdicts"] == 0 and r["oldest_use"] is None'
ok 'stats without a store in JSON' is_json stats

make_store
ok 'stats' output_has 'Verdicts: 6' cache stats
for line in 'Clean: 3' 'Infected: 2' 'Incomplete: 1' 'Engines: 2' 'Oldest use: 2023-11-14' \
  "Store: $store"; do
  ok "stats: $line" output_has "$line" cache stats
done
expression='(r["schema"], r["verdicts"], r["clean"], r["infected"], r["incomplete"]) == (1, 6, 3, 2, 1)
  and r["engines"] == 2 and r["file_size"] > 0 and r["oldest_use"] == "2023-11-14T22:13:20Z"'
expression=$(printf '%s' "$expression" | tr '\n' ' ')
ok 'stats in JSON' is_json stats

ok 'prune by age' output_has 'Removed: 3 verdicts' cache prune --max-age 30
ok 'prune by age again' output_has 'Removed: 0 verdicts' cache prune --max-age 30
expression='r["removed"] == 2 and r["verdicts"] == 1'
ok 'prune by number, in JSON' is_json prune --max-count 1
make_store
ok 'prune by both' output_has 'Left: 2 verdicts' cache prune --max-age 30 --max-count 2
ok 'clear' output_has 'Removed: 2 verdicts' cache clear
ok 'clear left nothing' output_has 'Verdicts: 0' cache stats

ok 'no action' fails_with 'stats, prune and clear' "$vtemplater" cache --store "$store"
ok 'unknown action' fails_with 'stats, prune and clear' cache drop
ok 'two actions' fails_with 'stats, prune and clear' cache stats clear
ok 'prune without limits' fails_with '--max-age' cache prune
ok 'limits for stats' fails_with 'for prune' cache stats --max-age 1
ok 'negative age' fails_with 'not a whole number' cache prune --max-age=-1
ok 'enormous age' fails_with 'not a whole number' cache prune --max-age 99999999999
ok 'fractional count' fails_with 'not a whole number' cache prune --max-count 1.5
ok 'unknown format' fails_with 'not text or json' cache stats --format yaml
ok 'unknown option' fails_with 'nknown option' cache stats --colour
ok 'no store at all' fails_with 'without a store' "$vtemplater" cache stats --store none

make_store
chmod 0666 "$store"
ok 'a store others may write' fails_with 'chmod go-w' cache stats
make_store
# All but the first page, which says what it is.
dd if=/dev/zero of="$store" bs=4096 seek=1 count=4 conv=notrunc 2>"$tmp/dd.log"
ok 'a damaged store' fails_with 'vtemplater cache clear' cache stats
ok 'a damaged store is left alone' test -e "$store"
ok 'a damaged store is cleared' output_has 'Left: 0 verdicts' cache clear
ok 'a damaged store is gone' test ! -e "$store"
echo 'my shopping list' >"$store"
chmod 0600 "$store"
ok 'another file is no store' fails_with 'not a verdict store' cache stats
ok 'another file is not cleared' fails_with 'remove it yourself' cache clear
ok 'another file is left alone' grep -q shopping "$store"
ok 'a full standard output' status 2 sh -c '"$1" cache stats --store "$2" >/dev/full' - \
  "$vtemplater" "$tmp/none.db"

tap_done
