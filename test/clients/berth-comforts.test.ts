// What Docker's client has not: logs of several containers at once, and YAML wherever there is JSON.
import { describe, expect, test } from "bun:test";
import { parse } from "yaml";
import { IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { engine, eventually } = useEngine();

async function berth(...args: string[]): Promise<string> {
  const result = await engine().berth(args);
  expect(result, `berth ${args.join(" ")}`).toMatchObject({ code: 0 });
  return result.stdout;
}

describe("logs", () => {
  const run = (name: string, script: string) =>
    berth("run", "-d", "--name", name, "--network", "none", "-v", "turns:/turns", IMAGE, "sh", "-c", script);
  /** Containers take turns; a line's time is that at which its monitor read it, and on a busy machine that is a little later. */
  const until = (turn: number) => `until [ -e /turns/${turn} ]; do sleep 0.02; done`;
  const done = (turn: number) => `sleep 0.7; touch /turns/${turn}`;

  test("of several containers: each line behind its name, in the order in which they were printed", async () => {
    await run("first", `echo one; ${done(1)}; ${until(2)}; echo three; echo oops >&2; ${done(3)}`);
    await run("the-second", `${until(1)}; echo two; ${done(2)}; ${until(3)}; printf four`);
    await berth("wait", "first", "the-second");
    const both = await engine().berth(["logs", "first", "the-second"]);
    expect(both).toEqual({
      code: 0,
      stdout: "first       | one\nthe-second  | two\nfirst       | three\nthe-second  | four\n",
      stderr: "first       | oops\n",
    });
    expect((await engine().berth(["logs", "-t", "--tail", "1", "first", "the-second"])).stdout).toMatch(
      /^the-second {2}\| \d{4}-\d\d-\d\dT\S+Z four$/m,
    );
    // A single one stays as it was printed, and so does one that is named twice.
    expect(await berth("logs", "the-second")).toBe("two\nfour");
    expect(await berth("logs", "first", "first")).toBe("first  | one\nfirst  | three\n");
  });

  test("follow: lines as they come, to the end of all", async () => {
    await run("talker", "for i in 1 2 3; do echo $i; sleep 0.1; done");
    await run("quiet", "sleep 0.2");
    const followed = await berth("logs", "-f", "talker", "quiet");
    expect(followed).toBe("talker  | 1\ntalker  | 2\ntalker  | 3\n");
  });

  test("one that is not there is told, and nothing is printed", async () => {
    const { code, stdout, stderr } = await engine().berth(["logs", "first", "nonesuch"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("No such container: nonesuch");
  });
});

/** What is another at each look. */
function changing(text: string): string {
  return text.replaceAll(/(Less than a|About an?|\d+) (second|minute|hour)s?|[\d.]+(%|[kMG]?i?B)/g, "X");
}

describe("--format yaml", () => {
  test("of lists is what json says of each", async () => {
    await berth("volume", "create", "kept");
    await berth(
      "run",
      "-d",
      "--name",
      "labelled",
      "--network",
      "none",
      "-l",
      "yes=no",
      IMAGE,
      "sleep",
      "1000",
    );
    for (const command of [
      ["ps", "-a"],
      ["images"],
      ["network", "ls"],
      ["volume", "ls"],
      ["context", "ls"],
      ["history", IMAGE],
      ["system", "df"],
      ["stats", "--no-stream", "labelled"],
      ["image", "log", IMAGE],
      ["builder", "du"],
    ]) {
      const json = (await berth(...command, "--format", "json")).trim();
      const lines = json === "" ? [] : json.split("\n").map((line) => JSON.parse(changing(line)) as unknown);
      const yaml: unknown = parse(changing(await berth(...command, "--format", "yaml")));
      expect(yaml, command.join(" ")).toEqual(lines);
    }
  });

  test("of what is inspected, of version and of info is what json says", async () => {
    for (const command of [
      ["inspect", "labelled"],
      ["container", "inspect", "labelled"],
      ["image", "inspect", IMAGE],
      ["network", "inspect", "none"],
      ["volume", "inspect", "kept"],
      ["context", "inspect", "default"],
      ["version"],
      ["system", "df", "-v"],
    ]) {
      const [json, yaml] = [
        await berth(...command, "--format", "json"),
        await berth(...command, "--format", "yaml"),
      ].map(changing);
      expect(parse(yaml!), command.join(" ")).toEqual(JSON.parse(json!));
    }
    const info = parse(await berth("info", "--format", "yaml")) as { ServerVersion: string };
    expect(info.ServerVersion).toBe((await berth("info", "--format", "{{.ServerVersion}}")).trim());
    // What old readers take for a truth value stays a text.
    expect(await berth("inspect", "-f", "yaml", "labelled")).toMatch(/"yes": "no"/);
  });

  test("of what an image holds is what json says", async () => {
    await berth("run", "--name", "changed", "--network", "none", IMAGE, "touch", "/new");
    await berth("commit", "changed", "changed:1");
    const lines = (text: string) =>
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown);
    for (const command of [
      ["image", "tree", "changed:1"],
      ["image", "explore", "changed:1"],
    ])
      expect(parse(await berth(...command, "--format", "yaml")), command.join(" ")).toEqual(
        lines(await berth(...command, "--format", "json")),
      );
    const diff = ["image", "diff", IMAGE, "changed:1", "--format"];
    expect(parse(await berth(...diff, "yaml"))).toEqual(JSON.parse(await berth(...diff, "json")));
    const wrong = await engine().berth([...diff, "xml"]);
    expect(wrong.stderr).toContain("there are 'json' and 'yaml'");
  });

  test("of a template that is none of these stays a template", async () => {
    expect(await berth("inspect", "-f", "yaml{{.Name}}", "labelled")).toBe("yaml/labelled\n");
    expect((await engine().berth(["inspect", "-f", "yaml", "nonesuch"])).code).toBe(1);
  });

  test("of events: a document each", async () => {
    const since = String(Date.now() / 1000 - 3600);
    const until = String(Date.now() / 1000);
    await eventually(async () => (await berth("events", "--since", since, "--until", until)) !== "", true);
    const [json, yaml] = await Promise.all(
      ["json", "yaml"].map((format) =>
        berth("events", "--since", since, "--until", until, "--format", format),
      ),
    );
    const documents = yaml!.split(/^---$/m).slice(1);
    expect(documents.map((text) => (parse(text) as { Action: string }).Action)).toEqual(
      json!
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { Action: string }).Action),
    );
  });
});

describe("hints", () => {
  const hinted = async (...args: string[]) =>
    (await engine().berth(args, { env: { BERTH_HINTS: "1", DOCKER_CLI_HINTS: "" } })).stderr;

  test("stand behind Docker's own words, and only where a person reads", async () => {
    await berth("create", "--name", "database", "--network", "none", IMAGE, "true");
    const words = "Error response from daemon: No such container: databse\n";
    expect(await hinted("start", "databse")).toStartWith(words);
    expect(await hinted("start", "databse")).toContain("Hint: did you mean database?\n");
    expect((await engine().berth(["start", "databse"])).stderr).not.toContain("Hint");
    expect(await hinted("create", "--name", "database", IMAGE)).toContain(
      "Hint: remove the old one: berth rm -f database",
    );
    expect(await hinted("run", "--rm", "--network", "none", IMAGE, "nonesuch")).toContain(
      "Hint: the image has no nonesuch",
    );
    expect(await hinted("ps", "--fliter", "x")).toContain("Hint: did you mean --filter?");
    expect(await hinted("inspect", "nonesuch-at-all")).toContain("Hint: what there is: berth ps -a");
  });
});
