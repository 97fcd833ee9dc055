import { expect } from "bun:test";
import { down, restart, stop } from "../../../src/compose/index.ts";
import { IMAGE } from "../../support/engine.ts";
import { created, daemon, engine, load, proves, refusal, upped, web, write } from "./bench.ts";

export function lifecycle(): void {
  proves("depends_on.*.condition depends_on.*.restart depends_on.*.required", async () => {
    const yaml = `services:
  job: { <<: *base, command: [sh, -c, "sleep 0.2; echo done > /shared/done"], volumes: ["shared:/shared"] }
  db: { <<: *base, volumes: ["shared:/shared"], healthcheck: { test: test -e /shared/done, interval: 50ms, retries: 200 }, depends_on: { job: { condition: service_completed_successfully } } }
  web: { <<: *base, depends_on: { db: { condition: service_healthy, restart: true }, absent: { condition: service_started, required: false } } }
  absent: { <<: *base, profiles: [never] }
volumes: { shared: }`;
    await upped(load("depends", yaml), async ({ inspect, app }) => {
      const [job, db, webNow] = await Promise.all([inspect("job"), inspect("db"), inspect("web")]);
      expect(job.State.ExitCode).toBe(0);
      expect(Date.parse(db.State.StartedAt)).toBeGreaterThanOrEqual(Date.parse(job.State.FinishedAt));
      expect(Date.parse(webNow.State.StartedAt)).toBeGreaterThan(Date.parse(db.State.StartedAt));
      expect(webNow.Config.Labels?.["com.docker.compose.depends_on"]).toBe("db:service_healthy:true");
      await restart(app, ["db"], { timeoutSeconds: 0 });
      expect((await inspect("web")).State.StartedAt).not.toBe(webNow.State.StartedAt);
    });
    const failing = `services:
  job: { <<: *base, command: [sh, -c, "exit 3"] }
  web: { <<: *base, depends_on: { job: { condition: service_completed_successfully } } }`;
    expect(await refusal("depends", failing)).toContain(`service "job" didn't complete successfully: exit 3`);
  });

  proves("scale deploy.replicas deploy.mode", async () => {
    const yaml = `services:
  two: { <<: *base, scale: 2 }
  three: { <<: *base, deploy: { mode: replicated, replicas: 3 } }
  none: { <<: *base, deploy: { replicas: 0 } }`;
    await upped(load("scaled", yaml), async () => {
      const names = await engine.containers.list({
        filters: { label: ["com.docker.compose.project=scaled"] },
      });
      expect(names.map(({ Names }) => Names[0]).sort()).toEqual(
        ["three-1", "three-2", "three-3", "two-1", "two-2"].map((name) => `/scaled-${name}`),
      );
    });
    await created(load("scaled", web("deploy: { mode: replicated-job }")), ({ warnings }) => {
      expect(warnings).toEqual([withoutEffect("mode")]);
    });
  });

  proves(
    "deploy.labels deploy.resources.limits.cpus deploy.resources.limits.memory deploy.resources.limits.pids deploy.resources.reservations.memory deploy.restart_policy.condition deploy.restart_policy.max_attempts",
    async () => {
      const yaml = web(`deploy:
  labels: { of: the service }
  resources: { limits: { cpus: "0.25", memory: 32m, pids: 30 }, reservations: { memory: 16m } }
  restart_policy: { condition: on-failure, max_attempts: 4 }`);
      await upped(load("deployed", yaml), async ({ inspect, warnings }) => {
        const { HostConfig, Config } = await inspect("web");
        expect(HostConfig).toMatchObject({
          NanoCpus: 250_000_000,
          Memory: 32 << 20,
          MemoryReservation: 16 << 20,
          PidsLimit: 30,
          RestartPolicy: { Name: "on-failure", MaximumRetryCount: 4 },
        });
        // They are the service's, not its containers'.
        expect(Config.Labels?.["of"]).toBeUndefined();
        expect(warnings).toEqual([]);
      });
    },
  );

  const updating = ["parallelism", "delay", "failure_action", "monitor", "max_failure_ratio", "order"];
  proves(
    `deploy.endpoint_mode deploy.placement.constraints deploy.placement.preferences.spread deploy.placement.max_replicas_per_node deploy.restart_policy.delay deploy.restart_policy.window deploy.resources.reservations.cpus deploy.resources.reservations.generic_resources.discrete_resource_spec.kind deploy.resources.reservations.generic_resources.discrete_resource_spec.value ${updating.map((name) => `deploy.update_config.${name} deploy.rollback_config.${name}`).join(" ")}`,
    async () => {
      const update =
        "{ parallelism: 1, delay: 1s, failure_action: pause, monitor: 1s, max_failure_ratio: 0.1, order: start-first }";
      const yaml = web(`deploy:
  endpoint_mode: vip
  placement: { constraints: [a==b], preferences: [{ spread: c }], max_replicas_per_node: 1 }
  restart_policy: { condition: any, delay: 1s, window: 2s }
  resources: { reservations: { cpus: "1", generic_resources: [{ discrete_resource_spec: { kind: k, value: 1 } }] } }
  update_config: ${update}
  rollback_config: ${update}`);
      await created(load("cluster", yaml), ({ warnings }) => {
        expect(warnings).toEqual(
          [
            "endpoint_mode",
            "update_config",
            "rollback_config",
            "placement",
            "resources.reservations.cpus",
            "resources.reservations.generic_resources",
            "restart_policy.delay",
            "restart_policy.window",
          ].map(withoutEffect),
        );
      });
      // With `dnsrr` a name is answered with the addresses of all.
      const two =
        "services: { two: { <<: *base, deploy: { replicas: 2, endpoint_mode: dnsrr } }, asks: { <<: *base } }";
      await upped(load("cluster", two), async ({ sh, warnings }) => {
        expect(warnings).toEqual([]);
        expect(
          await sh(
            "asks",
            "nslookup two 2>/dev/null | grep '^Address' | grep -v 127.0.0.11 | sort -u | wc -l",
          ),
        ).toBe("2");
      });
    },
  );

  const hook = ["command", "user", "privileged", "working_dir", "environment"];
  proves(hook.flatMap((name) => [`post_start.${name}`, `pre_stop.${name}`]).join(" "), async () => {
    const command = (file: string) =>
      `{ command: [sh, -c, "echo $$(id -u) $$(pwd) $$A$$B $$(grep CapBnd /proc/self/status) > /log/${file}"], user: "33", working_dir: /tmp, environment: { A: a, B: }, privileged: true }`;
    const yaml = web(
      `volumes: ["log:/log"]
command: [sh, -c, "chmod 777 /log; sleep 1000"]
post_start: [{ command: [sh, -c, "until [ -w /log ] && [ $$(stat -c %a /log) = 777 ]; do sleep 0.02; done"] }, ${command("post")}]
pre_stop: [${command("pre")}]`,
      "volumes: { log: }",
    );
    await upped(load("hooked", yaml, { environment: { B: "b" } }), async ({ sh, app }) => {
      const said = await sh("web", "cat /log/post; grep CapBnd /proc/1/status");
      const [hooked, own] = said.split("\n");
      expect(hooked).toStartWith("33 /tmp ab CapBnd:");
      // It has more power than the container's own command.
      expect(hooked?.split(" ").at(-1)).not.toBe(own?.split("\t").at(-1));
      await stop(app, ["web"], {});
      const reader =
        "services: { reader: { <<: *base, volumes: ['log:/log'] } }\nvolumes: { log: { external: true, name: hooked_log } }";
      await upped(load("hook-reader", reader), async ({ sh }) => {
        expect(await sh("reader", "cat /log/pre")).toStartWith("33 /tmp ab CapBnd:");
      });
    });
    const failing = web("post_start: [{ command: [sh, -c, 'echo it went wrong >&2; exit 3'] }]");
    expect(await refusal("hooked", failing)).toContain("web hook exited with status 3: it went wrong");
  });

  proves(
    "pre_start.command pre_start.image pre_start.user pre_start.privileged pre_start.working_dir pre_start.environment pre_start.per_replica",
    async () => {
      const yaml = web(
        `volumes: ["log:/log"]
pre_start:
  - { command: [chmod, "777", /log] }
  - { command: [sh, -c, "echo $$(id -u) $$(pwd) $$A > /log/before; grep CapEff /proc/self/status >> /log/before"], image: "${IMAGE}", user: "33", working_dir: /tmp, environment: { A: a } }
  - { command: [sh, -c, "mkdir /m; mount -t tmpfs none /m && echo mounted > /log/mounted"], privileged: true }`,
        "volumes: { log: }",
      );
      await upped(load("prepared", yaml), async ({ sh }) => {
        expect(await sh("web", "head -1 /log/before; cat /log/mounted")).toBe("33 /tmp a\nmounted");
      });
      const failing = web("pre_start: [{ command: [sh, -c, 'exit 4'] }]");
      expect(await refusal("prepared", failing)).toMatch(/exited with (code|status) 4/);
      const each = web("pre_start: [{ command: ['true'], per_replica: true }]");
      expect(await refusal("prepared", each)).toContain("per_replica is not yet supported");
    },
  );

  proves("pull_policy pull_refresh_after", async () => {
    expect(
      await refusal("pulls", "services: { web: { image: none.invalid/x, pull_policy: never } }"),
    ).toMatch(/none.invalid\/x/);
    await upped(load("pulls", web("pull_policy: missing\npull_refresh_after: 1h")), () => {});
  });

  proves("profiles", async () => {
    const yaml = "services: { always: { <<: *base }, some: { <<: *base, profiles: [extra] } }";
    const names = async () =>
      (await engine.containers.list({ filters: { label: ["com.docker.compose.project=profiled"] } }))
        .map(({ Names }) => Names[0])
        .sort();
    await upped(load("profiled", yaml), async () => expect(await names()).toEqual(["/profiled-always-1"]));
    await upped(load("profiled", yaml, { profiles: ["extra"] }), async () =>
      expect(await names()).toEqual(["/profiled-always-1", "/profiled-some-1"]),
    );
  });

  proves("attach", async () => {
    const { app } = load(
      "attached",
      `services:
  loud: { <<: *base, command: [echo, heard] }
  quiet: { <<: *base, command: [echo, unheard], attach: false }`,
    );
    try {
      const { stdout, stderr } = await daemon.berth(["compose", "up", "--no-color"], {
        cwd: app.project.directory,
      });
      expect(stdout + stderr).toContain("heard");
      expect(stdout).not.toContain("unheard");
    } finally {
      await down(app, {});
    }
  });

  proves(
    "/name /version /include.path /include.env_file /include.project_directory extends.file extends.service",
    async () => {
      write(
        "whole/other/base.yaml",
        `services: { base: { image: "${IMAGE}", command: [sleep, "1000"], stop_signal: KILL, environment: { FROM: base } } }`,
      );
      write(
        "whole/other/part.yaml",
        `services: { part: { image: "${IMAGE}", command: [sleep, "1000"], stop_signal: KILL, environment: { V: "$V" }, volumes: ["./here:/here"] } }`,
      );
      write("whole/other/vars.env", "V=of the include\n");
      write("whole/root/here/file", "x");
      const yaml = `name: named-here
version: "3.9"
include: [{ path: other/part.yaml, env_file: other/vars.env, project_directory: root }]
services: { web: { extends: { file: other/base.yaml, service: base }, environment: { MORE: m } } }`;
      await upped(load("whole", yaml), async ({ sh, warnings }) => {
        expect(await sh("web", "echo $FROM $MORE")).toBe("base m");
        expect(await sh("part", "echo $V; cat /here/file")).toBe("of the include\nx");
        expect(warnings.join("\n")).toContain("version");
      });
    },
  );
}

const withoutEffect = (attribute: string): string =>
  `services.web.deploy.${attribute} has no effect: it is for a cluster of engines`;

/** What cannot be done is said before anything is done. */
export function refusals(): void {
  proves("credential_spec.config credential_spec.file credential_spec.registry", async () => {
    for (const kind of ["config", "file", "registry"]) {
      expect(await refusal("refused", web(`credential_spec: { ${kind}: x }`))).toBe(
        "services.web.credential_spec: is for Windows containers only",
      );
    }
  });

  proves("provider.type provider.options", async () => {
    expect(await refusal("refused", "services: { web: { provider: { type: x, options: { a: b } } } }")).toBe(
      "services.web.provider: services of a provider are not supported",
    );
  });

  proves(
    "models.*.endpoint_var models.*.model_var /models.*.name /models.*.model /models.*.context_size /models.*.runtime_flags",
    async () => {
      const yaml = web(
        "models: { llm: { endpoint_var: A, model_var: B } }",
        "models: { llm: { name: n, model: ai/x, context_size: 5, runtime_flags: [-x] } }",
      );
      expect(await refusal("refused", yaml)).toBe("services.web.models: language models are not supported");
    },
  );
}
