import { expect, test } from "bun:test";
import type { PortSummary } from "../../wire/index.ts";
import { publishedPorts } from "./containers.ts";

const port = (text: string): PortSummary => {
  const [, IP = "", PublicPort, PrivatePort, Type = ""] = /^(?:(.*):(\d+)->)?(\d+)\/(\w+)$/.exec(text)!;
  return { PrivatePort: Number(PrivatePort), Type, ...(IP !== "" && { IP, PublicPort: Number(PublicPort) }) };
};

const CASES: readonly (readonly [string, string])[] = [
  ["9988/tcp", "9988/tcp"],
  ["9988/udp", "9988/udp"],
  ["0.0.0.0:8080->80/tcp :::8080->80/tcp", "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"],
  ["4.3.2.1:8899->8899/tcp", "4.3.2.1:8899->8899/tcp"],
  ["9988/tcp 9989/tcp 9990/tcp", "9988-9990/tcp"],
  ["1.2.3.4:9988->9988/tcp 1.2.3.4:9989->9989/tcp", "1.2.3.4:9988-9989->9988-9989/tcp"],
  ["1.2.3.4:9988->9988/tcp 9989/tcp", "9989/tcp, 1.2.3.4:9988->9988/tcp"],
  ["80/tcp 82/tcp 1024/udp", "80/tcp, 82/tcp, 1024/udp"],
];

for (const [ports, shown] of CASES) {
  test(`ports ${ports}`, () => {
    const found = publishedPorts(ports.split(" ").map(port)).split(", ").sort();
    expect(found).toEqual(shown.split(", ").sort());
  });
}
