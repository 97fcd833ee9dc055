import { expect, test } from "bun:test";
import { checkReference, familiarReference, parseReference, withDefaultTag } from "./reference.ts";

test("names are read with Docker Hub's defaults, and written as short as they can be", () => {
  const full = (text: string) => {
    const { domain, path, tag, digest } = withDefaultTag(parseReference(text));
    return [domain, path, tag ?? digest];
  };
  const digest = `sha256:${"a".repeat(64)}`;
  expect(full("busybox")).toEqual(["docker.io", "library/busybox", "latest"]);
  expect(full("a/b:1")).toEqual(["docker.io", "a/b", "1"]);
  expect(full("localhost/x")).toEqual(["localhost", "x", "latest"]);
  expect(full("host:5000/x/y:t")).toEqual(["host:5000", "x/y", "t"]);
  expect(full(`x@${digest}`)).toEqual(["docker.io", "library/x", digest]);
  for (const name of ["busybox:1", "a/b", "host.example/x:y", "index.docker.io/library/z"]) {
    expect(familiarReference(parseReference(name))).toBe(name.replace("index.docker.io/library/", ""));
  }
});

test("what is no name is refused in Docker's words", () => {
  expect(() => parseReference("Bad")).toThrow("repository name (library/Bad) must be lowercase");
  expect(() => parseReference("a".repeat(64))).toThrow("cannot specify 64-byte hexadecimal strings");
  for (const wrong of ["", "a:", "a b", "a//b", "-a", "a:-x", "a@sha256:12", "a/../b"]) {
    expect(() => parseReference(wrong)).toThrow("invalid reference format");
  }
});

test("a check alone refuses what reading it refuses, and nothing else", () => {
  const outcome = (work: () => unknown) => {
    try {
      work();
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  };
  const pieces = ["a", "0", ".", "-", "_", "/", ":", "A", "@"];
  let texts = [
    "",
    "a".repeat(64),
    `a:${"b".repeat(130)}`,
    "a.b_c/d",
    "a.b/",
    "docker.io/x",
    "index.docker.io/a",
  ];
  for (let round = 0, last = [""]; round < 5; round++) {
    last = last.flatMap((text) => pieces.map((piece) => text + piece));
    texts = texts.concat(last);
  }
  const wrong = texts.filter(
    (text) => outcome(() => checkReference(text)) !== outcome(() => parseReference(text)),
  );
  expect(wrong).toEqual([]);
});
