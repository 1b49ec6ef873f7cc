#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
# --help, the manual pages and the completion tell of the same verbs and options, the configuration's
# page of the keys that there are, and the documents' links lead somewhere. Arguments: vtemplater, the
# source directory, and vt-scand.
set -u
. "$(dirname "$0")/tap.sh"

vtemplater=$1
source_dir=$2
scand=$3
man=$source_dir/docs/man
completion=$source_dir/data/completions/vtemplater.bash
export LC_ALL=C
unset G_DEBUG

# same EXPECTED-FILE FILE
same() {
  diff -u "$1" "$2"
}

not_empty() {
  [ -s "$1" ]
}

# Both print "-q --quiet" for an option that has a short form, "--database=DIR" for one that takes a
# value; in the page, options stand at the start of a line.
# options_of_help PROGRAM [WORD...]
options_of_help() {
  "$@" --help >"$tmp/help" || return
  sed -n -e 's/^ *\(-[a-z]\), \(--[a-z][a-z-]*[=A-Z]*\).*/\1 \2/p' \
    -e 's/^ *\(--[a-z][a-z-]*[=A-Z]*\).*/\1/p' "$tmp/help" | sort
}

# options_of_page [FILE]
options_of_page() {
  sed -n -e 's/^\(-[a-z]\)\( [A-Z]*\)\{0,1\}, \(--[a-z][a-z-]*[=A-Z]*\)$/\1 \3/p' \
    -e 's/^\(--[a-z][a-z-]*[=A-Z]*\)$/\1/p' "$@" | sort
}

# complete WORD...: what is offered for the last word.
complete_words() {
  bash --norc -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vtemplater
    printf "%s\n" "${COMPREPLY[@]}"' - "$completion" vtemplater "$@"
}

check_verb() {
  options_of_help "$vtemplater" "$1" >"$tmp/of-help"
  options_of_page "$man/vtemplater-$1.rst" >"$tmp/of-page"
  ok "$1: --help has options" not_empty "$tmp/of-help"
  ok "$1: the manual page has those of --help" same "$tmp/of-help" "$tmp/of-page"
  if command -v bash >/dev/null; then
    sed -e 's/^-[a-z] //' -e 's/=.*//' "$tmp/of-help" | sort >"$tmp/long"
    complete_words "$1" -- | sort >"$tmp/of-completion"
    ok "$1: so has the completion" same "$tmp/long" "$tmp/of-completion"
  else
    skip "$1: so has the completion" 'bash is not installed'
  fi
}

pages_of() {
  sed -n 's/.*\*\*vtemplater-\([a-z]*\)\*\*.*/\1/p' "$man/vtemplater.rst" | sort -u
}

# section PAGE PATTERN: what is under the heading that matches, up to the next one.
section() {
  awk -v pattern="$2" '
    /^(====*|----*)$/ { inside = previous ~ pattern }
    inside && NR > 1 { print previous }
    { previous = $0 }
    END { if (inside) print previous }' "$1"
}

# What all actions have stands in a section of its own.
check_scand_action() {
  section "$man/vt-scand.rst" '^OPTIONS OF ALL ACTIONS$' | options_of_page >"$tmp/shared"
  {
    section "$man/vt-scand.rst" "^vt-scand $1 $2( |\$)" | options_of_page
    cat "$tmp/shared"
  } | sort >"$tmp/of-page"
  options_of_help "$scand" "$1" "$2" >"$tmp/of-help"
  ok "vt-scand $1 $2: the manual page has the options of --help" same "$tmp/of-help" "$tmp/of-page"
}

# Lines "group key=default"; without a default where there is none.
keys_of_program() {
  : >"$tmp/empty.conf"
  "$scand" --config "$tmp/empty.conf" --print-config >"$tmp/printed.conf" || return
  sed -n -e '/^\[/{s/[][]//g;h;}' -e '/=/{s/^#\(.*\)=$/\1/;G;s/\(.*\)\n\(.*\)/\2 \1/p;}' \
    "$tmp/printed.conf" | sort
}

