import { EngineError, faultPoint, kindOf, log, messageOf, notModified, systemError } from "../lib/index.ts";
import type { Context } from "./context.ts";
import { notRunning } from "./errors.ts";
import { emit } from "./events.ts";
import { launch } from "./launch.ts";
import { type ContainerRecord, hasProcess, isRunning } from "./record.ts";
import type { StopOptions } from "./requests.ts";
import { isEnding, waitForSettled } from "./wait.ts";

const SIGKILL = 9;
const SIGTERM = 15;
const DEFAULT_TIMEOUT_SECONDS = 10;
/** Who was killed is gone within milliseconds; after this long the runtime may have killed nobody. */
const KILL_DIRECTLY_AFTER_MS = 1_000;
/** How long a process may take to die of SIGKILL before the engine gives up on it. */
const KILL_TIMEOUT_MS = 11_000;

/**
 * `docker stop`.
 * @param reference as the user wrote it, for the messages
 * @throws NotModified where it does not run
 */
export async function stopContainer(
  context: Context,
  record: ContainerRecord,
  reference: string,
  options: StopOptions,
): Promise<void> {
  const signal = stopSignalOf(context, record, options.signal);
  if (!isRunning(record) && !isEnding(context, record)) throw notModified("container is already stopped");
  try {
    await stopRunning(context, record, signal, timeoutOf(context, record, options));
  } catch (error) {
    throw systemError(`cannot stop container: ${reference}: ${messageOf(error)}`, error);
  }
}

/** @throws InvalidParameter for a signal that there is none of */
function stopSignalOf(context: Context, record: ContainerRecord, wanted: string | undefined): number {
  return wanted ? context.machine.parseSignal(wanted) : (configuredStopSignal(context, record) ?? SIGTERM);
}

/** An image may name one that there is not: then it names none. */
function configuredStopSignal({ machine }: Context, record: ContainerRecord): number | undefined {
  if (!record.config.StopSignal) return undefined;
  try {
    return machine.parseSignal(record.config.StopSignal);
  } catch {
    return undefined;
  }
}

function timeoutOf({ defaults }: Context, record: ContainerRecord, options: StopOptions): number {
  return (
    options.timeoutSeconds ?? record.config.StopTimeout ?? defaults.stopTimeout ?? DEFAULT_TIMEOUT_SECONDS
  );
}

/** Asks it to end, and after the timeout makes it. A negative timeout: waits for ever. */
async function stopRunning(
  context: Context,
  record: ContainerRecord,
  signal: number,
  timeoutSeconds: number,
): Promise<void> {
  await sendSignal(context, record, signal, { final: true }).catch((error: unknown) => {
    // It has just ended by itself.
    if (kindOf(error) !== "Conflict" || isRunning(record)) throw error;
  });
  faultPoint("stop:asked");
  const ended = await waitForSettled(context, record, timeoutSeconds < 0 ? -1 : timeoutSeconds * 1000);
  if (!ended) {
    log.info("container did not stop in time and is killed", { container: record.id, timeoutSeconds });
    await context.queues.run(record.id, async () => {
      if (hasProcess(record)) await killAndWait(context, record);
    });
  }
  emit(context, record, "stop");
}

/** `docker kill`. With SIGKILL it resolves when the container has ended. */
export async function killContainer(
  context: Context,
  record: ContainerRecord,
  signalText: string | undefined,
): Promise<void> {
  const signal = signalText ? context.machine.parseSignal(signalText) : SIGKILL;
  if (signal !== SIGKILL) {
    await sendSignal(context, record, signal, { final: endsForGood(context, record, signal) });
    return;
  }
  if (!isRunning(record)) throw notRunning(record);
  await context.queues.run(record.id, async () => {
    if (!isRunning(record)) throw notRunning(record);
    await killAndWait(context, record);
  });
}

