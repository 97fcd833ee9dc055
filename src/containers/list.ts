import type { ContainerSummary } from "../wire/index.ts";
import type { Context } from "./context.ts";
import {
  checkFilterNames,
  matchesAny,
  matchesLabels,
  parseBoolFilter,
  parseExitCodes,
  parseHealth,
  parsePortFilter,
  parseStatuses,
  valuesOf,
} from "./filters.ts";
import { namesByLinks } from "./links.ts";
import { networkSettingsOf, portSummaries } from "./network-view.ts";
import { type ContainerRecord, isRunning, mountPointOf } from "./record.ts";
import type { Filters, ListOptions } from "./requests.ts";
import { statusText } from "./status-text.ts";
import { NEVER, parseTime } from "./time.ts";

const FILTERS = [
  ...["ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label"],
  ...["name", "network", "publish", "since", "status", "volume"],
];

/**
 * `docker ps`: newest first. @throws InvalidParameter for filters that mean nothing, NotFound for `before`
 * and `since`
 */
export async function listContainers(context: Context, options: ListOptions): Promise<ContainerSummary[]> {
  const select = await selector(context, options.filters);
  const all = options.all || (options.limit ?? 0) > 0 || valuesOf(options.filters, "status").length > 0;
  const limit = options.limit && options.limit > 0 ? options.limit : Number.POSITIVE_INFINITY;
  const chosen: ContainerRecord[] = [];
  for (const record of [...context.repository.all()].reverse()) {
    if (chosen.length >= limit) break;
    if (record.state.phase === "creating") continue;
    if ((all || isRunning(record)) && select(record)) chosen.push(record);
  }
  const names = new ImageNames(context);
  const links = namesByLinks(context);
  const summaries: ContainerSummary[] = [];
  for (const record of chosen) {
    const summary = summaryOf(context, record, await names.of(record));
    summary.Names.push(...(links.get(record.id) ?? []));
    summaries.push(summary);
  }
  if (options.size) await Promise.all(summaries.map((summary) => addSizes(context, summary)));
  return summaries;
}

type Select = (record: ContainerRecord) => boolean;

/** All filters joined by "and". */
async function selector(context: Context, filters: Filters): Promise<Select> {
  checkFilterNames(filters, FILTERS);
  const tests: Select[] = [
    byName(filters),
    byState(filters),
    byAge(context, filters),
    byVolume(filters),
    byNetwork(context, filters),
    byPort(context, filters),
    await byAncestor(context, filters),
    ({ config }) => matchesLabels(valuesOf(filters, "label"), config.Labels),
    // There is no swarm whose task a container could be.
    () => parseBoolFilter(filters, "is-task") !== true,
    // `isolation` is there for Windows; elsewhere every container passes.
  ];
  parseBoolFilter(filters, "is-task");
  return (record) => tests.every((test) => test(record));
}

function byName(filters: Filters): Select {
  const names = valuesOf(filters, "name");
  const ids = valuesOf(filters, "id");
  return ({ id, name }) => matchesAny(names, [`/${name}`, name]) && matchesAny(ids, [id]);
}

function byState(filters: Filters): Select {
  const statuses = parseStatuses(valuesOf(filters, "status"));
  const health = parseHealth(valuesOf(filters, "health"));
  const codes = parseExitCodes(valuesOf(filters, "exited"));
  return (record) => {
    const { status, exitCode, startedAt, health: is } = record.state;
    if (statuses.length > 0 && !statuses.includes(status)) return false;
    if (health.length > 0 && !health.includes(is?.Status ?? "none")) return false;
    return codes.length === 0 || (codes.includes(exitCode) && !isRunning(record) && startedAt !== NEVER);
  };
}

function byAge(context: Context, filters: Filters): Select {
  const order = new Map([...context.repository.all()].map((record, index) => [record.id, index]));
  const placeOf = (reference: string | undefined) =>
    reference === undefined ? undefined : order.get(context.repository.find(reference).id);
  const before = placeOf(valuesOf(filters, "before").at(-1));
  const since = placeOf(valuesOf(filters, "since").at(-1));
  if (before === undefined && since === undefined) return () => true;
  return ({ id }) => {
    const place = order.get(id) ?? 0;
    return (before === undefined || place < before) && (since === undefined || place > since);
  };
}

