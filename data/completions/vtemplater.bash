# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
# bash completion for vtemplater; tests/cli/docs.sh holds its options against --help.
# shellcheck shell=bash

_vtemplater_words () {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_vtemplater_files () {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_vtemplater_directories () {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -d -- "$1")
}

_vtemplater_formats () {
  case $1 in
    scan) echo text json sarif junit ;;
    *) echo text json ;;
  esac
}

# The value of an option; fails if the option takes none, or one that cannot be guessed.
_vtemplater_value () {
  case $1 in
    --database | --quarantine) _vtemplater_directories "$2" ;;
    --store | --output | --manifest | --password-file | --passphrase-file | --out | --allow-backing | --from | --report) _vtemplater_files "$2" ;;
    --format) _vtemplater_words "$(_vtemplater_formats "$3")" "$2" ;;
    --action) _vtemplater_words "quarantine remove" "$2" ;;
    --backend) _vtemplater_words "auto direct guestfs" "$2" ;;
    --passphrase-env) mapfile -t COMPREPLY < <(compgen -e -- "$2") ;;
    --progress) _vtemplater_words "auto none plain" "$2" ;;
    --snapshot | --key | --restore | --launch-timeout | --stall-timeout | --jobs | -j | --include | --exclude | --password | --nested | --max-*) ;;
    *) return 1 ;;
  esac
}

_vtemplater_options () {
  local image="--image-format --no-unwrap --max-unpacked-image --snapshot --allow-backing --key
    --backend --launch-timeout --stall-timeout --format --output --quiet --verbose --help"

  case $1 in
    scan)
      echo "$image --database --store --manifest --jobs --include --exclude --max-file-size
        --max-scan-size --max-scan-time --max-recursion --max-files --max-unpacked-size --max-spool-size --max-ratio
        --max-unpack-time --nested --password --password-file --progress --allow-incomplete"
      ;;
    clean)
      echo "--image-format --allow-backing --key --backend --launch-timeout --stall-timeout --quiet
        --verbose --help --database --store --jobs --password --password-file --progress
        --allow-incomplete --max-file-size --max-scan-size --max-scan-time --max-recursion
        --max-files --max-unpacked-size --max-spool-size --max-ratio --max-unpack-time --nested
        --from --action --quarantine --restore --containers --dry-run --output --output-format
        --format --report"
      ;;
    inspect) echo "$image" ;;
    keygen) echo "--out --passphrase-file --passphrase-env --no-passphrase --help" ;;
    db) echo "--database --help" ;;
    cache) echo "--store --max-age --max-count --format --help" ;;
  esac
}

_vtemplater () {
  local word=${COMP_WORDS[COMP_CWORD]}
  local before=${COMP_WORDS[COMP_CWORD - 1]}
  local verb=${COMP_WORDS[1]}

  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    _vtemplater_words "scan clean inspect keygen db cache help --help --version" "$word"
    return
  fi
  # "--option=value" comes as three words.
  if [ "$word" = "=" ]; then
    word=
  elif [ "$before" = "=" ] && [ "$COMP_CWORD" -gt 2 ]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if _vtemplater_value "$before" "$word" "$verb"; then
    return
  fi
  case $verb:$word in
    *:-*) _vtemplater_words "$(_vtemplater_options "$verb")" "$word" ;;
    keygen:*) ;;
    db:*) _vtemplater_words "status update" "$word" ;;
    cache:*) _vtemplater_words "stats prune clear" "$word" ;;
    *) _vtemplater_files "$word" ;;
  esac
}

complete -F _vtemplater vtemplater
