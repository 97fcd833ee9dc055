import { describe, expect, test } from "bun:test";
import type { ClassicBuildOptions } from "../api/index.ts";
import type { BuildRequest, Builds, SessionBuilds } from "../build/index.ts";
import type { Digest } from "../lib/index.ts";
import type { JsonMessage } from "../wire/index.ts";
import { buildBackend } from "./build-backend.ts";

const NO_CONTROL = { serve: async () => {} };

const OPTIONS: ClassicBuildOptions = {
  buildId: "",
  remote: "",
  dockerfile: "",
  tags: [],
  target: "",
  buildArgs: {},
  labels: {},
  platform: "",
  noCache: false,
  pull: false,
  cacheFrom: [],
  squash: false,
  quiet: false,
  remove: true,
  run: {} as ClassicBuildOptions["run"],
  registryConfig: undefined,
};
const ID = `sha256:${"cd".repeat(32)}` as Digest;

/** What the builder is asked for by a classic request, and what its client hears. */
async function asked(options: Partial<ClassicBuildOptions>) {
  let request: BuildRequest | undefined;
  const builds = {
    build: async (given: BuildRequest) => {
      request = given;
      return { imageId: ID, metadata: {}, warnings: 0 };
    },
  } as unknown as Builds;
  const messages: JsonMessage[] = [];
  const context = (async function* () {})();
  const backend = buildBackend(builds, {} as SessionBuilds, NO_CONTROL);
  const signal = new AbortController().signal;
  await backend.buildClassic(
    { ...OPTIONS, ...options },
    context,
    (message) => messages.push(message),
    signal,
  );
  return { request: request!, messages };
}

const header = (servers: unknown) => Buffer.from(JSON.stringify(servers)).toString("base64");

describe("a classic request", () => {
  test("arguments without a value are not given", async () => {
    const { request } = await asked({ buildArgs: { A: "1", B: null, C: "" } });
    expect([...request.buildArgs]).toEqual([
      ["A", "1"],
      ["C", ""],
    ]);
  });

  test("an address is the context, and else the body; one of them has to be there", async () => {
    const contextOf = async (remote: string) => (await asked({ remote })).request.contexts.get("")!;
    expect(await contextOf("https://host/x.git")).toEqual({ kind: "remote", url: "https://host/x.git" });
    expect((await contextOf("")).kind).toBe("tar");
    const none = buildBackend({} as Builds, {} as SessionBuilds, NO_CONTROL);
    const nothing = none.buildClassic(OPTIONS, undefined, () => {}, new AbortController().signal);
    await expect(nothing).rejects.toThrow("the build has no context");
  });

  test("credentials are found by the registry, however it was written", async () => {
    const registryConfig = header({
      "https://index.docker.io/v1/": { username: "hub", password: "p" },
      "registry.example:5000": { username: "own", password: "p" },
      "https://other.example/v2/": { identitytoken: "t" },
    });
    const { credentials } = (await asked({ registryConfig })).request.services;
    const userOf = async (registry: string) => {
      const auth = await credentials(registry);
      return auth === undefined ? undefined : JSON.parse(Buffer.from(auth, "base64url").toString());
    };
    expect(await userOf("docker.io")).toMatchObject({ username: "hub" });
    expect(await userOf("registry.example:5000")).toMatchObject({
      username: "own",
      serveraddress: "registry.example:5000",
    });
    expect(await userOf("other.example")).toMatchObject({ identitytoken: "t" });
    expect(await userOf("unknown.example")).toBeUndefined();
  });

  for (const registryConfig of ["%%%", header(null), header("x"), header(["x"]), header({ a: null })]) {
    test(`credentials that can not be read are none: ${registryConfig}`, async () => {
      const { credentials } = (await asked({ registryConfig })).request.services;
      expect(await credentials("docker.io")).toBeUndefined();
    });
  }

  test("there is no session to ask for secrets", async () => {
    const { services } = (await asked({})).request;
    await expect(services.secret("s")).rejects.toThrow("the classic builder has no session");
    await expect(services.sshAgent("default")).rejects.toThrow("the classic builder has no session");
  });

  test("names are told as Docker shows them", async () => {
    const { messages } = await asked({ tags: ["app", "docker.io/library/b:1", "localhost:5000/c"] });
    expect(messages.map(({ stream }) => stream).filter(Boolean)).toEqual([
      "Successfully built cdcdcdcdcdcd\n",
      "Successfully tagged app:latest\n",
      "Successfully tagged b:1\n",
      "Successfully tagged localhost:5000/c:latest\n",
    ]);
  });
});
