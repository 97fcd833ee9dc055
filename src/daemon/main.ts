import type { Server } from "node:http";
import { join } from "node:path";
import { EngineError, log, messageOf, setLogLevel } from "../lib/index.ts";
import { forgetActivation } from "./activation.ts";
import { assembleEngine, type Engine } from "./assemble.ts";
import { checkConfig } from "./check-config.ts";
import { daemonHelp, parseCommandLine } from "./command-line.ts";
import { type DaemonConfig, loadConfig } from "./config.ts";
import { openDirectories, writePidfile } from "./directories.ts";
import { IdleMemory } from "./idle-memory.ts";
import {
  type Address,
  addressesOf,
  isNetwork,
  listen,
  listenActivated,
  listenWithTls,
  socketGroup,
} from "./listeners.ts";
import { notifyServiceManager } from "./notify.ts";
import { loadTls, type TlsOptions } from "./tls.ts";

/** Runs the daemon in the foreground until it is told to stop; resolves with its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    if (args[0] === "tls") return await runTls(args.slice(1));
    const commandLine = parseCommandLine(args);
    if (commandLine.help) {
      process.stdout.write(daemonHelp());
      return 0;
    }
    const config = loadConfig(commandLine);
    if (commandLine.validate) {
      await checkConfig(config);
      process.stdout.write("configuration OK\n");
      return 0;
    }
    if (process.getuid?.() !== 0) {
      process.stderr.write("berth daemon needs to be started with root privileges\n");
      return 1;
    }
    return await runDaemon(config, () => loadConfig(parseCommandLine(args)));
  } catch (error) {
    const text = error instanceof EngineError || !(error instanceof Error) ? messageOf(error) : error.stack;
    process.stderr.write(`failed to start daemon: ${text}\n`);
    return 1;
  }
}

/** A command of its own, whose failures are not those of a start. */
async function runTls(args: readonly string[]): Promise<number> {
  const { tlsCommand } = await import("./tls-command.ts");
  try {
    return await tlsCommand(args);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return 1;
  }
}

async function runDaemon(config: DaemonConfig, reload: () => DaemonConfig): Promise<number> {
  setLogLevel(config.logLevel);
  surviveFailures();
  const phase = phaseTimer();
  process.umask(0o022);
  await using stack = new AsyncDisposableStack();
  const protection = { tls: config.tls !== undefined, insists: config.insistsOnPlain };
  const addresses = config.hosts.flatMap((text) => addressesOf(text, protection));
  forgetActivation();
  const gid = socketGroup(config.group);
  const tls = config.tls && (await loadTls(config.tls));
  stack.use(openDirectories(config.dataRoot, config.execRoot));
  if (config.pidfile !== undefined) stack.use(writePidfile(config.pidfile));
  phase("directories");
  const engine = await assembleEngine(config, phase);
  stack.defer(() => engine.close());
  const idle = stack.use(new IdleMemory());
  for (const [index, address] of addresses.entries()) {
    const server = engine.server.serve(await httpServer(address, tls), isNetwork(address));
    server.on("connection", idle.touch);
    const innerPath = join(config.execRoot, `door-${index}.sock`);
    stack.use(
      await (tls !== undefined && isNetwork(address)
        ? listenWithTls(server, address, innerPath)
        : address.kind === "activated"
          ? listenActivated(server, address, innerPath)
          : listen(server, address, gid)),
    );
  }
  idle.touch();
  phase("listening");
  log.info("berth is ready", { hosts: config.hosts.join(" "), pid: process.pid });
  await notifyServiceManager("READY=1");
  const signal = await untilStopped(engine, reload);
  log.info("stopping; containers go on", { signal });
  await notifyServiceManager("STOPPING=1");
  await engine.server.close(engine.shutdownTimeoutSeconds * 1000);
  return 0;
}

/** TCP has TLS where there is any. @returns undefined for a plain server */
async function httpServer(address: Address, tls: TlsOptions | undefined): Promise<Server | undefined> {
  if (!isNetwork(address)) return undefined;
  if (tls !== undefined) return (await import("node:https")).createServer(tls);
  log.warn("everybody who can open this address is root on this host: it has no TLS", {
    address: address.kind === "tcp" ? `${address.host}:${address.port}` : "fd://",
  });
  return undefined;
}

/** Resolves with the signal that ends the daemon. SIGHUP reads the configuration again, SIGUSR1 tells the state. */
function untilStopped(engine: Engine, reload: () => DaemonConfig): Promise<string> {
  process.on("SIGHUP", () => {
    try {
      engine.reload(reload());
      log.info("configuration reloaded");
    } catch (error) {
      log.error("cannot reload the configuration; the old one stays", { error: messageOf(error) });
    }
  });
  process.on("SIGUSR1", () => log.info("state", engine.describe()));
  process.on("SIGPIPE", () => {});
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  });
}

/**
 * A request that fails where nobody awaits it must not take the engine down: containers would go on, but their
 * clients would not. What it left half done is what the next start repairs.
 */
function surviveFailures(): void {
  const report = (what: string) => (error: unknown) =>
    log.error(what, { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  process.on("uncaughtException", report("an error that nobody caught"));
  process.on("unhandledRejection", report("a rejection that nobody handled"));
}

/** Writes how long each phase of the start took to the debug log. */
function phaseTimer(): (name: string) => void {
  let last = performance.now();
  return (name) => {
    const now = performance.now();
    log.debug("start phase", { phase: name, ms: Number((now - last).toFixed(1)) });
    last = now;
  };
}
