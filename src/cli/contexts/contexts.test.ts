import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeHeader, padding, TAR_END, type TarHeaderInput } from "../../lib/index.ts";
import { runClient } from "../main.ts";
import { packContext, unpackContext } from "./archive.ts";

const root = mkdtempSync(join(tmpdir(), "berth-contexts-"));
afterAll(() => rmSync(root, { recursive: true }));
let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(root, `config-${count++}`);
  mkdirSync(folder);
  for (const name of ["ca", "cert", "key"]) writeFileSync(join(root, `${name}.pem`), `the ${name}`);
});

async function context(args: string, env: Record<string, string> = {}) {
  const result = { code: 0, out: "", err: "" };
  const output = {
    print: (text: string) => {
      result.out += text;
    },
    warn: (text: string) => {
      result.err += text;
    },
  };
  const everything = { HOME: "/nonexistent", DOCKER_CONFIG: folder, ...env };
  result.code = await runClient(["context", ...args.split(" ")], everything, output);
  return result;
}

const FAR = () => `--docker host=tcp://far:2376,ca=${root}/ca.pem,cert=${root}/cert.pem,key=${root}/key.pem`;
const DIGEST = new Bun.CryptoHasher("sha256").update("far").digest("hex");
const config = () => JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));

describe("berth context", () => {
  test("create writes Docker's files, with its modes", async () => {
    expect(await context(`create far --description away ${FAR()}`)).toEqual({
      code: 0,
      out: "far\n",
      err: 'Successfully created context "far"\n',
    });
    const meta = join(folder, "contexts/meta", DIGEST);
    const tls = join(folder, "contexts/tls", DIGEST);
    expect(readFileSync(join(meta, "meta.json"), "utf8")).toBe(
      '{"Name":"far","Metadata":{"Description":"away"},"Endpoints":{"docker":{"Host":"tcp://far:2376","SkipTLSVerify":false}}}',
    );
    expect(readdirSync(join(tls, "docker")).sort()).toEqual(["ca.pem", "cert.pem", "key.pem"]);
    expect(readFileSync(join(tls, "docker/key.pem"), "utf8")).toBe("the key");
    expect(statSync(join(tls, "docker/key.pem")).mode & 0o777).toBe(0o600);
    expect(statSync(tls).mode & 0o777).toBe(0o700);
    expect((await context("create far")).err).toBe('context "far" already exists\n');
  });

  test("ls, show and use know which one is in use", async () => {
    const head = "NAME        DESCRIPTION                               DOCKER ENDPOINT              ERROR\n";
    expect((await context("ls")).out).toBe(
      `${head}default *   Current DOCKER_HOST based configuration   unix:///var/run/berth.sock   \n`,
    );
    expect((await context("show")).out).toBe("default\n");
    await context(`create far --description away ${FAR()}`);
    writeFileSync(join(folder, "config.json"), '{"auths":{"a":{}}}');
    expect(await context("use far")).toMatchObject({ out: "far\n", err: 'Current context is now "far"\n' });
    expect(config()).toEqual({ auths: { a: {} }, currentContext: "far" });
    expect((await context("ls --format {{.Name}}:{{.Current}}")).out).toBe("default:false\nfar:true\n");
    expect((await context("ls -q")).out).toBe("default\nfar\n");
    expect((await context("show", { DOCKER_CONTEXT: "default" })).out).toBe("default\n");
    const overridden = await context("ls -q", { DOCKER_HOST: "tcp://x:1" });
    expect(overridden.err).toStartWith(
      "Warning: DOCKER_HOST environment variable overrides the active context.",
    );
    expect((await context("ls --format {{.DockerEndpoint}}", { DOCKER_HOST: "tcp://x:1" })).out).toBe(
      "tcp://x:1\ntcp://far:2376\n",
    );
    const gone = await context("ls --format {{.Name}}:{{.Error}}", { DOCKER_CONTEXT: "gone" });
    expect(gone.out).toContain(`gone:context "gone": context not found: open ${folder}`.slice(0, 45));
    await context("use default");
    expect(config()).toEqual({ auths: { a: {} } });
    expect((await context("use nope")).err).toStartWith('context "nope": context not found: open ');
  });

  test("inspect shows all but the keys", async () => {
    await context(`create far ${FAR()}`);
    const [shown] = JSON.parse((await context("inspect far")).out);
    expect(shown).toEqual({
      Name: "far",
      Metadata: {},
      Endpoints: { docker: { Host: "tcp://far:2376", SkipTLSVerify: false } },
      TLSMaterial: { docker: ["ca.pem", "cert.pem", "key.pem"] },
      Storage: {
        MetadataPath: join(folder, "contexts/meta", DIGEST),
        TLSPath: join(folder, "contexts/tls", DIGEST),
      },
    });
    expect((await context("inspect")).out).toContain('"MetadataPath": "\\u003cIN MEMORY\\u003e"');
    expect((await context("inspect nope far -f {{.Name}}")).out).toBe("far\n");
  });

  test("update changes what is given and keeps the rest, also what is not Docker's", async () => {
    await context(`create far --description away ${FAR()}`);
    const path = join(folder, "contexts/meta", DIGEST, "meta.json");
    const meta = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...meta, Other: 1, Endpoints: { ...meta.Endpoints, other: 2 } }));
    expect((await context("update far --description nearer")).err).toBe(
      'Successfully updated context "far"\n',
    );
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
      ...meta,
      Metadata: { Description: "nearer" },
      Other: 1,
      Endpoints: { ...meta.Endpoints, other: 2 },
    });
    await context("update far --docker host=ssh://me@far");
    expect(JSON.parse(readFileSync(path, "utf8")).Endpoints.docker.Host).toBe("ssh://me@far");
    expect(readdirSync(join(folder, "contexts/tls"))).toEqual([]);
  });

  test("export and import carry it over, and create copies it", async () => {
    await context(`create far --description away ${FAR()}`);
    const file = join(folder, "far.tar");
    expect(await context(`export far ${file}`)).toEqual({
      code: 0,
      out: "",
      err: `Written file ${JSON.stringify(file)}\n`,
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await context(`export far ${file}`)).err).toBe(`open ${file}: file exists\n`);
    expect((await context(`import near ${file}`)).out).toBe("near\n");
    await context("create third --from near --description copied");
    const shown = JSON.parse((await context("inspect far near third")).out) as Record<string, unknown>[];
    for (const [index, name] of ["far", "near", "third"].entries()) {
      const { Name, Endpoints, TLSMaterial, Metadata } = shown[index]!;
      expect({ Name, Endpoints, TLSMaterial }).toEqual({
        Name: name,
        Endpoints: shown[0]!["Endpoints"],
        TLSMaterial: shown[0]!["TLSMaterial"],
      });
      expect(Metadata).toEqual({ Description: name === "third" ? "copied" : "away" });
    }
    expect((await context(`import near ${file}`)).err).toBe('context "near" already exists\n');
  });

  test("rm spares the one in use", async () => {
    await context(`create far ${FAR()}`);
    await context("use far");
    expect((await context("rm far")).err).toBe('context "far" is in use, set -f flag to force remove\n');
    expect(await context("rm -f far nope")).toEqual({ code: 0, out: "far\nnope\n", err: "" });
    expect(config()).toEqual({});
    for (const kind of ["meta", "tls"]) expect(readdirSync(join(folder, "contexts", kind))).toEqual([]);
    expect((await context("rm far default")).err).toBe(
      'context "far" does not exist\ncontext "default" cannot be removed\n',
    );
  });

  test.each([
    ["create default", '"default" is a reserved context name'],
    ["create ../x", 'context name "../x" is invalid, names are validated against regexp'],
    ["create x1 --docker bad=1", "unable to create docker endpoint config: unrecognized config key: bad"],
    [
      "create x1 --docker host=tcp://h:1,ca=/nonexistent",
      "unable to create docker endpoint config: open /nonexistent",
    ],
    [
      "create x1 --docker host=ssh://-oX",
      "unable to create docker endpoint config: ssh host connection is not valid",
    ],
    ["create x1 --docker host=x --from y", "cannot use --docker flag when --from is set"],
    [
      "create x1 --docker host=x,skip-tls-verify=maybe",
      "unable to create docker endpoint config: skip-tls-verify: ",
    ],
    ["create x1 --from gone", 'context "gone": context not found'],
    ["update gone", 'context "gone": context not found'],
    ["export gone -", 'context "gone": context not found'],
    ["import x1 /nonexistent", "open /nonexistent: no such file or directory"],
  ])("%s is refused", async (args, message) => {
    const { code, out, err } = await context(args);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toStartWith(message);
    expect((await context("ls -q")).out).toBe("default\n");
  });
});