/** `docker restart`: also starts one that does not run. */
export async function restartContainer(
  context: Context,
  record: ContainerRecord,
  reference: string,
  options: StopOptions,
): Promise<void> {
  const signal = stopSignalOf(context, record, options.signal);
  try {
    if (isRunning(record)) await stopForRestart(context, record, signal, timeoutOf(context, record, options));
    await context.queues.run(record.id, async () => {
      if (!isRunning(record)) await launch(context, record, { byHand: true });
    });
  } catch (error) {
    throw new EngineError(kindOf(error), `Cannot restart container ${reference}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  emit(context, record, "restart");
}

async function stopForRestart(
  context: Context,
  record: ContainerRecord,
  signal: number,
  timeoutSeconds: number,
): Promise<void> {
  const run = context.runs.get(record.id);
  if (run !== undefined) run.restarting = true;
  try {
    await stopRunning(context, record, signal, timeoutSeconds);
  } catch (error) {
    if (run !== undefined) run.restarting = false;
    throw error;
  }
}

/**
 * Docker's rule for signals that are not SIGKILL: where a stop signal is configured, only that one means that the
 * container shall not be restarted; without, any does.
 */
function endsForGood(context: Context, record: ContainerRecord, signal: number): boolean {
  return (configuredStopSignal(context, record) ?? signal) === signal;
}

function sendSignal(
  context: Context,
  record: ContainerRecord,
  signal: number,
  options: { final: boolean },
): Promise<void> {
  return context.queues.run(record.id, () => signalNow(context, record, signal, options));
}

/** The caller holds the container's queue. @throws Conflict where it does not run */
async function signalNow(
  context: Context,
  record: ContainerRecord,
  signal: number,
  { final }: { final: boolean },
): Promise<void> {
  if (!isRunning(record)) throw notRunning(record);
  if (final) {
    const run = context.runs.get(record.id);
    if (run !== undefined) run.final = true;
    record.state.manuallyStopped = true;
    context.repository.saveState(record);
    faultPoint("stop:decided");
  }
  if (record.state.status === "restarting") {
    if (final) cancelRestart(context, record);
    return;
  }
  const sending = deliver(context, record, signal, final);
  const run = context.runs.get(record.id);
  if (run !== undefined) run.signalling = sending.catch(() => {});
  await sending;
}

async function deliver(
  context: Context,
  record: ContainerRecord,
  signal: number,
  final: boolean,
): Promise<void> {
  if (final) context.streams.outputs.ending(record);
  const runtime = await context.machine.runtimes.get(record.host.Runtime || undefined);
  await runtime.kill(record.id, signal).catch((error: unknown) => {
    // The process may be gone while its end has not been told yet.
    if (kindOf(error) !== "NotFound") throw error;
  });
  if (final && record.state.status === "paused") {
    // A frozen process dies of nothing until it is thawed.
    await runtime.resume(record.id);
    record.state.status = "running";
    context.repository.saveState(record);
    emit(context, record, "unpause");
  }
  emit(context, record, "kill", { signal: String(signal) });
}

/** It waited for its next restart: now it has ended. */
function cancelRestart(context: Context, record: ContainerRecord): void {
  context.restarts.cancel(record.id);
  record.state.status = "exited";
  context.repository.saveState(record);
  context.waiters.exited(record);
}

/**
 * Ends it for good, whatever it does. The caller holds the container's queue. @throws System where it does
 * not die
 */
export async function killAndWait(context: Context, record: ContainerRecord): Promise<void> {
  try {
    await signalNow(context, record, SIGKILL, { final: true });
  } catch (error) {
    // The runtime has lost or damaged its notes; whom to kill is written down here, too.
    if (!killDirectly(context, record)) throw error;
    log.warn("a container is killed without its runtime", { container: record.id, reason: messageOf(error) });
  }
  if (await waitForSettled(context, record, KILL_DIRECTLY_AFTER_MS)) return;
  killDirectly(context, record);
  if (await waitForSettled(context, record, KILL_TIMEOUT_MS)) return;
  throw systemError("tried to kill container, but did not receive an exit event");
}

/** @returns whether its first process was still there */
function killDirectly({ machine }: Context, { state }: ContainerRecord): boolean {
  // The number may be another process's by now.
  if (state.pid <= 0 || !machine.isAlive(state.pid, state.startTime)) return false;
  machine.killProcess(state.pid, SIGKILL);
  return true;
}
