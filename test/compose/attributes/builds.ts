import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { IMAGE } from "../../support/engine.ts";
import { created, engine, folder, load, proved, proves, refusal } from "./bench.ts";

/** Attributes that a test beside this one proves, which has to speak of each. */
function elsewhere(file: string, paths: string): void {
  const each = paths.split(/\s+/);
  for (const path of each) proved.add(`services.*.${path}`);
  test(`${file}: ${each.join(" ")}`, () => {
    const text = readFileSync(join(import.meta.dir, "..", file), "utf8");
    const words = new Set(text.split(/[^\w]+/));
    expect(each.filter((path) => !words.has(path.split(".").at(-1)!))).toEqual([]);
  });
}

const built = (lines: string, more = ""): string =>
  `services:\n  web:\n    command: [sleep, "1000"]\n    stop_signal: KILL\n    build:\n${lines.replace(/^/gm, "      ")}\n${more}`;

export function builds(): void {
  elsewhere(
    "build.test.ts",
    "build.context build.dockerfile build.dockerfile_inline build.args build.labels build.cache_to build.no_cache_filter build.additional_contexts build.pull build.extra_hosts build.network build.target build.secrets.source build.secrets.target build.shm_size build.tags build.ulimits.*.soft build.ulimits.*.hard",
  );
  elsewhere(
    "watch.test.ts",
    "develop.watch.path develop.watch.action develop.watch.target develop.watch.exec.command develop.watch.exec.user develop.watch.exec.working_dir develop.watch.exec.environment develop.watch.ignore develop.watch.initial_sync",
  );

  proves(
    "build.ulimits.*.single build.platforms build.no_cache build.cache_from build.provenance build.ssh build.secrets.uid build.secrets.gid build.secrets.mode",
    async () => {
      const key = join(folder, "key");
      expect(Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]).exitCode).toBe(0);
      const yaml = built(
        `dockerfile_inline: |
  FROM ${IMAGE}
  RUN ulimit -n > /nofile
  RUN --mount=type=secret,id=token,mode=0400 stat -c %a /run/secrets/token > /mode
  RUN --mount=type=ssh,id=key test -S "$$SSH_AUTH_SOCK"
  RUN cat /proc/sys/kernel/random/uuid > /uuid
ulimits: { nofile: 321 }
platforms: [linux/amd64]
no_cache: true
cache_from: [none.invalid/cache]
provenance: "false"
ssh: { key: "${key}" }
secrets: [{ source: token, uid: "5", gid: "6", mode: 0444 }]`,
        "secrets: { token: { environment: HOME } }",
      );
      const uuid = async () => {
        let said = "";
        await created(load("built", yaml), async () => {
          await engine.containers.start("built-web-1");
          // Of a secret in a build the Dockerfile says whose it is.
          said = await (await load("built", yaml)).sh("web", "cat /nofile /mode /uuid");
        });
        await engine.images.remove("built-web", { force: true });
        const [nofile, mode, id] = said.split("\n");
        expect([nofile, mode]).toEqual(["321", "400"]);
        return id;
      };
      // Without the cache the same step is done again.
      expect(await uuid()).not.toBe(await uuid());
      expect(
        await refusal("built", built(`dockerfile_inline: FROM ${IMAGE}\nssh: { key: /nowhere }`)),
      ).toContain("/nowhere");
    },
  );

  proves("build.isolation build.privileged build.entitlements build.sbom", async () => {
    const why = (lines: string) => refusal("built", built(`dockerfile_inline: FROM ${IMAGE}\n${lines}`));
    expect(await why("isolation: hyperv")).toContain("isolation");
    expect(await why("privileged: true")).toContain("build.privileged is not supported");
    expect(await why("entitlements: [security.insecure]")).toContain(
      "build.entitlements: security.insecure is not supported",
    );
    expect(await why("sbom: true")).toContain("build.sbom is not supported");
  });

  proves("develop.watch.include develop.watch.exec.privileged", async () => {
    const { app } = load(
      "watched",
      `services: { web: { <<: *base, develop: { watch: [{ path: ., action: sync+exec, target: /x, include: ["*.ts"], exec: { command: "true", privileged: true } }] } } }`,
    );
    const { rulesOf } = await import("../../../src/compose/watch/rule.ts");
    const service = { ...app.project.services["web"]!, name: "web" };
    const [rule] = rulesOf(service, { noBuild: undefined, warn: () => {} });
    const at = (name: string) => join(app.project.directory, name);
    expect([rule?.matches(at("a.ts")), rule?.matches(at("a.js"))]).toEqual([true, false]);
    expect(rule?.watch.exec?.privileged).toBe(true);
  });
}
