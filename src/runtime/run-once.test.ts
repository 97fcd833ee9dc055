import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { RunOnceEnd, SpecInput } from "./contract.ts";
import { RuntimeError } from "./errors.ts";
import { buildSpec } from "./spec/build.ts";
import { PATIENCE_MS, RUNTIMES, RuntimeFixture } from "./testing/fixture.ts";

describe.each(RUNTIMES)("%s", (name) => {
  let fixture: RuntimeFixture;
  beforeAll(() => {
    fixture = new RuntimeFixture({ default: name });
  });
  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
  });

  interface Ran extends RunOnceEnd {
    readonly id: string;
    readonly text: string;
  }

  async function run(
    args: readonly string[],
    more: { spec?: Partial<SpecInput>; signal?: AbortSignal; onOutput?: (text: string) => void } = {},
  ): Promise<Ran> {
    const { id, bundle } = fixture.newContainer();
    let text = "";
    const end = await (await fixture.runtimes.get(undefined)).runOnce({
      id,
      bundle,
      spec: buildSpec(fixture.specInput(id, args, more.spec)),
      signal: more.signal ?? new AbortController().signal,
      onOutput: (stream, bytes) => {
        const said = `${stream}:${new TextDecoder().decode(bytes)}`;
        text += said;
        more.onOutput?.(said);
      },
    });
    await end.removed;
    return { ...end, id, text };
  }

  /** Nothing of any run: the runtime's state, cgroups. */
  async function expectNothingLeft(): Promise<void> {
    expect(readdirSync(join(fixture.execRoot, "runtime"))).toEqual([]);
    expect(await fixture.cgroups.processes(fixture.cgroupParent)).toEqual([]);
  }

  test(
    "tells what was printed and how it ended, and leaves nothing",
    async () => {
      expect(await run(["/bin/true"])).toMatchObject({ code: 0, oomKilled: false, text: "" });
      const failed = await run(["/bin/sh", "-c", "echo out; exit 3"]);
      expect(failed).toMatchObject({ code: 3, text: "1:out\n" });
      expect((await run(["/bin/sh", "-c", "echo err >&2; kill -9 $$"])).text).toBe("2:err\n");
      await expectNothingLeft();
      expect(existsSync(`/sys/fs/cgroup/pids${fixture.cgroupParent}/${failed.id}`)).toBe(false);
    },
    PATIENCE_MS,
  );

  test(
    "a signal that kills it is 128 and its number",
    async () => {
      // The first process of a PID namespace can not kill itself: its parent is it that does.
      const end = await run(["/bin/sh", "-c", "sh -c 'kill -9 $$'; exit $?"]);
      expect(end.code).toBe(137);
    },
    PATIENCE_MS,
  );

  test(
    "what cannot be executed is told in the runtime's words",
    async () => {
      const error = await run(["/no/such"]).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(RuntimeError);
      expect((error as RuntimeError).exitCode).toBe(127);
      expect((error as RuntimeError).message).toContain('exec: "/no/such"');
      await expectNothingLeft();
    },
    PATIENCE_MS,
  );

  test(
    "aborting ends it at once, whatever it was doing",
    async () => {
      const early = new AbortController();
      const never = run(["/bin/sleep", "1000"], { signal: early.signal });
      queueMicrotask(() => early.abort(new Error("changed my mind")));
      await expect(never).rejects.toThrow("changed my mind");

      const late = new AbortController();
      const running = run(["/bin/sh", "-c", "trap '' TERM INT; sleep 1000 & echo up; wait"], {
        signal: late.signal,
        onOutput: () => late.abort(new Error("enough")),
      });
      await expect(running).rejects.toThrow("enough");
      await expectNothingLeft();
    },
    PATIENCE_MS,
  );

  test(
    "a process that took too much memory is told apart from one that failed",
    async () => {
      if (!fixture.facts.limits.memory) return;
      const end = await run(["/bin/sh", "-c", "dd if=/dev/zero of=/dev/null bs=200M count=1"], {
        spec: { host: { Memory: 16 << 20, MemorySwap: 16 << 20 } },
      });
      expect(end).toMatchObject({ code: 137, oomKilled: true });
    },
    PATIENCE_MS,
  );

  test(
    "all that it prints arrives, also much of it",
    async () => {
      let bytes = 0;
      const { id, bundle } = fixture.newContainer();
      const end = await (await fixture.runtimes.get(undefined)).runOnce({
        id,
        bundle,
        spec: Promise.resolve(
          buildSpec(fixture.specInput(id, ["/bin/sh", "-c", "dd if=/dev/zero bs=1M count=20; sleep 1000 &"])),
        ),
        signal: new AbortController().signal,
        onOutput: (stream, chunk) => {
          if (stream === 1) bytes += chunk.length;
        },
      });
      expect(end.code).toBe(0);
      expect(bytes).toBe(20 << 20);
      await end.removed;
      await expectNothingLeft();
    },
    PATIENCE_MS,
  );

  test(
    "what a killed daemon left running is ended by its bundle",
    async () => {
      const { id, bundle } = fixture.newContainer();
      const runtime = await fixture.runtimes.get(undefined);
      const { promise: up, resolve } = Promise.withResolvers<void>();
      const running = runtime.runOnce({
        id,
        bundle,
        spec: buildSpec(fixture.specInput(id, ["/bin/sh", "-c", "echo up; sleep 1000"])),
        signal: new AbortController().signal,
        onOutput: () => resolve(),
      });
      await up;
      await runtime.endRun(id, bundle);
      expect((await running).code).toBe(137);
      await runtime.endRun(id, bundle);
      await expectNothingLeft();
    },
    PATIENCE_MS,
  );
});
