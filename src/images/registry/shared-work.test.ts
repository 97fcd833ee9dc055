import { expect, test } from "bun:test";
import { SharedWork } from "./shared-work.ts";

class Share implements Disposable {
  static open = 0;

  constructor() {
    Share.open++;
  }

  [Symbol.dispose](): void {
    Share.open--;
  }
}

const never = new AbortController().signal;

test("SharedWork.run() does the same work once, and everybody gets a share and the news", async () => {
  const shared = new SharedWork<Share, string>(() => new Share());
  const news: string[][] = [[], []];
  const go = Promise.withResolvers<void>();
  let times = 0;
  const work = async (tell: (news: string) => void) => {
    times++;
    tell("begun");
    await go.promise;
    tell("done");
    return new Share();
  };
  const first = shared.run("key", never, (text) => news[0]!.push(text), work);
  await Bun.sleep(0);
  const second = shared.run("key", never, (text) => news[1]!.push(text), work);
  go.resolve();
  const shares = await Promise.all([first, second]);
  expect(times).toBe(1);
  expect(news).toEqual([
    ["begun", "done"],
    ["begun", "done"],
  ]);
  for (const share of shares) share[Symbol.dispose]();
  expect(Share.open).toBe(0);
});

test("SharedWork.run() gives work up when the last one has left, and not before", async () => {
  const shared = new SharedWork<Share, string>(() => new Share());
  let aborted = false;
  const work = (_: unknown, signal: AbortSignal) =>
    new Promise<Share>((_, reject) => {
      signal.addEventListener("abort", () => {
        aborted = true;
        reject(signal.reason);
      });
    });
  const [one, two] = [new AbortController(), new AbortController()];
  const runs = [one, two].map(({ signal }) => shared.run("key", signal, () => {}, work));
  one.abort(new Error("one left"));
  await expect(runs[0]!).rejects.toThrow("one left");
  expect(aborted).toBe(false);
  two.abort(new Error("two left"));
  await expect(runs[1]!).rejects.toThrow("two left");
  expect(aborted).toBe(true);
  const share = await shared.run(
    "key",
    never,
    () => {},
    async () => new Share(),
  );
  share[Symbol.dispose]();
  expect(Share.open).toBe(0);
});

test("SharedWork.run(): who joined a work that failed tries it themselves", async () => {
  const shared = new SharedWork<Share, string>(() => new Share());
  const go = Promise.withResolvers<void>();
  const first = shared.run(
    "key",
    never,
    () => {},
    async () => {
      await go.promise;
      throw new Error("no access");
    },
  );
  const second = shared.run(
    "key",
    never,
    () => {},
    async () => new Share(),
  );
  go.resolve();
  await expect(first).rejects.toThrow("no access");
  (await second)[Symbol.dispose]();
  expect(Share.open).toBe(0);
});
