// Events: kept over the daemon's end, told from a time and up to one, with every filter.
import { describe, expect, test } from "bun:test";
import { AGAINST_DOCKER, IMAGE, startEngine, type TestEngine } from "../support/engine.ts";
import { bePatient, eventually } from "../support/suite.ts";

bePatient();

interface Told {
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  timeNano: number;
}

/** Events between two times, as `type action`. */
async function told(
  engine: TestEngine,
  options: { since?: string; until?: string; filters?: Record<string, string[]> } = {},
): Promise<string[]> {
  const { since = "0", until = (Date.now() / 1000).toFixed(9), filters = {} } = options;
  const query = new URLSearchParams({ since, until, filters: JSON.stringify(filters) });
  const text = await (await engine.api("GET", `/events?${query}`)).text();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Told)
    .map(({ Type, Action }) => `${Type} ${Action}`);
}

describe.skipIf(AGAINST_DOCKER)("events", () => {
  test("are kept over the daemon's stop and its crash, once each and in their order", async () => {
    await using engine = await startEngine();
    await engine.berth(["volume", "create", "before"]);
    await engine.berth(["run", "-d", "--name", "keeper", "--network", "none", IMAGE, "sleep", "1000"]);
    const filters = { type: ["volume", "container"] };
    const expected = ["volume create", "container create", "container start"];
    await eventually(() => told(engine, { filters }), expected);
    await engine.stop();
    await engine.start();
    expect(await told(engine, { filters })).toEqual(expected);
    await engine.berth(["volume", "create", "between"]);
    await eventually(() => told(engine, { filters }), [...expected, "volume create"]);
    // What was told to nobody and has had its moment to be written is not lost with the process.
    await Bun.sleep(200);
    await engine.kill();
    await engine.start();
    expect((await told(engine, { filters })).slice(0, 4)).toEqual([...expected, "volume create"]);
    // What a container did while no engine ran is told as well.
    await engine.stop();
    const [pidfile] = [...new Bun.Glob("exec/containers/*/pidfile").scanSync({ cwd: engine.root })];
    process.kill(Number(await Bun.file(`${engine.root}/${pidfile}`).text()), "SIGKILL");
    await engine.start();
    await eventually(async () => (await told(engine, { filters })).at(-1), "container die");
  });

  test("begin and end at times, to the nanosecond, also in the future", async () => {
    await using engine = await startEngine({ withoutImage: true });
    for (const name of ["one", "two", "three"]) await engine.berth(["volume", "create", name]);
    const names = async (query: string) => {
      const text = await (await engine.api("GET", `/events?${query}`)).text();
      return [...text.matchAll(/"ID":"(\w+)"/g)].map((match) => match[1]);
    };
    const all = await (await engine.api("GET", `/events?since=0&until=${Date.now() / 1000 + 0.01}`)).text();
    const times = [...all.matchAll(/"timeNano":(\d+)/g)].map((match) => match[1]!);
    expect(times.length).toBe(3);
    const time = (nanoseconds: string) => `${nanoseconds.slice(0, -9)}.${nanoseconds.slice(-9)}`;
    const [first, second, third] = times.map(time);
    expect(await names(`since=${second}&until=${third}`)).toEqual(["two", "three"]);
    expect(await names(`since=${first}&until=${first}`)).toEqual(["one"]);
    // What is still to come is waited for; the stream ends by itself at its time.
    const now = Date.now() / 1000;
    const live = names(`since=${now}&until=${now + 1.5}`);
    await eventually(async () => {
      await engine.berth(["volume", "create", "live"]);
      await engine.berth(["volume", "rm", "live"]);
      return (await Promise.race([live, Bun.sleep(50).then(() => [])])).length > 0;
    }, true);
    expect(new Set(await live)).toEqual(new Set(["live"]));
    const wrong = await engine.api("GET", `/events?since=${third}&until=${first}`);
    expect([wrong.status, await wrong.text()]).toEqual([
      400,
      expect.stringContaining("cannot be after `until`"),
    ]);
  });

  test("are chosen by every filter, kept ones and live ones alike", async () => {
    await using engine = await startEngine();
    const { stdout } = await engine.berth(["network", "create", "backend"]);
    const run = [
      "run",
      "-d",
      "--name",
      "web",
      "--network",
      "backend",
      "-l",
      "tier=front",
      "-v",
      "data:/data",
    ];
    await engine.berth([...run, IMAGE, "sleep", "1000"]);
    await engine.berth(["exec", "web", "true"]);
    const cases: [Record<string, string[]>, string[]][] = [
      [{ container: ["web"], event: ["create", "start"] }, ["container create", "container start"]],
      [{ label: ["tier=front"], event: ["start"] }, ["container start"]],
      [{ label: ["tier=back"] }, []],
      [{ image: [IMAGE], event: ["create"] }, ["container create"]],
      [{ image: [IMAGE.split(":")[0]!], type: ["container"], event: ["start"] }, ["container start"]],
      [{ network: [stdout.trim().slice(0, 12)] }, ["network create", "network connect"]],
      [{ network: ["backend"], event: ["connect"] }, ["network connect"]],
      [{ volume: ["data"] }, ["volume create", "volume mount"]],
      [{ event: ["exec_start"] }, ["container exec_start: true "]],
      [{ type: ["image"], event: ["import"] }, ["image import"]],
      [{ scope: ["swarm"] }, []],
      [{ daemon: ["nonesuch"] }, []],
    ];
    for (const [filters, expected] of cases) await eventually(() => told(engine, { filters }), expected);
    const wrong = await engine.berth(["events", "--filter", "nonesuch=1"]);
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining("invalid filter 'nonesuch'") });
  });
});
