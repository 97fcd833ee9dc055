import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface ClientFlag {
  /** One letter. */
  readonly short?: string;
  /** `list`; empty for switches. */
  readonly type: string;
}

export interface ClientCommand {
  /** What follows the name: `[OPTIONS] IMAGE`. */
  readonly usage: string;
  readonly flags: Readonly<Record<string, ClientFlag>>;
  /** Every way to call it. */
  readonly spellings: readonly string[];
}

/** Facts of Docker's client as its `--help` tells them, see `scripts/derive-docker-client.ts`. */
export interface DockerClient {
  readonly version: string;
  /** By name, `container run`; the empty name is the client itself with its global flags. */
  readonly commands: Readonly<Record<string, ClientCommand>>;
  /** Groups that are not looked into: those of a swarm. */
  readonly swarm: readonly string[];
}

export const DOCKER_CLIENT_PATH = join(import.meta.dir, "docker-client.json");

export function readDockerClient(): DockerClient {
  return JSON.parse(readFileSync(DOCKER_CLIENT_PATH, "utf8")) as DockerClient;
}
