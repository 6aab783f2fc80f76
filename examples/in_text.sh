#!/bin/sh
# in_text.sh TEXT SOURCE...: every line of C++ that the text shows stands in one of the sources.
set -u
text=$1
shift

lines=$(awk '/^```cpp$/ { inside = 1; next } /^```$/ { inside = 0 } inside && NF' "$text")
if [ -z "$lines" ]; then
  echo "$text shows no C++"
  exit 1
fi

# Indented as it may be, since snippets stand in functions here.
code=$(sed 's/^ *//' "$@") || exit 1
missing=$(printf '%s\n' "$lines" | sed 's/^ *//' | while IFS= read -r line; do
  printf '%s\n' "$code" | grep -qxF -e "$line" || printf '  %s\n' "$line"
done)
if [ -n "$missing" ]; then
  echo "$text shows what no example compiles:"
  printf '%s\n' "$missing"
  exit 1
fi
