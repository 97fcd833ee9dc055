// The engine itself: version, info, events, and how it answers requests that are wrong.
import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { AGAINST_DOCKER, IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { docker, eventually, engine } = useEngine();

/** In Docker's order. */
const HOST_CONFIG_NAMES =
  "Binds ContainerIDFile LogConfig NetworkMode PortBindings RestartPolicy AutoRemove VolumeDriver VolumesFrom " +
  "CapAdd CapDrop CgroupnsMode Dns DnsOptions DnsSearch ExtraHosts GroupAdd IpcMode Cgroup Links OomScoreAdj PidMode " +
  "Privileged PublishAllPorts ReadonlyRootfs SecurityOpt UTSMode UsernsMode ShmSize Runtime Isolation CpuShares Memory " +
  "NanoCpus CgroupParent BlkioWeight BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps BlkioDeviceReadIOps " +
  "BlkioDeviceWriteIOps CpuPeriod CpuQuota CpuRealtimePeriod CpuRealtimeRuntime CpusetCpus CpusetMems Devices " +
  "DeviceCgroupRules DeviceRequests MemoryReservation MemorySwap MemorySwappiness OomKillDisable PidsLimit Ulimits CpuCount " +
  "CpuPercent IOMaximumIOps IOMaximumBandwidth MaskedPaths ReadonlyPaths";

describe("events", () => {
  test("volumes are told: made, mounted, unmounted, gone", async () => {
    const since = `${Date.now() / 1000}`;
    const id = await docker("run", "-d", "-v", "system-told:/data:ro", IMAGE, "sleep", "100");
    await docker("rm", "-f", id);
    await docker("volume", "rm", "system-told");
    const filters = ["--filter", "type=volume", "--filter", "volume=system-told"];
    const format = ["--format", "{{.Action}} {{json .Actor.Attributes}}"];
    const told = () =>
      docker("events", "--since", since, "--until", `${Date.now() / 1000}`, ...filters, ...format);
    await eventually(
      async () => (await told()).split("\n"),
      [
        'create {"driver":"local"}',
        `mount {"container":"${id}","destination":"/data","driver":"local","propagation":"","read/write":"false"}`,
        `unmount {"container":"${id}","driver":"local"}`,
        'destroy {"driver":"local"}',
      ],
    );
  });

  test("a commit is told with the name as people write it", async () => {
    const since = `${Date.now() / 1000}`;
    const id = await docker("create", IMAGE, "true");
    await docker("commit", id, "system-commit:1");
    const filters = ["--filter", `container=${id}`, "--filter", "event=commit"];
    const told = () =>
      docker(
        "events",
        "--since",
        since,
        "--until",
        `${Date.now() / 1000}`,
        ...filters,
        "--format",
        "{{.Actor.Attributes.imageRef}}",
      );
    await eventually(told, "system-commit:1");
    await docker("rm", id);
    await docker("rmi", "system-commit:1");
  });
});

describe("inspect", () => {
  test("a container's whole JSON has what Docker's has, and where it has it", async () => {
    const id = await docker("create", IMAGE);
    const answer = await engine().api("GET", `/v1.41/containers/${id}/json`);
    const { Config, HostConfig, LogPath, AppArmorProfile } = (await answer.json()) as Record<string, object>;
    expect({ LogPath, AppArmorProfile }).toEqual({ LogPath: "" as never, AppArmorProfile: "" as never });
    expect(Object.keys(Config!).join(" ")).toBe(
      "Hostname Domainname User AttachStdin AttachStdout AttachStderr Tty OpenStdin StdinOnce Env Cmd Image Volumes WorkingDir Entrypoint OnBuild Labels",
    );
    expect(Config).toMatchObject({ Env: null, Volumes: null, Entrypoint: null, OnBuild: null, Labels: {} });
    // Docker 20.10 has two limits more, which later ones dropped, and the console elsewhere.
    const names = Object.keys(HostConfig!).filter((name) => !/^(KernelMemory|ConsoleSize)/.test(name));
    expect(names.join(" ")).toBe(HOST_CONFIG_NAMES);
  });

  test("what is nothing at all is no object", async () => {
    const result = await engine().docker(["inspect", "nope"]);
    expect(result).toMatchObject({ code: 1, stdout: "[]\n" });
    expect(result.stderr).toMatch(/^(Error: No such object: nope|error: no such object: nope)\n$/);
    const plugin = await engine().api("GET", "/v1.41/plugins/some%2Fname/json");
    expect(plugin.status).toBe(404);
    expect(await plugin.json()).toEqual({ message: 'plugin "some/name" not found' });
  });
});

describe("version and info", () => {
  test("the client and the engine agree on a version of the API", async () => {
    const version = JSON.parse(await docker("version", "--format", "{{json .}}"));
    expect(version.Server.ApiVersion).toMatch(/^1\.\d+$/);
    expect(version.Server.MinAPIVersion).toMatch(/^1\.\d+$/);
    expect(version.Server.Os).toBe("linux");
    if (!AGAINST_DOCKER) expect(version.Server).toMatchObject({ ApiVersion: "1.51", MinAPIVersion: "1.24" });
  });

  test("info counts containers and images", async () => {
    const id = await docker("run", "-d", IMAGE, "sleep", "100");
    const info = JSON.parse(await docker("info", "--format", "{{json .}}"));
    expect(info).toMatchObject({ ContainersRunning: 1, OSType: "linux", DefaultRuntime: "crun" });
    expect(info.Images).toBeGreaterThan(0);
    expect(info.MemTotal).toBeGreaterThan(0);
    await docker("rm", "-f", id);
  });

  // Docker 20.10 answers these in plain text.
  test.skipIf(AGAINST_DOCKER)(
    "versions of the API that are too old or too new are refused in Docker's words",
    async () => {
      const message = async (version: string) => {
        const response = await engine().api("GET", `/v${version}/containers/json`);
        return `${response.status} ${((await response.json()) as { message: string }).message}`;
      };
      expect(await message("1.99")).toMatch(
        /^400 client version 1.99 is too new. Maximum supported API version is 1\.\d+$/,
      );
      expect(await message("1.11")).toMatch(
        /^400 client version 1.11 is too old. Minimum supported API version is 1\.\d+, please upgrade your client to a newer version$/,
      );
    },
  );
});

describe("events", () => {
  test("first a container dies, then it leaves its network and its volumes", async () => {
    const since = `${Date.now() / 1000}`;
    const end = ["container die", "network disconnect", "volume unmount"];
    const gone = [...end, "volume destroy", "container destroy"];
    const told = async (start: string) => {
      const until = `${Date.now() / 1000}`;
      const format = ["--format", "{{.Type}} {{.Action}}"];
      const lines = (await docker("events", "--since", start, "--until", until, ...format)).split("\n");
      return lines.slice(lines.indexOf("container die"));
    };
    await docker("run", "-d", "--rm", "-v", "/data", IMAGE, "true");
    await eventually(() => told(since), gone);
    const later = `${Date.now() / 1000}`;
    const id = await docker("run", "-d", "-v", "/data", IMAGE, "true");
    await eventually(() => told(later), end);
    await docker("rm", "-v", id);
    await eventually(() => told(later), gone);
  });

  test("the life of a container is told in order, with filters", async () => {
    const since = `${Math.floor(Date.now() / 1000) - 1}`;
    const id = await docker("run", "--name", "system-events", "-d", IMAGE, "sh", "-c", "exit 3");
    await docker("wait", id);
    await docker("rm", id);
    const filters = ["--filter", `container=${id}`, "--filter", "type=container"];
    await eventually(async () => {
      const until = `${Math.ceil(Date.now() / 1000)}`;
      const text = await docker(
        "events",
        "--since",
        since,
        "--until",
        until,
        ...filters,
        "--format",
        "{{.Action}}",
      );
      return text.split("\n");
    }, ["create", "start", "die", "destroy"]);
    const until = `${Math.ceil(Date.now() / 1000)}`;
    const died = await docker(
      "events",
      "--since",
      since,
      "--until",
      until,
      "--filter",
      `container=${id}`,
      "--filter",
      "event=die",
      "--format",
      "{{json .}}",
    );
    expect(JSON.parse(died).Actor).toMatchObject({
      ID: id,
      Attributes: { exitCode: "3", name: "system-events", image: IMAGE },
    });
  });
});

describe("wrong requests", () => {
  const post = (path: string, body: string, type = "application/json") =>
    fetch(`http://localhost${path}`, {
      unix: engine().socket,
      method: "POST",
      body,
      headers: { "Content-Type": type },
    });

  // Docker 20.10 answers malformed JSON with 500.
  test.skipIf(AGAINST_DOCKER)(
    "malformed JSON, wrong types and missing images are 4xx with one sentence",
    async () => {
      for (const [body, status] of [
        ["{", 400],
        ['{"Image": 5}', 400],
        ['{"Image": "nothing-here"}', 404],
        ['{"Image": "busybox:test", "HostConfig": {"Memory": "lots"}}', 400],
        ['{"Image": "busybox:test", "HostConfig": {"Memory": 5}}', 400],
      ] as const) {
        const response = await post("/containers/create", body);
        expect({ body, status: response.status }).toEqual({ body, status });
        expect(((await response.json()) as { message: string }).message).not.toBe("");
      }
      expect((await post("/containers/create?name=no/slash", '{"Image": "busybox:test"}')).status).toBe(400);
    },
  );

  test("unknown pages and methods are 404 or 405, and the engine goes on", async () => {
    expect((await engine().api("GET", "/no/such/page")).status).toBe(404);
    expect([404, 405]).toContain((await engine().api("PUT", "/containers/json")).status);
    expect(await (await engine().api("GET", "/_ping")).text()).toBe("OK");
  });

  test("half a request, and bytes that are no HTTP, harm nobody", async () => {
    for (const bytes of [
      "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
      "\x00\xff\x13garbage\r\n\r\n",
      "GET /",
    ]) {
      await new Promise<void>((resolve) => {
        const socket = connect(engine().socket, () => {
          socket.write(bytes, "latin1");
          setTimeout(() => socket.destroy(), 50);
        });
        socket.on("close", () => resolve());
        socket.on("error", () => undefined);
      });
    }
    expect(await (await engine().api("GET", "/_ping")).text()).toBe("OK");
  });
});
