// Much data through a container's standard streams arrives whole, whichever client sends it and however it is attached.
import { describe, expect, test } from "bun:test";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { AGAINST_DOCKER, DOCKER, IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { docker, engine } = useEngine();

const PIECES = 256;
const PIECE_BYTES = 1 << 20;

/** Each piece begins with its number, so that none can be missing, doubled or out of place. */
function* pieces(): Generator<Uint8Array> {
  const piece = Buffer.alloc(PIECE_BYTES);
  for (let at = 0; at < piece.length; at++) piece[at] = at * 31 + (at >> 8);
  for (let number = 0; number < PIECES; number++) {
    piece.writeUInt32LE(number, 0);
    yield new Uint8Array(piece);
  }
}

const hash = new Bun.CryptoHasher("md5");
for (const piece of pieces()) hash.update(piece);
const SUM = hash.digest("hex");

/** Sends all of it to a command's input: the command's exit code, the sum of its output, and the beginning. */
async function through(command: string, args: readonly string[]) {
  const child = Bun.spawn([command, ...args], {
    env: { ...process.env, DOCKER_HOST: engine().host } as Record<string, string>,
    stdin: "pipe",
    stdout: "pipe",
    timeout: 100_000,
    killSignal: "SIGKILL",
  });
  const sending = (async () => {
    for (const piece of pieces()) {
      child.stdin.write(piece);
      await child.stdin.flush();
    }
    await child.stdin.end();
  })();
  const sum = new Bun.CryptoHasher("md5");
  let beginning = "";
  for await (const bytes of child.stdout) {
    sum.update(bytes);
    if (beginning.length < 100) beginning += Buffer.from(bytes).toString("latin1", 0, 100);
  }
  await sending;
  return { code: await child.exited, sum: sum.digest("hex"), beginning };
}

const clients = AGAINST_DOCKER ? [DOCKER!] : [DOCKER!, EXECUTABLE];

describe.each(clients)("256 MB by %s", (client) => {
  test("run -i", async () => {
    expect(await through(client, ["run", "--rm", "-i", IMAGE, "cat"])).toMatchObject({ code: 0, sum: SUM });
  });

  test("exec -i", async () => {
    const id = await docker("run", "-d", IMAGE, "sleep", "1000");
    expect(await through(client, ["exec", "-i", id, "cat"])).toMatchObject({ code: 0, sum: SUM });
    await docker("rm", "-f", id);
  });

  test("attach, whose half-close ends the input", async () => {
    const id = await docker("create", "-i", IMAGE, "md5sum");
    await docker("start", id);
    const { code, beginning } = await through(client, ["attach", id]);
    expect({ code, beginning }).toEqual({ code: 0, beginning: `${SUM}  -\n` });
    await docker("rm", id);
  });
});