function byVolume(filters: Filters): Select {
  const wanted = valuesOf(filters, "volume");
  if (wanted.length === 0) return () => true;
  return ({ mounts }) =>
    mounts.some(({ name, source, destination }) =>
      wanted.some((value) => value === (name ?? source) || value === destination),
    );
}

function byNetwork(context: Context, filters: Filters): Select {
  const wanted = valuesOf(filters, "network");
  if (wanted.length === 0) return () => true;
  return (record) => {
    const networks = networkSettingsOf(context, record).Networks ?? {};
    return wanted.some(
      (value) =>
        value !== "" &&
        (Object.hasOwn(networks, value) ||
          Object.values(networks).some(({ NetworkID }) => NetworkID?.startsWith(value))),
    );
  };
}

function byPort(context: Context, filters: Filters): Select {
  const published = parsePortFilter("publish", valuesOf(filters, "publish"));
  const exposed = parsePortFilter("expose", valuesOf(filters, "expose"));
  if (published.size === 0 && exposed.size === 0) return () => true;
  return (record) =>
    portSummaries(networkSettingsOf(context, record)).some(
      ({ PublicPort, PrivatePort, Type }) =>
        published.has(`${PublicPort}/${Type}`) || exposed.has(`${PrivatePort}/${Type}`),
    );
}

async function byAncestor(context: Context, filters: Filters): Promise<Select> {
  const wanted = valuesOf(filters, "ancestor");
  if (wanted.length === 0) return () => true;
  const ids = new Set<string>();
  for (const reference of wanted) {
    try {
      const { id } = await context.images.resolve(reference);
      ids.add(id);
      for (const descendant of context.images.descendants?.(id) ?? []) ids.add(descendant);
    } catch {
      // An image that is not there has no containers.
    }
  }
  return ({ imageId }) => ids.has(imageId);
}

/** The image's name where it still means the same image, else the id; each name is looked up once a list. */
class ImageNames {
  readonly #context: Context;
  readonly #ids = new Map<string, string | undefined>();

  constructor(context: Context) {
    this.#context = context;
  }

  async of({ imageReference, imageId }: ContainerRecord): Promise<string> {
    if (!this.#ids.has(imageReference)) this.#ids.set(imageReference, await this.#lookUp(imageReference));
    return this.#ids.get(imageReference) === imageId ? imageReference : imageId;
  }

  async #lookUp(reference: string): Promise<string | undefined> {
    try {
      return (await this.#context.images.resolve(reference)).id;
    } catch {
      return undefined;
    }
  }
}

function summaryOf(context: Context, record: ContainerRecord, image: string): ContainerSummary {
  const { state, host, config } = record;
  const settings = networkSettingsOf(context, record);
  return {
    Id: record.id,
    Names: [`/${record.name}`],
    Image: image,
    ImageID: record.imageId,
    Command: commandText(record),
    Created: Math.floor(parseTime(record.created) / 1000),
    Ports: isRunning(record) ? portSummaries(settings) : [],
    Labels: { ...config.Labels },
    State: state.status,
    Status: statusText(record, context.clock.now()),
    HostConfig: {
      NetworkMode: host.NetworkMode ?? "",
      ...(host.Annotations ? { Annotations: host.Annotations } : {}),
    },
    NetworkSettings: { Networks: settings.Networks ?? {} },
    Mounts: record.mounts.filter(({ origin }) => origin !== "tmpfs").map(mountPointOf),
    Health: {
      Status: state.health?.Status ?? "none",
      FailingStreak: state.health?.FailingStreak ?? 0,
    },
  };
}

function commandText({ path, args }: ContainerRecord): string {
  return [path, ...args.map((word) => (word.includes(" ") ? `'${word}'` : word))].join(" ");
}

async function addSizes(context: Context, summary: ContainerSummary): Promise<void> {
  const usage = await context.snapshots.usage(summary.Id);
  summary.SizeRw = usage.writableBytes;
  summary.SizeRootFs = usage.rootFsBytes;
}
