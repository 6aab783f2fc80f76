#!/usr/bin/env bash
# Puts figures in the place of the former ones in docs/benchmarks.md: what stands between the lines
# "<!-- figures: NAME -->" and "<!-- end -->".
#
#     bench/publish.sh NAME <FIGURES
set -euo pipefail

name=$1
document=$(dirname "${BASH_SOURCE[0]}")/../docs/benchmarks.md
figures=$(mktemp)
trap 'rm -f "$figures" "$figures.document"' EXIT
cat >"$figures"
awk -v name="$name" -v figures="$figures" '
  $0 == "<!-- figures: " name " -->" {
    print $0 "\n"
    while ((getline line <figures) > 0) print line
    old = found = 1
  }
  $0 == "<!-- end -->" && old { print ""; old = 0 }
  !old
  END { exit !found }' "$document" >"$figures.document" || {
  echo "docs/benchmarks.md has no place for the figures of $name" >&2
  exit 1
}
cat "$figures.document" >"$document"
