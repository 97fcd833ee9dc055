import { describe, expect, test } from "bun:test";
import { notFound } from "../../../lib/index.ts";
import { renderUninterpolated } from "../render/config.ts";
import type { Files } from "./context.ts";
import { type LoadOptions, loadProject, loadUninterpolated } from "./load-project.ts";

const memory = (files: Record<string, string>): Files => ({
  has: (path) => Object.hasOwn(files, path),
  read(path) {
    if (!Object.hasOwn(files, path)) throw notFound(`open ${path}: no such file or directory`);
    return files[path]!;
  },
  readStdin: () => files["-"] ?? "",
});

/** A project at /app; files by their path, those without a slash at its beginning below /app. */
function load(files: Record<string, string>, options: LoadOptions = {}) {
  const absolute = Object.entries(files).map(([path, text]) => [
    /^[/-]/.test(path) ? path : `/app/${path}`,
    text,
  ]);
  const warnings: string[] = [];
  const project = loadProject({
    workingDirectory: "/app",
    environment: {},
    reading: memory(Object.fromEntries(absolute)),
    warn: (message) => warnings.push(message),
    ...options,
  });
  return { ...project, warnings };
}
const web = (fields: string) => `services: {web: {image: x, ${fields}}}`;

describe("which files", () => {
  test("default names, their override, in a parent directory, too", () => {
    const files = { "docker-compose.yml": web(""), "compose.override.yaml": "services: {web: {image: y}}" };
    expect(load(files).services["web"]!.image).toBe("y");
    expect(load(files, { workingDirectory: "/app/deep/er" }).directory).toBe("/app");
    const two = load({ "compose.yaml": web(""), "compose.yml": web("") });
    expect(two.files).toEqual(["/app/compose.yaml"]);
    expect(two.warnings).toContain("Using /app/compose.yaml");
  });

  test("-f, standard input, COMPOSE_FILE", () => {
    const files = {
      "a.yaml": web(""),
      "b.yaml": "services: {web: {image: b}}",
      "-": "services: {web: {image: stdin}}",
    };
    expect(load(files, { files: ["a.yaml", "b.yaml"] }).services["web"]!.image).toBe("b");
    expect(load(files, { files: ["a.yaml", "-"] }).services["web"]!.image).toBe("stdin");
    expect(load({ ...files, ".env": "COMPOSE_FILE=a.yaml:b.yaml" }).files).toEqual([
      "/app/a.yaml",
      "/app/b.yaml",
    ]);
    const environment = { COMPOSE_FILE: "b.yaml|a.yaml", COMPOSE_PATH_SEPARATOR: "|" };
    expect(load(files, { environment }).services["web"]!.image).toBe("x");
  });

  test("none", () => {
    expect(() => load({})).toThrow("no configuration file provided: not found");
    expect(() => load({}, { files: ["nope.yaml"] })).toThrow(
      "open /app/nope.yaml: no such file or directory",
    );
    expect(() => load({ "compose.yaml": "" })).toThrow("empty compose file");
    expect(() => load({ "compose.yaml": "[]" })).toThrow(
      "/app/compose.yaml:1:1: top-level object must be a mapping",
    );
  });
});

describe("variables", () => {
  const file = { "compose.yaml": web("hostname: '${A:-none}'"), ".env": "A=dotenv", "other.env": "A=other" };
  const hostname = (options: LoadOptions) => load(file, options).services["web"]!.hostname;

  test("the process wins over --env-file, that over .env", () => {
    expect(hostname({})).toBe("dotenv");
    expect(hostname({ envFiles: ["other.env"] })).toBe("other");
    expect(hostname({ environment: { A: "process" }, envFiles: ["other.env"] })).toBe("process");
    expect(hostname({ environment: { COMPOSE_ENV_FILES: "other.env" } })).toBe("other");
    expect(hostname({ environment: { COMPOSE_DISABLE_ENV_FILE: "1" } })).toBe("none");
    expect(() => hostname({ envFiles: ["nope.env"] })).toThrow("couldn't find env file: /app/nope.env");
  });

  test("one that is not set is told once", () => {
    const { warnings } = load({ "compose.yaml": web("hostname: '$Q', user: '$Q'") });
    expect(warnings).toEqual(['The "Q" variable is not set. Defaulting to a blank string.']);
  });

  test("types after interpolation", () => {
    const text = web("privileged: '${P}', scale: '${S}', mem_limit: '${M}', ports: ['${S}${S}:80']");
    const { services } = load({ "compose.yaml": text }, { environment: { P: "true", S: "3", M: "1k" } });
    expect(services["web"]).toMatchObject({ privileged: true, scale: 3, mem_limit: 1024 });
    expect(services["web"]?.ports?.[0]?.published).toBe("33");
  });

  test("left in", () => {
    const reading = memory({
      "/app/compose.yaml": web(
        "ports: ['$P:80'], volumes: ['${D}:/d'], scale: $N, build: $B, ulimits: {nofile: $U}, secrets: [$S]",
      ),
    });
    const project = loadUninterpolated({ workingDirectory: "/app", environment: {}, reading });
    const text = renderUninterpolated(project, "yaml");
    for (const variable of [
      "$P:80",
      "source: ${D}",
      "scale: $N",
      "context: /app/$B",
      "nofile: $U",
      "source: $S",
    ]) {
      expect(text).toContain(variable);
    }
  });
});