describe("an archive of a context", () => {
  const meta = '{"Name":"old","Endpoints":{"docker":{"Host":"tcp://h:1"}}}';
  const archive = (...members: [TarHeaderInput | string, string][]) =>
    (async function* () {
      for (const [header, text] of members) {
        const bytes = Buffer.from(text);
        const whole = typeof header === "string" ? { name: header, kind: "file" as const } : header;
        yield encodeHeader({ ...whole, size: bytes.length });
        yield bytes;
        yield padding(bytes.length);
      }
      yield TAR_END;
    })();

  test("comes out as it went in, under its new name", async () => {
    const tls = { docker: { "ca.pem": Buffer.from("ca") } };
    const packed = packContext({ meta: JSON.parse(meta), tls });
    const { meta: read, tls: files } = await unpackContext(
      "new",
      (async function* () {
        yield* packed;
      })(),
    );
    expect(read).toEqual({ ...JSON.parse(meta), Name: "new" });
    expect(String(files["docker"]!["ca.pem"])).toBe("ca");
  });

  test.each([
    ["../../evil", "unexpected context file"],
    ["/etc/passwd", "unexpected context file"],
    ["tls/../../evil", "unexpected path format"],
    ["tls/docker/../../../evil", "unexpected path format"],
    ["tls/../evil.pem", "unexpected path format"],
    ["tls/docker/..", "unexpected path format"],
    ["tls/docker/a/b", "unexpected path format"],
    ["tls/docker", "unexpected path format"],
    ["tls//x", "unexpected path format"],
    ["tls/docker/a\\b", "unexpected path format"],
    ["other", "unexpected context file"],
  ])("with a file %s is refused", async (name, message) => {
    await expect(unpackContext("x", archive(["meta.json", meta], [name, "x"]))).rejects.toThrow(message);
  });

  test("is no other thing, and no larger than it may be", async () => {
    await expect(unpackContext("x", archive(["tls/docker/ca.pem", "x"]))).rejects.toThrow(
      "invalid context: no metadata found",
    );
    await expect(unpackContext("x", archive(["meta.json", "[1]"]))).rejects.toThrow(
      "its metadata is no object",
    );
    await expect(unpackContext("x", archive(["tls/docker/a", "x".repeat(11 << 20)]))).rejects.toThrow(
      "read exceeds the defined limit",
    );
    const zip = (async function* () {
      yield Buffer.from("PK\x03\x04");
    })();
    await expect(unpackContext("x", zip)).rejects.toThrow("this is a zip archive");
    const link = { name: "tls/docker/ca.pem", kind: "symlink" as const, linkName: "/etc/shadow" };
    const { tls } = await unpackContext("x", archive(["meta.json", meta], [link, ""]));
    expect(tls).toEqual({});
    const odd = await unpackContext("x", archive(["meta.json", meta], ["tls/__proto__/constructor", "x"]));
    expect(Object.keys(odd.tls)).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>)["constructor"]).toBe(Object);
  });
});
