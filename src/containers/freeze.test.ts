import { afterEach, beforeEach, expect, test } from "bun:test";
import { World } from "./testing-world.ts";

let world: World;
beforeEach(() => {
  world = new World();
  // Processes go on when they are thawed.
  world.ignored.add(9);
});
afterEach(() => world.dispose());

const status = async (ref: string) => (await world.containers.inspect(ref)).State?.Status;

test("those that run stand still, until nobody needs it any more", async () => {
  const id = await world.run("web");
  const first = await world.containers.freeze([id]);
  const second = await world.containers.freeze([id, id, "nobody"]);
  expect(await status("web")).toBe("paused");
  await first[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
  expect(await status("web")).toBe("paused");
  await second[Symbol.asyncDispose]();
  expect(await status("web")).toBe("running");
});

test("who was paused before stays so, and who was let go on by hand is left alone", async () => {
  const [paused, freed] = [await world.run("paused"), await world.run("freed")];
  await world.containers.pause("paused");
  const frozen = await world.containers.freeze([paused, freed]);
  await world.containers.unpause("freed");
  await world.containers.pause("freed");
  await frozen[Symbol.asyncDispose]();
  expect(await status("paused")).toBe("paused");
  expect(await status("freed")).toBe("paused");
});

test("a commit that a crash cuts short leaves nobody paused", async () => {
  await world.run("web");
  const release = world.blockAt("images.commit");
  const committed = world.containers.commit("web", { pause: true, changes: [] });
  for (let turn = 0; turn < 100 && (await status("web")) !== "paused"; turn++) await Bun.sleep(1);
  expect(await status("web")).toBe("paused");
  await world.restart();
  for (let turn = 0; turn < 100 && (await status("web")) !== "running"; turn++) await Bun.sleep(1);
  expect(await status("web")).toBe("running");
  release();
  await committed.catch(() => {});
});

test("what does not run is passed over", async () => {
  const id = await world.run("web");
  world.exit(id, 0);
  await using _ = await world.containers.freeze([id]);
  expect(["running", "exited"]).toContain((await status("web")) ?? "");
});

test("those that a daemon froze go on under the next one; those that were paused by hand don't", async () => {
  const [frozen, paused] = [await world.run("frozen"), await world.run("paused")];
  await world.containers.pause("paused");
  await world.containers.freeze([frozen, paused]);
  await world.restart();
  for (let turn = 0; turn < 100 && (await status("frozen")) !== "running"; turn++) await Bun.sleep(1);
  expect(await status("frozen")).toBe("running");
  expect(await status("paused")).toBe("paused");
});
