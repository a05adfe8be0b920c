#!/usr/bin/env bash
# start-postgres.sh DIR OWNER_PID [durable]: a throw-away PostgreSQL cluster in DIR, which ends, and takes DIR with it, when the process
# OWNER_PID has ended, however it ended. Prints URL=... for its superuser. Without PostgreSQL on this machine: exit code 77.
# Started by root it runs as user postgres, since PostgreSQL refuses root. Its durability is off, unless asked for: for tests only.
set -euo pipefail
dir=${1:?usage: start-postgres.sh DIR OWNER_PID [durable]}
owner=${2:?usage: start-postgres.sh DIR OWNER_PID [durable]}
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -x "${bin:-}/initdb" ] || bin=$(dirname "$(command -v initdb || echo /nowhere/initdb)")
[ -x "$bin/initdb" ] || { echo "PostgreSQL is not installed (apt-get install postgresql-15)" >&2; exit 77; }
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
run_as=()
if [ "$(id -u)" = 0 ]; then
  chown postgres "$dir"
  run_as=(setpriv --reuid postgres --regid postgres --init-groups)
fi
chmod 755 "$dir"  # the socket is in it; the data folder below is private
cd /
"${run_as[@]}" "$bin/initdb" -D "$dir/data" -U bursar -E UTF8 --locale=C --no-sync --auth=trust >"$dir/initdb.log" 2>&1 ||
  { cat "$dir/initdb.log" >&2; exit 1; }
settings=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=64MB)
# For benchmarks: as a provider would run it, and without a checkpoint in the middle of a measurement.
if [ "${3:-}" = durable ]; then settings=(-c shared_buffers=1GB -c max_wal_size=16GB -c checkpoint_timeout=1h); fi
# No TCP at all: the socket's name is unique by its folder, so there is no port to race for.
"${run_as[@]}" "$bin/postgres" -D "$dir/data" -k "$dir" -p 5432 -c listen_addresses= \
  "${settings[@]}" -c autovacuum=off \
  -c max_connections=200 -c max_pred_locks_per_transaction=256 \
  -c log_min_messages=warning </dev/null >"$dir/postgres.log" 2>&1 &
server=$!
# The guard outlives this script; it holds none of the caller's pipes.
setsid sh -c 'tail --pid="$1" -f /dev/null; kill -QUIT "$2" 2>/dev/null
  tail --pid="$2" -f /dev/null; rm -rf "$3"' guard "$owner" "$server" "$dir" </dev/null >/dev/null 2>&1 &
for _ in $(seq 400); do
  "$bin/pg_isready" -q -h "$dir" -p 5432 -U bursar && { echo "URL=postgresql:host=$dir port=5432 user=bursar dbname=postgres"; exit 0; }
  kill -0 "$server" 2>/dev/null || { cat "$dir/postgres.log" >&2; exit 1; }
  sleep 0.025
done
echo "PostgreSQL did not start, see $dir/postgres.log" >&2
exit 1
