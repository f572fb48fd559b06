#!/bin/sh
# Make sure the browser tests have a Chromium: use the one that is there, install Debian's where we may,
# else say what to do and fail.
set -eu
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
[ -n "${JAKINIB_CHROMIUM:-}" ] && [ -x "$JAKINIB_CHROMIUM" ] && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing Chromium for the browser tests ..."
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null && exit 0
fi
cat >&2 <<'EOF'
The browser tests need Chromium, and it is not here and could not be installed.
  Debian/Ubuntu:  sudo apt-get install chromium
  Fedora:         sudo dnf install chromium
  elsewhere:      set JAKINIB_CHROMIUM to the path of a Chromium or Chrome program
Then run `make test` again.
EOF
exit 1
