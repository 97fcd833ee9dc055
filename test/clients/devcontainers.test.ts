// @devcontainers/cli, which editors and build servers start a project's own container with. It calls a docker client: the real
// one, and ours in its place.
import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { CLIENT_PACKAGES } from "../../scripts/lib/client-packages.ts";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { buildFolders } from "../support/build-folder.ts";
import { DEBIAN_IMAGE, hasDebian, importDebian } from "../support/debian-services.ts";
import { type CommandResult, DOCKER, runCommand } from "../support/engine.ts";
import { NODE } from "../support/node-client.ts";
import { useEngine } from "../support/suite.ts";

const { engine, docker, inspect } = useEngine();
const folderOf = buildFolders();
const CLI = join(CLIENT_PACKAGES, "node_modules", "@devcontainers", "cli", "devcontainer.js");
const MINUTES_2 = 120_000;
/** The image may have to be made first, on a machine that is busy with other tests. */
const MINUTES_10 = 600_000;

const clients = [
  { name: "the docker client", path: DOCKER ?? "docker" },
  { name: "berth", path: EXECUTABLE },
];

interface Outcome {
  readonly outcome: string;
  readonly containerId: string;
  readonly remoteUser: string;
  readonly remoteWorkspaceFolder: string;
  readonly imageName: string[];
}

function devcontainer(client: string, args: readonly string[]): Promise<CommandResult> {
  const [command, ...rest] = args;
  return runCommand(
    [
      NODE,
      CLI,
      command!,
      "--docker-path",
      client,
      "--user-data-folder",
      join(engine().root, "devcontainers"),
      ...rest,
    ],
    {
      env: {
        DOCKER_HOST: engine().host,
        DOCKER_CONFIG: join(engine().root, "config"),
        TMPDIR: join(engine().root, "config"),
        FROM_HOST: "of the host",
      },
      timeoutMs: MINUTES_2,
    },
  );
}

/** What a command that ends well prints last is a line of JSON. */
async function outcomeOf(client: string, ...args: string[]): Promise<Outcome> {
  const result = await devcontainer(client, args);
  expect(result, `devcontainer ${args.join(" ")}`).toMatchObject({ code: 0 });
  return JSON.parse(result.stdout.trim().split("\n").at(-1)!) as Outcome;
}

/** A project with an image, variables, mounts, a feature of its own, and commands for each step of its life. */
const withImage = (volume: string) =>
  folderOf({
    ".devcontainer/devcontainer.json": `{
      // Comments are allowed here.
      "name": "with an image",
      "image": "${DEBIAN_IMAGE}",
      "features": { "./greeter": { "whom": "you" } },
      "containerEnv": { "IN_CONTAINER": "\${localEnv:FROM_HOST}" },
      "remoteEnv": { "IN_REMOTE": "\${containerEnv:IN_CONTAINER}, remote" },
      "mounts": [{ "type": "volume", "source": "${volume}", "target": "/cache" }],
      "runArgs": ["--hostname", "dev-host", "--cap-add=SYS_PTRACE"],
      "appPort": [],
      "initializeCommand": "touch initialized",
      "onCreateCommand": "echo created >> /life",
      "updateContentCommand": ["sh", "-c", "echo updated >> /life"],
      "postCreateCommand": { "one": "echo one >> /post-one", "two": "echo two >> /post-two" },
      "postStartCommand": "echo started >> /life",
      "postAttachCommand": "echo attached >> /life"
    }`,
    ".devcontainer/greeter/devcontainer-feature.json": `{
      "id": "greeter", "version": "1.0.0", "name": "Greeter",
      "options": { "whom": { "type": "string", "default": "nobody" } },
      "containerEnv": { "GREETER": "installed" }
    }`,
    ".devcontainer/greeter/install.sh":
      '#!/bin/sh\nset -e\nprintf "#!/bin/sh\\necho hello $WHOM\\n" > /usr/local/bin/greet\nchmod 755 /usr/local/bin/greet\n',
    "source.txt": "the source\n",
  });

const DOCKERFILE = `ARG BASE
FROM \${BASE}
RUN useradd --create-home --shell /bin/bash dev
COPY tool /usr/local/bin/tool
ARG FLAVOUR=plain
RUN chmod 755 /usr/local/bin/tool && echo $FLAVOUR > /flavour
`;

/** A project with a Dockerfile of its own and a user who is not root. */
const withDockerfile = () =>
  folderOf({
    ".devcontainer/devcontainer.json": `{
      "build": { "dockerfile": "Dockerfile", "context": "..", "args": { "BASE": "${DEBIAN_IMAGE}", "FLAVOUR": "vanilla" } },
      "remoteUser": "dev",
      "overrideCommand": true,
      "init": true,
      "workspaceFolder": "/work/here",
      "workspaceMount": "source=\${localWorkspaceFolder},target=/work/here,type=bind",
      "postCreateCommand": "id -un > /tmp/who"
    }`,
    ".devcontainer/Dockerfile": DOCKERFILE,
    tool: "#!/bin/sh\necho the tool in $PWD\n",
  });

