import { expect } from "bun:test";
import type { DeviceRequest } from "../../../src/wire/index.ts";
import { created, load, proves, refusal, sh, upped, web, write } from "./bench.ts";

export function rights(): void {
  proves("cap_add cap_drop privileged read_only security_opt", async () => {
    write(
      "capable/seccomp.json",
      '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO" }] }',
    );
    const yaml = `services:
  few: { <<: *base, cap_add: [NET_ADMIN], cap_drop: [MKNOD], read_only: true, security_opt: ["no-new-privileges:true", "seccomp:seccomp.json"], tmpfs: /tmp }
  all: { <<: *base, privileged: true }
  open: { <<: *base, security_opt: ["systempaths=unconfined"] }`;
    await upped(load("capable", yaml), async ({ inspect }) => {
      const effective = async (name: string) =>
        BigInt(`0x${(await sh(`capable-${name}-1`, "grep CapEff /proc/1/status")).split("\t")[1]}`);
      const NET_ADMIN = 1n << 12n;
      const MKNOD = 1n << 27n;
      expect([(await effective("few")) & NET_ADMIN, (await effective("few")) & MKNOD]).toEqual([
        NET_ADMIN,
        0n,
      ]);
      expect((await effective("all")) & MKNOD).toBe(MKNOD);
      expect(
        await sh("capable-few-1", "touch /x 2>&1; mkdir /tmp/x 2>&1; grep NoNewPrivs /proc/1/status"),
      ).toMatch(/Read-only file system[\s\S]*Operation not permitted[\s\S]*NoNewPrivs:\t1/);
      expect((await inspect("open")).HostConfig.MaskedPaths).toEqual([]);
    });
  });

  proves("cgroup cgroup_parent ipc pid uts userns_mode isolation", async () => {
    const yaml = `services:
  db: { <<: *base, ipc: shareable }
  shared: { <<: *base, ipc: "service:db", pid: "service:db" }
  host: { <<: *base, pid: host, uts: host, userns_mode: host, cgroup: host, isolation: default }
  own: { <<: *base, cgroup: private, cgroup_parent: "/berth-test-parent" }`;
    await upped(load("spaces", yaml), async ({ inspect }) => {
      const space = (name: string, kind: string) => sh(`spaces-${name}-1`, `readlink /proc/self/ns/${kind}`);
      expect(await space("shared", "ipc")).toBe(await space("db", "ipc"));
      expect(await sh("spaces-shared-1", "ps | grep -c '[s]leep 1000'")).toBe("2");
      const { readlinkSync } = await import("node:fs");
      for (const kind of ["pid", "uts"])
        expect(await space("host", kind)).toBe(readlinkSync(`/proc/self/ns/${kind}`));
      expect((await inspect("host")).HostConfig).toMatchObject({ UsernsMode: "host", CgroupnsMode: "host" });
      expect((await inspect("own")).HostConfig).toMatchObject({
        CgroupnsMode: "private",
        CgroupParent: "/berth-test-parent",
      });
    });
    expect(await refusal("spaces", web("isolation: hyperv"))).toContain("isolation");
  });

  proves("sysctls shm_size storage_opt", async () => {
    await upped(load("kernel", web("sysctls: { net.core.somaxconn: 1234 }\nshm_size: 2m")), async () => {
      expect(
        await sh(
          "kernel-web-1",
          "cat /proc/sys/net/core/somaxconn; df -k /dev/shm | tail -1 | awk '{print $2}'",
        ),
      ).toBe("1234\n2048");
    });
    const why = await refusal("kernel", web("storage_opt: { size: 1G }"));
    // As far as the engine's storage can: else it says so.
    if (why !== "") expect(why).toMatch(/storage.opt/i);
  });

  proves("devices.source devices.target devices.permissions device_cgroup_rules", async () => {
    await upped(
      load("devices", web("devices: ['/dev/zero:/dev/mine:r']\ndevice_cgroup_rules: ['c 1:7 rw']")),
      async ({ inspect }) => {
        expect((await inspect("web")).HostConfig).toMatchObject({
          Devices: [{ PathOnHost: "/dev/zero", PathInContainer: "/dev/mine", CgroupPermissions: "r" }],
          DeviceCgroupRules: ["c 1:7 rw"],
        });
        expect(await sh("devices-web-1", "head -c1 /dev/mine | od -An -tx1")).toBe("00");
      },
    );
  });

  proves(
    "gpus.capabilities gpus.driver gpus.count gpus.device_ids gpus.options deploy.resources.reservations.devices.capabilities deploy.resources.reservations.devices.driver deploy.resources.reservations.devices.count deploy.resources.reservations.devices.device_ids deploy.resources.reservations.devices.options",
    async () => {
      const yaml =
        web(`gpus: [{ driver: one, count: 2, capabilities: [utility], options: { a: b } }, { device_ids: [x, y] }]
deploy: { resources: { reservations: { devices: [{ driver: two, count: 1, capabilities: [tpu], options: { c: d } }, { capabilities: [fpga], device_ids: [z] }] } } }`);
      const requests: DeviceRequest[] = [
        { Driver: "two", Count: 1, DeviceIDs: null, Capabilities: [["tpu"]], Options: { c: "d" } },
        { Driver: "", Count: 0, DeviceIDs: ["z"], Capabilities: [["fpga"]], Options: null },
        { Driver: "one", Count: 2, DeviceIDs: null, Capabilities: [["utility", "gpu"]], Options: { a: "b" } },
        { Driver: "", Count: 0, DeviceIDs: ["x", "y"], Capabilities: [["gpu"]], Options: null },
      ];
      const asked = load("gpus", yaml);
      await created(asked, async ({ inspect }) => {
        const shown = (await inspect("web")).HostConfig.DeviceRequests ?? [];
        const whole = shown.map(
          (one): DeviceRequest => ({
            ...one,
            DeviceIDs: one.DeviceIDs ?? null,
            Options: one.Options ?? null,
          }),
        );
        expect(whole).toEqual(requests);
      });
      // No engine of the tests has such devices.
      expect(await refusal("gpus", web("gpus: all"))).toContain("gpu");
    },
  );
}
