import { expect, test } from "bun:test";
import { parseChallenges } from "./challenge.ts";

test("parseChallenges() reads what registries send", () => {
  expect(
    parseChallenges(
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/x:pull,push"',
    ),
  ).toEqual([
    {
      scheme: "bearer",
      parameters: {
        realm: "https://auth.docker.io/token",
        service: "registry.docker.io",
        scope: "repository:library/x:pull,push",
      },
    },
  ]);
  expect(parseChallenges('Basic realm="a \\"b\\", c"')).toEqual([
    { scheme: "basic", parameters: { realm: 'a "b", c' } },
  ]);
});

test("parseChallenges() tells several challenges apart", () => {
  const schemes = (header: string) => parseChallenges(header).map(({ scheme }) => scheme);
  expect(schemes('Basic realm="x", Bearer realm="https://y/",service=z')).toEqual(["basic", "bearer"]);
  expect(schemes("Negotiate, Basic realm=x")).toEqual(["negotiate", "basic"]);
  expect(schemes("Negotiate YII==, basic")).toEqual(["negotiate", "basic"]);
  expect(parseChallenges('BEARER Realm = "r" , Error=insufficient_scope')[0]).toEqual({
    scheme: "bearer",
    parameters: { realm: "r", error: "insufficient_scope" },
  });
});

test("parseChallenges() survives what is none", () => {
  expect(parseChallenges(null)).toEqual([]);
  expect(parseChallenges("")).toEqual([]);
  expect(parseChallenges('Bearer realm="never closed')).toEqual([{ scheme: "bearer", parameters: {} }]);
  expect(parseChallenges(`Bearer ${"a=b,".repeat(10_000)}`)).toEqual([]);
});
