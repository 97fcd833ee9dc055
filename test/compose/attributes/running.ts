import { expect } from "bun:test";
import { IMAGE } from "../../support/engine.ts";
import { created, daemon, engine, load, proves, refusal, sh, upped, web, write } from "./bench.ts";

export function running(): void {
  proves("image command entrypoint working_dir user group_add environment tty stdin_open", async () => {
    const yaml = web(`entrypoint: [env, "FROM=entrypoint"]
command: [sleep, "999"]
working_dir: /tmp
user: "33:5"
group_add: [wheel, "77"]
environment: { A: one, B: , FROM_OUTSIDE: }
tty: true
stdin_open: true`);
    await upped(load("runs", yaml, { environment: { FROM_OUTSIDE: "here" } }), async ({ inspect }) => {
      const { Config, Path, Args } = await inspect("web");
      expect(Config.Image).toBe(IMAGE);
      expect([Path, ...Args]).toEqual(["env", "FROM=entrypoint", "sleep", "999"]);
      expect([Config.Tty, Config.OpenStdin]).toEqual([true, true]);
      expect(
        await sh(
          "runs-web-1",
          "id -u; id -g; id -G; pwd; echo $A; echo $FROM_OUTSIDE; tr '\\0' '\\n' </proc/1/environ | grep -c ^B=; tty </proc/1/fd/0",
        ),
      ).toBe(["33", "5", "5 10 77", "/tmp", "one", "here", "0", "/dev/pts/0"].join("\n"));
    });
  });

  proves("env_file.path env_file.required env_file.format", async () => {
    write("envfiles/a.env", "A=${B:-from default}\nC=1\n");
    write("envfiles/raw.env", "RAW='kept' $AS\n");
    const yaml = web(
      "environment: { C: '2' }\nenv_file: [a.env, { path: none.env, required: false }, { path: raw.env, format: raw }]",
    );
    await upped(load("envfiles", yaml), async () => {
      expect(await sh("envfiles-web-1", 'echo "$A|$C|$RAW"')).toBe("from default|2|'kept' $AS");
    });
    expect(await refusal("envfiles", web("env_file: [none.env]"))).toContain("none.env not found");
  });

  proves("container_name hostname domainname labels label_file annotations", async () => {
    write("named/l.labels", "from=file\nown=file\n");
    const yaml = web(`container_name: a-name-of-its-own
hostname: me
domainname: example.test
labels: { own: said }
label_file: l.labels
annotations: { note: kept }`);
    await upped(load("named", yaml), async () => {
      const { Config, HostConfig } = await engine.containers.inspect("a-name-of-its-own");
      expect(Config.Labels).toMatchObject({ own: "said", from: "file" });
      expect(HostConfig.Annotations).toEqual({ note: "kept" });
      expect(await sh("a-name-of-its-own", "hostname; cat /proc/sys/kernel/domainname")).toBe(
        "me\nexample.test",
      );
    });
  });

  proves("stop_signal stop_grace_period", async () => {
    const yaml = web(
      `command: [sh, -c, "trap 'echo got usr1; exit 0' USR1; while :; do sleep 0.05; done"]\nstop_signal: USR1\nstop_grace_period: 1m30s`,
    );
    await upped(load("stopping", yaml), async ({ inspect }) => {
      expect((await inspect("web")).Config.StopTimeout).toBe(90);
      await daemon.berth(["stop", "stopping-web-1"]);
      expect((await daemon.berth(["logs", "stopping-web-1"])).stdout).toContain("got usr1");
    });
  });

  proves("restart", async () => {
    await upped(
      load("restarts", web("command: [sh, -c, 'exit 3']\nrestart: on-failure:2")),
      async ({ inspect }) => {
        expect((await inspect("web")).HostConfig.RestartPolicy).toEqual({
          Name: "on-failure",
          MaximumRetryCount: 2,
        });
        while ((await inspect("web")).State.Status !== "exited") await Bun.sleep(20);
        expect((await inspect("web")).RestartCount).toBe(2);
      },
    );
  });

  proves("init runtime platform", async () => {
    await upped(
      load("inits", web("init: true\nruntime: runc\nplatform: linux/amd64")),
      async ({ inspect }) => {
        expect(await sh("inits-web-1", "cat /proc/1/comm")).not.toBe("sleep");
        expect((await inspect("web")).HostConfig.Runtime).toBe("runc");
      },
    );
    expect(await refusal("inits", web("runtime: nonesuch"))).toContain("nonesuch");
    expect(await refusal("inits", web("platform: linux/s390x\npull_policy: never"))).toMatch(
      /s390x|platform|not found|No such image/i,
    );
  });

  proves(
    "healthcheck.test healthcheck.interval healthcheck.timeout healthcheck.retries healthcheck.start_period healthcheck.start_interval healthcheck.disable",
    async () => {
      const yaml = `services:
  web: { <<: *base, healthcheck: { test: "test -e /tmp", interval: 1h, timeout: 7s, retries: 4, start_period: 1m, start_interval: 20ms } }
  none: { <<: *base, healthcheck: { disable: true } }
  after: { <<: *base, depends_on: { web: { condition: service_healthy } } }`;
      await upped(load("healthy", yaml), async ({ inspect }) => {
        const { State, Config } = await inspect("web");
        expect(State.Health?.Status).toBe("healthy");
        expect(Config.Healthcheck).toEqual({
          Test: ["CMD-SHELL", "test -e /tmp"],
          Interval: 3600e9,
          Timeout: 7e9,
          Retries: 4,
          StartPeriod: 60e9,
          StartInterval: 20e6,
        });
        expect((await inspect("none")).Config.Healthcheck?.Test).toEqual(["NONE"]);
      });
    },
  );

  proves("logging.driver logging.options", async () => {
    await created(
      load("logged", web("logging: { driver: json-file, options: { max-size: 1m } }")),
      async ({ inspect }) => {
        expect((await inspect("web")).HostConfig.LogConfig).toEqual({
          Type: "json-file",
          Config: { "max-size": "1m" },
        });
      },
    );
    expect(await refusal("logged", web("logging: { driver: nonesuch }"))).toContain("nonesuch");
  });
}
