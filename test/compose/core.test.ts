// Reconciling: what an application's file says, made so on a real engine.
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  create,
  down,
  kill,
  LABEL,
  pause,
  planUp,
  projectFromState,
  readState,
  remove,
  restart,
  scale,
  start,
  stop,
  unpause,
  up,
  wait,
  why,
} from "../../src/compose/index.ts";
import { startEngine, type TestEngine } from "../support/engine.ts";
import { BASE, type BenchOptions, bench, cleanUp } from "./core-bench.ts";

setDefaultTimeout(60_000);

let daemon: TestEngine;
beforeAll(async () => {
  daemon = await startEngine();
}, 60_000);
afterEach(() => cleanUp(daemon), 60_000);
afterAll(() => daemon?.[Symbol.asyncDispose](), 60_000);

const shop = (yaml: string, options?: BenchOptions) => bench(daemon, yaml, options);
const services = (lines: string, more = "") => `services:\n${lines.trim().replace(/^\s*/gm, "  ")}\n${more}`;

/** Healthy as soon as `/ok` is there, which `touch` makes; looked at every 50 ms. */
const CHECKED = `${BASE}, healthcheck: { test: [CMD, test, -e, /ok], interval: 50ms, retries: 200 }`;
const HEALTHY = CHECKED.replace("/ok", "/");
const NEEDS_HEALTHY = "depends_on: { db: { condition: service_healthy } }";

const TWO = services(`web: { ${BASE}, depends_on: [db] }\ndb: { ${BASE} }`);

