#!/usr/bin/env bash
# certs.sh [--days N] [--trust-domain NAME] [--dns NAME] DIR [SERVICE...]: certificates for mutual
# TLS between services, for development and tests. Production has an authority of its own:
# docs/security.md.
#   DIR/ca.pem, ca.key          the authority; made where there is none, kept else
#   DIR/SERVICE.pem, .key       made anew by every call: gateway, stacks, quota, runner and keda, or
#                               those that are named. Services that run take them up within seconds
#   --days N                    how long they hold (30); -1: they have ended, for tests
#   --trust-domain NAME         of their names, spiffe://NAME/SERVICE (stackyard)
#   --dns NAME                  a name of their host as well, for clients that are not ours (KEDA)
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

DAYS=30
DOMAIN=stackyard
CA_DAYS=3650
DNS=

usage() {
  die "$1" 'use: certs.sh [--days N] [--trust-domain NAME] [--dns NAME] DIR [SERVICE...]'
}

while [ "${1:-}" != "${1#--}" ]; do
  [ -n "${2:-}" ] || usage "$1 lacks its value"
  case $1 in
    --days) DAYS=$2 ;;
    --trust-domain) DOMAIN=$2 ;;
    --dns) DNS=$2 ;;
    *) usage "unknown flag $1" ;;
  esac
  shift 2
done
[[ $DAYS =~ ^-?[1-9][0-9]*$ ]] || usage "'$DAYS' is no number of days"
[[ $DOMAIN =~ ^[a-z0-9._-]+$ ]] || usage "'$DOMAIN' is no trust domain"
[[ $DNS =~ ^[a-z0-9.-]*$ ]] || usage "'$DNS' is no name of a host"
[ -n "${1:-}" ] || usage 'the folder is missing'
DIR=$1
shift
[ "$#" -gt 0 ] || set -- gateway stacks quota runner keda

umask 077
mkdir -p "$DIR"
WORK=$(mktemp -d "$DIR/.new.XXXXXX")
trap 'rm -rf "$WORK"' EXIT

# quiet COMMAND...: its output only when it fails.
quiet() { "$@" >"$WORK/log" 2>&1 || { cat "$WORK/log" >&2; die 'openssl failed' 'see above'; }; }

# put FILE...: from the working folder into place.
put() { local file; for file; do mv "$WORK/$file" "$DIR/$file"; done; }

EC=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)

make_ca() {
  quiet openssl req -x509 "${EC[@]}" -sha256 -days "$CA_DAYS" -subj "/CN=Stackyard $DOMAIN" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout "$WORK/ca.key" -out "$WORK/ca.pem"
  put ca.key ca.pem
}

# issue SERVICE
issue() {
  cat >"$WORK/extensions" <<END
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth,serverAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName=URI:spiffe://$DOMAIN/$1${DNS:+,DNS:$DNS}
END
  quiet openssl req "${EC[@]}" -subj "/CN=$1" -keyout "$WORK/$1.key" -out "$WORK/$1.csr"
  quiet openssl x509 -req -sha256 -in "$WORK/$1.csr" -CA "$DIR/ca.pem" -CAkey "$DIR/ca.key" \
    -set_serial "0x$(openssl rand -hex 16)" -days "$DAYS" -extfile "$WORK/extensions" \
    -out "$WORK/$1.pem"
  put "$1.key" "$1.pem"
}

if [ ! -e "$DIR/ca.pem" ] || [ ! -e "$DIR/ca.key" ]; then make_ca; fi
for service; do
  [[ $service =~ ^[a-z0-9-]+$ ]] || usage "'$service' is no name of a service"
  issue "$service"
done
say "certificates for $* in $DIR, for $DAYS days"
