import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "./certificates.ts";

/** Debian's docker-registry, on a loopback port and a folder of the test's own. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:41234`. */
  readonly address: string;
  /** `http://…` or `https://…`. */
  readonly url: string;
  /** Its log: a line for each request, among others. */
  log(): string;
  /** One request past any engine; certificates are not verified. */
  request(
    method: string,
    path: string,
    options?: { body?: string | Uint8Array; headers?: Record<string, string> },
  ): Promise<Response>;
}

export interface RegistryOptions {
  readonly tls?: boolean;
  /** Who may come in; absent: everybody. */
  readonly users?: Readonly<Record<string, string>>;
}

const READY_ATTEMPTS = 200;

export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  const root = mkdtempSync(join(tmpdir(), "berth-registry-"));
  const logPath = join(root, "log");
  mkdirSync(join(root, "data"));
  const config: Record<string, unknown> = {
    version: "0.1",
    log: { level: "info" },
    storage: { filesystem: { rootdirectory: join(root, "data") }, delete: { enabled: true } },
    // The kernel picks the port, and the log tells it.
    http: { addr: "127.0.0.1:0", ...(options.tls === true ? { tls: tlsFiles(root) } : {}) },
    ...(options.users === undefined ? {} : { auth: await htpasswd(root, options.users) }),
  };
  // JSON is YAML.
  writeFileSync(join(root, "config.yml"), JSON.stringify(config));
  const child = Bun.spawn(["docker-registry", "serve", join(root, "config.yml")], {
    cwd: root,
    env: { PATH: process.env["PATH"] ?? "", OTEL_TRACES_EXPORTER: "none" },
    stdin: "ignore",
    stdout: Bun.file(logPath),
    stderr: Bun.file(`${logPath}.errors`),
  });
  const log = () => readFileSync(logPath, "utf8") + readFileSync(`${logPath}.errors`, "utf8");
  const dispose = async () => {
    child.kill("SIGKILL");
    await child.exited;
    rmSync(root, { recursive: true, force: true });
  };
  let address: string | undefined;
  for (
    let attempt = 0;
    attempt < READY_ATTEMPTS && address === undefined && child.exitCode === null;
    attempt++
  ) {
    await Bun.sleep(25);
    address = /listening on (127\.0\.0\.1:\d+)/.exec(log())?.[1];
  }
  if (address === undefined) {
    const text = log();
    await dispose();
    throw new Error(`docker-registry did not get ready:\n${text}`);
  }
  const url = `${options.tls === true ? "https" : "http"}://${address}`;
  return {
    address,
    url,
    log,
    request: (method, path, { body, headers = {} } = {}) =>
      fetch(`${url}${path}`, {
        method,
        headers,
        tls: { rejectUnauthorized: false },
        ...(body === undefined ? {} : { body }),
      }),
    [Symbol.asyncDispose]: dispose,
  };
}

function tlsFiles(root: string): { certificate: string; key: string } {
  using authority = createAuthority();
  const { cert, key } = authority.issue("registry");
  const files = { certificate: join(root, "tls.crt"), key: join(root, "tls.key") };
  writeFileSync(files.certificate, cert + authority.ca);
  writeFileSync(files.key, key, { mode: 0o600 });
  return files;
}

async function htpasswd(root: string, users: Readonly<Record<string, string>>): Promise<unknown> {
  const lines = await Promise.all(
    Object.entries(users).map(async ([name, password]) => {
      // The cheapest that bcrypt allows: each request pays for it.
      return `${name}:${await Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 })}\n`;
    }),
  );
  const path = join(root, "htpasswd");
  writeFileSync(path, lines.join(""));
  return { htpasswd: { realm: "test", path } };
}
