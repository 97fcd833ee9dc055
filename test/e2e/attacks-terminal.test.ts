// Words that an image or a container has chosen, shown to a person: they are read, not obeyed, by the terminal.
import { expect, setDefaultTimeout, test } from "bun:test";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

// A machine may be busy; none of these is about time.
setDefaultTimeout(60_000);
const { docker, engine } = useEngine();

/** Clears the screen, sets the title, and (in some terminals) types a command. */
const ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b5n\r\x08";
const OBEYED = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/;

/** What our client shows on a terminal. The terminal itself adds the carriage returns. */
async function onTerminal(...args: string[]): Promise<string> {
  const chunks: Uint8Array[] = [];
  const child = Bun.spawn([EXECUTABLE, ...args], {
    cwd: "/",
    env: { ...process.env, DOCKER_HOST: engine().host, DOCKER_CONFIG: engine().root },
    terminal: { cols: 500, rows: 50, data: (_terminal, bytes) => void chunks.push(bytes.slice()) },
    timeout: 20_000,
  });
  await child.exited;
  await Bun.sleep(50);
  return Buffer.concat(chunks).toString().replaceAll("\r\n", "\n");
}

test("labels, commands, comments, file names and errors show their control characters", async () => {
  const label = ["--label", `l=${ESCAPES}`];
  const id = await docker("create", ...label, "--name", "nasty", IMAGE, "sh", "-c", `echo "${ESCAPES}"`);
  await docker("start", "-a", id);
  await docker("commit", "-m", `m${ESCAPES}`, "-c", `LABEL x="${ESCAPES}"`, id, "nasty:image");
  const writer = await docker(
    "run",
    "-d",
    IMAGE,
    "sh",
    "-c",
    `> "/www/${ESCAPES.replaceAll("/", "")}"; sleep 100`,
  );
  const shown: Record<string, string> = {
    ps: await onTerminal("ps", "-a", "--no-trunc"),
    labels: await onTerminal("ps", "-a", "--format", "{{.Labels}}"),
    label: await onTerminal("ps", "-a", "--format", 'table {{.ID}}\t{{.Label "l"}}'),
    history: await onTerminal("history", "--no-trunc", "nasty:image"),
    images: await onTerminal("images", "-a"),
    diff: await onTerminal("diff", writer),
    top: await onTerminal("top", writer),
    events: await onTerminal("events", "--since", "1", "--until", `${Math.ceil(Date.now() / 1000)}`),
    inspect: await onTerminal("inspect", id),
    error: await onTerminal("run", "--rm", "-u", `u${ESCAPES}`, IMAGE, "true"),
  };
  for (const [what, text] of Object.entries(shown)) {
    expect({ what, obeyed: OBEYED.exec(text)?.[0] ?? text.includes("\r") }).toEqual({ what, obeyed: false });
  }
  for (const what of ["labels", "label", "history", "diff", "events"])
    expect(shown[what]).toContain("\\x1b[2J");
  await docker("rm", "-f", id, writer);
  await docker("rmi", "nasty:image");
});

test("a person's own escapes in a format are obeyed, and programs get every byte", async () => {
  const id = await docker("create", "--label", `l=${ESCAPES}`, IMAGE);
  const coloured = await onTerminal("ps", "-a", "--format", "\x1b[32m{{.Labels}}\x1b[0m");
  expect(coloured).toStartWith("\x1b[32ml=\\x1b[2J");
  const piped = await engine().berth(["ps", "-a", "--format", "{{.Labels}}"]);
  expect(piped.stdout).toBe(`l=${ESCAPES}\n`);
  await docker("rm", id);
});

test("the engine's log keeps a line for a line, whoever is asked for", async () => {
  const nasty = encodeURIComponent(`x\nlevel=error msg="forged" ${ESCAPES}`);
  for (const path of [`/containers/${nasty}/json`, `/${nasty}`, `/containers/json?filters=${nasty}`]) {
    await (await engine().api("GET", path)).text();
  }
  await (await engine().api("POST", `/images/load`, `${ESCAPES}\nlevel=error`)).text();
  await engine().berth(["run", "--rm", "--name", `a\n${ESCAPES}`, IMAGE]);
  for (const line of engine().log().split("\n")) expect(line).toMatch(/^$|^time=\S+ level=/);
  expect(OBEYED.exec(engine().log())).toBeNull();
});
