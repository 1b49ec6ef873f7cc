# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
# TAP for shell tests: sourced. Makes the directory $tmp, and removes it at the end.

tap_count=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# ok NAME COMMAND...: passes if the command succeeds; what it printed is shown if not.
ok() {
  tap_name=$1
  shift
  tap_count=$((tap_count + 1))
  if "$@" >"$tmp/tap.log" 2>&1; then
    echo "ok $tap_count - $tap_name"
  else
    echo "not ok $tap_count - $tap_name"
    sed 's/^/# /' "$tmp/tap.log"
  fi
}

# skip NAME WHY
skip() {
  tap_count=$((tap_count + 1))
  echo "ok $tap_count - $1 # SKIP $2"
}

# status EXPECTED COMMAND...: succeeds if the command exits with that status.
status() {
  tap_expected=$1
  shift
  tap_status=0
  "$@" || tap_status=$?
  [ "$tap_status" -eq "$tap_expected" ] || {
    echo "exit status $tap_status, not $tap_expected: $*"
    return 1
  }
}

tap_done() {
  echo "1..$tap_count"
}
