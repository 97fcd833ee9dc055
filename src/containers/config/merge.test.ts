import { describe, expect, test } from "bun:test";
import { mergeConfig } from "./merge.ts";

const image = {
  User: "app",
  Env: ["PATH=/bin", "MODE=image"],
  Cmd: ["serve"],
  Entrypoint: ["/entry"],
  WorkingDir: "/srv",
  Labels: { a: "image", b: "image" },
  ExposedPorts: { "80/tcp": {} },
  Volumes: { "/data": {} },
  StopSignal: "SIGQUIT",
  Shell: ["/bin/bash", "-c"],
  Healthcheck: { Test: ["CMD", "check"], Interval: 5e9, Retries: 3 },
};

describe("the request over the image", () => {
  test("nothing asked for: all is the image's", () => {
    const merged = mergeConfig({}, image);
    expect(merged).toMatchObject({ ...image, Cmd: ["serve"], Entrypoint: ["/entry"] });
  });

  test("a command keeps the entrypoint, an entrypoint voids the command", () => {
    expect(mergeConfig({ Cmd: ["x"] }, image)).toMatchObject({ Entrypoint: ["/entry"], Cmd: ["x"] });
    expect(mergeConfig({ Entrypoint: ["/sh"] }, image)).toMatchObject({ Entrypoint: ["/sh"], Cmd: null });
    expect(mergeConfig({ Entrypoint: ["/sh"], Cmd: ["x"] }, image)).toMatchObject({ Cmd: ["x"] });
  });

  test("an empty entrypoint takes the image's away", () => {
    expect(mergeConfig({ Entrypoint: [""], Cmd: ["x"] }, image)).toMatchObject({
      Entrypoint: null,
      Cmd: ["x"],
    });
    expect(() => mergeConfig({ Entrypoint: [""] }, image)).toThrow("no command specified");
    // `[]` is not nil: the image's entrypoint does not come back, its command does.
    expect(mergeConfig({ Entrypoint: [] }, image)).toMatchObject({ Entrypoint: [], Cmd: ["serve"] });
  });

  test("no command anywhere", () => {
    expect(() => mergeConfig({}, {})).toThrow("no command specified");
  });

  test("variables are joined by name, also those that are to be removed", () => {
    expect(mergeConfig({ Env: ["MODE=mine", "X=1"] }, image).Env).toEqual(["MODE=mine", "X=1", "PATH=/bin"]);
    expect(mergeConfig({ Env: ["MODE"] }, image).Env).toEqual(["MODE", "PATH=/bin"]);
  });

  test("labels, ports and volumes are joined", () => {
    const merged = mergeConfig(
      { Labels: { a: "mine" }, ExposedPorts: { "53/udp": {} }, Volumes: { "/x": {} } },
      image,
    );
    expect(merged.Labels).toEqual({ a: "mine", b: "image" });
    expect(Object.keys(merged.ExposedPorts ?? {}).sort()).toEqual(["53/udp", "80/tcp"]);
    expect(Object.keys(merged.Volumes ?? {}).sort()).toEqual(["/data", "/x"]);
  });

  test("a health check is joined field by field", () => {
    expect(mergeConfig({ Healthcheck: { Interval: 1e9 } }, image).Healthcheck).toMatchObject({
      Test: ["CMD", "check"],
      Interval: 1e9,
      Retries: 3,
    });
    expect(mergeConfig({ Healthcheck: { Test: ["NONE"] } }, image).Healthcheck?.Test).toEqual(["NONE"]);
  });
});
