// From a bare machine to a web server in a container, saying each step. Run again, it finds its work done.
import { openSync } from "node:fs";
import { createServer } from "node:net";
import { busyboxRootTar } from "./lib/base-image.ts";
import { buildIfStale } from "./lib/executable.ts";
import { ENGINE_PACKAGES, installPackages } from "./lib/packages.ts";
import { EXECUTABLE, fail, mustRun, run, say } from "./lib/shell.ts";

const IMAGE = "berth/hello";
const CONTAINER = "hello";
const LOG = "/var/log/berth.log";
const PAGE = `<!doctype html><title>berth</title><h1>It runs.</h1><p>This page comes from a container that berth started.</p>\n`;

await installPackages(ENGINE_PACKAGES);
say((await buildIfStale()) ? "Built dist/berth" : "dist/berth is up to date");
await startDaemon();
await buildImage();
const port = await runWebServer();
await fetchPage(port);
say(`
The container "${CONTAINER}" serves http://localhost:${port}/. Try next:

  dist/berth ps                       what runs
  dist/berth logs ${CONTAINER}               what it printed
  dist/berth exec -it ${CONTAINER} sh        a shell inside
  dist/berth run --rm -it ${IMAGE} sh
  dist/berth rm -f ${CONTAINER}              stop and remove it

Tools that speak Docker's API find the engine with
  export DOCKER_HOST=unix:///var/run/berth.sock
The daemon's log is ${LOG}; "kill $(cat /var/run/berth.pid)" stops the daemon, and containers go on running.`);

async function engineAnswers(): Promise<boolean> {
  return (
    (
      await run([
        EXECUTABLE,
        "-H",
        "unix:///var/run/berth.sock",
        "version",
        "--format",
        "{{.Server.Version}}",
      ])
    ).code === 0
  );
}

async function startDaemon(): Promise<void> {
  if (await isListening()) return say("The daemon is running");
  const output = openSync(LOG, "a", 0o640);
  const daemon = Bun.spawn(["setsid", EXECUTABLE, "daemon"], {
    cwd: "/",
    stdin: "ignore",
    stdout: output,
    stderr: output,
  });
  daemon.unref();
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await isListening()) return say("Started the daemon (unix:///var/run/berth.sock)");
    if (daemon.exitCode !== null) break;
    await Bun.sleep(100);
  }
  fail(`The daemon did not start; its log is ${LOG}:\n${(await run(["tail", "-n", "15", LOG])).stdout}`);
}

async function isListening(): Promise<boolean> {
  try {
    await (await fetch("http://localhost/_ping", { unix: "/var/run/berth.sock" })).text();
  } catch {
    return false;
  }
  return engineAnswers();
}

async function buildImage(): Promise<void> {
  if ((await run([EXECUTABLE, "image", "inspect", IMAGE])).code === 0)
    return say(`The image ${IMAGE} is there`);
  const tar = await busyboxRootTar({ "www/index.html": PAGE });
  await mustRun([EXECUTABLE, "import", "--change", 'CMD ["sh"]', "--change", "EXPOSE 80", "-", IMAGE], {
    stdin: tar,
  });
  say(`Built the image ${IMAGE} from this machine's busybox`);
}

/** The published port of the running container, which is started if need be. */
async function runWebServer(): Promise<number> {
  const existing = await run([EXECUTABLE, "port", CONTAINER, "80/tcp"]);
  const published = /:(\d+)\s*$/m.exec(existing.stdout)?.[1];
  if (published !== undefined) return Number(published);
  if ((await run([EXECUTABLE, "start", CONTAINER])).code !== 0) {
    const wanted = (await isFree(8080)) ? "8080:80" : "80";
    await mustRun([
      EXECUTABLE,
      "run",
      "-d",
      "--name",
      CONTAINER,
      "-p",
      wanted,
      IMAGE,
      "httpd",
      "-f",
      "-h",
      "/www",
    ]);
  }
  const line = await mustRun([EXECUTABLE, "port", CONTAINER, "80/tcp"]);
  say(`Started the container ${CONTAINER}`);
  return Number(/:(\d+)\s*$/m.exec(line)?.[1]);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "0.0.0.0", () => probe.close(() => resolve(true)));
  });
}

async function fetchPage(port: number): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    try {
      const text = await (
        await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1000) })
      ).text();
      return say(`Fetched http://127.0.0.1:${port}/ :\n  ${text.trim()}`);
    } catch {
      await Bun.sleep(100);
    }
  }
  fail(`The web server does not answer on port ${port}; see: ${EXECUTABLE} logs ${CONTAINER}`);
}