describe("up", () => {
  test("makes what the file says, and a second time nothing", async () => {
    const first = shop(
      services(
        `web: { ${BASE}, depends_on: [db] }\ndb: { ${BASE}, volumes: ["data:/data"] }`,
        "volumes: { data: }",
      ),
    );
    const { containers } = await up(first.app);
    expect(containers.map(({ name }) => name).sort()).toEqual(["shop-db-1", "shop-web-1"]);
    expect(first.told().slice(-2)).toEqual(["shop-db-1 Started", "shop-web-1 Started"]);
    expect(first.told()).toEqual(
      expect.arrayContaining(["Network shop_default Created", "Volume shop_data Created"]),
    );
    const before = await first.ids();

    const again = shop(
      services(
        `web: { ${BASE}, depends_on: [db] }\ndb: { ${BASE}, volumes: ["data:/data"] }`,
        "volumes: { data: }",
      ),
    );
    await up(again.app);
    expect(await again.ids()).toEqual(before);
    expect(again.told()).toEqual(["shop-db-1 Running", "shop-web-1 Running"]);
  });

  test("asks the engine little where there is nothing to do", async () => {
    const lines = Array.from(
      { length: 10 },
      (_, index) =>
        `s${index}: { ${HEALTHY}, ${index > 0 ? `depends_on: { s0: { condition: service_healthy } }` : ""} }`,
    );
    const yaml = services(lines.join("\n"));
    await up(shop(yaml).app, { wait: true });
    const again = shop(yaml);
    // An older engine refuses the first requests, whose version is too new for it.
    await again.engine.negotiate();
    await up(again.app);
    expect(again.calls.sort()).toEqual([
      "GET /containers/json",
      "GET /images/busybox:test/json",
      "GET /networks",
      "GET /volumes",
    ]);
  });

  test("makes only that anew which has changed, and tells why beforehand", async () => {
    const first = shop(TWO);
    await up(first.app);
    const before = await first.ids();
    const changed = shop(TWO.replace("db: {", "db: { environment: { A: b },"));
    const plan = await planUp(changed.app);
    expect(plan.actions.map(({ kind, what }) => `${kind} ${what}`)).toEqual([
      "recreate Container shop-db-1",
      "keep Container shop-web-1",
    ]);
    const [reason] = (await why(changed.app, "db"))[0]!.why;
    expect(reason).toMatchObject({
      text: "configuration changed",
      changes: [{ attribute: "environment.A", kind: "added" }],
    });
    expect(await changed.ids()).toEqual(before);

    await up(changed.app);
    const after = await changed.ids();
    expect(Object.keys(after).sort()).toEqual(["shop-db-1", "shop-web-1"]);
    expect(after["shop-web-1"]).toBe(before["shop-web-1"]!);
    expect(after["shop-db-1"]).not.toBe(before["shop-db-1"]!);
    const [db] = await changed.containers();
    expect(db!.labels[LABEL.replace]).toBe("db-1");
  });

  test("forced, not at all, and only for those named", async () => {
    const { app, ids } = shop(TWO);
    await up(app);
    const before = await ids();
    await up(app, { services: ["web"], forceRecreate: true });
    const named = await ids();
    expect(named["shop-db-1"]).toBe(before["shop-db-1"]!);
    expect(named["shop-web-1"]).not.toBe(before["shop-web-1"]!);
    await up(shop(TWO.replaceAll("1000", "2000")).app, { noRecreate: true });
    expect(await ids()).toEqual(named);
  });

  test("hands anonymous volumes on, or begins them anew", async () => {
    const yaml = (more: string) => services(`web: { ${BASE}, volumes: [/anonymous]${more} }`);
    const volumeOf = async () => (await shop(yaml("")).containers())[0]!.summary.Mounts[0]!.Name;
    await up(shop(yaml("")).app);
    const first = await volumeOf();
    await up(shop(yaml(", tty: true")).app);
    expect(await volumeOf()).toBe(first!);
    await up(shop(yaml(", tty: true")).app, { renewAnonVolumes: true });
    expect(await volumeOf()).not.toBe(first!);
    await shop(yaml("")).engine.volumes.remove(first!);
  });

  test("replicas are numbered on, the highest go first", async () => {
    const yaml = services(`web: { ${BASE}, scale: 3 }`);
    const { app, ids } = shop(yaml);
    await up(app);
    expect(Object.keys(await ids())).toEqual(["shop-web-1", "shop-web-2", "shop-web-3"]);
    await up(app, { scale: { web: 1 } });
    expect(Object.keys(await ids())).toEqual(["shop-web-1"]);
    await scale(app, { web: 2 });
    expect(Object.keys(await ids())).toEqual(["shop-web-1", "shop-web-2"]);
  });

  test("containers of services that are gone are told, and removed when asked for", async () => {
    await up(shop(TWO).app);
    const less = shop(services(`db: { ${BASE} }`));
    await up(less.app);
    expect(less.warnings.join()).toContain("Found orphan containers (shop-web-1) for this project.");
    await up(less.app, { removeOrphans: true });
    expect(Object.keys(await less.ids())).toEqual(["shop-db-1"]);
  });

  test("containers that live in another's namespaces and volumes go with it", async () => {
    const yaml = (more: string) =>
      services(
        `side: { ${BASE}, network_mode: "service:main", volumes_from: [main] }\nmain: { ${BASE}, volumes: [/v]${more} }`,
      );
    const { app, ids } = shop(yaml(""));
    await up(app);
    const before = await ids();
    await up(app);
    expect(await ids()).toEqual(before);
    const changed = shop(yaml(", tty: true"));
    await up(changed.app);
    const after = await changed.ids();
    expect(after["shop-side-1"]).not.toBe(before["shop-side-1"]!);
    await up(changed.app);
    expect(await ids()).toEqual(after);
  });

  test("dependents that restart with a service are stopped before it and started after it", async () => {
    const yaml = services(
      `web: { ${BASE}, depends_on: { db: { condition: service_started, restart: true } } }\ndb: { ${BASE} }`,
    );
    const first = shop(yaml);
    await up(first.app);
    const before = await first.ids();
    const changed = shop(yaml.replace("db: { image", "db: { tty: true, image"));
    expect((await planUp(changed.app)).actions.map(({ kind }) => kind)).toEqual(["recreate", "restart"]);
    await up(changed.app);
    expect(changed.told()).toEqual([
      "shop-web-1 Stopped",
      "shop-db-1 Recreated",
      "shop-db-1 Started",
      "shop-web-1 Started",
    ]);
    expect((await changed.ids())["shop-web-1"]).toBe(before["shop-web-1"]!);
  });

  test("a network that changed is made anew under the containers", async () => {
    const yaml = (label: string) =>
      services(`web: { ${BASE} }`, `networks: { default: { labels: { a: "${label}" } } }`);
    const first = shop(yaml("1"));
    await up(first.app);
    const before = await first.ids();
    const changed = shop(yaml("2"));
    const [network, web] = (await planUp(changed.app)).actions;
    expect(network).toMatchObject({ kind: "recreateNetwork", what: "Network shop_default" });
    expect(web).toMatchObject({ kind: "restart", what: "Container shop-web-1" });
    await up(changed.app);
    expect(await changed.ids()).toEqual(before);
    const again = shop(yaml("2"));
    await up(again.app);
    expect(again.told()).toEqual(["shop-web-1 Running"]);
  });

  test("a volume that changed is made anew only when somebody says so", async () => {
    const yaml = (label: string) =>
      services(
        `web: { ${BASE}, volumes: ["data:/data"] }`,
        `volumes: { data: { labels: { a: "${label}" } } }`,
      );
    await up(shop(yaml("1")).app);
    const changed = shop(yaml("2"));
    await up(changed.app);
    expect(changed.told()).toEqual(["shop-web-1 Running"]);
    const questions: string[] = [];
    const confirm = async (question: string) => questions.push(question) > 0;
    await up(changed.app, { confirm });
    expect(questions.join()).toContain('Volume "shop_data" exists but doesn\'t match configuration');
    expect((await changed.engine.volumes.inspect("shop_data")).Labels).toMatchObject({ a: "2" });
    const again = shop(yaml("2"));
    await up(again.app);
    expect(again.told()).toEqual(["shop-web-1 Running"]);
  });

  test("in a dry run everything is told and nothing done", async () => {
    const dry = shop(services(`web: { ${BASE}, ${NEEDS_HEALTHY} }\ndb: { ${CHECKED} }`), { dryRun: true });
    await up(dry.app, { wait: true });
    expect(dry.told()).toEqual(
      expect.arrayContaining(["shop-db-1 Created", "shop-db-1 Healthy", "shop-web-1 Started"]),
    );
    await down(dry.app);
    expect(dry.calls.filter((call) => !call.startsWith("GET"))).toEqual([]);
  });

  test("all are made before the time to attach, and none has started", async () => {
    const { app, containers } = shop(TWO);
    const states: string[] = [];
    await up(app, {
      onCreated: async () => void states.push(...(await containers()).map(({ state }) => state)),
    });
    expect(states).toEqual(["created", "created"]);
    await create(app);
    await up(app, { noStart: true, forceRecreate: true });
    expect((await containers()).map(({ state }) => state)).toEqual(["created", "created"]);
  });
});

