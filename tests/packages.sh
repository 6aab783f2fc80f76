# Debian packages for tests that must not be installed, since they would start services or belong to another system; to be
# sourced.

# unpack INTO PACKAGE...: their files, below a folder. Some have /bin and /lib, which are links.
unpack() {
  local into=$1 download=$1.download package
  shift
  rm -rf "$download"
  mkdir -p "$download" "$into"
  (cd "$download" && apt-get -q download "$@") >&2
  for package in "$download"/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x --no-same-owner --keep-directory-symlink -C "$into"
  done
  rm -rf "$download"
}
