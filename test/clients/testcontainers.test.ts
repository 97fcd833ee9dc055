// testcontainers 12, which gives programs' tests the services they need. What they do with it is in packages/testcontainers.mjs. Its
// own cleaner (Ryuk), an image of a registry on the internet, is switched off by its own switch.
import { afterAll, expect } from "bun:test";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { buildFolders } from "../support/build-folder.ts";
import {
  hasDebianServices,
  loadDebianServices,
  POSTGRES_IMAGE,
  REDIS_IMAGE,
} from "../support/debian-services.ts";
import { IMAGE } from "../support/engine.ts";
import { nodeTests } from "../support/node-client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { useEngine } from "../support/suite.ts";

const { engine, docker, dockerResult } = useEngine();
let registry: TestRegistry | undefined;
afterAll(() => registry?.[Symbol.asyncDispose]());

const folderOf = buildFolders();

const COMPOSE = `services:
  web:
    build: .
    init: true
    environment: { WORD: null }
    ports: ["8080"]
    depends_on: [other]
  other:
    image: ${IMAGE}
    command: sh -c "echo by other > /data/made; trap 'exit 0' TERM; sleep 600 & wait"
    volumes: ["data:/data"]
volumes:
  data:
`;

const DOCKERFILE = `FROM ${IMAGE}
RUN mkdir /page
CMD echo $WORD > /page/index.html; exec httpd -f -p 8080 -h /page
`;

nodeTests("testcontainers.mjs", engine, async () => {
  const services: Record<string, string> = hasDebianServices
    ? { POSTGRES: POSTGRES_IMAGE, REDIS: REDIS_IMAGE }
    : {};
  if (hasDebianServices) await loadDebianServices(engine());
  return {
    IMAGE,
    PRIVATE_IMAGE: await pushPrivately(),
    ...services,
    TESTCONTAINERS_RYUK_DISABLED: "true",
    TESTCONTAINERS_HOST_OVERRIDE: "127.0.0.1",
    // It calls `docker compose`: here as one who has berth alone would have it.
    PATH: `${folderWithDocker()}:${process.env["PATH"]}`,
    COMPOSE_FOLDER: folderOf({ "compose.yaml": COMPOSE, Dockerfile: DOCKERFILE }),
  };
});

function folderWithDocker(): string {
  const folder = folderOf({});
  symlinkSync(EXECUTABLE, join(folder, "docker"));
  return folder;
}

/** Leaves the image in a registry, and its password in the client's settings, as `docker login` does. */
async function pushPrivately(): Promise<string> {
  registry = await startRegistry({ users: { user: "secret" } });
  const name = `${registry.address}/team/private:1`;
  await docker("tag", IMAGE, name);
  const login = ["login", "-u", "user", "--password-stdin", registry.address];
  expect(await dockerResult(login, { stdin: "secret" })).toMatchObject({ code: 0 });
  await docker("push", "-q", name);
  await docker("rmi", name);
  return name;
}
