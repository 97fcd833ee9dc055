import { describe, expect, test } from "bun:test";
import type { ContainerConfig } from "../../wire/index.ts";
import { applyChanges } from "./apply.ts";

/** `${…}` as a Dockerfile has it. */
const braced = (text: string) => `$${"{"}${text}}`;

describe("applyChanges()", () => {
  const cases: [change: string | string[], before: ContainerConfig, after: ContainerConfig][] = [
    ['CMD ["a", "b c"]', {}, { Cmd: ["a", "b c"] }],
    ["CMD echo $HOME | cat", {}, { Cmd: ["/bin/sh", "-c", "echo $HOME | cat"] }],
    ["CMD [not json]", {}, { Cmd: ["/bin/sh", "-c", "[not json]"] }],
    ["cmd x", { Shell: ["/bin/bash", "-c"] }, { Shell: ["/bin/bash", "-c"], Cmd: ["/bin/bash", "-c", "x"] }],
    ['ENTRYPOINT ["e"]', { Cmd: ["old"] }, { Entrypoint: ["e"], Cmd: null }],
    [['CMD ["new"]', 'ENTRYPOINT ["e"]'], { Cmd: ["old"] }, { Entrypoint: ["e"], Cmd: ["new"] }],
    ["ENV a=1 b=2", {}, { Env: ["a=1", "b=2"] }],
    ["ENV a=2", { Env: ["a=1", "c=3"] }, { Env: ["a=2", "c=3"] }],
    ["ENV a b c", {}, { Env: ["a=b c"] }],
    ['ENV a="x y" b=x\\ y c=\'$a "\'', {}, { Env: ["a=x y", "b=x y", 'c=$a "'] }],
    ["ENV PATH=/x:$PATH", { Env: ["PATH=/bin"] }, { Env: ["PATH=/x:/bin"] }],
    ["ENV a=1 b=$a", {}, { Env: ["a=1", "b="] }],
    [
      `ENV a=${braced("b:-d")} c=${braced("e:+f")} g=${braced("b:+h")}`,
      { Env: ["e=1"] },
      { Env: ["e=1", "a=d", "c=f", "g="] },
    ],
    ['ENV a="\\$b \\x"', {}, { Env: ["a=$b \\x"] }],
    ["ENV a=1 \\\n  b=2", {}, { Env: ["a=1", "b=2"] }],
    [["# a comment", "", "USER me"], {}, { User: "me" }],
    [
      "EXPOSE 80 53/udp 8000-8002/tcp",
      {},
      {
        ExposedPorts: { "80/tcp": {}, "53/udp": {}, "8000/tcp": {}, "8001/tcp": {}, "8002/tcp": {} },
      },
    ],
    ['LABEL a=b "c d"="e f"', { Labels: { x: "y" } }, { Labels: { x: "y", a: "b", "c d": "e f" } }],
    ["LABEL __proto__=x", {}, { Labels: JSON.parse('{"__proto__":"x"}') }],
    [`USER ${braced("who")}:grp`, { Env: ["who=me"] }, { Env: ["who=me"], User: "me:grp" }],
    ["USER a b", {}, { User: "a b" }],
    ["VOLUME /a /b", {}, { Volumes: { "/a": {}, "/b": {} } }],
    ['VOLUME ["/a b"]', {}, { Volumes: { "/a b": {} } }],
    [["WORKDIR /a", "WORKDIR b/../c"], {}, { WorkingDir: "/a/c" }],
    ["WORKDIR ../../../etc", {}, { WorkingDir: "/etc" }],
    ["STOPSIGNAL SIGRTMIN+3", {}, { StopSignal: "SIGRTMIN+3" }],
    ["ONBUILD RUN make  all", { OnBuild: ["ADD . /"] }, { OnBuild: ["ADD . /", "RUN make  all"] }],
    ["HEALTHCHECK NONE", {}, { Healthcheck: { Test: ["NONE"] } }],
    [
      "HEALTHCHECK --interval=5s --timeout=1m30s --retries=3 --start-period=1s --start-interval=100ms CMD curl -f x",
      {},
      {
        Healthcheck: {
          Test: ["CMD-SHELL", "curl -f x"],
          Interval: 5e9,
          Timeout: 90e9,
          Retries: 3,
          StartPeriod: 1e9,
          StartInterval: 1e8,
        },
      },
    ],
    ['HEALTHCHECK CMD ["x", "y"]', {}, { Healthcheck: { Test: ["CMD", "x", "y"] } }],
  ];
  for (const [change, before, after] of cases) {
    test(`${JSON.stringify(change)}`, () => {
      const given = structuredClone(before);
      expect(applyChanges(given, [change].flat())).toEqual(after);
      expect(given).toEqual(before);
    });
  }

  const refused: [change: string, message: string][] = [
    ["RUN x", "run is not a valid change command"],
    ["FROM x", "from is not a valid change command"],
    ["COPY a b", "copy is not a valid change command"],
    ["ENV", "ENV requires at least one argument"],
    ["ENV a", "ENV must have two arguments"],
    ["ENV a=b c", `Syntax error - can't find = in "c". Must be of the form: name=value`],
    ["ENV a='b", "unexpected end of statement while looking for matching single-quote"],
    ["ENV a=${b", "syntax error: missing '}'"],
    ["ENV =b", "ENV names can not be blank"],
    ["EXPOSE", "EXPOSE requires at least one argument"],
    ["EXPOSE x", "invalid containerPort: x"],
    ["EXPOSE 65536", "invalid containerPort: 65536"],
    ["EXPOSE 9-1", "invalid containerPort: 9-1"],
    ["EXPOSE 80/icmp", "invalid proto: icmp"],
    ["USER", "USER requires exactly one argument"],
    ["WORKDIR", "WORKDIR requires exactly one argument"],
    ['VOLUME [""]', "VOLUME specified can not be an empty string"],
    ["STOPSIGNAL a;b", "invalid signal: a;b"],
    ["ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
    ["ONBUILD from x", "FROM isn't allowed as an ONBUILD trigger"],
    ["HEALTHCHECK", "HEALTHCHECK requires at least one argument"],
    ["HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"],
    ["HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"],
    ["HEALTHCHECK CONNECT TCP 7000", 'Unknown type "CONNECT" in HEALTHCHECK (try CMD)'],
    ["HEALTHCHECK --interval=1 CMD x", 'time: invalid duration "1"'],
    ["HEALTHCHECK --interval=1us CMD x", 'Interval "interval" cannot be less than 1ms'],
    ["HEALTHCHECK --no=1 CMD x", "unknown flag: --no"],
  ];
  for (const [change, message] of refused) {
    test(`refuses ${change}`, () => expect(() => applyChanges({}, [change])).toThrow(message));
  }

  test("lines that double each other come to an end", () => {
    const doubling = Array.from({ length: 60 }, (_, i) =>
      i === 0 ? "ENV A0=x" : `ENV A${i}=$A${i - 1}\${A${i - 1}}`,
    );
    expect(() => applyChanges({}, doubling)).toThrow("longer than 131072 characters");
    expect(applyChanges({}, doubling.slice(0, 18)).Env).toHaveLength(18);
  });
});
