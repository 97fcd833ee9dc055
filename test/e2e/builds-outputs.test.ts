// What comes of a build beside an image, what is told of one without building, and images and caches that come from elsewhere.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildFolders } from "../support/build-folder.ts";
import { berthBuild, fatesOf } from "../support/build-steps.ts";
import { IMAGE, runCommand, startEngine } from "../support/engine.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { useEngine } from "../support/suite.ts";

const { engine, docker } = useEngine();
const folderOf = buildFolders();

let out: string;
beforeAll(() => {
  out = mkdtempSync(join(tmpdir(), "berth-outputs-"));
});
afterAll(() => rmSync(out, { recursive: true, force: true }));

const build = async (...args: string[]) => await berthBuild(engine(), args);
const failing = async (...args: string[]) => {
  const result = await engine().berth(["build", ...args]);
  expect(result.code).not.toBe(0);
  return result.stderr;
};

test("several results of one build", async () => {
  const folder = folderOf({
    Dockerfile: `FROM ${IMAGE}\nRUN echo made >/made\nFROM scratch\nCOPY --from=0 /made /made\n`,
  });
  const at = (name: string) => join(out, name);
  const shown = await build(
    ...["-o", `type=local,dest=${at("files")}`, "-o", `type=tar,dest=${at("files.tar")}`],
    ...["-o", "type=image,name=several:1", "-o", `type=oci,dest=${at("oci.tar")}`, folder],
  );
  expect(readFileSync(at("files/made"), "utf8")).toBe("made\n");
  expect((await runCommand(["tar", "-xOf", at("files.tar"), "made"])).stdout).toBe("made\n");
  expect((await runCommand(["tar", "-tf", at("oci.tar")])).stdout).toContain("index.json");
  expect(await docker("image", "inspect", "-f", "{{.Id}}", "several:1")).toMatch(/^sha256:/);
  expect(fatesOf(shown.stderr)).toBe("RUN:miss COPY:miss");
});

describe("--call", () => {
  const text = `# VERSION which one\nARG VERSION=test\nFROM busybox:$VERSION AS base\nARG MODE=fast\nRUN --mount=type=secret,id=key true\n# app what is shipped\nFROM base AS app\nRUN false\n`;

  test("targets", async () => {
    const folder = folderOf({ Dockerfile: text });
    const { stdout } = await build("--call=targets", folder);
    expect(stdout).toBe("TARGET           DESCRIPTION\nbase\napp (default)    what is shipped\n");
    const json = JSON.parse((await build("--call=targets,format=json", folder)).stdout);
    expect(json.targets.map(({ name }: { name: string }) => name)).toEqual(["base", "app"]);
  });

  test("outline", async () => {
    const folder = folderOf({ Dockerfile: text });
    const { stdout } = await build("--call=outline", "--build-arg", "MODE=slow", folder);
    expect(stdout).toBe(
      [
        ...["TARGET:      app", "DESCRIPTION: what is shipped", ""],
        ...["BUILD ARG    VALUE    DESCRIPTION", "VERSION      test     which one", "MODE         slow", ""],
        ...["SECRET    REQUIRED", "key", ""],
      ].join("\n"),
    );
    const json = JSON.parse((await build("--call=outline,format=json", folder)).stdout);
    expect(json).toMatchObject({ name: "app", secrets: [{ name: "key" }] });
  });

  test("check, for programs", async () => {
    const folder = folderOf({ Dockerfile: "FROM scratch\nMAINTAINER me\n" });
    const { code, stdout } = await engine().berth(["build", "--call=check,format=json", folder]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).warnings).toMatchObject([{ ruleName: "MaintainerDeprecated" }]);
  });

  test("what is none", async () => {
    expect(await failing("--call=dance", folderOf({ Dockerfile: text }))).toContain('"dance"');
  });
});

describe("images of OCI layouts as contexts", () => {
  let layout: string;
  beforeAll(async () => {
    const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\nRUN echo inside >/inside\n` });
    layout = join(out, "layout");
    await build("-o", `type=oci,dest=${layout},tar=false`, "-t", "named:7", folder);
  });

  test("are built on, and copied from", async () => {
    const folder = folderOf({ Dockerfile: "FROM base\nCOPY --from=base /inside /again\nRUN cat /again\n" });
    for (const suffix of ["", ":7"]) {
      const { stderr } = await build("--build-context", `base=oci-layout://${layout}${suffix}`, folder);
      expect(stderr).toMatch(/ inside\n|CACHED/);
    }
    const { manifests } = JSON.parse(readFileSync(join(layout, "index.json"), "utf8"));
    const digest = manifests[0].digest;
    await build("--build-context", `base=oci-layout://${layout}@${digest}`, folder);
  });

  test("that are not there", async () => {
    const folder = folderOf({ Dockerfile: "FROM base\n" });
    const of = (address: string) => failing("--build-context", `base=oci-layout://${address}`, folder);
    expect(await of(join(out, "nowhere"))).toContain("is no OCI layout");
    expect(await of(`${layout}:8`)).toContain('could not find image "8"');
    expect(await of(`${layout}@sha256:${"0".repeat(64)}`)).toContain("is not in the OCI layout");
  });
});

