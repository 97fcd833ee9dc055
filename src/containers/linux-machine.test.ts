import { expect, test } from "bun:test";
import { checkSecurity } from "./linux-machine.ts";

test("what --security-opt asks of a machine that has no use for it is told, not ignored", () => {
  const facts = { appArmor: false, capabilities: new Set<string>() };
  const warnings = (...SecurityOpt: string[]) => checkSecurity({ SecurityOpt }, facts);
  expect(warnings("apparmor=mine", "label=type:t", "label=disable")).toEqual([
    "Your kernel does not support AppArmor or it is not enabled. Profile mine discarded.",
    "SELinux labels of processes are not supported. Label type:t discarded.",
  ]);
  expect(warnings("apparmor=unconfined", "label=disable", "disable", "seccomp=unconfined")).toEqual([]);
  expect(checkSecurity({ SecurityOpt: ["apparmor=mine"] }, { ...facts, appArmor: true })).toEqual([]);
});
