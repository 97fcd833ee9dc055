import { expect, test } from "bun:test";
import { Slots } from "./slots.ts";

const never = new AbortController().signal;

test("Slots.take() lets so many in, in order, and forgets who gave up", async () => {
  const slots = new Slots(1);
  const order: string[] = [];
  const first = await slots.take(never);
  expect(slots.areTaken).toBe(true);
  const gone = new AbortController();
  const lost = slots.take(gone.signal);
  const waiting = ["a", "b"].map(async (name) => {
    using _slot = await slots.take(never);
    order.push(name);
  });
  gone.abort(new Error("gave up"));
  await expect(lost).rejects.toThrow("gave up");
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await Promise.all(waiting);
  expect(order).toEqual(["a", "b"]);
  expect(slots.areTaken).toBe(false);
});
