import { describe, expect, test } from "bun:test";
import { Database } from "../store/index.ts";
import { parseName, randomName } from "./names.ts";
import { Repository } from "./repository.ts";
import { SerialQueues } from "./serial.ts";
import { recordFor } from "./testing.ts";
import { together, Undo } from "./undo.ts";

const idOf = (start: string) => start.padEnd(64, "0");

describe("the repository", () => {
  test("finds by id, name and prefix, and says when a prefix is not enough", () => {
    const repository = new Repository(Database.open(":memory:"));
    const [one, two] = [
      recordFor({ id: idOf("abc1"), name: "one" }),
      recordFor({ id: idOf("abc2"), name: "two" }),
    ];
    repository.insert(two);
    repository.insert(one);
    expect(repository.find("one")).toBe(one);
    expect(repository.find("/two")).toBe(two);
    expect(repository.find("abc1")).toBe(one);
    expect(repository.find(two.id)).toBe(two);
    expect(() => repository.find("abc")).toThrow("multiple IDs found with provided prefix: abc");
    expect(() => repository.find("abd")).toThrow("No such container: abd");
    expect(() => repository.find("")).toThrow();
    repository.delete(one);
    expect(repository.find("abc")).toBe(two);
  });

  test("a name that is also the beginning of an id is a name", () => {
    const repository = new Repository(Database.open(":memory:"));
    repository.insert(recordFor({ id: idOf("beef"), name: "first" }));
    const named = recordFor({ id: idOf("1234"), name: "beef" });
    repository.insert(named);
    expect(repository.find("beef")).toBe(named);
  });

  test("what was saved is found by the next daemon", () => {
    const database = Database.open(":memory:");
    const repository = new Repository(database);
    const record = recordFor({ name: "web", host: { Memory: 5 } });
    repository.insert(record);
    record.state.status = "running";
    record.state.pid = 7;
    repository.saveState(record);
    repository.rename(record, "www");
    const again = new Repository(database);
    expect(again.find("www")).toEqual(record);
    expect(again.byName("web")).toBeUndefined();
    again.delete(again.find("www"));
    expect(new Repository(database).size).toBe(0);
  });

  test("a record that was deleted is not written again", () => {
    const database = Database.open(":memory:");
    const repository = new Repository(database);
    const record = recordFor({});
    repository.insert(record);
    repository.delete(record);
    repository.saveState(record);
    repository.save(record);
    expect(new Repository(database).size).toBe(0);
  });

  test("a name is used once", () => {
    const repository = new Repository(Database.open(":memory:"));
    repository.insert(recordFor({ id: idOf("a1"), name: "web" }));
    const other = recordFor({ id: idOf("b2"), name: "other" });
    repository.insert(other);
    expect(() => repository.insert(recordFor({ id: idOf("c3"), name: "web" }))).toThrow("is already in use");
    expect(() => repository.rename(other, "web")).toThrow(`by container "${idOf("a1")}"`);
    expect(other.name).toBe("other");
  });
});

describe("names", () => {
  test("Docker's rule", () => {
    expect(parseName("/a_b.c-1")).toBe("a_b.c-1");
    for (const bad of ["", "a", "-ab", "a b", "ab/c", "ä1"])
      expect(() => parseName(bad)).toThrow("Invalid container name");
  });

  test("random ones fit the rule, avoid those taken, and end with the id", () => {
    const name = randomName(() => false, "abc");
    expect(name).toMatch(/^[a-z]+_[a-z]+$/);
    expect(parseName(name)).toBe(name);
    expect(randomName((candidate) => !/\d$/.test(candidate), "abc")).toMatch(/\d$/);
    expect(randomName(() => true, "0123456789ab")).toBe("0123456789ab");
  });
});

describe("queues", () => {
  test("one after the other for one container, side by side for others", async () => {
    const queues = new SerialQueues();
    const order: string[] = [];
    let release!: () => void;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const first = queues.run("a", async () => {
      await gate;
      order.push("a1");
      throw new Error("failed");
    });
    const second = queues.run("a", async () => void order.push("a2"));
    await queues.run("b", async () => void order.push("b"));
    release();
    await expect(first).rejects.toThrow("failed");
    await second;
    expect(order).toEqual(["b", "a1", "a2"]);
    await queues.idle();
    expect(queues.size).toBe(0);
  });

  test("a turn lasts until it is given back", async () => {
    const queues = new SerialQueues();
    let ran = false;
    const turn = await queues.turn("a");
    const next = queues.run("a", async () => {
      ran = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(ran).toBe(false);
    turn[Symbol.dispose]();
    await next;
    expect(ran).toBe(true);
  });
});

describe("undo", () => {
  test("goes backwards, and past what fails", async () => {
    const order: string[] = [];
    const undo = new Undo();
    undo.add("one", () => void order.push("one"));
    undo.add("two", () => {
      throw new Error("cannot");
    });
    undo.add("three", async () => void order.push("three"));
    await undo.run();
    expect(order).toEqual(["three", "one"]);
    undo.add("kept", () => void order.push("kept"));
    undo.keep();
    await undo.run();
    expect(order).toHaveLength(2);
  });

  test("together() waits for all before it throws", async () => {
    let ended = false;
    const slow = new Promise<void>((resolve) =>
      setImmediate(() => {
        ended = true;
        resolve();
      }),
    );
    await expect(together([Promise.reject(new Error("first")), slow])).rejects.toThrow("first");
    expect(ended).toBe(true);
    expect(await together([1, Promise.resolve("x")])).toEqual([1, "x"]);
  });
});