describe("a cache that is kept elsewhere", () => {
  const project = (word: string) =>
    folderOf({
      Dockerfile: `FROM ${IMAGE} AS tools\nRUN echo ${word} >/tool\nFROM ${IMAGE}\nCOPY data /data\nCOPY --from=tools /tool /tool\n`,
      data: word,
    });
  const elsewhere = async (work: (build: (...args: string[]) => Promise<string>) => Promise<void>) => {
    await using other = await startEngine();
    await work(async (...args) => fatesOf((await berthBuild(other, args)).stderr));
  };

  test("in a folder", async () => {
    const folder = project("folder");
    const [min, max] = [join(out, "min"), join(out, "max")];
    await build(
      ...["--cache-to", `type=local,dest=${min}`, "--cache-to", `type=local,dest=${max},mode=max`],
      ...["-t", "cached:1", folder],
    );
    expect(readdirSync(min).sort()).toContain("index.json");
    await elsewhere(async (there) => {
      expect(await there("--cache-from", `type=local,src=${max}`, folder)).toBe("COPY:hit COPY:hit RUN:hit");
    });
    await elsewhere(async (there) => {
      // The tool's own step is no part of the result; what is copied out of it is the same again.
      expect(await there("--cache-from", `type=local,src=${min}`, folder)).toBe("COPY:hit COPY:hit RUN:miss");
      // One that is not there is no reason to fail.
      await there("--cache-from", `type=local,src=${join(out, "nowhere")}`, folder);
    });
  });

  describe.if(Bun.which("docker-registry") !== null)("in a registry", () => {
    let registry: TestRegistry;
    beforeAll(async () => {
      registry = await startRegistry();
    });
    afterAll(async () => await registry[Symbol.asyncDispose]());

    test("as an image of its own", async () => {
      const folder = project("registry");
      const ref = `${registry.address}/app/cache:1`;
      await build("--cache-to", `type=registry,ref=${ref},mode=max`, folder);
      await elsewhere(async (there) => {
        expect(await there("--cache-from", `type=registry,ref=${ref}`, folder)).toBe(
          "COPY:hit COPY:hit RUN:hit",
        );
      });
    });

    test("one that cannot be reached makes the build fail, unless that is to be ignored", async () => {
      const folder = project("unreachable");
      const spec = "type=registry,ref=127.0.0.1:1/cache:1";
      expect(await failing("--cache-to", spec, folder)).toContain("127.0.0.1:1");
      await build("--cache-to", `${spec},ignore-error=true`, folder);
    });
  });

  test("kinds that need somebody else's service are refused", async () => {
    const folder = project("refused");
    for (const type of ["gha", "s3", "azblob"]) {
      expect(await failing("--cache-to", `type=${type},name=x`, folder)).toContain(`"${type}"`);
      expect(await failing("--cache-from", `type=${type},name=x`, folder)).toContain(`"${type}"`);
    }
  });
});

describe("what steps may be granted", () => {
  const folder = () => folderOf({ Dockerfile: `FROM ${IMAGE}\nRUN --network=host true\n` });

  test("the host's network, by --network and by --allow", async () => {
    expect(await failing(folder())).toContain("network.host is not allowed");
    await build("--no-cache", "--allow", "network.host", folder());
    await build("--no-cache", "--network", "host", folder());
  });

  test("nothing else", async () => {
    expect(await failing("--allow", "security.insecure", folder())).toContain('"security.insecure"');
  });
});

test("what an image is made of", async () => {
  const folder = folderOf({
    Dockerfile: `FROM ${IMAGE}\nCOPY status /var/lib/dpkg/status\nCOPY node_modules /app/node_modules\n`,
    status: "Package: bash\nStatus: install ok installed\nVersion: 5\nArchitecture: amd64\n",
    "node_modules/a/package.json": '{"name":"a","version":"1.0.0"}',
  });
  await build("--sbom", "-t", "listed", folder);
  const path = "/images/listed/attestations?statement=true&type=https://spdx.dev/Document";
  const [sbom] = (await (await engine().api("GET", path)).json()) as { Statement: Statement }[];
  expect(sbom!.Statement.predicate.packages.map(({ name }) => name).sort()).toEqual(["a", "bash"]);
  // How it was built is told beside it.
  const all = (await (await engine().api("GET", "/images/listed/attestations")).json()) as object[];
  expect(all).toHaveLength(2);
  const metadata = join(out, "metadata.json");
  await build("--attest", "type=sbom", "--metadata-file", metadata, "-t", "listed", folder);
  expect(JSON.parse(readFileSync(metadata, "utf8"))["buildx.build.provenance"]).toBeDefined();
});

interface Statement {
  readonly predicate: { readonly packages: readonly { readonly name: string }[] };
}

test("flags of other builders are refused with a reason", async () => {
  const folder = folderOf({ Dockerfile: `FROM ${IMAGE}\n` });
  const refused = {
    "--sbom=generator=some/image": "generators of SBOMs",
    "--attest=type=other": '"other"',
    "--annotation=a=b": "annotations",
    "--builder=other": "builder",
  };
  for (const [flag, words] of Object.entries(refused)) expect(await failing(flag, folder)).toContain(words);
  await build("--attest=type=provenance,mode=min", "--sbom=false", folder);
  expect(existsSync(join(folder, "index.json"))).toBe(false);
});
