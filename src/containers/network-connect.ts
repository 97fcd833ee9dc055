import { invalidParameter, kindOf, notFound, systemError } from "../lib/index.ts";
import type { EndpointSettings } from "../wire/index.ts";
import type { Context } from "./context.ts";
import { addToEtcFiles, takeFromEtcFiles } from "./etc-update.ts";
import type { LiveProcess, NetworkFacts } from "./ports.ts";
import { attachRequestOf } from "./prepare-network.ts";
import { type ContainerRecord, hasProcess, isRunning } from "./record.ts";

type Networked = Pick<Context, "emitEvent" | "endpoints" | "repository" | "queues" | "paths">;

/**
 * `docker network connect`: at once where the container runs, else at its next start.
 * @throws NotFound for the network, Forbidden where it is connected already, InvalidParameter in Docker's words
 */
export function connectNetwork(
  context: Networked,
  record: ContainerRecord,
  nameOrId: string,
  settings: EndpointSettings,
): Promise<void> {
  return context.queues.run(record.id, async () => {
    refuseRemoved(context, record);
    if (sharesNetwork(record)) throw invalidParameter(SHARED);
    const network = context.endpoints.network(nameOrId);
    refuseMixed(context, record, network);
    const process = processOf(record);
    if (process === undefined && isOn(context, record, network)) return;
    context.endpoints.checkEndpoint(network.name, settings);
    const request = attachRequestOf(context, record, { running: true });
    const joined = process && (await context.endpoints.join(network.name, request, settings, process));
    await using undo = new AsyncDisposableStack();
    if (process !== undefined) {
      undo.defer(async () => void (await context.endpoints.leave(network.name, record.id, process)));
    }
    const others = record.networking.EndpointsConfig ?? {};
    note(context, record, { networking: { EndpointsConfig: { ...others, [network.name]: settings } } });
    undo.move();
    if (joined !== undefined) addToEtcFiles(context, record, joined);
    await context.repository.durable(record);
  });
}

/**
 * `docker network disconnect`.
 * @param options.force also from a network that is gone
 * @throws NotFound for the network, System where the container is not connected to it
 */
export function disconnectNetwork(
  context: Networked,
  record: ContainerRecord,
  nameOrId: string,
  options: { force: boolean },
): Promise<void> {
  return context.queues.run(record.id, async () => {
    refuseRemoved(context, record);
    const network = find(context, nameOrId);
    if (network === undefined && hasProcess(record) && !options.force) {
      throw notFound(`network ${nameOrId} not found`);
    }
    const name = network?.name ?? nameOrId;
    const process = processOf(record);
    const there = process !== undefined && hasEndpoint(context, record, name);
    if (sharesNetwork(record) || !(there || isOn(context, record, network ?? { name }))) {
      const what = process !== undefined && network !== undefined ? "network" : "the network";
      throw systemError(`container ${record.id} is not connected to ${what} ${name}`);
    }
    if (network?.driver === "host") throw invalidParameter(HOST_FOR_GOOD);
    const left = there ? await context.endpoints.leave(name, record.id, process) : undefined;
    note(context, record, without(context, record, network ?? { name }));
    if (left !== undefined) takeFromEtcFiles(context, record, left);
    else if (network !== undefined) tellDisconnect(context, record, network);
    await context.repository.durable(record);
  });
}

const SHARED =
  "container sharing network namespace with another container or host cannot be connected to any other network";
const PRIVATE =
  "container cannot be connected to multiple networks with one of the networks in private (none) mode";
const HOST_ONLY = "cannot connect container to host network - container must be created in host network mode";
const HOST_FOR_GOOD =
  "cannot disconnect container from host network - container was created in host network mode";

function refuseRemoved(context: Networked, record: ContainerRecord): void {
  const { status, phase } = record.state;
  if (context.repository.byId(record.id) !== record) throw notFound(`No such container: ${record.id}`);
  if (phase !== "removing" && status !== "removing" && status !== "dead") return;
  throw systemError(
    `Container ${record.id} is marked for removal and cannot be connected or disconnected to the network`,
  );
}

/** The host's network, or none, cannot be one of several. */
function refuseMixed(context: Networked, record: ContainerRecord, network: NetworkFacts): void {
  if (record.host.NetworkMode !== "host" && network.driver === "host") throw invalidParameter(HOST_ONLY);
  for (const name of namesOf(record)) {
    const other = find(context, name);
    if (other === undefined || other.id === network.id) continue;
    if (other.driver === "host") throw invalidParameter(SHARED);
    if (other.driver === "null" || network.driver === "null") throw invalidParameter(PRIVATE);
  }
}

/** Names and ids of the networks that a container is on, or will be when it starts. */
export function namesOf(record: ContainerRecord): string[] {
  if (sharesNetwork(record)) return [];
  const asked = Object.keys(record.networking.EndpointsConfig ?? {});
  return [...new Set(record.leftMode ? asked : [modeOf(record), ...asked])];
}

/** It is on the network now, whatever the record says: a crash may have come between the two. */
function hasEndpoint({ endpoints }: Networked, record: ContainerRecord, network: string): boolean {
  return Object.hasOwn(endpoints.settings(record.id)?.Networks ?? {}, network);
}

function isOn(context: Networked, record: ContainerRecord, network: { id?: string; name: string }): boolean {
  return namesOf(record).some((name) => means(context, name, network));
}

/** The container's part of the record once it is off a network. */
function without(
  context: Networked,
  record: ContainerRecord,
  network: { id?: string; name: string },
): Partial<ContainerRecord> {
  const entries = Object.entries(record.networking.EndpointsConfig ?? {});
  const EndpointsConfig = Object.fromEntries(entries.filter(([name]) => !means(context, name, network)));
  const left = record.leftMode || means(context, modeOf(record), network);
  return { networking: { EndpointsConfig }, ...(left ? { leftMode: true } : {}) };
}

/** Whether a name, an id or the beginning of one means that network; of one that is gone only its name is known. */
function means(context: Networked, nameOrId: string, network: { id?: string; name: string }): boolean {
  if (nameOrId === network.name) return true;
  return network.id !== undefined && find(context, nameOrId)?.id === network.id;
}

const modeOf = (record: ContainerRecord) =>
  record.config.NetworkDisabled ? "none" : (record.host.NetworkMode ?? "bridge");

const sharesNetwork = (record: ContainerRecord) => record.host.NetworkMode?.startsWith("container:") === true;

function find({ endpoints }: Networked, nameOrId: string): NetworkFacts | undefined {
  try {
    return endpoints.network(nameOrId);
  } catch (error) {
    if (kindOf(error) === "NotFound") return undefined;
    throw error;
  }
}

function processOf(record: ContainerRecord): LiveProcess | undefined {
  if (!isRunning(record) || !hasProcess(record)) return undefined;
  const { pid, startTime } = record.state;
  return { pid, ...(startTime === undefined ? {} : { startTime }) };
}

/** Docker tells of it also where nothing was connected yet; of one that left its network the network tells. */
function tellDisconnect({ emitEvent }: Networked, record: ContainerRecord, network: NetworkFacts): void {
  const { id, name, driver } = network;
  emitEvent({
    type: "network",
    action: "disconnect",
    actorId: id,
    attributes: { container: record.id, name, type: driver },
  });
}

/** One write: the next daemon finds either the old networks or the new ones. */
function note(context: Networked, record: ContainerRecord, change: Partial<ContainerRecord>): void {
  const before = { networking: record.networking, leftMode: record.leftMode };
  Object.assign(record, change);
  try {
    context.repository.save(record);
  } catch (error) {
    Object.assign(record, before);
    throw error;
  }
}
