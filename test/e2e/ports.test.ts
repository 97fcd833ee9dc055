// Published ports: every form of -p, who can reach them, and who can't.
import { describe, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { AGAINST_DOCKER, IMAGE } from "../support/engine.ts";
import { pageByNc, withMachine } from "../support/machine.ts";
import { useEngine } from "../support/suite.ts";

const { docker, dockerResult, engine, inspect, eventually } = useEngine();

const serve = (word: string) => ["sh", "-c", `echo ${word} >/www/index.html; exec httpd -f -h /www`];

const server = (word: string, ...options: string[]) => docker("run", "-d", ...options, IMAGE, ...serve(word));

const page = async (address: string) => {
  try {
    return (await (await fetch(`http://${address}/`, { keepalive: false })).text()).trim();
  } catch {
    return "nothing";
  }
};

/** Several ports in a row that nobody listens on now. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const listeners: { readonly port: number; stop(now: boolean): void }[] = [];
    try {
      const listen = (port: number) => Bun.listen({ hostname: "0.0.0.0", port, socket: { data() {} } });
      listeners.push(listen(0));
      const first = listeners[0]!.port;
      for (let next = first + 1; next < first + count; next++) listeners.push(listen(next));
      return first;
    } catch {
      // One of the neighbours is taken: look elsewhere.
    } finally {
      for (const listener of listeners) listener.stop(true);
    }
  }
}

const UDP_ECHO = `
  const socket = require("node:dgram").createSocket("udp4");
  socket.on("message", (message, from) => socket.send(message, from.port, from.address));
  socket.bind(53, "0.0.0.0");
`;

/** Asks an echo server over UDP. */
async function ask(port: number, question: string): Promise<string> {
  const socket = createSocket("udp4");
  const answer = Promise.withResolvers<string>();
  socket.once("message", (message) => answer.resolve(message.toString()));
  socket.once("error", () => answer.resolve("nothing"));
  const giveUp = setTimeout(() => answer.resolve("nothing"), 200);
  socket.send(question, port, "127.0.0.1");
  try {
    return await answer.promise;
  } finally {
    clearTimeout(giveUp);
    socket.close();
  }
}

describe.skipIf(AGAINST_DOCKER)("published ports", () => {
  test("a fixed port on every address, and on one", async () => {
    const port = await freePorts(2);
    const id = await server("fixed", "-p", `${port}:80`, "-p", `127.0.0.1:${port + 1}:80`);
    await eventually(() => page(`127.0.0.1:${port}`), "fixed");
    expect(await page(`127.0.0.1:${port + 1}`)).toBe("fixed");
    const gateway = await inspect(id, "{{.NetworkSettings.Networks.bridge.Gateway}}");
    expect(await page(`${gateway}:${port}`)).toBe("fixed");
    expect(await page(`${gateway}:${port + 1}`)).toBe("nothing");
    await docker("rm", "-f", id);
    expect(await page(`127.0.0.1:${port}`)).toBe("nothing");
  });

  test("a range is published one to one, and -P publishes what is exposed", async () => {
    const port = await freePorts(3);
    const id = await server("range", "-p", `127.0.0.1:${port}-${port + 2}:80-82`);
    expect(await docker("port", id, "82/tcp")).toBe(`127.0.0.1:${port + 2}`);
    await eventually(() => page(`127.0.0.1:${port}`), "range");
    const all = await server("exposed", "-P", "--expose", "80", "--expose", "53/udp");
    const published = (await docker("port", all, "80/tcp")).split("\n")[0]!.split(":").at(-1);
    expect(await docker("port", all, "53/udp")).toMatch(/:\d+/);
    await eventually(() => page(`127.0.0.1:${published}`), "exposed");
    await docker("rm", "-f", id, all);
  });

  test("udp is answered from the port that was asked", async () => {
    const id = await docker("run", "-d", "-p", "127.0.0.1::53/udp", IMAGE, "sleep", "1000");
    const port = Number((await docker("port", id, "53/udp")).split(":").at(-1));
    const pid = await inspect(id, "{{.State.Pid}}");
    // The small image has nothing that answers over UDP: a program of the host does, in the container's network.
    const inNetwork = ["nsenter", "--net", "--target", pid, "--", process.execPath, "-e", UDP_ECHO];
    const echo = Bun.spawn(inNetwork, { stdout: "ignore", stderr: "ignore" });
    try {
      await eventually(() => ask(port, "well?"), "well?");
      await docker("rm", "-f", id);
      expect(await ask(port, "well?"), engine().log()).toBe("nothing");
    } finally {
      echo.kill("SIGKILL");
      await echo.exited;
    }
  });

  test("a port that is taken is refused, by a container or by a program, and free again afterwards", async () => {
    const port = await freePorts(1);
    const publish = ["-p", `127.0.0.1:${port}:80`];
    const id = await server("first", ...publish);
    const taken = await dockerResult(["run", "--rm", ...publish, IMAGE, "true"]);
    expect(taken.code).toBe(125);
    expect(taken.stderr).toContain("port is already allocated");
    await docker("rm", "-f", id);
    const program = Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
    const inUse = await dockerResult(["run", "--rm", ...publish, IMAGE, "true"]);
    program.stop(true);
    expect(inUse.code).toBe(125);
    expect(inUse.stderr).toMatch(/address already in use|port is already allocated/);
    const again = await server("again", ...publish);
    await eventually(() => page(`127.0.0.1:${port}`), "again");
    await docker("rm", "-f", again);
  });

  test("another container and the container itself reach it at the host's address", async () => {
    const id = await server("hairpin", "-p", "80");
    const port = (await docker("port", id, "80/tcp")).split("\n")[0]!.split(":").at(-1);
    const gateway = await inspect(id, "{{.NetworkSettings.Networks.bridge.Gateway}}");
    const get = ["sh", "-c", pageByNc(`${gateway}:${port}`)];
    await eventually(async () => (await dockerResult(["exec", id, ...get])).stdout, "hairpin\n");
    expect(await docker("run", "--rm", IMAGE, ...get)).toBe("hairpin");
    await docker("rm", "-f", id);
  });

  test("from another machine a published port answers, and one of the loopback or unpublished does not", async () => {
    const open = await server("open", "-p", "80");
    const local = await server("local", "-p", "127.0.0.1::80");
    const closed = await server("closed");
    const port = (await docker("port", open, "80/tcp")).split("\n")[0]!.split(":").at(-1);
    const localPort = (await docker("port", local, "80/tcp")).split(":").at(-1);
    const address = await inspect(closed, "{{.NetworkSettings.Networks.bridge.IPAddress}}");
    await withMachine(async ({ get, host }) => {
      await eventually(() => get(`${host}:${port}`), "open");
      await eventually(() => page(`127.0.0.1:${localPort}`), "local");
      expect(await get(`${host}:${localPort}`)).toBe("");
      await eventually(() => page(`${address}:80`), "closed");
      expect(await get(`${address}:80`)).toBe("");
    });
    await docker("rm", "-f", open, local, closed);
  });
});
