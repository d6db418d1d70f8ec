#!/bin/sh
# Starts PostgreSQL, and makes the services' databases the first time. For trials: one pod, no copies.
set -eu
umask 077
export PGDATA="${PGDATA:-/var/lib/stackyard/data}"

quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }

# Done beside its place and moved there, so that what was interrupted is begun anew.
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  new=$PGDATA.new
  rm -rf "$new"
  printf %s "$POSTGRES_PASSWORD" >"$new.password"
  initdb --pgdata="$new" --username=postgres --pwfile="$new.password" --encoding=UTF8 --locale=C \
    --auth-local=trust --auth-host=scram-sha-256 >/dev/null
  rm "$new.password"
  # Connections are limited to the release's services by a network policy, and need a password.
  echo 'host all all all scram-sha-256' >>"$new/pg_hba.conf"
  # One statement a line is what this mode of the server reads.
  {
    for service in gateway stacks quota; do
      password=$(printenv "PASSWORD_$service")
      echo "CREATE ROLE $service LOGIN PASSWORD $(quoted "$password");"
      echo "CREATE DATABASE $service OWNER $service;"
      echo "REVOKE CONNECT ON DATABASE $service FROM PUBLIC;"
    done
  } | postgres --single -D "$new" postgres >/dev/null
  mv "$new" "$PGDATA"
fi
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp -c max_connections=200 "$@"
