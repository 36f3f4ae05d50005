#!/usr/bin/env bash
# Install the real peers that the tests talk to. Where that cannot be done, say so; their tests then stand aside.
set -euo pipefail

packages=(dcmtk orthanc orthanc-dicomweb rsyslog rsyslog-openssl iproute2 openssl libturbojpeg0 chromium fonts-dejavu-core libpixelmed-java)
command -v java >/dev/null || packages+=(default-jre-headless)
command -v npm >/dev/null || packages+=(npm)
missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${Status}\n' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    exit 0
fi
if ! command -v apt-get >/dev/null || (($(id -u) != 0)); then
    echo "peers: cannot install ${missing[*]} (needs root on Debian); the tests that talk to them stand aside"
    exit 0
fi
# Orthanc's package starts a server that listens on every address; the tests start their own instead.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
echo "peers: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
