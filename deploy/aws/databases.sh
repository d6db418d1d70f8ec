#!/bin/sh
# databases.sh: makes the databases of gateway, stacks and quota and their users in PostgreSQL, as the
# secrets of terraform/modules/secrets say. Runs as a job in the cluster (databases.yaml), since nothing
# else reaches the database, with psql alone; scripts/databases.sh starts it. Safe to run again: it makes
# what is missing, and gives users the passwords that the secrets have now.
#   PGHOST, PGPORT, PGUSER, PGPASSWORD   the owner of the instance
#   SECRETS                              a folder with SERVICE/database, /username and /password
#   REST                                 a or b: the users whose turn it is not, and whom no pod uses any
#                                        more; they log in no more until it is their turn again
#
# The tables of a service belong to a role of its name. Its two users take turns: both become that role
# when they connect, so that what one makes is the other's too, and one is good until the next turn.
set -eu

run() { psql -X -q -v ON_ERROR_STOP=1 "$@"; }

for folder in "$SECRETS"/*/; do
  service=$(basename "$folder")
  database=$(cat "$folder/database")
  username=$(cat "$folder/username")
  resting=
  case ${REST:-} in
    a | b)
      resting=${service}_$REST
      if [ "$resting" = "$username" ]; then
        echo "it is the turn of $username, who cannot rest" >&2
        exit 1
      fi
      ;;
  esac
  # The password goes by the environment: arguments are seen by everybody.
  NEW_PASSWORD=$(cat "$folder/password")
  export NEW_PASSWORD
  run -d postgres -v owner="$service" -v username="$username" -v database="$database" \
    -v resting="$resting" <<'END'
\getenv password NEW_PASSWORD
SELECT format('CREATE ROLE %I NOLOGIN', :'owner')
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'owner') \gexec
SELECT format('CREATE ROLE %I LOGIN', :'username')
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'username') \gexec
SET password_encryption = 'scram-sha-256';
SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', :'username', :'password') \gexec
SELECT format('ALTER ROLE %I NOLOGIN', rolname) FROM pg_roles WHERE rolname = :'resting' \gexec
SELECT format('GRANT %I TO %I', :'owner', :'username') \gexec
SELECT format('ALTER ROLE %I SET role TO %L', :'username', :'owner') \gexec
-- Who owns the instance is no superuser, and must be a member to give a database away.
SELECT format('GRANT %I TO %I', :'owner', current_user) \gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'owner')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'database') \gexec
END
  echo "the database $database is $service's, who connects as $username"
done
