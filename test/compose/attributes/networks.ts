import { expect } from "bun:test";
import { created, engine, load, proves, refusal, upped, web } from "./bench.ts";

export function networks(): void {
  proves(
    "networks.*.aliases networks.*.ipv4_address networks.*.ipv6_address networks.*.mac_address networks.*.priority networks.*.interface_name networks.*.gw_priority networks.*.driver_opts networks.*.link_local_ips mac_address /networks.*.ipam.config.subnet /networks.*.ipam.config.gateway /networks.*.ipam.config.ip_range /networks.*.ipam.config.aux_addresses /networks.*.enable_ipv6",
    async () => {
      const yaml = `services:
  peer: { <<: *base, networks: [front] }
  web:
    <<: *base
    networks:
      back: { priority: 10, interface_name: back0 }
      front: { aliases: [www], ipv4_address: 10.213.7.9, ipv6_address: "fd00:213::9", mac_address: "02:00:0a:00:00:09", gw_priority: 5, driver_opts: { own.option: x } }
  own: { <<: *base, networks: [back], mac_address: "02:00:0a:00:00:0a" }
networks:
  back:
  front:
    enable_ipv6: true
    ipam: { config: [{ subnet: 10.213.7.0/24, gateway: 10.213.7.5, ip_range: 10.213.7.128/25, aux_addresses: { host: 10.213.7.129 } }, { subnet: "fd00:213::/64" }] }`;
      await upped(load("joined", yaml), async ({ inspect, sh }) => {
        const { HostConfig, NetworkSettings } = await inspect("web");
        const front = NetworkSettings.Networks?.["joined_front"];
        expect(HostConfig.NetworkMode).toBe("joined_back");
        expect(front).toMatchObject({
          IPAddress: "10.213.7.9",
          GlobalIPv6Address: "fd00:213::9",
          MacAddress: "02:00:0a:00:00:09",
          GwPriority: 5,
          DriverOpts: { "own.option": "x" },
          Gateway: "10.213.7.5",
        });
        expect(await sh("web", "ip route | grep default; ls /sys/class/net | grep back0")).toMatch(
          /via 10.213.7.5 [\s\S]*back0/,
        );
        expect(
          await sh(
            "peer",
            "for name in web www joined-web-1; do nslookup $name 2>/dev/null | grep -c 'Address.*10.213.7.9$'; done",
          ),
        ).toBe("1\n1\n1");
        expect((await inspect("peer")).NetworkSettings.Networks?.["joined_front"]?.IPAddress).toBe(
          "10.213.7.128",
        );
        expect(await sh("own", "cat /sys/class/net/eth0/address")).toBe("02:00:0a:00:00:0a");
      });
      const local = load("joined", web("networks: { default: { link_local_ips: [169.254.8.8] } }"));
      await created(local, async ({ inspect }) => {
        const { NetworkSettings } = await inspect("web");
        expect(NetworkSettings.Networks?.["joined_default"]?.IPAMConfig?.LinkLocalIPs).toEqual([
          "169.254.8.8",
        ]);
      });
    },
  );

  proves("network_mode", async () => {
    const yaml = `services:
  db: { <<: *base, hostname: db-host }
  shared: { <<: *base, network_mode: "service:db" }
  byname: { <<: *base, network_mode: "container:modes-db-1", depends_on: [db] }
  none: { <<: *base, network_mode: none }
  host: { <<: *base, network_mode: host }`;
    await upped(load("modes", yaml), async ({ sh }) => {
      const space = (service: string) => sh(service, "readlink /proc/self/ns/net");
      expect([await space("shared"), await space("byname")]).toEqual([await space("db"), await space("db")]);
      expect(await sh("none", "ls /sys/class/net")).toBe("lo");
      const { readlinkSync } = await import("node:fs");
      expect(await space("host")).toBe(readlinkSync("/proc/self/ns/net"));
    });
  });

  proves("links external_links extra_hosts dns dns_opt dns_search domainname", async () => {
    await engine.containers.create(
      { Image: "busybox:test", Cmd: ["sleep", "1000"], StopSignal: "KILL" },
      { name: "outside" },
    );
    await engine.containers.start("outside");
    try {
      const yaml = `services:
  db: { <<: *base, network_mode: bridge }
  web: { <<: *base, network_mode: bridge, links: ["db:database"], external_links: ["outside:other"] }
  named: { <<: *base, extra_hosts: { somewhere: 10.9.8.7, gate: host-gateway }, dns: 10.1.1.1, dns_opt: [ndots:3], dns_search: [a.test, b.test], hostname: h, domainname: d.test }`;
      await upped(load("linked", yaml), async ({ sh, inspect }) => {
        expect(await sh("web", "awk '{print $2}' /etc/hosts")).toMatch(/database/);
        expect(await sh("web", "cat /etc/hosts")).toMatch(/other/);
        expect(await sh("named", "grep -c '^10.9.8.7.*somewhere' /etc/hosts; grep -c gate /etc/hosts")).toBe(
          "1\n1",
        );
        expect(await sh("named", "cat /etc/resolv.conf")).toMatch(/search a.test b.test[\s\S]*ndots:3/);
        expect((await inspect("named")).HostConfig.Dns).toEqual(["10.1.1.1"]);
        expect(await sh("named", "hostname -f 2>/dev/null || cat /etc/hosts")).toContain("h.d.test");
      });
    } finally {
      await engine.containers.remove("outside", { force: true });
    }
  });

  proves(
    "ports.target ports.published ports.host_ip ports.protocol ports.mode ports.name ports.app_protocol expose",
    async () => {
      const yaml = web(
        `command: [sh, -c, "mkdir /w; echo served > /w/index.html; exec httpd -f -p 80 -h /w"]
expose: ["7000-7001/udp"]
ports: [{ name: http, app_protocol: http, mode: host, target: 80, host_ip: 127.0.0.1, published: "28080-28089", protocol: tcp }, "28090:90/udp"]
scale: 2`,
      ).replace('"28090:90/udp"', '"90/udp"');
      await upped(load("ported", yaml), async ({ inspect }) => {
        const { NetworkSettings, Config } = await inspect("web");
        const second = await engine.containers.inspect("ported-web-2");
        expect(Object.keys(Config.ExposedPorts ?? {}).sort()).toEqual([
          "7000/udp",
          "7001/udp",
          "80/tcp",
          "90/udp",
        ]);
        const port = ({ Ports }: typeof NetworkSettings) => Number(Ports?.["80/tcp"]?.[0]?.HostPort);
        const ports = [port(NetworkSettings), port(second.NetworkSettings)];
        // Each replica has one of the range.
        expect(new Set(ports).size).toBe(2);
        for (const each of ports) {
          expect(each >= 28080 && each <= 28089).toBe(true);
          const answer = await retried(() => fetch(`http://127.0.0.1:${each}/`));
          expect(await answer.text()).toBe("served\n");
        }
        expect(NetworkSettings.Ports?.["80/tcp"]?.[0]?.HostIp).toBe("127.0.0.1");
        expect(NetworkSettings.Ports?.["90/udp"]?.length).toBeGreaterThan(0);
      });
    },
  );

  proves(
    "/networks.*.name /networks.*.driver /networks.*.driver_opts /networks.*.ipam.driver /networks.*.ipam.options /networks.*.external /networks.*.internal /networks.*.attachable /networks.*.labels /networks.*.enable_ipv4",
    async () => {
      const yaml = web(
        "networks: [own, theirs, six]",
        `networks:
  own: { name: given-net, driver: bridge, internal: true, attachable: true, labels: { l: v }, driver_opts: { com.docker.network.driver.mtu: "1400" }, ipam: { driver: default } }
  six: { enable_ipv4: false, enable_ipv6: true }
  theirs: { external: true, name: made-before }`,
      );
      expect(await refusal("nets", yaml)).toBe(
        "network made-before declared as external, but could not be found",
      );
      await engine.networks.create({ Name: "made-before" });
      await upped(load("nets", yaml), async ({ inspect, sh }) => {
        const own = await engine.networks.inspect("given-net");
        expect(own).toMatchObject({
          Driver: "bridge",
          Internal: true,
          Attachable: true,
          Labels: { l: "v", "com.docker.compose.network": "own" },
          Options: { "com.docker.network.driver.mtu": "1400" },
          IPAM: { Driver: "default" },
        });
        expect(await engine.networks.inspect("nets_six")).toMatchObject({
          EnableIPv4: false,
          EnableIPv6: true,
        });
        expect(Object.keys((await inspect("web")).NetworkSettings.Networks ?? {}).sort()).toEqual([
          "given-net",
          "made-before",
          "nets_six",
        ]);
        expect(await sh("web", "cat /sys/class/net/eth*/mtu")).toContain("1400");
      });
      // Down removes its own, not others'.
      expect((await engine.networks.list({ name: ["given-net"] })).length).toBe(0);
      await engine.networks.remove("made-before");
      const options = web("networks: [own]", "networks: { own: { ipam: { options: { some: option } } } }");
      const why = await refusal("nets", options);
      if (why !== "") expect(why).toMatch(/option/i);
    },
  );
}

/** Until the server inside listens. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let left = 200; ; left--) {
    try {
      return await work();
    } catch (error) {
      if (left === 0) throw error;
      await Bun.sleep(10);
    }
  }
}