keys_of_page() {
  awk '
    /^\[[a-z]*\]$/ { group = substr($0, 2, length($0) - 2) }
    /^[A-Z]+$/ { group = "" }
    group != "" && /^\*\*[a-z]/ { n = split($0, keys, ", "); gsub(/[*]/, "") }
    group != "" && /Default: / {
      value = ""
      if (match($0, /Default: \*\*.*\*\*\.$/)) {
        value = substr($0, RSTART + 11, RLENGTH - 14)
        gsub(/\\/, "", value)
        value = "=" value
      }
      for (i = 1; i <= n; i++) {
        gsub(/[*]/, "", keys[i])
        print group " " keys[i] value
      }
    }' "$man/scand.conf.rst" | sort
}

check_scand() {
  options_of_help "$scand" >"$tmp/of-help"
  section "$man/vt-scand.rst" '^OPTIONS$' | options_of_page >"$tmp/of-page"
  ok 'vt-scand: --help has options' not_empty "$tmp/of-help"
  ok 'vt-scand: the manual page has those of --help' same "$tmp/of-help" "$tmp/of-page"
  for verb in ca token; do
    "$scand" "$verb" --help | sed -n '/^Actions:/,/^$/s/^  \([a-z]*\) .*/\1/p' >"$tmp/actions"
    ok "vt-scand $verb: --help has actions" not_empty "$tmp/actions"
    while read -r action; do
      check_scand_action "$verb" "$action"
    done <"$tmp/actions"
    sed -n "s/^vt-scand $verb \([a-z]*\).*/\1/p" "$man/vt-scand.rst" >"$tmp/of-page"
    ok "vt-scand $verb: the manual page has no others" same "$tmp/actions" "$tmp/of-page"
  done
}

check_scand_conf() {
  keys_of_program >"$tmp/keys"
  keys_of_page >"$tmp/of-page"
  ok 'scand.conf: there are keys' not_empty "$tmp/keys"
  ok 'scand.conf: the manual page has all of them, and their defaults' same "$tmp/keys" "$tmp/of-page"
  "$scand" --config "$tmp/printed.conf" --print-config >"$tmp/again.conf"
  ok 'scand.conf: what is printed reads back' same "$tmp/printed.conf" "$tmp/again.conf"
  "$scand" --config "$source_dir/data/scand.conf" --print-config >"$tmp/again.conf"
  ok 'scand.conf: the file that is installed has the defaults' same "$tmp/printed.conf" "$tmp/again.conf"
  sed -n 's/^#\{0,1\}\([a-z][a-z-]*=\|\[\)/\1/p' "$source_dir/data/scand.conf" >"$tmp/of-file"
  sed -n 's/^#\{0,1\}\([a-z][a-z-]*=\|\[\)/\1/p' "$tmp/printed.conf" >"$tmp/keys"
  ok 'scand.conf: the file that is installed has all keys' same "$tmp/keys" "$tmp/of-file"
}

# Links to files, relative to the document.
check_links() {
  directory=$(dirname "$1")
  grep -o '](.*)' "$1" >"$tmp/text" || [ -e "$1" ] || return
  sed -e 's/)/)\n/g' "$tmp/text" | sed -n 's/.*](\([^)#:]*\)[^):]*)$/\1/p' | sort -u >"$tmp/links"
  missing=0
  while read -r link; do
    [ -e "$directory/$link" ] || {
      echo "$link does not exist"
      missing=1
    }
  done <"$tmp/links"
  return "$missing"
}

"$vtemplater" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p' | sort >"$tmp/verbs"
ok '--help has verbs' not_empty "$tmp/verbs"
while read -r verb; do
  check_verb "$verb"
done <"$tmp/verbs"

pages_of >"$tmp/pages"
ok 'vtemplater(1) names the page of each verb' same "$tmp/verbs" "$tmp/pages"
find "$man" -name 'vtemplater-*.rst' | sed 's/.*vtemplater-\(.*\)\.rst/\1/' | sort >"$tmp/files"
ok 'there is a page for each verb' same "$tmp/verbs" "$tmp/files"
sed -n "s/^  'vtemplater-\([a-z]*\)': 1,/\1/p" "$man/meson.build" | sort >"$tmp/built"
ok 'each of them is built' same "$tmp/verbs" "$tmp/built"

check_scand
check_scand_conf

for document in README.md SECURITY.md docs/README.md docs/architecture.md docs/ci.md docs/hacking.md \
  docs/operations.md docs/performance.md docs/security.md; do
  ok "links in $document" check_links "$source_dir/$document"
done

tap_done
