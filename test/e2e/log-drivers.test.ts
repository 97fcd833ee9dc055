// Where a container's output goes: the drivers that keep it, and those that pass it on, over a daemon's restart.
import { describe, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeMulti, ExtensionCodec } from "@msgpack/msgpack";
import { DatagramReceiver } from "../../src/linux/fixtures/datagram-receiver.ts";
import { AGAINST_DOCKER, IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { docker, dockerResult, inspect, eventually, engine } = useEngine();

/** Says `ready`, then each word that is written into its fifo. */
const SPEAKER = "mkfifo /say; echo ready; while :; do read line </say && echo $line; done";

const speaker = (...options: string[]) => docker("run", "-d", ...options, IMAGE, "sh", "-c", SPEAKER);

const say = (id: string, word: string) => docker("exec", id, "sh", "-c", `echo ${word} >/say`);

/** Every word arrives once and in order, also when the daemon is stopped and started in between. */
async function speakAcrossRestart(id: string, heard: () => string[]): Promise<void> {
  await eventually(async () => heard(), ["ready"]);
  await say(id, "before");
  await eventually(async () => heard(), ["ready", "before"]);
  await engine().stop();
  await engine().start();
  await say(id, "after");
  await eventually(async () => heard(), ["ready", "before", "after"]);
}

describe.skipIf(AGAINST_DOCKER)("log drivers", () => {
  test("none keeps nothing, and who is attached still sees it", async () => {
    const run = ["run", "--name", "unlogged", "--log-driver", "none", IMAGE, "echo", "seen"];
    expect(await dockerResult(run)).toMatchObject({ code: 0, stdout: "seen\n" });
    expect((await dockerResult(["logs", "unlogged"])).stderr).toContain("does not support reading");
    await docker("rm", "unlogged");
  });

  for (const driver of ["local", "json-file"]) {
    test(`${driver} takes its options and refuses others`, async () => {
      const options = ["--log-driver", driver, "--log-opt", "max-size=1m", "--log-opt", "max-file=3"];
      const id = await docker("run", "-d", ...options, IMAGE, "echo", "kept");
      await docker("wait", id);
      expect(await docker("logs", id)).toBe("kept");
      const config = JSON.parse(await inspect(id, "{{json .HostConfig.LogConfig}}"));
      expect(config).toEqual({ Type: driver, Config: { "max-file": "3", "max-size": "1m" } });
      for (const wrong of ["max-size=lots", "no-such=option"]) {
        const refused = await dockerResult(["create", "--log-driver", driver, "--log-opt", wrong, IMAGE]);
        expect({ wrong, code: refused.code }).toEqual({ wrong, code: 1 });
      }
      await docker("rm", id);
    });
  }

  test("json-file keeps labels and environment for --details", async () => {
    const options = ["--log-driver", "json-file", "--log-opt", "labels=team", "--log-opt", "env=STAGE"];
    const id = await docker(
      "run",
      "-d",
      ...options,
      "-l",
      "team=red",
      "-e",
      "STAGE=test",
      IMAGE,
      "echo",
      "kept",
    );
    await docker("wait", id);
    expect(await docker("logs", "--details", id)).toBe("STAGE=test,team=red kept");
    await docker("rm", id);
  });

  test("syslog over UDP, across the daemon's restart", async () => {
    const server = createSocket("udp4");
    const packets: string[] = [];
    server.on("message", (packet) => packets.push(packet.toString()));
    server.bind(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const options = [`syslog-address=udp://127.0.0.1:${server.address().port}`, "tag=spoken"];
      const id = await speaker(
        ...["--log-driver", "syslog", "--log-opt", "syslog-facility=local3"],
        ...options.flatMap((option) => ["--log-opt", option]),
      );
      await speakAcrossRestart(id, () => packets.map((packet) => packet.trim().split(" ").at(-1)!));
      // local3 is 19, info is 6: RFC 5424, section 6.2.1.
      expect(packets[0]).toStartWith(`<${19 * 8 + 6}>`);
      expect(packets[0]).toContain("spoken");
      await docker("rm", "-f", id);
    } finally {
      server.close();
    }
  });

  test("syslog by a Unix datagram socket, across the restarts of daemon and server", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-syslog-"));
    const path = join(directory, "log");
    const packets: string[] = [];
    let server = new DatagramReceiver(path);
    const heard = () => {
      packets.push(...server.take().map(String));
      return packets.map((packet) => packet.trim().split(" ").at(-1)!);
    };
    try {
      const id = await speaker("--log-driver", "syslog", "--log-opt", `syslog-address=unixgram://${path}`);
      await speakAcrossRestart(id, heard);
      server[Symbol.dispose]();
      rmSync(path);
      server = new DatagramReceiver(path);
      await say(id, "anew");
      await eventually(async () => heard(), ["ready", "before", "after", "anew"]);
      await docker("rm", "-f", id);
    } finally {
      server[Symbol.dispose]();
      rmSync(directory, { recursive: true });
    }
  });

  test("fluentd over TCP, across the daemon's restart", async () => {
    const extensionCodec = new ExtensionCodec();
    extensionCodec.register({ type: 0, encode: () => null, decode: () => "event time" });
    const messages: { tag: unknown; record: Record<string, unknown> }[] = [];
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (chunk) => {
        for (const message of decodeMulti(chunk, { extensionCodec })) {
          const [tag, , record] = message as [unknown, unknown, Record<string, unknown>];
          messages.push({ tag, record });
        }
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const address = `fluentd-address=127.0.0.1:${(server.address() as AddressInfo).port}`;
      const id = await speaker("--log-driver", "fluentd", "--log-opt", address, "--log-opt", "tag=spoken");
      await speakAcrossRestart(id, () => messages.map(({ record }) => `${record["log"]}`));
      expect(messages[0]).toMatchObject({
        tag: "spoken",
        record: { container_id: id, source: "stdout", container_name: await inspect(id, "{{.Name}}") },
      });
      await docker("rm", "-f", id);
    } finally {
      server.close();
    }
  });
});