describe("dependencies", () => {
  test("a service waits until another is healthy, and says so", async () => {
    const web = shop(services(`web: { ${BASE}, ${NEEDS_HEALTHY} }\ndb: { ${CHECKED} }`));
    const coming = up(web.app);
    await until(() => web.progress.some(({ text }) => text === "Waiting"));
    expect(web.progress.find(({ text }) => text === "Waiting")).toMatchObject({
      id: "Container shop-db-1",
      detail: "web needs it healthy",
    });
    expect((await web.containers()).map(({ service, state }) => `${service} ${state}`)).toEqual([
      "db running",
      "web created",
    ]);
    await daemon.berth(["exec", "shop-db-1", "touch", "/ok"]);
    await coming;
    expect(web.told().slice(-2)).toEqual(["shop-db-1 Healthy", "shop-web-1 Started"]);
  });

  test("a failure names who and why, and a second `up` goes on from there", async () => {
    const yaml = services(
      `web: { ${BASE}, ${NEEDS_HEALTHY} }\ndb: { ${CHECKED.replace("retries: 200", "retries: 2")} }\nother: { ${BASE} }`,
    );
    const broken = shop(yaml);
    await expect(up(broken.app)).rejects.toThrow(
      "dependency failed to start: container shop-db-1 is unhealthy",
    );
    expect(broken.told()).toEqual(expect.arrayContaining(["shop-other-1 Started", "shop-db-1 Error"]));
    const before = await broken.ids();
    const mended = shop(yaml.replace("/ok", "/"));
    await up(mended.app);
    const after = await mended.ids();
    expect((await mended.containers()).map(({ state }) => state)).toEqual(["running", "running", "running"]);
    expect(after["shop-other-1"]).toBe(before["shop-other-1"]!);
    expect(after["shop-web-1"]).toBe(before["shop-web-1"]!);
  });

  test("a program that is not there is an error of its service", async () => {
    const broken = shop(
      services(`bad: { ${BASE.replace("sleep", "nosuchprogram")} }\nafter: { ${BASE}, depends_on: [bad] }`),
    );
    await expect(up(broken.app)).rejects.toThrow(/^service "bad": .*nosuchprogram.*not found/s);
    expect((await broken.containers()).map(({ service, state }) => `${service} ${state}`)).toEqual([
      "after created",
      "bad created",
    ]);
  });

  test("where a new container cannot be made, the old one runs on", async () => {
    const good = shop(services(`web: { ${BASE} }`));
    await up(good.app);
    const before = await good.ids();
    const broken = shop(services(`web: { ${BASE}, cap_add: [NOSUCHTHING] }`));
    await expect(up(broken.app)).rejects.toThrow(/^service "web": .*NOSUCHTHING/s);
    expect(await good.ids()).toEqual(before);
    expect((await good.containers())[0]!.state).toBe("running");
  });

  test("what a broken-off `up` has left half done is finished", async () => {
    const { app, engine, ids } = shop(services(`web: { ${BASE} }`));
    await up(app);
    await up(app, { forceRecreate: true });
    const { "shop-web-1": id = "" } = await ids();
    // As if it had ended right before it gave the new container its name.
    await engine.containers.rename(id, "0123456789ab_shop-web-1");
    await up(app);
    expect(await ids()).toEqual({ "shop-web-1": id });
  });

  test("secrets are as they are by now whenever a container is started", async () => {
    const yaml = services(`web: { ${BASE}, secrets: [token] }`, "secrets: { token: { environment: TOKEN } }");
    const read = async () => (await daemon.berth(["exec", "shop-web-1", "cat", "/run/secrets/token"])).stdout;
    await up(shop(yaml, { environment: { TOKEN: "one" } }).app);
    expect(await read()).toBe("one");
    const later = shop(yaml, { environment: { TOKEN: "two" } });
    await stop(later.app);
    await up(later.app);
    expect(await read()).toBe("two");
  });

  test("a job is waited for to its end, and counts when it succeeds", async () => {
    const yaml = (job: string, required = true) =>
      services(
        `web: { ${BASE}, depends_on: { job: { condition: service_completed_successfully, required: ${required} } } }\njob: { ${BASE.replace('[sleep, "1000"]', job)} }`,
      );
    const bad = shop(yaml("[sh, -c, 'echo no table >&2; exit 3']"));
    await expect(up(bad.app)).rejects.toThrow('service "job" didn\'t complete successfully: exit 3');
    expect(bad.progress.find(({ status }) => status === "error")?.detail).toBe(
      'service "job" didn\'t complete successfully: exit 3; it said: no table',
    );
    const optional = shop(yaml("[sh, -c, 'exit 3']", false));
    await up(optional.app);
    expect(optional.warnings).toEqual(['optional dependency "job" didn\'t complete successfully: exit 3']);
    const good = shop(yaml("['true']"));
    await up(good.app, { wait: true });
    expect(good.told()).toEqual(expect.arrayContaining(["shop-job-1 Exited", "shop-web-1 Healthy"]));
  });

  test("--wait comes back when all are healthy, or it was too late", async () => {
    const good = shop(services(`db: { ${HEALTHY} }\nplain: { ${BASE} }`));
    await up(good.app, { wait: true });
    expect(good.told()).toEqual(expect.arrayContaining(["shop-db-1 Healthy", "shop-plain-1 Healthy"]));
    const late = shop(services(`db: { ${CHECKED} }`));
    await expect(up(late.app, { wait: true, waitTimeoutSeconds: 1 })).rejects.toThrow(
      "application not healthy after 1s",
    );
  });

  test("one without a health check cannot be healthy", async () => {
    const web = shop(services(`web: { ${BASE}, ${NEEDS_HEALTHY} }\ndb: { ${BASE} }`));
    await expect(up(web.app)).rejects.toThrow("container shop-db-1 has no healthcheck configured");
  });

  test("Ctrl-C ends the wait, and starts nothing more", async () => {
    const stopped = new AbortController();
    const web = shop(services(`web: { ${BASE}, ${NEEDS_HEALTHY} }\ndb: { ${CHECKED} }`), {
      signal: stopped.signal,
    });
    const coming = up(web.app);
    await until(() => web.progress.some(({ text }) => text === "Waiting"));
    stopped.abort();
    await expect(coming).rejects.toThrow();
    expect((await shop(TWO).containers()).map(({ service, state }) => `${service} ${state}`)).toEqual([
      "db running",
      "web created",
    ]);
  });

  test("pre_start commands run to their end before the service, with its volumes", async () => {
    const yaml = (command: string) =>
      services(
        `web: { ${BASE}, volumes: ["data:/data"], pre_start: [{ command: [sh, -c, "${command}"] }] }`,
        "volumes: { data: }",
      );
    const broken = shop(yaml("echo no luck >&2; exit 4"));
    await expect(up(broken.app)).rejects.toThrow(
      /service "web" pre_start\[0\] exited with code 4: no luck \(hook container [0-9a-f]{12} retained/,
    );
    const good = shop(yaml("touch /data/made"));
    await up(good.app);
    expect((await daemon.berth(["exec", "shop-web-1", "ls", "/data"])).stdout).toBe("made\n");
    expect(await good.engine.containers.list({ all: true, filters: { label: [LABEL.hook] } })).toEqual([]);
  });

  test("what is impossible is refused before anything is done", async () => {
    const provided = shop("services: { db: { provider: { type: cloud } } }\n");
    await expect(up(provided.app)).rejects.toThrow(
      "services.db.provider: services of a provider are not supported",
    );
    const twice = shop(services(`a: { ${BASE}, container_name: x1 }\nb: { ${BASE}, container_name: x1 }`));
    await expect(up(twice.app)).rejects.toThrow('container name "x1" is already in use by service a');
    expect([...provided.calls, ...twice.calls]).toEqual([]);
  });
});

describe("afterwards", () => {
  test("down leaves nothing, and says when there was nothing", async () => {
    const yaml = services(
      `web: { ${BASE}, depends_on: [db], volumes: [/anonymous] }\ndb: { ${BASE}, volumes: ["data:/data"] }`,
      "volumes: { data: }",
    );
    const shown = shop(yaml);
    await up(shown.app);
    await down(shown.app);
    expect(shown.told().indexOf("shop-web-1 Removed")).toBeLessThan(
      shown.told().indexOf("shop-db-1 Stopped"),
    );
    const kept = await readState(shown.engine, "shop");
    expect([kept.containers, kept.networks].flat()).toEqual([]);
    expect(kept.volumes.map(({ Name }) => Name)).toEqual(["shop_data"]);
    await up(shown.app);
    await down(shown.app, { volumes: true });
    expect((await readState(shown.engine, "shop")).volumes).toEqual([]);
    const nothing = shop(yaml);
    await down(nothing.app);
    // Networks of the files are what there would be to remove.
    expect(nothing.warnings).toEqual([]);
    const bare = shop(services(`db: { ${BASE}, network_mode: none }`));
    await down(bare.app);
    expect(bare.warnings).toEqual(['Warning: No resource found to remove for project "shop".']);
  });

  test("down of one service takes those that depend on it", async () => {
    const yaml = services(`web: { ${BASE}, depends_on: [db] }\ndb: { ${BASE} }\nother: { ${BASE} }`);
    const { app, ids } = shop(yaml);
    await up(app);
    await down(app, { services: ["db"] });
    expect(Object.keys(await ids())).toEqual(["shop-other-1"]);
  });

  test("a project without its file is known by what runs", async () => {
    const made = shop(TWO);
    await up(made.app);
    const state = await readState(made.engine, "shop");
    const app = { ...made.app, project: projectFromState("shop", state) };
    await stop(app);
    expect((await made.containers()).map((one) => one.state)).toEqual(["exited", "exited"]);
    await start(app);
    expect((await made.containers()).map((one) => one.state)).toEqual(["running", "running"]);
    await down(app);
    expect((await readState(made.engine, "shop")).networks).toEqual([]);
  });

  test("stop, start, pause, unpause, kill and rm do what they say", async () => {
    const { app, containers, told } = shop(TWO);
    const states = async () => (await containers()).map(({ service, state }) => `${service} ${state}`);
    await expect(start(app)).rejects.toThrow('service "db" has no container to start');
    await up(app);
    await stop(app, ["web"]);
    expect(await states()).toEqual(["db running", "web exited"]);
    await start(app, ["web"]);
    await pause(app, ["web"]);
    expect(await states()).toEqual(["db running", "web paused"]);
    await unpause(app, ["web"]);
    await pause(app, ["db"]);
    await up(app);
    expect(await states()).toEqual(["db running", "web running"]);
    expect(await kill(app, ["web"], { signalName: "SIGTERM" })).toEqual(["shop-web-1"]);
    expect(await kill(app)).toContain("shop-db-1");
    await stop(app);
    expect(await remove(app, ["web"])).toEqual(["shop-web-1"]);
    expect(await states()).toEqual(["db exited"]);
    expect(await remove(app, [], { confirm: async () => false })).toEqual(["shop-db-1"]);
    expect(await states()).toEqual(["db exited"]);
    await up(app);
    expect(await remove(app, ["db"])).toEqual([]);
    await remove(app, [], { stop: true });
    expect(await states()).toEqual([]);
    expect(told()).toContain("shop-db-1 Killed");
    await expect(stop(app, ["wep"])).rejects.toThrow("no such service: wep");
  });

  test("restart takes along those that restart with a service, in order", async () => {
    const yaml = services(
      `web: { ${BASE}, depends_on: { db: { condition: service_healthy, restart: true } } }\ndb: { ${HEALTHY} }\nother: { ${BASE}, depends_on: [db] }`,
    );
    await up(shop(yaml).app);
    const both = shop(yaml);
    await restart(both.app, ["db"]);
    expect(both.told()).toEqual(["shop-db-1 Started", "shop-db-1 Healthy", "shop-web-1 Started"]);
    const one = shop(yaml);
    await restart(one.app, ["db"], { noDeps: true });
    expect(one.told()).toEqual(["shop-db-1 Started"]);
  });

  test("wait tells how they ended, and takes the project down", async () => {
    const { app, containers } = shop(
      services(
        `web: { ${BASE} }\njob: { ${BASE.replace('[sleep, "1000"]', "[sh, -c, 'sleep 0.1; exit 5']")} }`,
      ),
    );
    await expect(wait(app, [])).rejects.toThrow('no containers for project "shop"');
    await up(app);
    expect(await wait(app, ["job"], { downProject: true })).toBe(5);
    expect(await containers()).toEqual([]);
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(5);
}
