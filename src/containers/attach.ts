import type { StreamSession } from "../lib/index.ts";
import { conflict } from "../lib/index.ts";
import { AttachInput } from "./attach-input.ts";
import { DetachKeys, parseDetachKeys } from "./attach-keys.ts";
import type { AttachedOutput, ContainerOutput } from "./output/container-output.ts";
import type { ContainerRecord } from "./record.ts";
import type { AttachOptions, StreamsHost } from "./streams-contract.ts";

/**
 * Joins a client to a container's streams, whether it runs or will be started later. Nothing is waited for, so what the
 * container prints from this call on is seen.
 * @throws Conflict paused, restarting; InvalidParameter detach keys; NotImplemented logs that cannot be read
 */
export function attachTo(
  record: ContainerRecord,
  container: ContainerOutput,
  options: AttachOptions,
  host: StreamsHost,
  signal: AbortSignal,
): StreamSession {
  const keys = parseDetachKeys(options.detachKeys);
  assertAttachable(record);
  const tty = record.config.Tty === true;
  const output = container.attach(options, options, signal);
  host.emit(record, "attach");
  if (!options.stdin || !options.stream || record.config.OpenStdin !== true) return { tty, output };
  const input = new AttachInput({
    isRunning: () => container.isRunning,
    running: () => container.running(),
    open: () => host.openInput(host.bundle(record.id)),
    onPass: () => container.passOn(),
    keys: tty ? new DetachKeys(keys) : undefined,
    closesContainerInput: record.config.StdinOnce === true && !tty,
    onDetach: () => {
      output.close();
      host.emit(record, "detach");
    },
    onEnd: () => output.finish(),
  });
  closeWith(input, output, signal);
  return { tty, output, input };
}

function assertAttachable(record: ContainerRecord): void {
  const { status } = record.state;
  if (status === "paused") {
    throw conflict(`container ${record.name} is paused, unpause the container before attach`);
  }
  if (status === "restarting") {
    throw conflict(`container ${record.name} is restarting, wait until the container is running`);
  }
}

/** The input goes with the output: when that has come to its end, and when the client has gone. */
function closeWith(input: AttachInput, output: AttachedOutput, signal: AbortSignal): void {
  const close = () => (signal.aborted ? input.abandon() : input.close());
  if (signal.aborted) close();
  else output.onEnd = close;
}