const withComposeFile = () =>
  folderOf({
    ".devcontainer/devcontainer.json": `{
      "dockerComposeFile": "compose.yml",
      "service": "app",
      "workspaceFolder": "/workspace",
      "postCreateCommand": "echo made > /made"
    }`,
    ".devcontainer/compose.yml": `version: "3.8"
services:
  app: { image: "${DEBIAN_IMAGE}", command: sleep infinity, init: true, volumes: ["..:/workspace"] }
  other: { image: "${DEBIAN_IMAGE}", command: sleep infinity, init: true }
`,
    "source.txt": "composed\n",
  });

describe.if(hasDebian)("a development container", () => {
  beforeAll(() => importDebian(engine()), MINUTES_10);

  for (const client of clients) {
    const { path } = client;
    const id = client.name === "berth" ? "berth" : "docker";

    test(`of an image, with a feature, by ${client.name}`, async () => {
      const folder = withImage(`${id}-cache`);
      const workspace = ["--workspace-folder", folder];
      const up = await outcomeOf(path, "up", ...workspace);
      expect(up).toMatchObject({ outcome: "success", remoteUser: "root" });
      expect(await Bun.file(join(folder, "initialized")).exists()).toBe(true);

      const run = (...args: string[]) => devcontainer(path, ["exec", ...workspace, ...args]);
      const script =
        'pwd; cat source.txt; echo "$IN_CONTAINER|$IN_REMOTE|$GREETER"; hostname; greet; cat /life /post-*';
      expect((await run("sh", "-c", script)).stdout).toBe(
        [
          up.remoteWorkspaceFolder,
          "the source",
          "of the host|of the host, remote|installed",
          "dev-host",
          "hello you",
          ...["created", "updated", "started", "attached", "one", "two", ""],
        ].join("\n"),
      );
      expect(
        await inspect(
          up.containerId,
          '{{range .Mounts}}{{if eq .Destination "/cache"}}{{.Name}}{{end}}{{end}}',
        ),
      ).toBe(`${id}-cache`);
      expect((await run("--remote-env", "MORE=more", "sh", "-c", "echo $MORE; exit 7")).code).toBe(7);

      await docker("stop", "-t", "0", up.containerId);
      const again = await outcomeOf(path, "up", ...workspace);
      expect(again.containerId).toBe(up.containerId);
      expect((await run("tail", "-n", "2", "/life")).stdout).toBe("started\nattached\n");
      await docker("rm", "-f", "-v", up.containerId);
    });

    test(`of a Dockerfile, with a user of its own, by ${client.name}`, async () => {
      const workspace = ["--workspace-folder", withDockerfile()];
      const built = await outcomeOf(path, "build", ...workspace, "--image-name", `${id}-dev:1`);
      expect(built).toMatchObject({ outcome: "success", imageName: [`${id}-dev:1`] });
      expect(await docker("run", "--rm", `${id}-dev:1`, "cat", "/flavour")).toBe("vanilla");

      const up = await outcomeOf(path, "up", ...workspace);
      expect(up).toMatchObject({ remoteUser: "dev", remoteWorkspaceFolder: "/work/here" });
      const { stdout } = await devcontainer(path, [
        "exec",
        ...workspace,
        "sh",
        "-c",
        "tool; id -un; cat /tmp/who; echo $HOME",
      ]);
      expect(stdout).toBe("the tool in /work/here\ndev\ndev\n/home/dev\n");
      const fresh = await outcomeOf(path, "up", ...workspace, "--remove-existing-container");
      expect(fresh.containerId).not.toBe(up.containerId);
      await docker("rm", "-f", fresh.containerId);
    });
  }

  test("of a compose file, by docker-compose 1.29", async () => {
    await composed(DOCKER ?? "docker", ["--docker-compose-path", "/usr/bin/docker-compose"]);
  });

  test("of a compose file, by berth compose", async () => {
    await composed(EXECUTABLE, []);
  });

  async function composed(client: string, options: readonly string[]): Promise<void> {
    const args = ["--workspace-folder", withComposeFile(), ...options];
    const up = await outcomeOf(client, "up", ...args);
    expect(up).toMatchObject({ outcome: "success", remoteWorkspaceFolder: "/workspace" });
    const script = "cat source.txt /made; getent hosts other";
    const read = await devcontainer(client, ["exec", ...args, "sh", "-c", script]);
    expect(read.stdout).toMatch(/^composed\nmade\n\d+\.\d+\.\d+\.\d+ +other\n$/);
    const again = await outcomeOf(client, "up", ...args);
    expect(again.containerId).toBe(up.containerId);
    const project = await inspect(up.containerId, '{{index .Config.Labels "com.docker.compose.project"}}');
    const ids = await docker("ps", "-aq", "--filter", `label=com.docker.compose.project=${project}`);
    await docker("rm", "-f", ...ids.split("\n"));
    await docker("network", "rm", `${project}_default`);
  }

  test("the engine's socket in a container, for what it starts beside itself", async () => {
    const mounts = [`${engine().socket}:/var/run/docker.sock`, `${EXECUTABLE}:/usr/local/bin/docker:ro`];
    const volumes = mounts.flatMap((mount) => ["-v", mount]);
    const script = `docker run --name beside ${DEBIAN_IMAGE} cat /etc/debian_version && docker wait beside && docker rm beside`;
    const shown = await docker(
      "run",
      "--rm",
      "-e",
      "DOCKER_HOST=unix:///var/run/docker.sock",
      ...volumes,
      DEBIAN_IMAGE,
      "sh",
      "-c",
      script,
    );
    expect(shown).toMatch(/^12\.\d+\n0\nbeside$/);
  });
});
