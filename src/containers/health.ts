import type { Health, HealthcheckResult, HealthStatus } from "../wire/index.ts";
import { probe } from "./health-probe.ts";
import { type HealthSettings, healthSettings } from "./health-settings.ts";
import type { ContainerRecord } from "./record.ts";
import type { HealthMonitor, StreamsHost } from "./streams-contract.ts";

const MAX_RESULTS = 5;

/** Checks the health of all containers that have a check, one probe of each at a time. */
export class ContainerHealth implements HealthMonitor {
  readonly #host: StreamsHost;
  readonly #checks = new Map<string, HealthCheck>();

  constructor(host: StreamsHost) {
    this.#host = host;
  }

  start(record: ContainerRecord, { adopted }: { adopted: boolean }): void {
    this.stop(record.id);
    const settings = healthSettings(record.config);
    if (settings === undefined) return;
    const { health } = record.state;
    if (!adopted || health === undefined) {
      // The results of earlier runs stay to be read, as in Docker.
      this.#host.healthChanged(record, { Status: "starting", FailingStreak: 0, Log: health?.Log ?? [] });
    }
    const check = new HealthCheck(record, settings, this.#host);
    this.#checks.set(record.id, check);
    if (record.state.status !== "paused") check.resume();
  }

  pause(id: string): void {
    this.#checks.get(id)?.pause();
  }

  resume(id: string): void {
    this.#checks.get(id)?.resume();
  }

  stop(id: string): void {
    this.#checks.get(id)?.pause();
    this.#checks.delete(id);
  }

  close(): void {
    for (const id of [...this.#checks.keys()]) this.stop(id);
  }
}

class HealthCheck {
  readonly #record: ContainerRecord;
  readonly #settings: HealthSettings;
  readonly #host: StreamsHost;
  /** Of the wait for the next probe, or of the probe itself; absent while paused. */
  #running: AbortController | undefined;
  /**
   * What is to follow has been asked for. Not so with a container that was found unhealthy: the daemon that ran before may
   * have ended in between, so the next failure asks again.
   */
  #acted = false;

  constructor(record: ContainerRecord, settings: HealthSettings, host: StreamsHost) {
    this.#record = record;
    this.#settings = settings;
    this.#host = host;
  }

  pause(): void {
    this.#running?.abort();
    this.#running = undefined;
  }

  resume(): void {
    if (this.#running !== undefined) return;
    this.#running = new AbortController();
    this.#wait(this.#running.signal);
  }

  #wait(signal: AbortSignal): void {
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", cancel);
      void this.#probe(signal);
    }, this.#interval());
    const cancel = () => clearTimeout(timer);
    signal.addEventListener("abort", cancel, { once: true });
  }

  async #probe(signal: AbortSignal): Promise<void> {
    const result = await probe(this.#record, this.#settings, this.#host, signal);
    if (signal.aborted) return;
    this.#take(result);
    // What `OnFailure` did may have stopped this check.
    if (!signal.aborted) this.#wait(signal);
  }

  #take(result: HealthcheckResult): void {
    const before = this.#health.Status;
    const after = judge(this.#health, result, this.#settings, this.#inStartPeriod(Date.parse(result.Start)));
    this.#host.healthChanged(this.#record, after);
    if (after.Status !== before) this.#host.emit(this.#record, `health_status: ${after.Status}`);
    if (after.Status !== "unhealthy") this.#acted = false;
    else if (!this.#acted) this.#act();
  }

  #act(): void {
    this.#acted = true;
    const { onFailure } = this.#settings;
    if (onFailure !== "none") this.#host[onFailure](this.#record.id);
  }

  get #health(): Health {
    return this.#record.state.health ?? { Status: "starting", FailingStreak: 0, Log: [] };
  }

  #interval(): number {
    const { interval, startInterval } = this.#settings;
    return this.#health.Status === "starting" && this.#inStartPeriod(Date.now()) ? startInterval : interval;
  }

  #inStartPeriod(time: number): boolean {
    return time - Date.parse(this.#record.state.startedAt) < this.#settings.startPeriod;
  }
}

/** The health after one more result (moby, `handleProbeResult`). */
export function judge(
  health: Health,
  result: HealthcheckResult,
  settings: Pick<HealthSettings, "retries">,
  inStartPeriod: boolean,
): Health {
  const Log = [...(health.Log ?? []), result].slice(-MAX_RESULTS);
  if (result.ExitCode === 0) return { Status: "healthy", FailingStreak: 0, Log };
  if (health.Status === "starting" && inStartPeriod) return { ...health, Log };
  const FailingStreak = health.FailingStreak + 1;
  const Status: HealthStatus = FailingStreak >= settings.retries ? "unhealthy" : health.Status;
  return { Status, FailingStreak, Log };
}
