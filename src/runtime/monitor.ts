import { readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { systemError } from "../lib/index.ts";
import { closeDescriptor, processStartTime } from "../linux/index.ts";
import { RUNTIME_ENVIRONMENT } from "./programs.ts";
import { globalOptions, type RuntimeProgram } from "./runtime-command.ts";

/**
 * The one place that speaks to conmon (2.1.6 and later). conmon forks itself away from its caller at once, so that it is
 * nobody's child and outlives the daemon; it runs the runtime, stays the container's parent, and talks on a pipe
 * (`_OCI_SYNCPIPE`) in lines of JSON: `{"data": <process id>}` once the process exists, `{"data": -1, "message": …}` where the
 * runtime failed, and for an exec'd process at the end `{"data": <exit code>}`.
 */
export interface MonitorOptions {
  /** conmon's absolute path. */
  readonly path: string;
  readonly runtime: RuntimeProgram;
  readonly containerId: string;
  /** Where the runtime logs its errors. */
  readonly runtimeLog: string;
  /** conmon's directory: `attach`, `ctl`, `winsz` and `oom` come to lie here. */
  readonly directory: string;
  /** For conmon's console sockets, whose path must fit into 107 bytes. */
  readonly temporaryDirectory: string;
  /** Everything else: what to do and how. */
  readonly args: readonly string[];
  /** Descriptors stay the caller's. */
  readonly stdin: "ignore" | "pipe" | number;
  readonly output: { readonly stdout: "ignore" | number; readonly stderr: "ignore" | "pipe" | number };
  /** It loads, but does nothing until `release`. */
  readonly waits?: boolean;
}

export interface MonitorProcess {
  readonly child: Bun.Subprocess;
  /** The next line; `undefined` at the end, which is when the monitor has ended or was killed. */
  next(): Promise<MonitorMessage | undefined>;
  /** Lets a monitor that waits begin. */
  release(): void;
  /** Stops listening; the monitor does not mind. */
  close(): void;
}

export interface MonitorMessage {
  readonly data: number;
  readonly message?: string;
}

/** Where the pipe is in conmon's eyes: the first descriptor after the standard ones. */
const SYNC_PIPE = 3;
/** One from which conmon reads before it begins (`_OCI_STARTPIPE`). */
const START_PIPE = 4;
/** A runtime's error text is at most conmon's buffer; whatever sends more is no conmon. */
const MAX_MESSAGE_BYTES = 1 << 20;

export function startMonitor(o: MonitorOptions): MonitorProcess {
  const [executable, ...args] = o.runtime.command;
  const runtimeArgs = [...args, ...globalOptions(o.runtime, o.runtimeLog)];
  const child = Bun.spawn(
    [
      o.path,
      "--api-version=1",
      `--cid=${o.containerId}`,
      `--runtime=${executable}`,
      `--bundle=${o.directory}`,
      ...runtimeArgs.map((argument) => `--runtime-arg=${argument}`),
      ...o.args,
    ],
    {
      // conmon 2.1 writes its `oom` file into the directory that it was started in.
      cwd: o.directory,
      env: {
        ...RUNTIME_ENVIRONMENT,
        TMPDIR: o.temporaryDirectory,
        _OCI_SYNCPIPE: String(SYNC_PIPE),
        ...(o.waits ? { _OCI_STARTPIPE: String(START_PIPE) } : {}),
      },
      stdio: [o.stdin, o.output.stdout, o.output.stderr, "pipe", ...(o.waits ? (["pipe"] as const) : [])],
    },
  );
  const messages = readMessages(child);
  const gate = startGate(child);
  return {
    child,
    next: messages.next,
    release: () => gate.open(),
    close: () => {
      gate.close();
      messages.close();
    },
  };
}

function startGate(child: Bun.Subprocess): { open(): void; close(): void } {
  let descriptor = child.stdio[START_PIPE];
  const close = () => {
    if (typeof descriptor === "number") closeDescriptor(descriptor);
    descriptor = undefined;
  };
  return {
    open: () => {
      if (typeof descriptor === "number") writeSync(descriptor, "\n");
      close();
    },
    close,
  };
}

function readMessages(child: Bun.Subprocess): Pick<MonitorProcess, "next" | "close"> {
  const descriptor = child.stdio[SYNC_PIPE];
  if (typeof descriptor !== "number") throw systemError("cannot make a pipe for the container monitor");
  const reader = Bun.file(descriptor).stream().getReader();
  const decoder = new TextDecoder();
  let buffered = "";
  let closed = false;
  const shut = () => closeDescriptor(descriptor);
  return {
    next: async () => {
      for (;;) {
        const end = buffered.indexOf("\n");
        if (end >= 0) {
          const line = buffered.slice(0, end);
          buffered = buffered.slice(end + 1);
          return parseMessage(line);
        }
        if (buffered.length > MAX_MESSAGE_BYTES) throw systemError("the container monitor talks nonsense");
        const { value, done } = await reader.read();
        if (done) return undefined;
        buffered += decoder.decode(value, { stream: true });
      }
    },
    close: () => {
      if (closed) return;
      closed = true;
      // The stream never closes a descriptor that it did not open.
      reader.cancel().then(shut, shut);
    },
  };
}

function parseMessage(line: string): MonitorMessage {
  let json: { data?: unknown; message?: unknown };
  try {
    json = JSON.parse(line) as typeof json;
  } catch (error) {
    throw systemError(`the container monitor talks nonsense: ${JSON.stringify(line.slice(0, 200))}`, error);
  }
  if (typeof json.data !== "number") throw systemError("the container monitor talks nonsense");
  return { data: json.data, ...(typeof json.message === "string" ? { message: json.message } : {}) };
}

/** conmon's own id, from the file that the process which we started wrote before it ended. */
export function readMonitorPid(directory: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(directory, MONITOR_PIDFILE), "utf8"));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** A container's living monitor, as it names itself; `undefined` when it has ended or never was. */
export function monitorOf(bundle: string, id: string): { pid: number; startTime: string } | undefined {
  const pid = readMonitorPid(bundle);
  if (pid === undefined || !commandLineHas(pid, id)) return undefined;
  const startTime = processStartTime(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

/** The number may have gone to another process since it was written down. */
function commandLineHas(pid: number, text: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text);
  } catch {
    return false;
  }
}

export const MONITOR_PIDFILE = "conmon.pid";
