import { expect, test } from "bun:test";
import { Batches } from "./batches.ts";

test("what happens together is one batch, and what happens meanwhile the next", async () => {
  const seen: number[] = [];
  let happened = 0;
  let handling = false;
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  using batches = new Batches(async () => {
    expect(handling).toBe(false);
    handling = true;
    seen.push(happened);
    if (seen.length === 1) {
      first.resolve();
      for (let count = 0; count < 3; count++) {
        happened++;
        batches.touch();
        await Bun.sleep(5);
      }
    } else second.resolve();
    handling = false;
  });
  for (let count = 0; count < 10; count++) {
    happened++;
    batches.touch();
  }
  await first.promise;
  await second.promise;
  expect(seen).toEqual([10, 13]);
  await batches.settled();
});

test("nothing is handled once it is closed", async () => {
  let handled = 0;
  const batches = new Batches(async () => {
    handled++;
  });
  batches.touch();
  batches[Symbol.dispose]();
  batches.touch();
  await Bun.sleep(150);
  expect(handled).toBe(0);
});
