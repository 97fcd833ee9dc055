import { describe, expect, test } from "bun:test";
import { recordFor } from "../testing.ts";
import { detailsPrefix, logTag } from "./attributes.ts";
import { logSettings } from "./settings.ts";
import { parseDuration, parseSize } from "./values.ts";

const of = (Type: string, Config: Record<string, string> = {}) => logSettings({ Type, Config });

describe("limits", () => {
  test("bounded by default", () => {
    expect(of("json-file").limits).toMatchObject({ maxSize: 10_000_000, maxFiles: 5 });
    expect(of("local").limits).toMatchObject({ maxSize: 10_000_000, maxFiles: 5 });
    expect(of("syslog").limits).toMatchObject({ maxSize: 10_000_000, maxFiles: 5 });
  });

  test("as asked for", () => {
    expect(of("json-file", { "max-size": "2m", "max-file": "3" }).limits).toMatchObject({
      maxSize: 2e6,
      maxFiles: 3,
    });
    expect(of("json-file", { "max-size": "-1" }).limits.maxSize).toBe(Number.POSITIVE_INFINITY);
    const cache = { "cache-max-size": "1k", "cache-max-file": "2" };
    expect(of("syslog", cache).limits).toMatchObject({ maxSize: 1000, maxFiles: 2 });
    expect(of("syslog", { "cache-disabled": "true" }).readable).toBe(false);
    expect(of("none").readable).toBe(false);
  });

  test.each([
    ["json-file", { "max-size": "x" }, "invalid value for max-size: invalid size: 'x'"],
    ["json-file", { "max-size": "0" }, "max-size must be a positive number"],
    ["json-file", { "max-file": "0" }, "max-file cannot be less than 1"],
    [
      "json-file",
      { compress: "true", "max-file": "1" },
      "compress cannot be true when max-file is less than 2",
    ],
    ["json-file", { x: "1" }, "unknown log opt 'x' for json-file log driver"],
    ["json-file", { "syslog-address": "1" }, "unknown log opt 'syslog-address' for json-file log driver"],
    ["local", { labels: "1" }, "unknown log opt 'labels' for log driver local"],
    ["syslog", { "max-size": "1" }, "unknown log opt 'max-size' for syslog log driver"],
    ["fluentd", { x: "1" }, "unknown log opt 'x' for fluentd log driver"],
    ["journald", { x: "1" }, "unknown log opt 'x' for journald log driver"],
    ["awslogs", {}, "logger: no log driver named 'awslogs' is registered"],
    ["", {}, "logger: no log driver named '' is registered"],
    ["json-file", { mode: "x" }, "logger: logging mode not supported: x"],
    ["json-file", { "max-buffer-size": "1m" }, "only supported with 'mode=non-blocking'"],
    ["syslog", { "cache-disabled": "x" }, "invalid value for option cache-disabled: x"],
    ["json-file", { "labels-regex": "(" }, "labels-regex"],
  ] as [string, Record<string, string>, string][])(
    "(%#) %s: an option is refused",
    (driver, options, message) => {
      expect(() => of(driver, options)).toThrow(message);
    },
  );

  test("modes and their buffer", () => {
    of("json-file", { mode: "non-blocking", "max-buffer-size": "4m" });
    of("none", { whatever: "Docker does not look at it" });
  });
});

test("sizes and durations as Go reads them", () => {
  expect(parseSize("10m", 1000)).toBe(1e7);
  expect(parseSize("1.5 GiB", 1024)).toBe(1.5 * 1024 ** 3);
  expect(parseSize("512", 1000)).toBe(512);
  expect(() => parseSize("-1k", 1000)).toThrow("invalid size: '-1k'");
  expect(parseDuration("1h15m30.5s")).toBe(4_530_500);
  expect(parseDuration("100ms")).toBe(100);
  expect(parseDuration("0")).toBe(0);
  expect(() => parseDuration("1")).toThrow("invalid duration");
});

describe("what lines are told with", () => {
  const record = recordFor({
    name: "web",
    path: "/bin/run",
    args: ["a", "b"],
    imageReference: "nginx:1",
    config: { Labels: { app: "shop & co", tier: "x" }, Env: ["A=1", "B=2=3", "C"] },
  });

  test("details", () => {
    expect(detailsPrefix(record, { labels: "app,none", env: "B" })).toBe("B=2%3D3,app=shop+%26+co ");
    expect(detailsPrefix(record, { "labels-regex": "^t", "env-regex": "A|C", tag: "{{.Name}}" })).toBe(
      "A=1,tag=web,tier=x ",
    );
    expect(detailsPrefix(record, {})).toBe(" ");
  });

  test.each([
    ["{{.ID}}", record.id.slice(0, 12)],
    ["{{.FullID}}", record.id],
    ["{{.ImageName}}/{{.Name}}/{{.ID}}", `nginx:1/web/${record.id.slice(0, 12)}`],
    ["{{ .Command }}", "/bin/run a b"],
    ["{{upper .Name}}-{{.Name | upper | lower}}", "WEB-web"],
    ["{{truncate .FullID 4}}", "abab"],
    ["{{json .Name}}", '"web"'],
    ["{{.ContainerLabels.tier}}", "x"],
    ["plain", "plain"],
  ])("the tag %s is %s", (tag, text) => expect(logTag(record, { tag }, "")).toBe(text));

  test("tags that are none", () => {
    expect(() => logTag(record, { tag: "{{.Nothing}}" }, "")).toThrow("can't evaluate field Nothing");
    expect(() => logTag(record, { tag: "{{constructor .Name}}" }, "")).toThrow("not defined");
  });
});
