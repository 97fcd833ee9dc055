import { expect } from "bun:test";
import { Engine } from "../../../src/sdk/index.ts";
import { daemon, engine, load, proves, refusal, upped, web, write } from "./bench.ts";

export function files(): void {
  proves(
    "secrets.source secrets.target secrets.uid secrets.gid secrets.mode configs.source configs.target configs.uid configs.gid configs.mode /secrets.*.name /secrets.*.file /secrets.*.environment /secrets.*.content /configs.*.name /configs.*.file /configs.*.environment /configs.*.content",
    async () => {
      write("files/secret", "from a file\n", 0o600);
      const yaml = web(
        `secrets: [file, variable, { source: file, target: owned, uid: "33", gid: "5", mode: 0440 }, { source: variable, target: /deep/er/token, uid: "33", mode: 0400 }]
configs: [text, { source: text, target: /etc/app/c.conf, mode: "0640", gid: "5" }, { source: file, target: /etc/bound }, { source: variable, target: /v }]`,
        `secrets: { file: { name: other-name, file: ./secret }, variable: { environment: TOKEN } }
configs: { file: { name: a-config, file: ./secret }, text: { content: "hello $\${NOBODY} \${TOKEN}" }, variable: { environment: TOKEN } }`,
      );
      await upped(load("files", yaml, { environment: { TOKEN: "tok" } }), async ({ sh, inspect }) => {
        const shown = await sh(
          "web",
          "cd /run/secrets; for f in file variable owned /deep/er/token /text /etc/app/c.conf /etc/bound /v; do stat -c '%n %a %u:%g' $f; cat $f; echo; done",
        );
        expect(shown.split("\n").filter((line) => line !== "")).toEqual([
          "file 600 0:0",
          "from a file",
          "variable 444 0:0",
          "tok",
          "owned 440 33:5",
          "from a file",
          "/deep/er/token 400 33:0",
          "tok",
          "/text 444 0:0",
          "hello ${NOBODY} tok",
          "/etc/app/c.conf 640 0:5",
          "hello ${NOBODY} tok",
          "/etc/bound 600 0:0",
          "from a file",
          "/v 444 0:0",
          "tok",
        ]);
        // What is bound follows the file, and is not to be written to.
        write("files/secret", "changed\n", 0o600);
        expect(
          await sh("web", "cat /run/secrets/file; echo x 2>/dev/null >/run/secrets/file || echo refused"),
        ).toBe("changed\nrefused");
        expect((await inspect("web")).Mounts.map(({ Destination }) => Destination).sort()).toEqual([
          "/etc/bound",
          "/run/secrets/file",
        ]);
      });
    },
  );

  proves(
    "/secrets.*.external /secrets.*.labels /secrets.*.driver /secrets.*.driver_opts /secrets.*.template_driver /configs.*.external /configs.*.labels /configs.*.template_driver",
    async () => {
      const secret = (more: string) =>
        refusal("refused-files", web("secrets: [x]", `secrets: { x: { ${more} } }`));
      const config = (more: string) =>
        refusal("refused-files", web("configs: [x]", `configs: { x: { ${more} } }`));
      expect(await secret("external: true, name: theirs")).toContain("unsupported external secret theirs");
      expect(await config("external: true, name: theirs")).toContain("unsupported external config theirs");
      expect(await secret("driver: vault, driver_opts: { a: b }")).toContain("driver is not supported");
      expect(await secret("file: ./x, template_driver: golang")).toContain(
        "template_driver is not supported",
      );
      expect(await config("content: x, template_driver: golang")).toContain(
        "template_driver is not supported",
      );
      const labelled = load(
        "refused-files",
        web(
          "secrets: [x]\nconfigs: [y]",
          "secrets: { x: { environment: HOME, labels: { a: b } } }\nconfigs: { y: { content: z, labels: { a: b } } }",
        ),
      );
      await upped(labelled, ({ warnings }) => {
        expect(warnings).toEqual([
          "secrets.x.labels has no effect: a secret is a file of its containers",
          "configs.y.labels has no effect: a config is a file of its containers",
        ]);
      });
    },
  );

  proves("use_api_socket", async () => {
    await upped(load("socket", web("use_api_socket: true")), async ({ sh, inspect }) => {
      expect(await sh("web", "test -S /var/run/docker.sock && cat $DOCKER_CONFIG/config.json")).toBe(
        '{"auths":{}}',
      );
      expect((await inspect("web")).Mounts[0]?.Source).toBe(daemon.socket);
    });
  });
}

/** Files where the container's own layer does not take them, or where they cannot be bound. */
export function hardPlaces(): void {
  const objects =
    "secrets: { file: { file: ./secret }, variable: { environment: TOKEN } }\nconfigs: { text: { content: hello } }";
  const environment = { TOKEN: "tok" };

  proves("read_only", async () => {
    write("hard/secret", "from a file\n");
    const yaml = web(
      `read_only: true\ntmpfs: [/run]\nsecrets: [file, { source: variable, uid: "33", mode: 0400 }]\nconfigs: [text]`,
      objects,
    );
    const loaded = load("hard", yaml, { environment });
    await upped(loaded, async ({ sh }) => {
      expect(
        await sh(
          "web",
          "cd /run/secrets; cat file variable /text; stat -c ' %u %a' variable; touch /x 2>&1 | grep -c Read-only; echo x 2>/dev/null >/text || echo refused",
        ),
      ).toBe("from a file\ntokhello 33 400\n1\nrefused");
      // It outlives a stop.
      await engine.containers.restart("hard-web-1", { timeoutSeconds: 0 });
      expect(await sh("web", "cat /run/secrets/variable /text")).toBe("tokhello");
    });
    expect((await engine.volumes.list({ label: ["com.docker.compose.project=hard"] })).Volumes ?? []).toEqual(
      [],
    );
  });

  proves("secrets.source configs.source", async () => {
    write("remote/secret", "from a file\n", 0o640);
    using server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: forwarding(daemon.socket),
    });
    const remote = new Engine(`tcp://127.0.0.1:${server.port}`);
    const yaml = web("secrets: [file]\nconfigs: [text]", objects);
    await upped(load("remote", yaml, { environment, on: remote }), async ({ sh, inspect }) => {
      expect(await sh("web", "cat /run/secrets/file /text; stat -c ' %a' /run/secrets/file")).toBe(
        "from a file\nhello 640",
      );
      expect((await inspect("web")).Mounts).toEqual([]);
    });
  });
}

/** Passes a TCP connection on to a socket of this machine. */
function forwarding(path: string) {
  interface State {
    peer: Promise<import("bun").Socket>;
  }
  return {
    async open(socket: import("bun").Socket<State>) {
      const peer = Bun.connect({
        unix: path,
        socket: {
          data: (_: unknown, bytes: Uint8Array) => void socket.write(bytes),
          close: () => void socket.end(),
        },
      });
      socket.data = { peer };
    },
    async data(socket: import("bun").Socket<State>, bytes: Uint8Array) {
      const copy = bytes.slice();
      (await socket.data.peer).write(copy);
    },
    async close(socket: import("bun").Socket<State>) {
      (await socket.data.peer).end();
    },
  };
}
