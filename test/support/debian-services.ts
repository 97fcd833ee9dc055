import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CACHE, cached, debianTar, hasDebianTar } from "../../bench/base-images.ts";
import { type runCommand, startEngine, type TestEngine } from "./engine.ts";

/** PostgreSQL 15 of Debian; it takes the environment, folders and arguments that Docker's own image of it takes. */
export const POSTGRES_IMAGE = "postgres:test";
/** Redis 7 of Debian; arguments are redis-server's, as with Docker's own image of it. */
export const REDIS_IMAGE = "redis:test";

/** Debian 12 as debootstrap makes it. */
export const DEBIAN_IMAGE = "debian:made";

/** The two share their layers, so that loading both costs little more than loading one. */
const DOCKERFILE = `FROM ${DEBIAN_IMAGE} AS services
# The compiler that PostgreSQL may use for queries is as big as everything else together.
RUN apt-get update -qq \\
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql redis-server \\
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/lib/postgresql/* /usr/share/doc /usr/share/locale \\
    /usr/lib/*/libLLVM* /usr/lib/llvm* /usr/lib/postgresql/15/lib/bitcode /usr/lib/postgresql/15/lib/llvmjit* \\
 && echo "listen_addresses = '*'" >> /usr/share/postgresql/15/postgresql.conf.sample
ENV LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin

FROM services AS postgres
ENV PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql/data
EXPOSE 5432
STOPSIGNAL SIGINT
COPY --chmod=755 postgres-entrypoint /usr/local/bin/docker-entrypoint.sh
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]

FROM services AS redis
WORKDIR /data
VOLUME /data
EXPOSE 6379
COPY --chmod=755 redis-entrypoint /usr/local/bin/docker-entrypoint.sh
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server"]
`;

const POSTGRES_ENTRYPOINT = `#!/bin/sh
set -eu
[ "\${1#-}" = "$1" ] || set -- postgres "$@"
[ "$1" = postgres ] || exec "$@"
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres:postgres "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  user="\${POSTGRES_USER:-postgres}"
  database="\${POSTGRES_DB:-$user}"
  if [ -z "\${POSTGRES_PASSWORD:-}" ] && [ "\${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
    echo "Error: Database is uninitialized and superuser password is not specified." >&2
    exit 1
  fi
  secret=$(mktemp)
  printf '%s\\n' "\${POSTGRES_PASSWORD:-unused}" > "$secret"
  initdb --no-sync --username="$user" --pwfile="$secret" --auth-local=trust --auth-host=scram-sha-256
  rm "$secret"
  echo "host all all all \${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
  pg_ctl -o "-c listen_addresses=" -w start
  [ "$database" = postgres ] || createdb -U "$user" "$database"
  for script in /docker-entrypoint-initdb.d/*; do
    case "$script" in
      *.sql) psql -v ON_ERROR_STOP=1 -U "$user" -d "$database" -f "$script" ;;
      *.sh) . "$script" ;;
    esac
  done
  pg_ctl -m fast -w stop
  echo "PostgreSQL init process complete; ready for start up."
fi
exec "$@"
`;

const REDIS_ENTRYPOINT = `#!/bin/sh
set -eu
case "$1" in
  -* | *.conf) set -- redis-server "$@" ;;
esac
[ "$1" = redis-server ] || exec "$@"
shift
if [ "$(id -u)" = 0 ]; then
  chown -R redis:redis .
  set -- setpriv --reuid=redis --regid=redis --init-groups redis-server "$@"
else
  set -- redis-server "$@"
fi
exec "$@" --protected-mode no
`;

const FILES = {
  Dockerfile: DOCKERFILE,
  "postgres-entrypoint": POSTGRES_ENTRYPOINT,
  "redis-entrypoint": REDIS_ENTRYPOINT,
};
const ARCHIVE = `debian-services-${Bun.hash(JSON.stringify(FILES)).toString(16)}.tar`;
const MINUTES_5 = 300_000;

const reachesDebian = await fetch("http://deb.debian.org/debian/dists/bookworm/Release", {
  method: "HEAD",
  signal: AbortSignal.timeout(10_000),
}).then(
  ({ ok }) => ok,
  () => false,
);
/** Whether the image can be had: made before, or a mirror of Debian to make it from. */
export const hasDebian = reachesDebian || hasDebianTar();
/** The same of the services' images. */
export const hasDebianServices = reachesDebian || (await Bun.file(join(CACHE, ARCHIVE)).exists());

/** Gives the engine `DEBIAN_IMAGE`. */
export async function importDebian(engine: TestEngine): Promise<void> {
  await must(engine.docker(["import", await debianTar(), DEBIAN_IMAGE], { timeoutMs: MINUTES_5 }));
}

/** Gives the engine `POSTGRES_IMAGE` and `REDIS_IMAGE`. They are built once and kept; a test file waits for another that builds. */
export async function loadDebianServices(engine: TestEngine): Promise<void> {
  const archive = await cached(ARCHIVE, buildServices);
  const response = await fetch("http://localhost/v1.41/images/load?quiet=1", {
    unix: engine.socket,
    method: "POST",
    body: Bun.file(archive),
  });
  const text = await response.text();
  if (!text.includes(POSTGRES_IMAGE) || !text.includes(REDIS_IMAGE)) {
    throw new Error(`the services' images could not be loaded: ${text}`);
  }
}

async function buildServices(archive: string): Promise<void> {
  await using engine = await startEngine({ withoutImage: true });
  const folder = mkdtempSync(join(tmpdir(), "berth-services-"));
  try {
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
    await importDebian(engine);
    for (const [target, tag] of [
      ["postgres", POSTGRES_IMAGE],
      ["redis", REDIS_IMAGE],
    ] as const) {
      await must(engine.berth(["build", "--target", target, "-t", tag, folder], { timeoutMs: MINUTES_5 }));
    }
    await must(engine.docker(["save", "-o", archive, POSTGRES_IMAGE, REDIS_IMAGE], { timeoutMs: MINUTES_5 }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function must(running: ReturnType<typeof runCommand>): Promise<void> {
  const result = await running;
  if (result.code !== 0)
    throw new Error(`the services' images could not be made:\n${result.stdout}${result.stderr}`);
}
