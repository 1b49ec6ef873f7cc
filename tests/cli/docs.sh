#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
# --help, the manual pages and the completion tell of the same verbs and options, and the documents'
# links lead somewhere. Arguments: the program, and the source directory.
set -u
. "$(dirname "$0")/tap.sh"

vtemplater=$1
source_dir=$2
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
options_of_help() {
  "$vtemplater" "$1" --help >"$tmp/help" || return
  sed -n -e 's/^ *\(-[a-z]\), \(--[a-z][a-z-]*[=A-Z]*\).*/\1 \2/p' \
    -e 's/^ *\(--[a-z][a-z-]*[=A-Z]*\).*/\1/p' "$tmp/help" | sort
}

options_of_page() {
  sed -n -e 's/^\(-[a-z]\)\( [A-Z]*\)\{0,1\}, \(--[a-z][a-z-]*[=A-Z]*\)$/\1 \3/p' \
    -e 's/^\(--[a-z][a-z-]*[=A-Z]*\)$/\1/p' "$man/vtemplater-$1.rst" | sort
}

# complete WORD...: what is offered for the last word.
complete_words() {
  bash --norc -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vtemplater
    printf "%s\n" "${COMPREPLY[@]}"' - "$completion" vtemplater "$@"
}

check_verb() {
  options_of_help "$1" >"$tmp/of-help"
  options_of_page "$1" >"$tmp/of-page"
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
sed -n "s/^  'vtemplater-\([a-z]*\)',/\1/p" "$man/meson.build" | sort >"$tmp/built"
ok 'each of them is built' same "$tmp/verbs" "$tmp/built"

for document in README.md SECURITY.md docs/README.md docs/architecture.md docs/ci.md docs/hacking.md \
  docs/performance.md docs/security.md; do
  ok "links in $document" check_links "$source_dir/$document"
done

tap_done
