#!/bin/sh
# install.sh LIST: installs the Debian packages of a list that are not there yet. A root that was
# made with all of them needs neither apt nor the network here.
set -eu

wanted=$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$1")
missing=
for package in $wanted; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
    missing="$missing $package"
done
[ -n "$missing" ] || exit 0
apt-get update
# shellcheck disable=SC2086  # several names
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
rm -rf /var/lib/apt/lists/*
