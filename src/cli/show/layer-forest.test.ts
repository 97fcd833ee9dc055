import { expect, test } from "bun:test";
import type { ImageLayers } from "../../wire/index.ts";
import { layerForest } from "./layer-forest.ts";

/** Layers by letters: each letter is a digest. */
function image(name: string, layers: string): ImageLayers {
  return {
    Id: `sha256:${name}`,
    Names: name.startsWith("<") ? [] : [name],
    Size: 0,
    UniqueSize: 0,
    Layers: [...layers].map((letter, at) => ({
      Number: at + 1,
      Digest: `sha256:${letter.repeat(64)}`,
      Size: 1000,
      CreatedBy: letter === "e" ? "bad\x1b[2J\nstep" : "",
      Comment: "",
      SharedWith: [],
    })),
  };
}

test("a tree goes right where images part, and down where they do not", () => {
  const images = [
    image("app:1", "abc"),
    image("app:2", "abde"),
    image("base:1", "a"),
    image("other:1", "f"),
    image("scratch:1", ""),
  ];
  expect(layerForest(images, true)).toBe(
    [
      "(no layers)  scratch:1",
      "aaaaaaaaaaaa      1kB  <- base:1",
      "bbbbbbbbbbbb      1kB",
      "├─ cccccccccccc      1kB  <- app:1",
      "└─ dddddddddddd      1kB",
      "   eeeeeeeeeeee      1kB  bad\\x1b[2J\\x0astep  <- app:2",
      "ffffffffffff      1kB  <- other:1",
      "",
    ].join("\n"),
  );
});

test("images without a name are called by their ids", () => {
  expect(layerForest([image("<none>1234567890abcdef", "a")], true)).toContain("<- <none> <none>123456");
});
