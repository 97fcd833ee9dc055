import { describe, expect, test } from "bun:test";
import {
  familiarName,
  fullName,
  noSuchImageText,
  parseImageName,
  parseImageReference,
  parseRepositoryAndTag,
  withDefaultTag,
} from "./reference.ts";

const HEX = "0123456789abcdef".repeat(4);

describe("parseImageName()", () => {
  const valid: [typed: string, full: string, familiar: string][] = [
    ["debian", "docker.io/library/debian", "debian"],
    ["debian:12", "docker.io/library/debian:12", "debian:12"],
    ["library/debian", "docker.io/library/debian", "debian"],
    ["docker.io/debian", "docker.io/library/debian", "debian"],
    ["index.docker.io/debian", "docker.io/library/debian", "debian"],
    ["index.docker.io/library/debian:x", "docker.io/library/debian:x", "debian:x"],
    ["me/tool", "docker.io/me/tool", "me/tool"],
    ["me/a/b/c:1", "docker.io/me/a/b/c:1", "me/a/b/c:1"],
    ["localhost/x", "localhost/x", "localhost/x"],
    ["localhost:5000/x:y", "localhost:5000/x:y", "localhost:5000/x:y"],
    ["Upper/x", "Upper/x", "Upper/x"],
    ["quay.io/a_b__c-d.e", "quay.io/a_b__c-d.e", "quay.io/a_b__c-d.e"],
    ["[::1]:5000/x", "[::1]:5000/x", "[::1]:5000/x"],
    ["10.0.0.1/x", "10.0.0.1/x", "10.0.0.1/x"],
    [`x@sha256:${HEX}`, `docker.io/library/x@sha256:${HEX}`, `x@sha256:${HEX}`],
    [`x:1@sha256:${HEX}`, `docker.io/library/x:1@sha256:${HEX}`, `x:1@sha256:${HEX}`],
    [`x:${"t".repeat(128)}`, `docker.io/library/x:${"t".repeat(128)}`, `x:${"t".repeat(128)}`],
  ];
  for (const [typed, full, familiar] of valid) {
    test(`reads ${typed.slice(0, 50)}`, () => {
      const name = parseImageName(typed);
      expect(fullName(name)).toBe(full);
      expect(familiarName(name)).toBe(familiar);
      expect(parseImageName(full)).toEqual(name);
    });
  }

  const invalid: [typed: string, message: string][] = [
    ["", "invalid reference format"],
    [":", "invalid reference format"],
    ["x:", "invalid reference format"],
    [":tag", "invalid reference format"],
    ["x:-tag", "invalid reference format"],
    [`x:${"t".repeat(129)}`, "invalid reference format"],
    ["x y", "invalid reference format"],
    ["-x", "invalid reference format"],
    ["x-", "invalid reference format"],
    ["a//b", "invalid reference format"],
    ["/x", "invalid reference format"],
    ["x/", "invalid reference format"],
    ["../x", "invalid reference format"],
    ["a/../x", "invalid reference format"],
    ["x\n", "invalid reference format"],
    ["http://x/y", "invalid reference format"],
    ["Foo", "invalid reference format: repository name (library/Foo) must be lowercase"],
    ["me/Foo:Bar", "invalid reference format: repository name (me/Foo) must be lowercase"],
    [HEX, `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`],
    ["a".repeat(250), "repository name must not be more than 255 characters"],
    ["a".repeat(1_000_000), "invalid reference format"],
    [`x@sha256:${HEX.slice(1)}`, "invalid checksum digest length"],
    [`x@sha512:${HEX}${HEX}`, "unsupported digest algorithm"],
    ["x@sha256:abc", "invalid reference format"],
  ];
  for (const [typed, message] of invalid) {
    test(`refuses ${JSON.stringify(typed.slice(0, 50))}`, () => {
      expect(() => parseImageName(typed)).toThrow(message);
      try {
        parseImageName(typed);
      } catch (error) {
        expect((error as Error).message).toBe(message);
        expect(error).toMatchObject({ kind: "InvalidParameter" });
      }
    });
  }
});

test("parseImageReference() tells ids from names", () => {
  expect(parseImageReference(HEX)).toEqual({ kind: "id", id: `sha256:${HEX}` as never });
  expect(parseImageReference(`sha256:${HEX}`)).toEqual({ kind: "id", id: `sha256:${HEX}` as never });
  expect(parseImageReference("0123")).toMatchObject({ kind: "name", name: { path: "library/0123" } });
  expect(parseImageReference("sha256:0123")).toMatchObject({
    kind: "name",
    name: { path: "library/sha256", tag: "0123" },
  });
});

test("noSuchImageText() is Docker's", () => {
  expect(noSuchImageText(parseImageReference("debian"))).toBe("No such image: debian:latest");
  expect(noSuchImageText(parseImageReference("q.io/x:1"))).toBe("No such image: q.io/x:1");
  expect(noSuchImageText(parseImageReference(HEX))).toBe(`No such image: sha256:${HEX}`);
});

test("parseRepositoryAndTag() puts the two together", () => {
  expect(fullName(parseRepositoryAndTag("x", ""))).toBe("docker.io/library/x:latest");
  expect(fullName(parseRepositoryAndTag("x:1", ""))).toBe("docker.io/library/x:1");
  expect(fullName(parseRepositoryAndTag("x:1", "2"))).toBe("docker.io/library/x:2");
  expect(() => parseRepositoryAndTag("x", "a b")).toThrow("invalid tag format");
  expect(() => parseRepositoryAndTag(`x@sha256:${HEX}`, "")).toThrow("cannot import digest reference");
});

test("withDefaultTag() adds latest only to a bare name", () => {
  expect(withDefaultTag(parseImageName("x")).tag).toBe("latest");
  expect(withDefaultTag(parseImageName("x:1")).tag).toBe("1");
  expect(withDefaultTag(parseImageName(`x@sha256:${HEX}`)).tag).toBeUndefined();
});
