import { EngineError } from "../lib/index.ts";
import type { Container } from "./container.ts";

/** How much of the log an error shows. */
const LINES_SHOWN = 20;

/** @throws EngineError where it ends before, with what it printed last */
export async function waitForLog(
  container: Container,
  pattern: RegExp,
  signal: AbortSignal | undefined,
): Promise<string> {
  const last: string[] = [];
  // A pattern with a state of its own (`g`, `y`) would pass over lines.
  const stateless = new RegExp(pattern.source, pattern.flags.replaceAll(/[gy]/g, ""));
  const log = await container.logs({ follow: true, signal });
  for await (const line of log.lines()) {
    if (stateless.test(line)) return line;
    last.push(line);
    if (last.length > LINES_SHOWN) last.shift();
  }
  throw new EngineError(
    "System",
    [`container ${container.name} ended before it printed ${pattern}`, ...last].join("\n"),
  );
}

/** Looks again whenever something happens to the container: events are listened to before it is looked at. */
export async function waitForHealthy(container: Container, signal: AbortSignal | undefined): Promise<void> {
  const leave = new AbortController();
  const onAbort = () => leave.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    const filters = { container: [container.id], type: ["container"] };
    const events = await container.engine.system.eventLines({ filters, signal: leave.signal });
    const lines = events[Symbol.asyncIterator]();
    while (!(await isHealthy(container, leave.signal))) {
      if ((await lines.next()).done === true)
        throw new EngineError("Unavailable", "the engine closed the stream of events");
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    leave.abort();
  }
}

async function isHealthy(container: Container, signal: AbortSignal): Promise<boolean> {
  const { State } = await container.inspect(signal);
  const { name } = container;
  if (State.Running !== true)
    throw new EngineError("System", `container ${name} exited (${State.ExitCode}) before it was healthy`);
  if (State.Health === undefined || State.Health === null || State.Health.Status === "none")
    throw new EngineError("InvalidParameter", `container ${name} has no health check`);
  if (State.Health.Status === "unhealthy") throw new EngineError("System", `container ${name} is unhealthy`);
  return State.Health.Status === "healthy";
}