describe("name", () => {
  const name = (text: string, options: LoadOptions = {}) => load({ "compose.yaml": text }, options).name;
  test("-p, COMPOSE_PROJECT_NAME, name:, the directory", () => {
    const named = `name: In-File\n${web("")}`;
    expect(name(named, { name: "p", environment: { COMPOSE_PROJECT_NAME: "e" } })).toBe("p");
    expect(name(named, { environment: { COMPOSE_PROJECT_NAME: "e" } })).toBe("e");
    expect(name(named)).toBe("in-file");
    expect(name(web(""))).toBe("app");
    expect(name(`name: "\${X:-y}z"\n${web("")}`)).toBe("yz");
    expect(load({ "compose.yaml": web("hostname: $COMPOSE_PROJECT_NAME") }).services["web"]!.hostname).toBe(
      "app",
    );
  });
  test("refused", () => {
    expect(() => name(web(""), { name: "Not OK" })).toThrow(
      'invalid project name "Not OK": must consist only of',
    );
  });
});

describe("include and extends", () => {
  test("circles are named", () => {
    const circle = { "compose.yaml": "include: [b.yaml]", "b.yaml": "include: [compose.yaml]" };
    expect(() => load(circle)).toThrow(
      "include cycle detected:\n/app/compose.yaml\n include /app/b.yaml\n include /app/compose.yaml",
    );
    const services = "services:\n  a: {image: x, extends: b}\n  b: {extends: {service: a}}";
    expect(() => load({ "compose.yaml": services })).toThrow(
      "compose.yaml:2:6: services.a.extends: Circular reference:\n  a in /app/compose.yaml\n  extends b in /app/compose.yaml\n  extends a in",
    );
  });

  test("files of other machines are refused, wherever they are named", () => {
    const refusal = "Compose files are read from this machine only: fetch it before";
    const far = "oci://registry.example/app:1";
    expect(() => load({ "compose.yaml": `include: ["${far}"]` })).toThrow(
      `compose.yaml:1:11: include: ${far}: ${refusal}`,
    );
    const file = "https://github.com/x/y.git#main";
    const services = `services:\n  a: {extends: {file: "${file}", service: b}}`;
    expect(() => load({ "compose.yaml": services })).toThrow(`services.a.extends: ${file}: ${refusal}`);
    expect(() => load({}, { files: [far] })).toThrow(`${far}: ${refusal}`);
    expect(() => load({}, { environment: { COMPOSE_FILE: "git@github.com:x/y" } })).toThrow(refusal);
  });

  test("what is missing is named", () => {
    expect(() => load({ "compose.yaml": "include: [no.yaml]" })).toThrow(
      "compose.yaml:1:11: include: open /app/no.yaml",
    );
    expect(() => load({ "compose.yaml": web("extends: q") })).toThrow(
      'cannot extend service "web" in /app/compose.yaml: service "q" not found',
    );
    expect(() => load({ "compose.yaml": web("extends: {service: q, file: no.yaml}") })).toThrow(
      "cannot read no.yaml",
    );
  });

  test("an error names the file it is in", () => {
    const files = { "compose.yaml": "include: [sub/c.yaml]", "sub/c.yaml": "services:\n  a: {imag: x}" };
    expect(() => load(files)).toThrow(
      '/app/sub/c.yaml:2:7: services.a.imag: unknown attribute (did you mean "image"?)',
    );
  });

  test("a project with the same files twice is no circle", () => {
    const files = {
      "compose.yaml": "include: [a.yaml, b.yaml]",
      "a.yaml": "include: [c.yaml]",
      "b.yaml": "include: [c.yaml]",
      "c.yaml": web(""),
    };
    expect(Object.keys(load(files).services)).toEqual(["web"]);
  });
});

