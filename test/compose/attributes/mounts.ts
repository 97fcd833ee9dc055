import { expect } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { MountPoint } from "../../../src/wire/index.ts";
import { IMAGE } from "../../support/engine.ts";
import { asked, engine, folder, load, proves, refusal, upped, web, write } from "./bench.ts";

export function mounts(): void {
  proves(
    "volumes.type volumes.source volumes.target volumes.read_only volumes.consistency volumes.bind.create_host_path volumes.bind.selinux volumes.bind.propagation volumes.bind.recursive",
    async () => {
      write("binds/there/file", "from the host");
      const yaml = web(`volumes:
  - ./there:/short:ro
  - ./made:/made
  - { type: bind, source: ./there, target: /long, read_only: true, consistency: cached, bind: { create_host_path: false, propagation: private } }
  - { type: bind, source: ./there, target: /labelled, bind: { selinux: z } }
  - { type: bind, source: ./there, target: /alone, bind: { recursive: disabled } }`);
      await upped(load("binds", yaml), async ({ sh, inspect }) => {
        expect(
          await sh("web", "cat /short/file; touch /short/x /long/x 2>&1 | grep -c Read-only; touch /made/x"),
        ).toBe("from the host2");
        expect(existsSync(join(folder, "binds/made/x"))).toBe(true);
        const { Mounts, HostConfig } = await inspect("web");
        const at = (target: string) => Mounts.find(({ Destination }) => Destination === target);
        expect(at("/long")).toMatchObject({
          Type: "bind",
          RW: false,
          Propagation: "private",
        } satisfies Partial<MountPoint>);
        expect(at("/labelled")?.Mode).toBe("rw,z");
        expect(
          HostConfig.Mounts?.map(({ Target, BindOptions, Consistency }) => [
            Target,
            BindOptions,
            Consistency,
          ]),
        ).toEqual([
          ["/long", { Propagation: "private" }, "cached"],
          ["/alone", { NonRecursive: true, CreateMountpoint: true }, undefined],
        ]);
      });
      const none = web(
        "volumes: [{ type: bind, source: ./none, target: /x, bind: { create_host_path: false } }]",
      );
      expect(await refusal("binds", none)).toContain("bind source path does not exist");
      for (const type of ["npipe", "cluster"])
        expect(await refusal("binds", web(`volumes: [{ type: ${type}, source: x, target: /x }]`))).toContain(
          `type ${type}`,
        );
      const { HostConfig } = await asked(
        "binds",
        web(
          "volumes: [{ type: bind, source: ./there, target: /x, read_only: true, bind: { recursive: readonly, propagation: rprivate } }]",
        ),
      );
      expect(HostConfig?.Mounts?.[0]?.BindOptions?.ReadOnlyForceRecursive).toBe(true);
    },
  );

  proves("volumes.volume.labels volumes.volume.nocopy volumes.volume.subpath", async () => {
    const yaml = `services:
  filler: { <<: *base, command: [sh, -c, "mkdir -p /d/part; echo inner > /d/part/file; sleep 1000"], volumes: ["data:/d"], healthcheck: { test: test -e /d/part/file, interval: 50ms } }
  web:
    <<: *base
    depends_on: { filler: { condition: service_healthy } }
    volumes:
      - data:/whole
      - { type: volume, source: empty, target: /etc, volume: { nocopy: true } }
      - { type: volume, target: /anonymous, volume: { labels: { kept: "yes" } } }
volumes: { data: , empty: }`;
    await upped(load("volumes", yaml), async ({ sh, inspect }) => {
      expect(await sh("web", "cat /whole/part/file; ls /etc | grep -c passwd || true")).toBe("inner\n0");
      const { Mounts } = await inspect("web");
      const anonymous = Mounts.find(({ Destination }) => Destination === "/anonymous");
      expect((await engine.volumes.inspect(anonymous!.Name!)).Labels).toMatchObject({ kept: "yes" });
      const part =
        "services: { part: { <<: *base, volumes: [{ type: volume, source: data, target: /p, volume: { subpath: part } }] } }\nvolumes: { data: { external: true, name: volumes_data } }";
      await upped(load("subpath", part), async ({ sh }) =>
        expect(await sh("part", "cat /p/file")).toBe("inner"),
      );
    });
  });

  proves("volumes.tmpfs.size volumes.tmpfs.mode tmpfs volumes.image.subpath", async () => {
    const yaml = web(`tmpfs: ["/short:size=64k"]
volumes:
  - { type: tmpfs, target: /t, tmpfs: { size: 1m, mode: 0o1750 } }
  - { type: image, source: "${IMAGE}", target: /image, image: { subpath: etc } }`);
    await upped(load("tmpfs", yaml), async ({ sh }) => {
      expect(
        await sh("web", "df -k /short /t | awk 'NR>1 {print $2}'; stat -c %a /t; ls /image | grep passwd"),
      ).toBe("64\n1024\n1750\npasswd");
    });
  });

  proves("volumes_from", async () => {
    const yaml = `services:
  db: { <<: *base, volumes: [/data] }
  reader: { <<: *base, volumes_from: ["db:ro"] }
  writer: { <<: *base, volumes_from: [db] }`;
    await upped(load("from", yaml), async ({ sh }) => {
      await sh("writer", "echo shared > /data/x");
      expect(await sh("reader", "cat /data/x; touch /data/y 2>&1 | grep -c Read-only")).toBe("shared\n1");
    });
  });

  proves(
    "/volumes.*.name /volumes.*.driver /volumes.*.driver_opts /volumes.*.external /volumes.*.labels",
    async () => {
      mkdirSync(join(folder, "elsewhere"), { recursive: true });
      const yaml = web(
        "volumes: ['data:/d', 'theirs:/t']",
        `volumes:
  data: { name: given-name, driver: local, labels: { l: v }, driver_opts: { type: none, o: bind, device: "${folder}/elsewhere" } }
  theirs: { external: true, name: made-before }`,
      );
      expect(await refusal("named-volumes", yaml)).toBe('external volume "made-before" not found');
      await engine.volumes.create({ Name: "made-before" });
      await upped(load("named-volumes", yaml), async ({ sh }) => {
        await sh("web", "touch /d/seen /t/seen");
        expect(existsSync(join(folder, "elsewhere/seen"))).toBe(true);
        const { Labels, Driver } = await engine.volumes.inspect("given-name");
        expect([Driver, Labels?.["l"], Labels?.["com.docker.compose.volume"]]).toEqual([
          "local",
          "v",
          "data",
        ]);
      });
      // Down removes its own, not others'.
      await expect(engine.volumes.inspect("given-name")).rejects.toThrow("no such volume");
      await engine.volumes.remove("made-before");
    },
  );
}
