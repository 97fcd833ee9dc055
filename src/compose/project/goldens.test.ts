import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { notFound } from "../../lib/index.ts";
import { serviceHash } from "./hash.ts";
import type { Files } from "./load/context.ts";
import { type LoadOptions, loadProject, loadUninterpolated } from "./load/load-project.ts";
import { renderProject, renderUninterpolated } from "./render/config.ts";

/**
 * Projects beside what Docker Compose 5.4 printed for them (`config`, `config --no-interpolate`, `config --format json`, `config --hash '*'`), run in
 * /srv/app by somebody at home in /home/me.
 */
const GOLDENS = join(import.meta.dir, "goldens");
const FLAGS: Readonly<Record<string, LoadOptions>> = { extends: { profiles: ["p"] } };

/** The golden's own directory, as if it were /srv/app. */
function filesOf(directory: string): Files {
  const here = (path: string) => join(directory, path.slice("/srv/app".length));
  const has = (path: string) =>
    path.startsWith("/srv/app/") && statSync(here(path), { throwIfNoEntry: false })?.isFile() === true;
  return {
    has,
    read(path) {
      if (!has(path)) throw notFound(`open ${path}: no such file or directory`);
      return readFileSync(here(path), "utf8");
    },
    readStdin: () => "",
  };
}

const homeBefore = process.env["HOME"];
beforeAll(() => {
  process.env["HOME"] = "/home/me";
});
afterAll(() => {
  if (homeBefore === undefined) delete process.env["HOME"];
  else process.env["HOME"] = homeBefore;
});

for (const name of readdirSync(GOLDENS)) {
  describe(name, () => {
    const directory = join(GOLDENS, name);
    const expected = (file: string) => readFileSync(join(directory, file), "utf8");
    const options: LoadOptions = {
      ...FLAGS[name],
      workingDirectory: "/srv/app",
      environment: { HOME: "/home/me", PWD: "/srv/app" },
      reading: filesOf(directory),
    };

    test("config", () => {
      expect(renderProject(loadProject(options), "yaml")).toBe(expected("expected.yaml"));
    });

    test("config --format json", () => {
      expect(renderProject(loadProject(options), "json")).toBe(expected("expected.json.txt"));
    });

    if (existsSync(join(directory, "expected.uninterpolated.yaml"))) {
      test("config --no-interpolate", () => {
        const text = renderUninterpolated(loadUninterpolated(options), "yaml");
        expect(text).toBe(expected("expected.uninterpolated.yaml"));
      });
    }

    test("config --hash '*'", () => {
      const { services } = loadProject({ ...options, resolveEnvironment: false });
      const lines = Object.keys(services)
        .sort()
        .map((service) => `${service} ${serviceHash(services[service]!)}\n`);
      expect(lines.join("")).toBe(expected("expected.hashes"));
    });

    test("what was printed reads as the same project", () => {
      const printed = renderProject(loadProject(options), "yaml");
      const original = filesOf(directory);
      const read = (path: string) => (path.endsWith("app/compose.yaml") ? printed : original.read(path));
      const again: Files = { ...original, read, has: () => false };
      const project = loadProject({
        ...options,
        files: ["/srv/app/compose.yaml"],
        reading: again,
        envFiles: [],
      });
      expect(renderProject(project, "yaml")).toBe(printed);
    });
  });
}
