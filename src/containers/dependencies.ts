import { log } from "../lib/index.ts";
import type { Context } from "./context.ts";
import type { ContainerRecord } from "./record.ts";

/**
 * What Docker Compose writes on the containers of a service: `db:service_healthy:false,cache:service_started:true`, each a
 * service, what is awaited of it, and whether its restart restarts this one.
 */
const DEPENDS_ON = "com.docker.compose.depends_on";
const PROJECT = "com.docker.compose.project";
const SERVICE = "com.docker.compose.service";
const ONE_OFF = "com.docker.compose.oneoff";

type Condition = "service_started" | "service_healthy" | "service_completed_successfully";

interface Dependency {
  readonly container: ContainerRecord;
  readonly condition: Condition;
}

/** `hopeless`: neither now nor later, unless somebody starts it. */
type Standing = "met" | "pending" | "hopeless";

/**
 * Resolves when the containers that this one depends on are as its application wants them, so that the order that
 * `compose up` keeps is kept also by restarts, and when the machine boots. A dependency that will not come does not
 * keep the container: it would not have kept it in Docker either. Resolves at once when somebody stops, starts or removes the
 * container meanwhile.
 */
export function dependenciesMet(context: Context, record: ContainerRecord): Promise<void> {
  const peers = peersOf(context, record);
  const dependencies = dependenciesOf(peers, record).filter(
    ({ container }) => !leansOn(peers, container, record, new Set()),
  );
  if (dependencies.length === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = () => {
      watch[Symbol.dispose]();
      context.closing.removeEventListener("abort", stop);
      resolve();
    };
    let isLooking = false;
    const look = () => {
      isLooking = false;
      if (record.state.status === "restarting" && isAwaited(context, record, dependencies)) return;
      stop();
    };
    const watch = context.repository.watch(() => {
      if (isLooking) return;
      isLooking = true;
      // A start is written down just before its health begins anew.
      setImmediate(look);
    });
    context.closing.addEventListener("abort", stop);
    if (context.closing.aborted) stop();
    else look();
  });
}

function isAwaited(context: Context, record: ContainerRecord, dependencies: readonly Dependency[]): boolean {
  if (context.repository.byId(record.id) !== record) return false;
  const standings = dependencies.map((dependency) => standingOf(context, dependency));
  if (standings.includes("pending")) return true;
  const lost = dependencies.filter((_, index) => standings[index] === "hopeless");
  for (const { container, condition } of lost) {
    log.warn("restarting a container without what it depends on", {
      container: record.name,
      dependency: container.name,
      condition,
    });
  }
  return false;
}

function standingOf({ repository }: Context, { container, condition }: Dependency): Standing {
  if (repository.byId(container.id) !== container) return "hopeless";
  const { status, phase, health, exitCode } = container.state;
  const isStarting = status === "restarting" || phase === "starting";
  const runs = !isStarting && (status === "running" || status === "paused");
  switch (condition) {
    case "service_started":
      return isStarting ? "pending" : runs ? "met" : "hopeless";
    case "service_healthy":
      if (runs && (health === undefined || health.Status === "none" || health.Status === "healthy"))
        return "met";
      return isStarting || runs ? "pending" : "hopeless";
    case "service_completed_successfully":
      if (isStarting || runs) return "pending";
      return status === "exited" && exitCode === 0 ? "met" : "hopeless";
  }
}

/** Whether `container` waits, by however many others, for `other`: in a circle nobody waits. */
function leansOn(
  peers: readonly ContainerRecord[],
  container: ContainerRecord,
  other: ContainerRecord,
  seen: Set<ContainerRecord>,
): boolean {
  if (container === other) return true;
  if (seen.has(container)) return false;
  seen.add(container);
  return dependenciesOf(peers, container).some((next) => leansOn(peers, next.container, other, seen));
}

/** The containers of the services of its application. */
function peersOf({ repository }: Context, record: ContainerRecord): ContainerRecord[] {
  const { [PROJECT]: project, [DEPENDS_ON]: dependsOn = "" } = record.config.Labels ?? {};
  if (project === undefined || dependsOn === "") return [];
  return [...repository.all()].filter(({ config: { Labels } }) => {
    return Labels?.[PROJECT] === project && Labels[ONE_OFF] !== "True";
  });
}

function dependenciesOf(peers: readonly ContainerRecord[], record: ContainerRecord): Dependency[] {
  const wanted = new Map((record.config.Labels?.[DEPENDS_ON] ?? "").split(",").flatMap(parseDependency));
  return peers.flatMap((container) => {
    const condition = wanted.get(container.config.Labels?.[SERVICE] ?? "");
    return condition === undefined ? [] : [{ container, condition }];
  });
}

function parseDependency(text: string): [string, Condition][] {
  const [service, condition = "service_started"] = text.split(":");
  if (service === undefined || service === "") return [];
  return isCondition(condition) ? [[service, condition]] : [];
}

function isCondition(text: string): text is Condition {
  return ["service_started", "service_healthy", "service_completed_successfully"].includes(text);
}
