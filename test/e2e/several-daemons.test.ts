// Two engines on one host, with the same names of containers and volumes, do not notice each other.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { instanceOf } from "../../src/daemon/config.ts";
import { AGAINST_DOCKER, IMAGE, startEngine, type TestEngine } from "../support/engine.ts";
import { findStaleNetworks } from "../support/stale-networks.ts";
import { bePatient, eventually } from "../support/suite.ts";

bePatient();

async function docker(engine: TestEngine, ...args: string[]): Promise<string> {
  const result = await engine.docker(args);
  expect(result, `docker ${args.join(" ")}`).toMatchObject({ code: 0 });
  return result.stdout.replace(/\n$/, "");
}

const page = async (address: string) => {
  try {
    return (await (await fetch(`http://${address}/`, { keepalive: false })).text()).trim();
  } catch {
    return "nothing";
  }
};

test.skipIf(AGAINST_DOCKER)("the same name, volume and port on two engines", async () => {
  await using one = await startEngine();
  await using other = await startEngine();
  const web = (engine: TestEngine, word: string, publish: string) => {
    const serve = `echo ${word} >/data/index.html; exec httpd -f -h /data`;
    const options = ["--name", "web", "-v", "data:/data", "-p", publish];
    return docker(engine, "run", "-d", ...options, IMAGE, "sh", "-c", serve);
  };
  const id = await web(one, "one", "127.0.0.1::80");
  const address = await docker(one, "port", "web", "80/tcp");
  const otherAddress = `127.0.0.2:${address.split(":")[1]!}`;
  const otherId = await web(other, "other", `${otherAddress}:80`);
  await eventually(() => page(address), "one");
  await eventually(() => page(otherAddress), "other");

  const ids = (engine: TestEngine) => docker(engine, "ps", "-aq", "--no-trunc");
  expect([await ids(one), await ids(other)]).toEqual([id, otherId]);
  const subnet = (engine: TestEngine) =>
    docker(engine, "network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "bridge");
  expect(await subnet(one)).not.toBe(await subnet(other));

  // A port of the one is taken for the other too: refused, not stolen.
  const stolen = await other.docker(["run", "--rm", "-p", `${address}:80`, IMAGE, "true"]);
  expect(stolen.code).toBe(125);
  expect(await page(address)).toBe("one");

  // What the one does at its end and its start leaves the other's containers, rules and links alone.
  await one.stop();
  await one.start();
  expect(await page(otherAddress)).toBe("other");
  await docker(one, "rm", "-f", "web");
  await docker(one, "volume", "rm", "data");
  expect(await page(address)).toBe("nothing");
  expect(await page(otherAddress)).toBe("other");
  await other.kill();
  await other.start();
  expect(await page(otherAddress)).toBe("other");
  expect(await docker(other, "exec", "web", "cat", "/data/index.html")).toBe("other");
});

test.skipIf(AGAINST_DOCKER)("only what a killed engine has left counts as stale", async () => {
  await using living = await startEngine();
  await using killed = await startEngine();
  await using orphaning = await startEngine();
  await docker(orphaning, "run", "-d", "--network", "host", IMAGE, "sleep", "1000");
  await killed.kill();
  await orphaning.kill();
  const { tables, bridges } = await findStaleNetworks();
  const { name, bridge } = instanceOf(join(killed.root, "data"));
  expect(tables).toContain(name);
  expect(bridges).toContain(bridge);
  for (const engine of [living, orphaning]) {
    const kept = instanceOf(join(engine.root, "data"));
    expect(tables).not.toContain(kept.name);
    expect(bridges).not.toContain(kept.bridge);
  }
});