describe("merging", () => {
  const merged = (base: string, over: string) =>
    load({ "a.yaml": web(base), "b.yaml": `services: {web: {${over}}}` }, { files: ["a.yaml", "b.yaml"] })
      .services["web"]!;

  test("what cannot be merged is not taken for what it is not", () => {
    expect(merged("command: [a, b]", "command: c d").command).toEqual(["c", "d"]);
    expect(merged("entrypoint: [a]", "entrypoint: null").entrypoint).toBeNull();
    expect(merged("environment: {A: 1, B: 2}", "environment: [B=3]").environment).toEqual({ A: "1", B: "3" });
    expect(merged("ports: ['1:1']", "ports: ['1:1', '2:2']").ports).toHaveLength(2);
    expect(merged("ports: ['1:1']", "ports: !override ['2:2']").ports).toHaveLength(1);
    expect(
      merged("ports: ['1:1'], labels: {a: b, c: d}", "ports: !reset [], labels: {a: !reset null}"),
    ).toMatchObject({
      labels: { c: "d" },
    });
    expect(
      merged("volumes: ['./a:/x', './b:/y']", "volumes: ['./c:/x']").volumes?.map((one) => one.source),
    ).toEqual(["/app/c", "/app/b"]);
  });
});

describe("services against one another", () => {
  const rows: [text: string, message: string][] = [
    [
      "services: {a: {}}",
      'compose.yaml:1:12: service "a" has neither an image nor a build context specified',
    ],
    [web("networks: [n]"), 'service "web" refers to undefined network n'],
    [web("volumes: ['vol:/x']"), 'service "web" refers to undefined volume vol'],
    [web("secrets: [s]"), 'service "web" refers to undefined secret s'],
    [web("configs: [c]"), 'service "web" refers to undefined config c'],
    [web("depends_on: [q]"), 'service "web" depends on undefined service "q"'],
    [web("network_mode: host, networks: [default]"), "mutually exclusive `network_mode` and `networks`"],
    [web("container_name: name, scale: 2"), "can't set container_name and scale"],
    [web("cpus: 1, deploy: {resources: {limits: {cpus: '2'}}}"), "can't set distinct values on 'cpus'"],
    [
      web("tmpfs: /x, volumes: ['/x']"),
      "services.web.volumes[0]: target /x already mounted as services.web.tmpfs[0]",
    ],
    [web("healthcheck: {test: [curl]}"), "healthcheck.test must start either by"],
    [web("volumes: [{type: bind, target: /x}]"), "field Source must not be empty"],
    [web("ports: [{published: 5}]"), 'services.web.ports[0]: "target" is missing'],
    [
      "services: {a: {image: x, links: [b]}, b: {image: x, depends_on: [c]}, c: {image: x, ipc: 'service:a'}}",
      "dependency cycle detected: a -> b -> c -> a",
    ],
    [`${web("")}\nsecrets: {s: {}}`, "compose.yaml:2:11: secrets.s: one of file|environment must be set"],
    [
      `${web("")}\nconfigs: {s: {file: a, content: b}}`,
      "file|environment|content attributes are mutually exclusive",
    ],
    [
      `${web("")}\nvolumes: {v: {external: true, driver: x}}`,
      'conflicting parameters "external" and "driver" specified',
    ],
  ];
  for (const [text, message] of rows) {
    test(message, () => expect(() => load({ "compose.yaml": text })).toThrow(message));
  }
});

describe("profiles and selection", () => {
  const text = `
services:
  web: {image: x, depends_on: [db], networks: [front]}
  db: {image: x, volumes: ["data:/d"]}
  tool: {image: x, profiles: [tools], depends_on: {web: {condition: service_started}}}
  extra: {image: x, profiles: [extra]}
networks: {front: , unused: }
volumes: {data: , lonely: }`;
  const names = (options: LoadOptions) =>
    Object.keys(load({ "compose.yaml": text }, options).services).sort();

  test("profiles", () => {
    expect(names({})).toEqual(["db", "web"]);
    expect(names({ profiles: ["tools"] })).toEqual(["db", "tool", "web"]);
    expect(names({ profiles: ["*"] })).toEqual(["db", "extra", "tool", "web"]);
    expect(names({ environment: { COMPOSE_PROFILES: "tools, extra" } })).toEqual([
      "db",
      "extra",
      "tool",
      "web",
    ]);
  });

  test("named services bring what they depend on, and enable their profiles", () => {
    expect(names({ services: ["tool"] })).toEqual(["db", "tool", "web"]);
    expect(names({ services: ["db"] })).toEqual(["db"]);
    expect(() => names({ services: ["nope"] })).toThrow("no such service: nope");
  });

  test("resources that nothing uses are dropped", () => {
    const project = load({ "compose.yaml": text }, { services: ["db"] });
    expect(Object.keys(project.networks)).toEqual(["default"]);
    expect(Object.keys(project.volumes)).toEqual(["data"]);
    expect(Object.keys(load({ "compose.yaml": text }, { allResources: true }).volumes)).toEqual([
      "data",
      "lonely",
    ]);
  });
});
