import { expect, test } from "bun:test";
import type { Network, Volume } from "../../wire/index.ts";
import { compareNetwork, compareVolume } from "./resources.ts";

const network = {
  Name: "shop_front",
  Driver: "bridge",
  EnableIPv6: false,
  Internal: false,
  Attachable: false,
  IPAM: { Driver: "default", Config: [{ Subnet: "172.18.0.0/16", Gateway: "172.18.0.1" }] },
  Options: {},
  Labels: { "com.docker.compose.network": "front", mine: "1" },
} as unknown as Network;

test("a network that is as it would be made has no changes", () => {
  expect(compareNetwork(network, { Name: "shop_front", Labels: { mine: "1" } })).toEqual([]);
});

test("changes of a network are told by attribute", () => {
  const wanted = {
    Name: "shop_front",
    Internal: true,
    Options: { "com.docker.network.driver.mtu": "1400" },
    IPAM: { Config: [{ Subnet: "10.1.0.0/16" }] },
    Labels: { mine: "2", yours: "3" },
  };
  expect(compareNetwork(network, wanted)).toEqual([
    { attribute: "driver_opts.com.docker.network.driver.mtu", kind: "added", new: "1400" },
    { attribute: "internal", kind: "changed", old: "false", new: "true" },
    {
      attribute: "ipam",
      kind: "changed",
      old: '[{"Subnet":"172.18.0.0/16","Gateway":"172.18.0.1"}]',
      new: '[{"Subnet":"10.1.0.0/16"}]',
    },
    { attribute: "labels.mine", kind: "changed", old: "1", new: "2" },
    { attribute: "labels.yours", kind: "added", new: "3" },
  ]);
});

test("changes of a volume are told by attribute", () => {
  const volume = {
    Name: "shop_data",
    Driver: "local",
    Options: { type: "tmpfs" },
    Labels: null,
  } as unknown as Volume;
  expect(compareVolume(volume, { Name: "shop_data", DriverOpts: { type: "tmpfs" } })).toEqual([]);
  expect(compareVolume(volume, { Name: "shop_data", Driver: "nfs" })).toEqual([
    { attribute: "driver", kind: "changed", old: "local", new: "nfs" },
    { attribute: "driver_opts.type", kind: "removed", old: "tmpfs" },
  ]);
});
